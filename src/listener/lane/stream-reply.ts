import type { Socket } from 'node:net'
import type { Readable } from 'node:stream'
import { asFault } from '../../faults.ts'
import type { Outcome, Visit } from '../../visit.ts'

const COMPLETE: Outcome = { complete: true, failure: undefined, cause: undefined }
const NOTHING = Buffer.alloc(0)

/**
 * Sends a body that is a stream behind a head that has been written, at the viewer's pace. `done` runs once, unless
 * `stop` came first; after anything but a complete outcome the connection must go, because where the response
 * ends can no longer be told.
 */
export class StreamReply {
  readonly #socket: Socket
  readonly #stream: Readable
  readonly #visit: Visit
  readonly #isChunked: boolean
  readonly #done: (outcome: Outcome) => void
  #leftBytes: number
  #isEnding = false
  #isOver = false

  /** `length` in bytes as the head announced it; undefined for a chunked body. */
  constructor(
    socket: Socket,
    stream: Readable,
    visit: Visit,
    length: number | undefined,
    done: (outcome: Outcome) => void,
  ) {
    this.#socket = socket
    this.#stream = stream
    this.#visit = visit
    this.#isChunked = length === undefined
    this.#leftBytes = length ?? Number.POSITIVE_INFINITY
    this.#done = done
    socket.on('drain', this.#drained)
    stream.on('data', this.#pass)
    stream.on('end', this.#ended)
    stream.on('error', this.#failed)
    stream.on('close', this.#closed)
  }

  /** Whether all that has come was given to the viewer, who has not taken it yet. */
  get isWaitingForViewer(): boolean {
    return this.#socket.writableNeedDrain || this.#isEnding
  }

  /** Nobody wants the rest. */
  stop(): void {
    if (!this.#finish()) return
    this.#stream.on('error', ignoreError)
    this.#stream.destroy()
  }

  readonly #pass = (chunk: Buffer): void => {
    if (chunk.length === 0) return
    this.#leftBytes -= chunk.length
    if (this.#leftBytes < 0) {
      this.#break('the body is longer than its Content-Length')
      return
    }
    this.#visit.bodyBytes += chunk.length
    const socket = this.#socket
    let mayGoOn: boolean
    if (this.#isChunked) {
      socket.cork()
      socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
      socket.write(chunk)
      mayGoOn = socket.write('\r\n', 'latin1')
      socket.uncork()
    } else mayGoOn = socket.write(chunk)
    if (!mayGoOn) this.#stream.pause()
  }

  readonly #drained = (): void => {
    this.#stream.resume()
  }

  readonly #ended = (): void => {
    if (this.#isOver || this.#isEnding) return
    if (!this.#isChunked && this.#leftBytes > 0) {
      this.#break('the body is shorter than its Content-Length')
      return
    }
    this.#isEnding = true
    if (this.#isChunked) this.#socket.write('0\r\n\r\n', 'latin1', this.#written)
    else this.#socket.write(NOTHING, this.#written)
  }

  readonly #written = (error?: Error | null): void => {
    // A write that failed closes the connection, and whoever owns that says how it ended.
    if (error === undefined || error === null) this.#end(COMPLETE)
  }

  readonly #failed = (error: Error): void => this.#break(asFault(error).message)

  readonly #closed = (): void => {
    if (!this.#isEnding) this.#break('the body ended before it was complete')
  }

  #break(cause: string): void {
    this.#end({ complete: false, failure: 'origin-broke', cause })
    this.#stream.on('error', ignoreError)
    this.#stream.destroy()
  }

  #end(outcome: Outcome): void {
    if (this.#finish()) this.#done(outcome)
  }

  /** False if it is over already. */
  #finish(): boolean {
    if (this.#isOver) return false
    this.#isOver = true
    this.#socket.off('drain', this.#drained)
    this.#stream.off('data', this.#pass)
    this.#stream.off('end', this.#ended)
    this.#stream.off('error', this.#failed)
    this.#stream.off('close', this.#closed)
    return true
  }
}

function ignoreError(): void {
  // The stream has been given up, so its failure concerns nobody.
}
