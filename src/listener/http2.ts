import { constants, createServer, type ServerHttp2Session, type ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'
import { isPromise } from '../base/promise.ts'
import { newRequestId } from '../base/ids.ts'
import { asFault, Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { EdgeResponse, Outcome, Passage, ViewerConnection, ViewerRequest } from '../visit.ts'
import { clientOf, type Door, type Exchange, schemeOf, stumpOf } from './door.ts'
import { headBytesOf } from './http1.ts'
import { headBytes, hostOf, isMethodToken, parseTarget, refuseSize } from './hygiene.ts'
import { interimFields } from './interim.ts'

const COMPLETE: Outcome = { complete: true, failure: undefined, cause: undefined }
const MAX_STREAMS = 128
/** Fields that belong to a hop and do not exist in HTTP/2 (RFC 9113 section 8.2.2). */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** The way in for HTTP/2: the listener gives it sockets whose protocol it has found out. */
export interface Http2Entrance {
  accept(socket: Duplex, connection: ViewerConnection): void
  /** Lets open streams end and takes no new ones. */
  drain(): void
}

/**
 * HTTP/2 (RFC 9113), over TLS or with prior knowledge. Malformed frames and pseudo-fields are refused by nghttp2
 * as stream or connection errors; sizes are answered with 414 and 494 as on HTTP/1.
 */
export function createHttp2(door: Door): Http2Entrance {
  const server = createServer({
    // More pairs than Node's default of 128 are not an attack as long as CloudFront's size limit holds.
    maxHeaderListPairs: 4096,
    maxSessionInvalidFrames: 100,
    settings: { maxConcurrentStreams: MAX_STREAMS, maxHeaderListSize: 65_536, enablePush: false },
  })
  const sessions = new Set<ServerHttp2Session>()
  // Node opens the session while it is given the socket, so what is known of the connection waits here for it.
  let arriving: ViewerConnection | undefined

  function accept(socket: Duplex, connection: ViewerConnection): void {
    arriving = connection
    server.emit('connection', socket)
    arriving = undefined
  }

  function drain(): void {
    for (const session of sessions) session.close()
  }

  server.on('sessionError', ignoreError)
  server.on('session', (session) => {
    const connection = arriving!
    sessions.add(session)
    session.on('error', ignoreError)
    session.on('close', () => sessions.delete(session))
    // An idle session is closed like an idle HTTP/1 connection; `close` lets open streams end.
    session.setTimeout(door.plan.current.limits.keepAliveTimeoutMs, () => session.close())
    session.on('stream', (stream, fields, flags, rawFields) => {
      stream.on('error', ignoreError)
      const hasBody = (flags & constants.NGHTTP2_FLAG_END_STREAM) === 0
      const request = read(stream, rawFields, hasBody, connection)
      if (request instanceof Fault) {
        const head = {
          method: fields[':method'] ?? '-',
          target: fields[':path'] ?? '-',
          host: fields[':authority'],
        }
        const passage = door.open(stumpOf(newRequestId(), connection, head, Body.none()))
        new StreamWriter(door, passage, stream).send(door.line.turnAway(passage, request))
        return
      }
      const passage = door.open(request)
      const writer = new StreamWriter(door, passage, stream)
      const served = door.line.serve(passage)
      if (isPromise(served)) {
        const leave = () => passage.depart()
        stream.on('close', leave)
        passage.interim = (status, headers) => {
          if (!stream.destroyed && !stream.headersSent)
            stream.additionalHeaders(interimFields(status, headers))
        }
        void served.then((response) => {
          passage.interim = undefined
          stream.off('close', leave)
          writer.send(response)
        })
      } else writer.send(served)
    })
  })

  function read(
    stream: ServerHttp2Stream,
    raw: string[],
    hasBody: boolean,
    connection: ViewerConnection,
  ): ViewerRequest | Fault {
    let method = ''
    let target = ''
    let authority: string | undefined
    let scheme: string | undefined
    const headers = new HeaderList()
    let cookie = ''
    for (let i = 0; i < raw.length; i += 2) {
      const name = raw[i]!
      const value = raw[i + 1]!
      if (name.charCodeAt(0) === 58) {
        if (name === ':method') method = value
        else if (name === ':path') target = value
        else if (name === ':authority') authority = value
        else if (name === ':scheme') scheme = value
      } else if (name === 'cookie') cookie = cookie === '' ? value : `${cookie}; ${value}`
      else headers.append(name, value)
    }
    // Crumbs of a cookie become one field again (RFC 9113 section 8.2.3).
    if (cookie !== '') headers.append('cookie', cookie)
    const bytes = headBytes(method, target, headers.raw) + (authority?.length ?? 0) + 8
    const refusal = refuseSize(target.length, bytes)
    if (refusal !== undefined) return new Fault(refusal.code, refusal.why)
    if (!isMethodToken(method)) return new Fault('BadRequest', 'the method is not a token')
    if (method === 'CONNECT') return new Fault('UnknownMethod', 'CONNECT is for proxies')
    const parsed = parseTarget(target, method)
    if (typeof parsed === 'string' || parsed.authority !== undefined) {
      return new Fault(
        'BadRequest',
        typeof parsed === 'string' ? parsed : 'the :path pseudo-field is not a path',
      )
    }
    if (authority !== undefined && !headers.has('host')) headers.raw.unshift('host', authority)
    const host = hostOf(headers, '1.1', authority)
    if (typeof host !== 'string') return new Fault(host.code, host.why)
    const lengthText = headers.get('content-length')
    if (lengthText !== undefined && !/^\d{1,15}$/.test(lengthText))
      return new Fault('BadRequest', 'Content-Length is not a number')
    const length = lengthText === undefined ? undefined : Number(lengthText)
    const plan = door.plan.current
    if (length !== undefined && length > plan.limits.maxBodyBytes) return new Fault('BodyTooLarge')
    const expectsContinue = headers.get('expect')?.toLowerCase() === '100-continue'
    const sendContinue = expectsContinue ? () => stream.additionalHeaders({ ':status': 100 }) : undefined
    return {
      id: newRequestId(),
      method,
      path: parsed.path,
      query: parsed.query,
      httpVersion: '2.0',
      scheme:
        scheme === 'https' && connection.tls !== undefined ? 'https' : schemeOf(plan, connection, headers),
      host,
      headers,
      body:
        hasBody && length !== 0
          ? Body.stream(stream, length, sendContinue, (unread) => unread.resume())
          : Body.none(),
      connection,
      client: clientOf(plan, connection, headers),
      headBytes: bytes,
    }
  }

  return { accept, drain }
}

/** One response on its way down an HTTP/2 stream. */
class StreamWriter implements Exchange {
  readonly #door: Door
  readonly #passage: Passage
  readonly #stream: ServerHttp2Stream
  #isOver = false

  constructor(door: Door, passage: Passage, stream: ServerHttp2Stream) {
    this.#door = door
    this.#passage = passage
    this.#stream = stream
    if (passage.request.body.kind === 'stream') {
      door.exchanges.add(this)
      stream.on('close', () => door.exchanges.delete(this))
    }
  }

  send(response: EdgeResponse): void {
    const stream = this.#stream
    const { visit, request } = this.#passage
    const { body } = response
    response.tunnel?.destroy()
    visit.status = response.status
    visit.responseHeaders = response.headers
    if (this.#passage.departed || stream.destroyed || stream.closed) {
      body.discard()
      visit.status = 0
      this.end({ complete: false, failure: 'viewer-left', cause: undefined })
      return
    }
    const bytes = body.buffered
    const isHead = request.method === 'HEAD'
    if (
      bytes !== undefined &&
      !isHead &&
      response.status !== 304 &&
      response.status !== 204 &&
      !response.headers.has('content-length')
    ) {
      response.headers.append('content-length', String(bytes.length))
    }
    visit.firstByteAt = this.#door.clock.monotonic()
    visit.headerBytes = headBytesOf(response.status, response.headers.raw)
    const fields = fieldsOf(response)
    const isEmpty = isHead || (bytes !== undefined && bytes.length === 0)
    try {
      stream.respond(fields, { endStream: isEmpty })
    } catch (error) {
      body.discard()
      this.end({ complete: false, failure: 'origin-broke', cause: asFault(error).message })
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
      return
    }
    this.#door.exchanges.add(this)
    stream.on('close', () => {
      const isWhole = stream.rstCode === constants.NGHTTP2_NO_ERROR && stream.writableFinished
      this.end(isWhole ? COMPLETE : { complete: false, failure: 'viewer-left', cause: undefined })
    })
    if (isEmpty) {
      if (isHead) body.discard()
      this.#stopReading()
      return
    }
    if (bytes !== undefined) {
      visit.bodyBytes = bytes.length
      stream.end(bytes)
      this.#stopReading()
      return
    }
    const source = body.take()
    if (Buffer.isBuffer(source)) throw new Error('a body of bytes came as a stream')
    source.on('data', (chunk: Buffer) => {
      visit.bodyBytes += chunk.length
      if (!stream.write(chunk)) {
        source.pause()
        stream.once('drain', () => source.resume())
      }
    })
    source.on('end', () => {
      stream.end()
      this.#stopReading()
    })
    source.on('error', (error: Error) => {
      this.end({ complete: false, failure: 'origin-broke', cause: asFault(error).message })
      stream.close(constants.NGHTTP2_INTERNAL_ERROR)
    })
    stream.on('close', () => {
      if (!source.destroyed) source.destroy()
      this.#passage.depart()
    })
  }

  end(outcome: Outcome): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#door.exchanges.delete(this)
    this.#passage.visit.finishedAt ??= this.#door.clock.monotonic()
    this.#door.line.finish(this.#passage, outcome)
  }

  progress(): number {
    const stream = this.#stream
    // What arrives is counted on the connection: a stream does not tell how much it has received.
    return (stream.session?.socket.bytesRead ?? 0) + this.#passage.visit.bodyBytes - stream.writableLength
  }

  isWaitingForViewer(): boolean {
    const stream = this.#stream
    return stream.writableNeedDrain || (stream.readableFlowing === true && !stream.readableEnded)
  }

  giveUp(): void {
    this.end({ complete: false, failure: 'timeout', cause: 'the viewer neither read nor sent anything' })
    this.#stream.close(constants.NGHTTP2_CANCEL)
  }

  /** After the response, what is left of the request body is not wanted (RFC 9113 section 8.1). */
  #stopReading(): void {
    const stream = this.#stream
    if (this.#passage.visit.request.body.kind !== 'stream' || stream.readableEnded) return
    stream.on('finish', () => {
      if (!stream.readableEnded) stream.close(constants.NGHTTP2_NO_ERROR)
    })
  }
}

/** Response fields in the form `respond` takes: lower-case names, lists where a field repeats. */
function fieldsOf(response: EdgeResponse): Record<string, string | number | string[]> {
  const fields: Record<string, string | number | string[]> = Object.create(null)
  fields[':status'] = response.status
  const raw = response.headers.raw
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (CONNECTION_FIELDS.has(name)) continue
    const before = fields[name]
    if (before === undefined) fields[name] = raw[i + 1]!
    else if (Array.isArray(before)) before.push(raw[i + 1]!)
    else if (name === 'set-cookie') fields[name] = [String(before), raw[i + 1]!]
    else fields[name] = `${String(before)}, ${raw[i + 1]!}`
  }
  return fields
}

function ignoreError(): void {
  // A broken session or stream ends with its `close`, where it is accounted for.
}
