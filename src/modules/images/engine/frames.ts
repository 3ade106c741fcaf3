/**
 * Messages between the edge and its image processes: two lengths of four bytes each, a JSON head, and bytes. One
 * stream in each direction, so that a picture crosses without being encoded as text.
 */

const LENGTHS = 8
/** A head is a few hundred bytes of edits; more means that the streams have lost their step. */
const MAX_HEAD_BYTES = 1 << 20

export interface Frame {
  readonly head: unknown
  readonly body: Buffer
}

/** The pieces to write for one message; the bodies are not copied. */
export function encodeFrame(head: unknown, bodies: readonly Buffer[] = []): Buffer[] {
  const json = Buffer.from(JSON.stringify(head))
  const lengths = Buffer.allocUnsafe(LENGTHS)
  lengths.writeUInt32BE(json.length, 0)
  lengths.writeUInt32BE(
    bodies.reduce((sum, body) => sum + body.length, 0),
    4,
  )
  return [Buffer.concat([lengths, json]), ...bodies]
}

/** Collects chunks and hands over each message when it is whole. Throws when the stream makes no sense. */
export class FrameReader {
  readonly #onFrame: (frame: Frame) => void
  readonly #maxBodyBytes: number
  #chunks: Buffer[] = []
  #bytes = 0
  #needed = LENGTHS

  constructor(onFrame: (frame: Frame) => void, maxBodyBytes: number) {
    this.#onFrame = onFrame
    this.#maxBodyBytes = maxBodyBytes
  }

  push(chunk: Buffer): void {
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    while (this.#bytes >= this.#needed) {
      const all = this.#chunks.length === 1 ? this.#chunks[0]! : Buffer.concat(this.#chunks, this.#bytes)
      this.#chunks = [all]
      const headBytes = all.readUInt32BE(0)
      const bodyBytes = all.readUInt32BE(4)
      if (headBytes > MAX_HEAD_BYTES || bodyBytes > this.#maxBodyBytes)
        throw new Error(`a message of ${headBytes} + ${bodyBytes} bytes is out of bounds`)
      const whole = LENGTHS + headBytes + bodyBytes
      if (all.length < whole) {
        this.#needed = whole
        return
      }
      const rest = all.subarray(whole)
      this.#chunks = rest.length === 0 ? [] : [rest]
      this.#bytes = rest.length
      this.#needed = LENGTHS
      this.#onFrame({
        head: JSON.parse(all.toString('utf8', LENGTHS, LENGTHS + headBytes)) as unknown,
        body: all.subarray(LENGTHS + headBytes, whole),
      })
    }
  }
}
