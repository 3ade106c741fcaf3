import { type IncomingMessage, Server, ServerResponse, STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { isPromise } from '../base/promise.ts'
import type { Timer } from '../base/clock.ts'
import { newRequestId } from '../base/ids.ts'
import { asFault, Fault, type FaultCode, faults } from '../faults.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { EdgeResponse, Outcome, Passage, ViewerConnection, ViewerRequest } from '../visit.ts'
import { clientOf, type Door, type Exchange, schemeOf, stumpOf } from './door.ts'
import {
  headBytes,
  hostOf,
  isMethodToken,
  MAX_HEAD_BYTES,
  MAX_URL_BYTES,
  parseTarget,
  readUnknownVerb,
  refuseFraming,
  refuseSize,
} from './hygiene.ts'
import { interimHead } from './interim.ts'
import { joinTunnel } from './tunnel.ts'

/** A little more room than CloudFront's limit, so that we can tell 414 from 494 ourselves. */
const PARSER_HEAD_BYTES = MAX_HEAD_BYTES + 8192
/** A refused body up to this size is read to its end, so that the connection can go on. */
const DRAINED_BODY_BYTES = 65_536
/** Bodies up to this size are joined with their head. */
const ONE_WRITE_BYTES = 16_384
const COMPLETE: Outcome = { complete: true, failure: undefined, cause: undefined }
const statusText: Record<number, string> = { ...STATUS_CODES, 494: 'Request Header Or Cookie Too Large' }

export type ConnectionOf = (socket: Duplex) => ViewerConnection

/**
 * The ordinary way in for HTTP/1.0 and 1.1: Node's parser, our hygiene, and nothing of `node:http` behind it.
 * Returns a server that does not listen yet; the listener feeds it its connections.
 */
export function createHttp1(door: Door, isTlsExpected: boolean, connectionOf: ConnectionOf): Server {
  const { limits } = door.plan.current
  const server = new Server({
    maxHeaderSize: PARSER_HEAD_BYTES,
    insecureHTTPParser: false,
    requireHostHeader: false,
    headersTimeout: limits.headTimeoutMs,
    requestTimeout: 0,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.max(50, Math.min(1000, limits.headTimeoutMs / 4)),
    noDelay: true,
    // Only a WebSocket handshake leaves HTTP; `Upgrade: h2c` and others are ordinary requests.
    shouldUpgradeCallback: (request) =>
      request.headers.upgrade?.toLowerCase() === 'websocket' && request.method === 'GET',
  })
  server.maxHeadersCount = 0
  server.timeout = 0
  // A viewer may close its sending side after the request and still wait for the answer.
  Object.assign(server, { httpAllowHalfOpen: true })

  server.on('request', (request, response) => receive(request, response, undefined))
  server.on('checkContinue', (request, response) =>
    receive(request, response, () => response.writeContinue()),
  )
  // Any other expectation cannot be met (RFC 9110 section 10.1.1), and CloudFront drops the field.
  server.on('checkExpectation', (request, response) => receive(request, response, undefined))
  server.on('upgrade', (request, socket, head) => {
    const response = new ServerResponse(request)
    // Node has let go of the socket: answer on it as on any other, or make it a tunnel.
    response.assignSocket(socket as Socket)
    if (head.length > 0) socket.unshift(head)
    receive(request, response, undefined, socket)
  })
  server.on('connect', (request, socket) => {
    refuseRaw(socket, 'UnknownMethod', 'CONNECT is for proxies', {
      method: 'CONNECT',
      target: request.url ?? '-',
    })
  })
  server.on('clientError', (error: NodeJS.ErrnoException & { rawPacket?: Buffer }, socket) => {
    if (error.code === 'ECONNRESET' || !socket.writable) {
      socket.destroy()
      return
    }
    // A response is under way: the broken bytes belong to the body of its request, and only the connection can go.
    const busy = (socket as Socket & { _httpMessage?: ServerResponse })._httpMessage
    if (busy !== undefined && busy !== null && (busy.headersSent || busy.req.complete === false)) {
      breakBody(busy, socket)
      return
    }
    const code = error.code ?? ''
    if (code === 'HPE_HEADER_OVERFLOW') {
      // A head that is sent at once overflows in its first packet; of later ones it is not known where the line began.
      const packet = error.rawPacket?.toString('latin1', 0, MAX_URL_BYTES + 100) ?? ''
      const isUrl = /^[A-Z]+ [^ ]/.test(packet) && !packet.includes('\r\n')
      refuseRaw(socket, isUrl ? 'UriTooLong' : 'HeadersTooLarge', 'the request head is too large')
    } else if (code === 'ERR_HTTP_REQUEST_TIMEOUT')
      refuseRaw(socket, 'RequestTimeout', 'the request head did not arrive in time')
    else {
      const verb =
        code === 'HPE_INVALID_METHOD' && error.rawPacket !== undefined
          ? readUnknownVerb(error.rawPacket)
          : undefined
      if (verb !== undefined)
        refuseRaw(socket, 'UnknownMethod', `the method ${verb.method} is not known`, verb)
      else refuseRaw(socket, 'BadRequest', `${code} ${error.message}`)
    }
  })

  function receive(
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    sendContinue: (() => void) | undefined,
    upgraded?: Duplex,
  ): void {
    outgoing.sendDate = false
    const connection = connectionOf(incoming.socket)
    const request = read(incoming, connection, sendContinue)
    if (request instanceof Fault) {
      const stump = stumpOf(
        newRequestId(),
        connection,
        { method: incoming.method ?? '-', target: incoming.url ?? '-', host: incoming.headers.host },
        Body.none(),
      )
      const passage = door.open(stump)
      outgoing.shouldKeepAlive = false
      reply(passage, incoming, outgoing, door.line.turnAway(passage, request), undefined)
      return
    }
    const passage = door.open(request)
    if (request.body.kind === 'stream') watchBody(door, incoming, outgoing)
    const served = door.line.serve(passage)
    if (isPromise(served)) {
      // The viewer may leave while the line waits; afterwards the writer below listens itself.
      const leave = () => passage.depart()
      outgoing.on('close', leave)
      const stopProbing = probeHalfClosed(door, incoming, outgoing)
      if (request.httpVersion === '1.1') {
        passage.interim = (status, headers) => {
          // Without its socket the response waits for one before it on the same connection.
          if (outgoing.socket !== null && !outgoing.headersSent && outgoing.socket.writable)
            outgoing.socket.write(interimHead(status, headers), 'latin1')
        }
      }
      void served.then((response) => {
        stopProbing()
        passage.interim = undefined
        outgoing.off('close', leave)
        reply(passage, incoming, outgoing, response, upgraded)
      })
    } else reply(passage, incoming, outgoing, served, upgraded)
  }

  function read(
    incoming: IncomingMessage,
    connection: ViewerConnection,
    sendContinue: (() => void) | undefined,
  ): ViewerRequest | Fault {
    const method = incoming.method!
    const target = incoming.url!
    const headers = new HeaderList(incoming.rawHeaders)
    if (isTlsExpected && connection.tls === undefined) return new Fault('PlainOnTls')
    const bytes = headBytes(method, target, incoming.rawHeaders)
    const refusal = refuseSize(target.length, bytes)
    if (refusal !== undefined) return new Fault(refusal.code, refusal.why)
    if (incoming.httpVersionMajor !== 1 || incoming.httpVersionMinor > 1)
      return bad(`the version HTTP/${incoming.httpVersion} is not HTTP/1.0 or 1.1`)
    const httpVersion = incoming.httpVersionMinor === 0 ? '1.0' : '1.1'
    if (!isMethodToken(method)) return bad('the method is not a token')
    const framing = refuseFraming(headers, httpVersion)
    if (framing !== undefined) return bad(framing)
    const parsed = parseTarget(target, method)
    if (typeof parsed === 'string') return bad(parsed)
    const host = hostOf(headers, httpVersion, parsed.authority)
    if (typeof host !== 'string') return new Fault(host.code, host.why)
    const plan = door.plan.current
    const body = bodyOf(incoming, headers, sendContinue)
    if (body.length !== undefined && body.length > plan.limits.maxBodyBytes)
      return new Fault('BodyTooLarge', `the body has ${body.length} bytes`)
    return {
      id: newRequestId(),
      method,
      path: parsed.path,
      query: parsed.query,
      httpVersion,
      scheme: schemeOf(plan, connection, headers),
      host,
      headers,
      body,
      connection,
      client: clientOf(plan, connection, headers),
      headBytes: bytes,
    }
  }

  /** Answers on a bare socket where Node made no request and response: generated page, log line, close. */
  function refuseRaw(
    socket: Duplex,
    code: FaultCode,
    why: string,
    head: { method?: string; target?: string; host?: string | undefined } = {},
  ): void {
    const passage = door.open(stumpOf(newRequestId(), connectionOf(socket), head, Body.none()))
    const response = door.line.turnAway(passage, new Fault(code, why))
    const { visit } = passage
    const bytes = response.body.buffered ?? Buffer.alloc(0)
    const text = rawHead(response, bytes.length)
    visit.status = response.status
    visit.responseHeaders = response.headers
    visit.headerBytes = text.length
    visit.bodyBytes = bytes.length
    visit.firstByteAt = visit.finishedAt = door.clock.monotonic()
    socket.write(text, 'latin1')
    socket.end(bytes)
    closeSoon(socket)
    door.line.finish(passage, COMPLETE)
  }

  /** Lets the peer read the answer before the connection goes: at most a second of what it still sends is thrown away. */
  function closeSoon(socket: Duplex): void {
    socket.resume()
    socket.on('error', ignoreError)
    const timer = door.clock.after(1000, () => socket.destroy())
    socket.on('close', () => timer.cancel())
  }

  /** Writes a response and tells the line how it went. */
  function reply(
    passage: Passage,
    incoming: IncomingMessage,
    outgoing: ServerResponse,
    response: EdgeResponse,
    upgraded: Duplex | undefined,
  ): void {
    const { visit } = passage
    const writer = new ReplyWriter(door, passage, incoming, outgoing)
    visit.status = response.status
    visit.responseHeaders = response.headers
    if (passage.departed || outgoing.destroyed) {
      response.body.discard()
      response.tunnel?.destroy()
      visit.status = 0
      writer.end({ complete: false, failure: 'viewer-left', cause: undefined })
      return
    }
    if (response.tunnel !== undefined) {
      if (upgraded === undefined) {
        response.tunnel.destroy()
        writer.end({
          complete: false,
          failure: 'origin-broke',
          cause: 'a tunnel was opened for a request that asked for none',
        })
        outgoing.destroy()
        return
      }
      outgoing.detachSocket(upgraded as Socket)
      joinTunnel(door, passage, upgraded, response, response.tunnel, (outcome) => writer.end(outcome))
      return
    }
    if (upgraded !== undefined) {
      // Node has let go of this socket, so nobody would read a next request from it.
      outgoing.shouldKeepAlive = false
      outgoing.on('finish', () => upgraded.end())
    }
    writer.send(response)
  }

  return server
}

/** One response on its way to an HTTP/1 viewer. */
class ReplyWriter implements Exchange {
  readonly #door: Door
  readonly #passage: Passage
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  #isOver = false

  constructor(door: Door, passage: Passage, incoming: IncomingMessage, outgoing: ServerResponse) {
    this.#door = door
    this.#passage = passage
    this.#incoming = incoming
    this.#outgoing = outgoing
  }

  send(response: EdgeResponse): void {
    const outgoing = this.#outgoing
    const { visit, request } = this.#passage
    const { headers, body } = response
    const isHead = request.method === 'HEAD'
    const bytes = body.buffered
    const raw = headers.raw
    if (
      bytes !== undefined &&
      !isHead &&
      response.status !== 304 &&
      response.status !== 204 &&
      !headers.has('content-length')
    ) {
      raw.push('Content-Length', String(bytes.length))
    }
    if (!this.#mayStayOpen()) outgoing.shouldKeepAlive = false
    visit.firstByteAt = this.#door.clock.monotonic()
    visit.headerBytes = headBytesOf(response.status, raw)
    outgoing.writeHead(response.status, statusText[response.status] ?? 'Unknown', raw)
    if (isHead || bytes !== undefined) {
      if (isHead) body.discard()
      const sent = isHead || bytes === undefined ? 0 : bytes.length
      visit.bodyBytes = sent
      // As text, a short body leaves in one write with the head; bytes would take a second, dearer one.
      if (sent > 0 && sent <= ONE_WRITE_BYTES) outgoing.end(bytes!.toString('latin1'), 'latin1')
      else if (sent > 0) outgoing.end(bytes)
      else outgoing.end()
      if (outgoing.writableFinished || outgoing.writableLength === 0) {
        this.end(COMPLETE)
        return
      }
      this.#door.exchanges.add(this)
      outgoing.on('finish', () => this.end(COMPLETE))
      outgoing.on('close', () => this.end({ complete: false, failure: 'viewer-left', cause: undefined }))
      return
    }
    this.#door.exchanges.add(this)
    const stream = body.take()
    if (Buffer.isBuffer(stream)) throw new Error('a body of bytes came as a stream')
    outgoing.flushHeaders()
    stream.on('data', (chunk: Buffer) => {
      visit.bodyBytes += chunk.length
      if (!outgoing.write(chunk)) {
        stream.pause()
        outgoing.once('drain', () => stream.resume())
      }
    })
    stream.on('end', () => outgoing.end())
    stream.on('error', (error: Error) => {
      // The response is cut off where it is: a clean end would make it look whole (RFC 9112 section 8).
      this.end({ complete: false, failure: 'origin-broke', cause: asFault(error).message })
      outgoing.destroy()
    })
    outgoing.on('finish', () => this.end(COMPLETE))
    outgoing.on('close', () => {
      if (!stream.destroyed) stream.destroy()
      this.#passage.depart()
      this.end({ complete: false, failure: 'viewer-left', cause: undefined })
    })
  }

  end(outcome: Outcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#door.exchanges.delete(this)
    const { visit } = this.#passage
    visit.finishedAt ??= this.#door.clock.monotonic()
    this.#door.line.finish(this.#passage, outcome)
  }

  progress(): number {
    const { socket } = this.#incoming
    return socket.bytesRead + socket.bytesWritten
  }

  isWaitingForViewer(): boolean {
    const outgoing = this.#outgoing
    // One that has closed its sending side is taken for gone when nothing moves any more.
    if (this.#incoming.socket.readableEnded) return true
    return outgoing.writableNeedDrain || (outgoing.writableEnded && !outgoing.writableFinished)
  }

  giveUp(): void {
    this.end({ complete: false, failure: 'timeout', cause: 'the viewer did not read the response' })
    this.#outgoing.destroy()
  }

  /** Whether the next request on this connection can be found: its predecessor's body must be read, or short. */
  #mayStayOpen(): boolean {
    if (this.#door.isDraining()) return false
    const { fault } = this.#passage.visit
    if (fault !== undefined && faults[fault].closes) return false
    const incoming = this.#incoming
    if (incoming.complete) return true
    const length = this.#passage.visit.request.body.length
    return length !== undefined && length <= DRAINED_BODY_BYTES && incoming.headers.expect === undefined
  }
}

function bad(why: string): Fault {
  return new Fault('BadRequest', why)
}

function bodyOf(
  incoming: IncomingMessage,
  headers: HeaderList,
  sendContinue: (() => void) | undefined,
): Body {
  const length = headers.get('content-length')
  if (length === undefined && !headers.has('transfer-encoding')) return Body.none()
  if (length === '0') return Body.none()
  // Dropping a body must not take the connection along: the answer still has to leave on it.
  return Body.stream(incoming, length === undefined ? undefined : Number(length), sendContinue, (stream) =>
    stream.resume(),
  )
}

/** The request body turned out not to be what its head announced: the connection goes, and the origin request with it. */
function breakBody(busy: ServerResponse, socket: Duplex): void {
  busy.req.destroy(new Fault('ClientCommError', 'the framing of the request body is broken'))
  socket.destroy()
}

const FIRST_PROBE_MS = 50
const MAX_PROBE_MS = 5000

/**
 * A viewer that has closed its sending side either waits for its answer or is gone: TCP does not say. Interim responses
 * tell: a peer that is gone answers the first with a reset, which the next one meets (RFC 9110 section 15.2 makes
 * every client able to read them).
 */
function probeHalfClosed(door: Door, incoming: IncomingMessage, outgoing: ServerResponse): () => void {
  if (incoming.httpVersionMinor === 0) return () => {}
  const { socket } = incoming
  let timer: Timer | undefined
  let delayMs = FIRST_PROBE_MS
  const probe = () => {
    if (outgoing.headersSent || !socket.writable) return
    outgoing.writeProcessing()
    timer = door.clock.after(delayMs, probe)
    delayMs = Math.min(delayMs * 4, MAX_PROBE_MS)
  }
  if (socket.readableEnded) probe()
  else socket.on('end', probe)
  return () => {
    timer?.cancel()
    socket.off('end', probe)
  }
}

/** Gives up a viewer who stops in the middle of a request body, or sends more of it than the edge accepts. */
function watchBody(door: Door, incoming: IncomingMessage, outgoing: ServerResponse): void {
  const { socket } = incoming
  const readBefore = socket.bytesRead
  const { maxBodyBytes } = door.plan.current.limits
  const watch: Exchange = {
    progress() {
      if (socket.bytesRead - readBefore > maxBodyBytes) this.giveUp()
      return socket.bytesRead
    },
    isWaitingForViewer: () =>
      !incoming.complete && incoming.readableFlowing === true && !outgoing.writableEnded,
    giveUp: () =>
      incoming.destroy(new Fault('ClientCommError', 'the request body came too slowly or was too large')),
  }
  door.exchanges.add(watch)
  incoming.on('close', () => door.exchanges.delete(watch))
}

function rawHead(response: EdgeResponse, length: number): string {
  let head = `HTTP/1.1 ${response.status} ${statusText[response.status] ?? 'Unknown'}\r\n`
  const raw = response.headers.raw
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (name !== 'connection' && name !== 'content-length') head += `${raw[i]!}: ${raw[i + 1]!}\r\n`
  }
  return `${head}Content-Length: ${length}\r\nConnection: close\r\n\r\n`
}

/** Bytes of a response head on the wire, without the connection fields Node adds. */
export function headBytesOf(status: number, raw: readonly string[]): number {
  let bytes = 9 + 3 + 1 + (statusText[status]?.length ?? 7) + 4
  for (let i = 0; i < raw.length; i++) bytes += raw[i]!.length + 2
  return bytes
}

function ignoreError(): void {
  // The connection is being closed after a refusal; how it ends does not matter.
}
