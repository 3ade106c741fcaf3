import type { Socket } from 'node:net'
import type { Timer } from '../../base/clock.ts'
import { newRequestId } from '../../base/ids.ts'
import { isPromise } from '../../base/promise.ts'
import { Fault, type FaultCode } from '../../faults.ts'
import { Body } from '../../http/body.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { Plan } from '../../plan.ts'
import type { Endpoint, Outcome, Passage, ViewerConnection } from '../../visit.ts'
import { clientOf, type Door, schemeOf, stumpOf } from '../door.ts'
import { interimHead } from '../interim.ts'
import { type LaneHead, type LaneRequest, readLaneHead, readLikeBefore } from './lane-head.ts'
import { ReplySender, type SenderContext, VIEWER_LEFT } from './reply-sender.ts'

/** Pipelined requests answered before other connections have their turn. */
const MAX_IN_TURN = 32
/** Node's own margin: a viewer that sends just in time must not meet a closed connection. */
const KEEP_ALIVE_MARGIN_MS = 1000
/** How long a viewer may take to read the last answer and close. */
const LINGER_MS = 1000
const FIRST_PROBE_MS = 50
const MAX_PROBE_MS = 5000
const NOTHING = Buffer.alloc(0)

/** What the connections of a lane have in common. */
export interface LaneContext extends SenderContext {
  readonly toHttp1: (socket: Socket) => void
  readonly headTimeoutMs: number
  readonly keepAliveTimeoutMs: number
  readonly leave: (connection: LaneConnection) => void
}

/**
 * One viewer connection in the fast lane: requests are answered one after the other, and what lies behind the one
 * that is being answered stays in the socket, which holds its sender back by itself.
 */
export class LaneConnection {
  readonly #context: LaneContext
  readonly #door: Door
  readonly #socket: Socket
  readonly #connection: ViewerConnection
  readonly #sender: ReplySender
  /** The exchange under way: from the head of the request to the last byte of the response. */
  #passage: Passage | undefined
  /** While the line makes the response; afterwards it is sent. */
  #isServing = false
  #probe: Timer | undefined
  /** The beginning of a head whose end has not come yet. */
  #held: Buffer | undefined
  /** Monotonic milliseconds since when a head is waited for, from its first byte if it has begun. */
  #waitingSince: number
  #isHeadBegun = true
  /** The viewer has closed its sending side. */
  #hasViewerEnded = false
  /** Nothing more is read here. */
  #isOver = false
  // Viewers repeat their fields to the byte on a kept connection, so the last head is kept with all that was read off it.
  #knownBytes: Buffer = NOTHING
  #knownHead: LaneRequest | undefined
  #knownPlan: Plan | undefined
  #client: Endpoint
  #scheme: 'http' | 'https' = 'http'

  constructor(context: LaneContext, socket: Socket, connection: ViewerConnection) {
    this.#context = context
    this.#door = context.door
    this.#socket = socket
    this.#connection = connection
    this.#sender = new ReplySender(context, socket, connection.tls !== undefined, this.#answered)
    this.#client = connection.remote
    this.#waitingSince = context.door.clock.monotonic()
    socket.on('data', this.#read)
    socket.on('end', this.#ended)
    socket.on('close', this.#closed)
    socket.on('error', ignoreError)
  }

  /** Enforces the head and keep-alive timeouts; `now` in monotonic milliseconds. */
  checkTime(now: number): void {
    if (this.#passage !== undefined || this.#isOver) return
    const waited = now - this.#waitingSince
    if (this.#isHeadBegun) {
      if (waited < this.#context.headTimeoutMs) return
      this.#refuse('RequestTimeout', 'the request head did not arrive in time')
    } else if (waited >= this.#context.keepAliveTimeoutMs + KEEP_ALIVE_MARGIN_MS) this.#socket.destroy()
  }

  /** Closes the connection if no byte of a request has come that is not answered. */
  closeIfIdle(): void {
    if (this.#isOver || this.#passage !== undefined || this.#held !== undefined) return
    if (this.#socket.readableLength === 0) this.#socket.destroy()
  }

  readonly #read = (chunk: Buffer): void => {
    if (this.#isOver) return
    if (this.#passage !== undefined) this.#putBack(chunk)
    else if (this.#held === undefined) this.#take(chunk)
    else {
      const bytes = Buffer.concat([this.#held, chunk])
      this.#held = undefined
      this.#take(bytes)
    }
  }

  #take(bytes: Buffer): void {
    let at = 0
    for (let count = 0; at < bytes.length; count++) {
      if (count === MAX_IN_TURN) {
        this.#putBack(bytes.subarray(at))
        setImmediate(this.#goOn)
        return
      }
      const head = this.#headAt(bytes, at)
      if (head.kind === 'incomplete') {
        this.#hold(bytes.subarray(at))
        return
      }
      if (head.kind === 'hand-off') {
        this.#handOff(bytes.subarray(at))
        return
      }
      at += head.length
      this.#serve(head)
      if (this.#isOver) return
      if (this.#passage !== undefined) {
        if (at < bytes.length) this.#putBack(bytes.subarray(at))
        return
      }
    }
  }

  #headAt(bytes: Buffer, at: number): LaneHead {
    const known = this.#knownHead
    if (at === 0 && known !== undefined) {
      if (bytes.length === known.length && this.#knownBytes.equals(bytes)) return known
      const like = readLikeBefore(bytes, known, this.#knownBytes)
      if (like !== undefined) return like
    }
    const head = readLaneHead(bytes, at)
    if (head.kind === 'request') {
      // Only a head that came alone is kept: its chunk holds nothing else in memory.
      const isAlone = at === 0 && head.length === bytes.length
      this.#knownBytes = isAlone ? bytes : NOTHING
      this.#knownHead = isAlone ? head : undefined
      this.#knownPlan = undefined
    }
    return head
  }

  #hold(bytes: Buffer): void {
    this.#held = bytes
    if (this.#isHeadBegun) return
    this.#isHeadBegun = true
    this.#waitingSince = this.#door.clock.monotonic()
  }

  /** Leaves bytes in the socket until the response under way has left. */
  #putBack(bytes: Buffer): void {
    this.#socket.pause()
    this.#socket.unshift(bytes)
  }

  #handOff(bytes: Buffer): void {
    const socket = this.#socket
    this.#leave()
    socket.off('data', this.#read)
    socket.off('end', this.#ended)
    socket.off('close', this.#closed)
    socket.off('error', ignoreError)
    // Paused meanwhile, so that the bytes wait for the new listeners, and resumed, because those find a socket that
    // somebody has paused.
    socket.pause()
    socket.unshift(bytes)
    this.#context.toHttp1(socket)
    socket.resume()
  }

  #leave(): void {
    this.#isOver = true
    this.#held = undefined
    this.#knownBytes = NOTHING
    this.#knownHead = undefined
    this.#context.leave(this)
  }

  #serve(head: LaneRequest): void {
    const door = this.#door
    const plan = door.plan.current
    // A copy: stages may change the fields of a request, and this head may be asked for again.
    const headers = new HeaderList(head.rawHeaders.slice())
    if (plan !== this.#knownPlan || head.rawHeaders !== this.#knownHead?.rawHeaders) {
      this.#client = clientOf(plan, this.#connection, headers)
      this.#scheme = schemeOf(plan, this.#connection, headers)
      this.#knownPlan = plan
    }
    const passage = door.open({
      id: newRequestId(),
      method: head.method,
      path: head.path,
      query: head.query,
      httpVersion: '1.1',
      scheme: this.#scheme,
      host: head.host,
      headers,
      body: Body.none(),
      connection: this.#connection,
      client: this.#client,
      headBytes: head.headBytes,
    })
    this.#passage = passage
    const served = door.line.serve(passage)
    if (!isPromise(served)) {
      this.#sender.send(passage, served, false)
      return
    }
    this.#isServing = true
    passage.interim = (status, headers) => {
      if (this.#isServing && this.#socket.writable) this.#socket.write(interimHead(status, headers), 'latin1')
    }
    void served.then((response) => {
      passage.interim = undefined
      this.#isServing = false
      this.#probe?.cancel()
      this.#sender.send(passage, response, this.#hasViewerEnded)
    })
  }

  /** Answers what is no request, as the `node:http` way does, and closes. */
  #refuse(code: FaultCode, why: string): void {
    this.#held = undefined
    const passage = this.#door.open(stumpOf(newRequestId(), this.#connection, {}, Body.none()))
    this.#passage = passage
    this.#sender.send(passage, this.#door.line.turnAway(passage, new Fault(code, why)), true)
  }

  /** The end of an exchange: the next request follows, if its bytes are there. */
  readonly #answered = (passage: Passage, outcome: Outcome): void => {
    this.#passage = undefined
    const now = this.#door.clock.monotonic()
    passage.visit.finishedAt ??= now
    this.#waitingSince = now
    this.#isHeadBegun = false
    this.#door.line.finish(passage, outcome)
    if (this.#sender.isLast && outcome.complete && !this.#isOver) this.#close()
    else this.#goOn()
  }

  readonly #goOn = (): void => {
    if (this.#isOver || this.#passage !== undefined || this.#socket.destroyed) return
    if (this.#socket.isPaused()) this.#socket.resume()
    // The answer had been begun before the viewer ended or the edge began to drain, so it does not say that it was the last.
    else if (this.#hasViewerEnded || this.#door.isDraining()) this.#close()
  }

  /** Lets the viewer read the answer before the connection goes: what it still sends meanwhile is thrown away. */
  #close(): void {
    this.#leave()
    const socket = this.#socket
    socket.end()
    socket.resume()
    const timer = this.#door.clock.after(LINGER_MS, () => socket.destroy())
    socket.on('close', () => timer.cancel())
  }

  readonly #ended = (): void => {
    this.#hasViewerEnded = true
    if (this.#isOver) return
    if (this.#passage === undefined) {
      if (this.#held !== undefined) this.#refuse('BadRequest', 'the connection ended within the request head')
      else this.#close()
    } else if (this.#isServing && this.#socket.allowHalfOpen) this.#probeViewer(FIRST_PROBE_MS)
  }

  /**
   * A viewer that has closed its sending side either waits for its answer or is gone: TCP does not say. Interim
   * responses tell: a peer that is gone answers the first with a reset (RFC 9110 section 15.2 makes every client able
   * to read them).
   */
  #probeViewer(delayMs: number): void {
    if (!this.#isServing || !this.#socket.writable) return
    this.#socket.write('HTTP/1.1 102 Processing\r\n\r\n', 'latin1')
    const nextDelayMs = Math.min(delayMs * 4, MAX_PROBE_MS)
    this.#probe = this.#door.clock.after(delayMs, () => this.#probeViewer(nextDelayMs))
  }

  readonly #closed = (): void => {
    this.#probe?.cancel()
    if (!this.#isOver) this.#leave()
    if (this.#passage === undefined) return
    this.#passage.depart()
    // While the line works, its answer will find that the viewer has left.
    if (!this.#isServing) this.#sender.end(VIEWER_LEFT)
  }
}

function ignoreError(): void {
  // An error closes the socket, and closing is what counts here.
}
