import type { Readable } from 'node:stream'
import type { Awaitable } from '../base/promise.ts'

const EMPTY = Buffer.alloc(0)

/**
 * The body of a message: none, bytes, or a stream with one owner and perhaps a known length.
 *
 * `peek` looks at the beginning as often as wanted and leaves the whole body intact; `take` hands it over, once;
 * `replace` and `discard` end it. In JSON a body shows as its kind and length.
 */
export class Body {
  #kind: 'none' | 'bytes' | 'stream'
  #bytes: Buffer
  #stream: Readable | undefined
  #held: Buffer[] = NO_CHUNKS
  #heldBytes = 0
  #taken = false
  #length: number | undefined
  #beforeFirstRead: (() => void) | undefined
  #drop: ((stream: Readable) => void) | undefined

  private constructor(kind: 'none' | 'bytes' | 'stream', bytes: Buffer, stream?: Readable, length?: number) {
    this.#kind = kind
    this.#bytes = bytes
    this.#stream = stream
    this.#length = length
  }

  static none(): Body {
    return new Body('none', EMPTY, undefined, 0)
  }

  static bytes(bytes: Buffer | string): Body {
    const buffer = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    return new Body('bytes', buffer, undefined, buffer.length)
  }

  /**
   * A body that is still arriving. `length` in bytes if it was announced. `beforeFirstRead` runs once, before
   * the first byte is asked for: a listener sends `100 Continue` there (RFC 9110 section 10.1.1). `drop` takes the
   * stream when nobody wants the body; without it the stream is destroyed, which for a viewer's request would
   * take the connection with it.
   */
  static stream(
    stream: Readable,
    length?: number,
    beforeFirstRead?: () => void,
    drop?: (stream: Readable) => void,
  ): Body {
    const body = new Body('stream', EMPTY, stream, length)
    body.#beforeFirstRead = beforeFirstRead
    body.#drop = drop
    return body
  }

  get kind(): 'none' | 'bytes' | 'stream' {
    return this.#kind
  }

  /** Bytes in the whole body, or undefined while that is not known. */
  get length(): number | undefined {
    return this.#length
  }

  get isTaken(): boolean {
    return this.#taken
  }

  /**
   * The first `limit` bytes, or fewer if the body is shorter; the body stays whole. Rejects when the stream fails.
   */
  peek(limit: number): Awaitable<Buffer> {
    if (this.#taken) throw new Error('a body was peeked at after it had been taken')
    if (this.#kind !== 'stream') return this.#bytes.subarray(0, limit)
    if (this.#heldBytes >= limit) return this.#heldPrefix(limit)
    return this.#fill(limit)
  }

  /** Hands the body over. A second call is a defect and throws. */
  take(): Buffer | Readable {
    if (this.#taken) throw new Error('a body has one owner and was taken twice')
    this.#taken = true
    this.#announceRead()
    if (this.#kind !== 'stream') return this.#bytes
    const stream = this.#stream!
    if (this.#heldBytes > 0) {
      stream.unshift(this.#heldPrefix(this.#heldBytes))
      this.#held = NO_CHUNKS
    }
    return stream
  }

  /** The bytes of a body that is not a stream, without taking it; undefined for a stream. */
  get buffered(): Buffer | undefined {
    return this.#kind === 'stream' ? undefined : this.#bytes
  }

  /**
   * The whole body as bytes, at most `limit` of them; rejects with BodyTooLargeError beyond that. Takes the body. `place`
   * gives the memory for a stream of a known length, at least so many bytes; a body of bytes stays where it is.
   */
  async collect(limit: number, place?: (length: number) => Buffer): Promise<Buffer> {
    const length = this.#length
    const isWhole = this.#kind === 'stream' && this.#held === NO_CHUNKS && !this.#taken
    if (place !== undefined && isWhole && length !== undefined && length <= limit)
      return this.#collectInto(place(length).subarray(0, length))
    const seen = await this.peek(limit + 1)
    if (seen.length > limit) {
      this.discard()
      throw new BodyTooLargeError(limit)
    }
    if (this.#kind === 'stream') this.#become(seen)
    this.#taken = true
    return seen
  }

  async #collectInto(target: Buffer): Promise<Buffer> {
    const stream = this.take()
    // Only a stream comes here.
    if (Buffer.isBuffer(stream)) return stream
    if (canFill(stream)) {
      await stream.fill(target)
      return target
    }
    let filled = 0
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (filled + chunk.length > target.length) throw new BodyTooLargeError(target.length)
      filled += chunk.copy(target, filled)
    }
    if (filled < target.length) throw new Error('the body ended before it was complete')
    return target
  }

  /** Puts other bytes in the place of what is there; the old stream is drained and dropped. */
  replace(bytes: Buffer | string): void {
    this.#dropStream()
    this.#bytes = typeof bytes === 'string' ? Buffer.from(bytes) : bytes
    this.#kind = 'bytes'
    this.#length = this.#bytes.length
    this.#taken = false
  }

  /** Ends the body unread; a stream is destroyed. Nothing happens if somebody else owns it already. */
  discard(): void {
    if (this.#taken) return
    this.#taken = true
    this.#dropStream()
  }

  toJSON(): { kind: string; length?: number } {
    return this.#length === undefined ? { kind: this.#kind } : { kind: this.#kind, length: this.#length }
  }

  #announceRead(): void {
    const announce = this.#beforeFirstRead
    if (announce === undefined) return
    this.#beforeFirstRead = undefined
    announce()
  }

  #heldPrefix(limit: number): Buffer {
    if (this.#held.length > 1) this.#held = [Buffer.concat(this.#held, this.#heldBytes)]
    return this.#held[0]?.subarray(0, limit) ?? EMPTY
  }

  #become(bytes: Buffer): void {
    this.#kind = 'bytes'
    this.#bytes = bytes
    this.#length = bytes.length
    this.#stream = undefined
    this.#held = NO_CHUNKS
    this.#heldBytes = 0
  }

  /** A stream cannot be pushed back after its end: what was held is all of it. */
  #endUntaken(): void {
    if (!this.#taken && this.#kind === 'stream') this.#become(this.#heldPrefix(this.#heldBytes))
  }

  #dropStream(): void {
    const stream = this.#stream
    this.#stream = undefined
    this.#held = NO_CHUNKS
    this.#heldBytes = 0
    if (stream === undefined) return
    stream.on('error', ignoreError)
    if (this.#drop === undefined) stream.destroy()
    else this.#drop(stream)
  }

  #fill(limit: number): Promise<Buffer> {
    this.#announceRead()
    const stream = this.#stream!
    if (this.#held === NO_CHUNKS) this.#held = []
    return new Promise((resolve, reject) => {
      const stop = () => {
        stream.off('readable', read)
        stream.off('end', ended)
        stream.off('error', failed)
        stream.off('close', closed)
      }
      const read = () => {
        for (;;) {
          const chunk: unknown = stream.read()
          if (chunk === null) break
          const bytes = Buffer.isBuffer(chunk) ? chunk : Buffer.from(String(chunk))
          this.#held.push(bytes)
          this.#heldBytes += bytes.length
          if (this.#heldBytes >= limit) {
            stop()
            // The limit may be where the body ends; then the end comes before anybody takes it.
            if (this.#heldBytes === this.#length) this.#become(this.#heldPrefix(this.#heldBytes))
            else stream.once('end', () => this.#endUntaken())
            resolve(this.#kind === 'bytes' ? this.#bytes.subarray(0, limit) : this.#heldPrefix(limit))
            return
          }
        }
        if (stream.readableEnded) ended()
      }
      const ended = () => {
        stop()
        // All of it has been seen, so from here on it is a body of bytes: a stream cannot be pushed back after its end.
        if (this.#kind === 'stream') this.#become(Buffer.concat(this.#held, this.#heldBytes))
        resolve(this.#bytes.subarray(0, limit))
      }
      const failed = (error: Error) => {
        stop()
        reject(error)
      }
      const closed = () => failed(new Error('the body ended before it was complete'))
      stream.on('readable', read)
      stream.on('end', ended)
      stream.on('error', failed)
      stream.on('close', closed)
      read()
    })
  }
}

const NO_CHUNKS: Buffer[] = []

/** A stream that can put all its bytes where they are wanted, without pieces in between: a file, for one. */
export interface FillingStream extends Readable {
  /** Instead of reading it; resolves when `target`, as long as the stream, is full. */
  fill(target: Buffer): Promise<void>
}

function canFill(stream: Readable): stream is FillingStream {
  return 'fill' in stream && typeof stream.fill === 'function'
}

function ignoreError(): void {
  // The owner has said that it no longer wants the stream, so its failure concerns nobody.
}

/** A body was larger than its reader's limit, in bytes. */
export class BodyTooLargeError extends Error {
  readonly limit: number

  constructor(limit: number) {
    super(`the body is larger than ${limit} bytes`)
    this.name = 'BodyTooLargeError'
    this.limit = limit
  }
}
