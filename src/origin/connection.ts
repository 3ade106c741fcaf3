import type { Socket } from 'node:net'
import { Readable } from 'node:stream'
import type { Clock } from '../base/clock.ts'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { EdgeResponse, OriginVisit } from '../visit.ts'
import { ChunkedDecoder } from './chunked.ts'
import { type Framing, framingOf, parseResponseHead } from './response-head.ts'

/** CloudFront's limit on the head of an origin response, in bytes (DG:cloudfront-limits). */
export const MAX_HEAD_BYTES = 32_768
const MAX_INTERIM_RESPONSES = 16
const END_OF_HEAD = Buffer.from('\r\n\r\n')

/** A request as it goes over the wire. */
export interface WireRequest {
  readonly method: string
  /** Request line and fields with their CRLFs and the empty line, in latin1. */
  readonly head: string
  readonly body: Buffer | Readable | undefined
  /** Send the body in chunked coding, because its length is not known. */
  readonly isChunked: boolean
  readonly isUpgrade: boolean
  readonly readTimeoutMs: number
  /** Monotonic time by which the response must be complete; Infinity for no bound. */
  readonly completeBy: number
  readonly visit: OriginVisit
  /** Told of interim responses other than 100, which belongs to this connection, and 101. */
  readonly interim?: (status: number, headers: HeaderList) => void
}

export interface ConnectionOwner {
  /** The connection may carry another request. */
  released(connection: OriginConnection): void
  closed(connection: OriginConnection): void
  /** So many bytes of a streamed body have passed. */
  passed(bytes: number): void
}

/**
 * One HTTP/1.1 connection to an origin, carrying one exchange at a time (RFC 9112). It reads the response
 * strictly, gives a body that arrived with its head as bytes and any other as a stream with back-pressure,
 * and never throws: every failure is a Fault.
 */
export class OriginConnection {
  readonly socket: Socket
  /** Monotonic time at which this connection is given up; Infinity while nobody waits for the origin. */
  deadline = Number.POSITIVE_INFINITY
  /** True when the origin closed an idle connection just as it was used again: nothing of an answer was seen. */
  wasStale = false
  readonly #owner: ConnectionOwner
  readonly #clock: Clock
  #requests = 0
  #wire: WireRequest | undefined = undefined
  #settle: ((result: EdgeResponse | Fault) => void) | undefined = undefined
  #held: Buffer | undefined = undefined
  #framing: Framing | undefined = undefined
  #remaining = 0
  #chunks: ChunkedDecoder | undefined = undefined
  #status = 0
  #fields: string[] | undefined = undefined
  #keepsAlive = false
  #pieces: Buffer[] = []
  #stream: OriginBody | undefined = undefined
  #interim = 0
  #sawBytes = false
  #requestSent = true
  #detachBody: (() => void) | undefined = undefined
  #isOver = false

  constructor(socket: Socket, owner: ConnectionOwner, clock: Clock) {
    this.socket = socket
    this.#owner = owner
    this.#clock = clock
    socket.on('data', (chunk: Buffer) => this.#receive(chunk))
    socket.on('end', () => this.#ended())
    socket.on('error', (error) => this.#broke(error))
    socket.on('close', () => this.#closed())
  }

  get isReused(): boolean {
    return this.#requests > 1
  }

  get isUsable(): boolean {
    return !this.#isOver && !this.socket.destroyed && this.socket.writable
  }

  /** Sends one request; `settle` is called once, with the response as soon as its head is read, or a fault. */
  send(wire: WireRequest, settle: (result: EdgeResponse | Fault) => void): void {
    this.#requests++
    this.#wire = wire
    this.#settle = settle
    this.#held = undefined
    this.#framing = undefined
    this.#fields = undefined
    this.#stream = undefined
    this.#interim = 0
    this.#sawBytes = false
    this.wasStale = false
    const body = wire.body
    if (body === undefined || Buffer.isBuffer(body)) {
      this.#requestSent = true
      if (body === undefined || body.length === 0) this.socket.write(wire.head, 'latin1')
      else {
        this.socket.cork()
        this.socket.write(wire.head, 'latin1')
        this.socket.write(body)
        this.socket.uncork()
      }
      this.#expectBytes()
    } else {
      this.#requestSent = false
      this.socket.write(wire.head, 'latin1')
      this.#sendBody(body, wire.isChunked)
    }
  }

  /** Ends the exchange because nobody wants it any more. */
  abort(fault: Fault): void {
    this.#fail(fault)
  }

  /** Called now and then: gives up a connection whose time has run out. */
  checkDeadline(now: number): void {
    const wire = this.#wire
    if (wire === undefined) {
      if (now >= this.deadline) this.close()
    } else if (now >= wire.completeBy) {
      this.#fail(
        new Fault('OriginCompletionTimeout', 'the response was not complete within its completion timeout'),
      )
    } else if (now >= this.deadline) {
      this.#fail(new Fault('OriginReadTimeout', `nothing came from the origin for ${wire.readTimeoutMs} ms`))
    }
  }

  close(): void {
    this.#isOver = true
    this.socket.destroy()
  }

  #expectBytes(): void {
    this.deadline = this.#clock.monotonic() + this.#wire!.readTimeoutMs
  }

  #sendBody(body: Readable, isChunked: boolean): void {
    const socket = this.socket
    const data = (chunk: Buffer) => {
      this.#owner.passed(chunk.length)
      let flows: boolean
      if (isChunked) {
        socket.cork()
        socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
        socket.write(chunk)
        flows = socket.write('\r\n', 'latin1')
        socket.uncork()
      } else flows = socket.write(chunk)
      if (flows) {
        this.deadline = Number.POSITIVE_INFINITY
      } else {
        // From here it is the origin that does not read: its read timeout counts.
        this.#expectBytes()
        body.pause()
      }
    }
    const drain = () => {
      if (this.#requestSent) return
      this.deadline = Number.POSITIVE_INFINITY
      body.resume()
    }
    const end = () => {
      detach()
      if (isChunked) socket.write('0\r\n\r\n', 'latin1')
      this.#requestSent = true
      if (this.#wire !== undefined) this.#expectBytes()
    }
    const broke = () => {
      detach()
      this.#fail(new Fault('ClientCommError', 'the viewer stopped in the middle of the request body'))
    }
    const detach = () => {
      this.#detachBody = undefined
      body.off('data', data)
      body.off('end', end)
      body.off('error', broke)
      body.off('close', broke)
      socket.off('drain', drain)
      body.on('error', ignoreError)
    }
    this.#detachBody = detach
    if (body.errored !== null || body.destroyed) {
      broke()
      return
    }
    body.on('data', data)
    body.on('end', end)
    body.on('error', broke)
    body.on('close', broke)
    socket.on('drain', drain)
  }

  #receive(chunk: Buffer): void {
    const wire = this.#wire
    if (wire === undefined) {
      // Bytes nobody asked for: the next request must not take them for its answer.
      this.close()
      return
    }
    if (this.#requestSent && this.#stream?.isFull !== true) this.#expectBytes()
    this.#sawBytes = true
    let at = 0
    while (this.#framing === undefined) {
      if (this.#held !== undefined) {
        chunk = Buffer.concat([this.#held, chunk])
        this.#held = undefined
        at = 0
      }
      const next = this.#readHead(chunk, at, wire)
      if (next === -1) return
      at = next
      if (this.#wire === undefined) return
    }
    this.#readBody(chunk, at)
  }

  /** Reads one head; -1 when it is not complete yet or the exchange is over, else where the body begins. */
  #readHead(chunk: Buffer, at: number, wire: WireRequest): number {
    const end = chunk.indexOf(END_OF_HEAD, at)
    if (end === -1 || end - at > MAX_HEAD_BYTES) {
      if (chunk.length - at > MAX_HEAD_BYTES) {
        this.#fail(
          new Fault('OriginHeaderTooBig', `the head of the response is larger than ${MAX_HEAD_BYTES} bytes`),
        )
        return -1
      }
      if (!'HTTP/1.'.startsWith(chunk.toString('latin1', at, Math.min(at + 7, chunk.length)))) {
        this.#fail(
          new Fault(
            'OriginInvalidResponse',
            `the answer begins with ${JSON.stringify(chunk.toString('latin1', at, at + 40))}`,
          ),
        )
        return -1
      }
      this.#held = chunk.subarray(at)
      return -1
    }
    const head = parseResponseHead(chunk.toString('latin1', at, end))
    if (typeof head === 'string') {
      this.#fail(new Fault('OriginInvalidResponse', head))
      return -1
    }
    const bodyAt = end + 4
    if (head.status < 200) {
      if (head.status === 101) return this.#switchProtocols(head.fields, chunk, bodyAt, wire)
      if (++this.#interim > MAX_INTERIM_RESPONSES) {
        this.#fail(new Fault('OriginInvalidResponse', 'the origin sent one interim response after another'))
        return -1
      }
      if (head.status !== 100) wire.interim?.(head.status, new HeaderList(head.fields))
      return bodyAt
    }
    const framing = framingOf(head, wire.method)
    if (typeof framing === 'string') {
      this.#fail(new Fault('OriginInvalidResponse', framing))
      return -1
    }
    wire.visit.firstByteAt = this.#clock.monotonic()
    wire.visit.status = head.status
    this.#framing = framing
    this.#status = head.status
    this.#fields = head.fields
    this.#keepsAlive = framing.kind !== 'until-close' && keepsAlive(head.minorVersion, head.fields)
    this.#remaining = framing.kind === 'length' ? framing.length : 0
    this.#chunks = framing.kind === 'chunked' ? new ChunkedDecoder() : undefined
    this.#pieces = []
    return bodyAt
  }

  #readBody(chunk: Buffer, at: number): void {
    const framing = this.#framing!
    let isComplete = false
    switch (framing.kind) {
      case 'none':
        isComplete = true
        break
      case 'length': {
        const length = Math.min(this.#remaining, chunk.length - at)
        if (length > 0)
          this.#deliver(at === 0 && length === chunk.length ? chunk : chunk.subarray(at, at + length))
        this.#remaining -= length
        at += length
        isComplete = this.#remaining === 0
        break
      }
      case 'chunked':
        try {
          at = this.#chunks!.read(chunk, at, this.#deliver)
        } catch (error) {
          this.#fail(
            new Fault('OriginInvalidResponse', error instanceof Error ? error.message : String(error)),
          )
          return
        }
        isComplete = this.#chunks!.isDone
        break
      case 'until-close':
        if (at < chunk.length) this.#deliver(at === 0 ? chunk : chunk.subarray(at))
        at = chunk.length
        break
    }
    if (this.#wire === undefined) return
    if (isComplete) {
      if (at < chunk.length) this.#keepsAlive = false
      this.#complete()
    } else if (this.#stream === undefined) this.#openStream()
  }

  readonly #deliver = (piece: Buffer): void => {
    if (this.#stream === undefined) {
      this.#pieces.push(piece)
      return
    }
    this.#owner.passed(piece.length)
    if (!this.#stream.give(piece)) {
      // The reader is slow, which is not the origin's fault: no timeout runs while it is paused.
      this.socket.pause()
      this.deadline = Number.POSITIVE_INFINITY
    }
  }

  #openStream(): void {
    const framing = this.#framing!
    const stream = new OriginBody(
      () => {
        if (this.#stream !== stream || this.#wire === undefined) return
        if (this.#requestSent) this.#expectBytes()
        this.socket.resume()
      },
      () => {
        if (this.#stream === stream && this.#wire !== undefined) this.#fail(new Fault('ClientHungUp'))
      },
    )
    for (const piece of this.#pieces) stream.give(piece)
    this.#pieces = []
    this.#stream = stream
    if (stream.isFull) {
      this.socket.pause()
      this.deadline = Number.POSITIVE_INFINITY
    }
    const length = framing.kind === 'length' ? framing.length : undefined
    this.#answer(Body.stream(stream, length))
  }

  #complete(): void {
    const wire = this.#wire!
    wire.visit.lastByteAt = this.#clock.monotonic()
    const stream = this.#stream
    const mayReuse = this.#keepsAlive && this.#requestSent
    if (stream === undefined) {
      const pieces = this.#pieces
      const bytes = pieces.length === 1 ? pieces[0]! : pieces.length === 0 ? undefined : Buffer.concat(pieces)
      const hasBody = this.#framing!.kind !== 'none'
      this.#over(mayReuse, hasBody ? Body.bytes(bytes ?? NO_BYTES) : Body.none())
      return
    }
    this.#over(mayReuse, undefined)
    stream.finish()
  }

  /** The exchange is over, well: the connection goes back before the answer goes on. */
  #over(mayReuse: boolean, body: Body | undefined): void {
    const settle = this.#settle
    const fields = this.#fields!
    const status = this.#status
    this.#wire = undefined
    this.#settle = undefined
    this.#stream = undefined
    this.#pieces = []
    this.#detachBody?.()
    if (mayReuse && this.isUsable) {
      this.socket.resume()
      this.#owner.released(this)
    } else this.close()
    if (body !== undefined) settle?.({ status, headers: new HeaderList(fields), body })
  }

  #answer(body: Body): void {
    const settle = this.#settle
    this.#settle = undefined
    settle?.({ status: this.#status, headers: new HeaderList(this.#fields!), body })
  }

  #switchProtocols(fields: string[], chunk: Buffer, at: number, wire: WireRequest): number {
    if (!wire.isUpgrade) {
      this.#fail(new Fault('OriginInvalidResponse', 'the origin switched protocols without being asked to'))
      return -1
    }
    const settle = this.#settle
    wire.visit.firstByteAt = this.#clock.monotonic()
    wire.visit.status = 101
    this.#wire = undefined
    this.#settle = undefined
    this.#isOver = true
    this.deadline = Number.POSITIVE_INFINITY
    this.#detachBody?.()
    const socket = this.socket
    socket.removeAllListeners('data')
    socket.removeAllListeners('end')
    socket.pause()
    if (at < chunk.length) socket.unshift(chunk.subarray(at))
    settle?.({ status: 101, headers: new HeaderList(fields), body: Body.none(), tunnel: socket })
    return -1
  }

  #ended(): void {
    if (this.#wire === undefined) {
      this.close()
      return
    }
    if (this.#framing?.kind === 'until-close') {
      this.#complete()
      return
    }
    if (this.#sawBytes)
      this.#fail(
        new Fault('OriginReadError', 'the origin closed the connection in the middle of its response'),
      )
    else {
      this.wasStale = this.isReused
      this.#fail(new Fault('OriginZeroSize'))
    }
  }

  #broke(error: Error): void {
    if (this.#wire === undefined) return
    if (!this.#sawBytes && this.isReused) this.wasStale = true
    const code = (error as NodeJS.ErrnoException).code
    // EPIPE: the origin had closed before all of the request was written.
    this.#fail(
      new Fault(code === 'EPIPE' ? 'OriginWriteError' : 'OriginReadError', error.message, { cause: error }),
    )
  }

  #closed(): void {
    this.#isOver = true
    if (this.#wire !== undefined) this.#ended()
    this.#owner.closed(this)
  }

  #fail(fault: Fault): void {
    const wire = this.#wire
    if (wire === undefined) return
    this.#wire = undefined
    const settle = this.#settle
    const stream = this.#stream
    this.#settle = undefined
    this.#stream = undefined
    this.#pieces = []
    wire.visit.fault = fault.code
    wire.visit.cause = fault.message
    this.#detachBody?.()
    this.close()
    if (stream !== undefined) stream.destroy(fault)
    settle?.(fault)
  }
}

const NO_BYTES = Buffer.alloc(0)

function ignoreError(): void {
  // The exchange has ended and told why; a later failure of the viewer's body concerns nobody.
}

function keepsAlive(minorVersion: 0 | 1, fields: readonly string[]): boolean {
  let keeps = minorVersion === 1
  for (let i = 0; i < fields.length; i += 2) {
    if (fields[i]!.length !== 10 || fields[i]!.toLowerCase() !== 'connection') continue
    const value = fields[i + 1]!.toLowerCase()
    if (value.includes('close')) return false
    if (value.includes('keep-alive')) keeps = true
  }
  return keeps
}

/** The body of a response that is still arriving. Destroying it ends the connection. */
class OriginBody extends Readable {
  isFull = false
  readonly #more: () => void
  readonly #abandon: () => void

  constructor(more: () => void, abandon: () => void) {
    super({ highWaterMark: 65_536 })
    this.#more = more
    this.#abandon = abandon
  }

  give(piece: Buffer): boolean {
    this.isFull = !this.push(piece)
    return !this.isFull
  }

  finish(): void {
    this.push(null)
  }

  override _read(): void {
    if (!this.isFull) return
    this.isFull = false
    this.#more()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#abandon()
    done(error)
  }
}
