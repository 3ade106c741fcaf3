import type { Socket } from 'node:net'
import { Fault, faults } from '../../faults.ts'
import type { EdgeResponse, Outcome, Passage } from '../../visit.ts'
import type { Door, Exchange } from '../door.ts'
import type { ResponseHead, WriteResponseHead } from './response-head.ts'
import { StreamReply } from './stream-reply.ts'

/** Responses up to this size, head included, are copied together and leave in one write. */
export const SCRATCH_BYTES = 32_768
/** A larger body leaves in pieces, so that it can be seen whether the viewer still takes it. */
const PIECE_BYTES = 262_144
/** Pieces written before other connections have their turn. */
const PIECES_IN_TURN = 4

const COMPLETE: Outcome = { complete: true, failure: undefined, cause: undefined }
export const VIEWER_LEFT: Outcome = { complete: false, failure: 'viewer-left', cause: undefined }
const NOTHING = Buffer.alloc(0)

/** What the senders of a lane have in common. */
export interface SenderContext {
  readonly door: Door
  /** `Connection` and `Keep-Alive` of a response behind which the connection stays open. */
  readonly keepAliveLines: string
  readonly writeHead: WriteResponseHead
  /** Where small responses are put together; replaced when the system still reads the old one. */
  scratch: Buffer
}

/**
 * Writes the responses of one connection, one at a time, with as few writes as possible: most leave in one, and are
 * over when `send` returns. `done` is called at the end of each, whether at once or later.
 */
export class ReplySender implements Exchange {
  readonly #context: SenderContext
  readonly #door: Door
  readonly #socket: Socket
  readonly #isTls: boolean
  readonly #done: (passage: Passage, outcome: Outcome) => void
  /** Whose response is being sent. */
  #passage: Passage | undefined
  #stream: StreamReply | undefined
  #restOfBody: Buffer = NOTHING
  #isWatched = false
  #isLast = false

  constructor(
    context: SenderContext,
    socket: Socket,
    isTls: boolean,
    done: (passage: Passage, outcome: Outcome) => void,
  ) {
    this.#context = context
    this.#door = context.door
    this.#socket = socket
    this.#isTls = isTls
    this.#done = done
  }

  /** Whether the connection is to be closed behind the response that was sent last, or is being sent. */
  get isLast(): boolean {
    return this.#isLast
  }

  /** `isLast` tells the viewer that the connection closes; the response, a fault or a drain may want that, too. */
  send(passage: Passage, response: EdgeResponse, isLast: boolean): void {
    const { visit } = passage
    this.#passage = passage
    this.#isLast = isLast
    visit.status = response.status
    visit.responseHeaders = response.headers
    if (passage.departed || this.#socket.destroyed) {
      response.body.discard()
      response.tunnel?.destroy()
      visit.status = 0
      this.end(VIEWER_LEFT)
    } else if (response.tunnel !== undefined) {
      response.tunnel.destroy()
      this.#cut('a tunnel was opened for a request that asked for none')
    } else {
      const hasBody = passage.request.method !== 'HEAD' && response.status !== 304 && response.status !== 204
      const head = this.#writeHead(passage, response, hasBody)
      if (head === undefined) this.#replaceBroken(passage, response)
      else this.#write(passage, response, head, hasBody)
    }
  }

  /** Ends the response under way where it is; nothing happens if there is none. */
  end(outcome: Outcome): void {
    const passage = this.#passage
    if (passage === undefined) return
    this.#passage = undefined
    if (!outcome.complete) passage.depart()
    if (this.#isWatched) {
      this.#isWatched = false
      this.#door.exchanges.delete(this)
    }
    if (this.#stream !== undefined) {
      this.#stream.stop()
      this.#stream = undefined
    }
    this.#restOfBody = NOTHING
    this.#done(passage, outcome)
  }

  progress(): number {
    const { bytesRead, bytesWritten, writableLength } = this.#socket
    return bytesRead + bytesWritten - writableLength
  }

  isWaitingForViewer(): boolean {
    return this.#stream === undefined ? this.#socket.writableLength > 0 : this.#stream.isWaitingForViewer
  }

  giveUp(): void {
    this.#socket.destroy()
    this.end({ complete: false, failure: 'timeout', cause: 'the viewer did not read the response' })
  }

  #writeHead(passage: Passage, response: EdgeResponse, hasBody: boolean): ResponseHead | undefined {
    const { fault } = passage.visit
    const keepsOpen =
      !this.#isLast && !this.#door.isDraining() && !(fault !== undefined && faults[fault].closes)
    const { keepAliveLines, writeHead } = this.#context
    const head = writeHead(response, {
      hasBody,
      size: response.body.buffered?.length,
      keepsOpen,
      keepAliveLines,
    })
    if (head !== undefined && !head.keepsOpen) this.#isLast = true
    return head
  }

  /** A response that cannot be written (a line break in a field) becomes a generated error; that failing, nothing. */
  #replaceBroken(passage: Passage, broken: EdgeResponse): void {
    broken.body.discard()
    this.#isLast = true
    const fault = new Fault(
      'InternalError',
      'the response has a status, length or field that HTTP/1.1 cannot carry',
    )
    const response = this.#door.line.turnAway(passage, fault)
    passage.visit.status = response.status
    passage.visit.responseHeaders = response.headers
    const hasBody = passage.request.method !== 'HEAD'
    const head = this.#writeHead(passage, response, hasBody)
    if (head === undefined) this.#cut(fault.message)
    else this.#write(passage, response, head, hasBody)
  }

  #write(passage: Passage, response: EdgeResponse, head: ResponseHead, hasBody: boolean): void {
    const { visit } = passage
    visit.headerBytes = head.bytes
    visit.firstByteAt = this.#door.clock.monotonic()
    if (!hasBody) response.body.discard()
    const body = hasBody ? response.body.buffered : NOTHING
    if (body === undefined) this.#writeStream(passage, response, head)
    else {
      visit.bodyBytes = body.length
      if (head.text.length + body.length <= SCRATCH_BYTES) this.#writeSmall(head.text, body)
      else this.#writeLarge(head.text, body)
    }
  }

  #writeSmall(text: string, body: Buffer): void {
    const socket = this.#socket
    const size = text.length + body.length
    // Over TLS a write is never over at once, so the scratch would be lost with each.
    const bytes = this.#isTls ? Buffer.allocUnsafe(size) : this.#context.scratch.subarray(0, size)
    bytes.write(text, 0, 'latin1')
    if (body.length > 0) bytes.set(body, text.length)
    socket.write(bytes)
    if (socket.writableLength === 0 && socket.errored === null) {
      this.end(COMPLETE)
      return
    }
    if (!this.#isTls) this.#context.scratch = Buffer.allocUnsafeSlow(SCRATCH_BYTES)
    this.#watch()
    // Called behind what has just been written; a callback for every write would cost a turn of the tick queue each.
    socket.write(NOTHING, this.#written)
  }

  // The head goes ahead by itself: a viewer that it wakes takes in the body while it is still being written, which costs
  // us less than both in one call.
  #writeLarge(text: string, body: Buffer): void {
    this.#restOfBody = body
    this.#socket.write(text, 'latin1')
    this.#writePieces()
  }

  #writePieces(): void {
    const socket = this.#socket
    for (let count = 1; ; count++) {
      const rest = this.#restOfBody
      const piece = rest.length > PIECE_BYTES ? rest.subarray(0, PIECE_BYTES) : rest
      this.#restOfBody = rest.subarray(piece.length)
      socket.write(piece)
      const isThrough = socket.writableLength === 0 && socket.errored === null
      if (isThrough && this.#restOfBody.length === 0) {
        this.end(COMPLETE)
        return
      }
      if (isThrough && count < PIECES_IN_TURN) continue
      if (!this.#isWatched) this.#watch()
      socket.write(NOTHING, this.#written)
      return
    }
  }

  readonly #written = (error?: Error | null): void => {
    // After a failed write the socket closes, which ends the exchange.
    if (this.#passage === undefined || (error !== undefined && error !== null)) return
    if (this.#restOfBody.length > 0) this.#writePieces()
    else this.end(COMPLETE)
  }

  #writeStream(passage: Passage, response: EdgeResponse, head: ResponseHead): void {
    const stream = response.body.take()
    if (Buffer.isBuffer(stream)) throw new Error('a body of bytes came as a stream')
    this.#watch()
    this.#socket.write(head.text, 'latin1')
    this.#stream = new StreamReply(this.#socket, stream, passage.visit, head.length, this.#streamed)
  }

  readonly #streamed = (outcome: Outcome): void => {
    // Cut off where it is: a clean end would make the response look whole (RFC 9112 section 8).
    if (!outcome.complete) this.#socket.destroy()
    this.end(outcome)
  }

  #cut(cause: string): void {
    this.#socket.destroy()
    this.end({ complete: false, failure: 'origin-broke', cause })
  }

  #watch(): void {
    this.#isWatched = true
    this.#door.exchanges.add(this)
  }
}
