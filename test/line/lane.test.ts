import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { test } from 'node:test'
import { gzipSync } from 'node:zlib'
import type { Visit } from '../../src/visit.ts'
import { dial, runEdge, type RunningEdge } from '../support/running-edge.ts'
import { scriptOrigin, type ScriptedOrigin } from '../support/scripted-origin.ts'

/*
 * The same bytes to an edge with the lane and to one without: what comes back, what the origin is asked and what the
 * visit says must be the same, but for what is different with every request anyway.
 */

type Json = { readonly [key: string]: unknown }

const WAYS = [true, false] as const
const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: shop.example\r\n${lines}\r\n`
const passAll = { cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer', allowedMethods: 'all' }
const LARGE = Buffer.from(`${'abcdefghij'.repeat(20_000)}.`)

/** What the origin answers, by path. */
const answers: Readonly<Record<string, string | Buffer>> = {
  '/text': 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\nETag: "a"\r\n\r\nok',
  '/chunked': 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n',
  '/empty': 'HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n',
  '/none': 'HTTP/1.1 204 No Content\r\nX-One: 1\r\n\r\n',
  '/unchanged': 'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n',
  '/missing': 'HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope',
  '/twice': 'HTTP/1.1 200 OK\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nContent-Length: 1\r\n\r\nx',
  '/closing': 'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok',
  '/until-close': 'HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nhello',
  '/gzip': Buffer.concat([
    Buffer.from('HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 25\r\n\r\n'),
    gzipSync('hello'),
  ]),
  '/large': Buffer.concat([Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${LARGE.length}\r\n\r\n`), LARGE]),
  '/rubbish': 'rubbish\r\n\r\n',
  '/broken': 'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc',
}

/** What an origin still has to send of a stream: it waits until the viewer has its beginning. */
interface Unfinished {
  finish: (() => void) | undefined
}

function openOrigin(unfinished: Unfinished = { finish: undefined }): Promise<ScriptedOrigin> {
  return scriptOrigin((head, socket) => {
    const path = head.split(' ')[1]!.split('?')[0]!
    const bytes = Buffer.from(answers[path] ?? answers['/text']!)
    if (head.startsWith('HEAD')) {
      socket.write(bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4))
      return
    }
    socket.write(bytes)
    if (path === '/chunked') unfinished.finish = () => socket.write('6\r\n world\r\n0\r\n\r\n')
    else if (path === '/until-close' || path === '/broken') unfinished.finish = () => socket.end()
  })
}

const distributionFor = (origin: string) => ({
  origins: { o: { url: origin } },
  behaviors: [
    { path: '/moved/*', origin: 'o', redirect: { to: '/text', status: 301 } },
    { path: '/stripped/*', origin: 'o', ...passAll, stripPrefix: '/stripped' },
    { path: '/secure', origin: 'o', viewerProtocolPolicy: 'https-only' },
    { path: '/policy', origin: 'o', ...passAll, responseHeadersPolicy: 'SecurityHeadersPolicy' },
    { path: '/hidden/*', origin: 'o', allowedMethods: ['GET', 'HEAD'] },
  ],
  defaultBehavior: { origin: 'o', ...passAll },
  customErrorResponses: [{ errorCode: 404, responsePagePath: '/text', responseCode: 404 }],
})

/** What is not the same twice: request ids, times, and the port of the viewer. */
function masked(text: string): string {
  return text
    .replaceAll(/[\w-]{54}==/g, '<id>')
    .replaceAll(/^(Date: ).*$/gm, '$1<date>')
    .replaceAll(/^(Host: 127\.0\.0\.1:).*$/gm, '$1<port>')
}

/** What the visit says of request and response, without times and ids. */
function told(visit: Visit) {
  const { request } = visit
  return {
    method: request.method,
    path: request.path,
    query: request.query,
    httpVersion: request.httpVersion,
    scheme: request.scheme,
    host: request.host,
    headers: request.headers.raw,
    body: request.body.kind,
    client: request.client.address,
    remote: request.connection.remote.address,
    tls: request.connection.tls?.version,
    headBytes: request.headBytes,
    behavior: visit.behavior,
    exit: visit.exit,
    results: [visit.resultType, visit.responseResultType, visit.detailedResultType],
    fault: visit.fault,
    status: visit.status,
    headerBytes: visit.headerBytes,
    bodyBytes: visit.bodyBytes,
    fields: [...(visit.responseHeaders ?? [])].map((field) => masked(field.join(': '))),
  }
}

interface Exchange {
  readonly name: string
  readonly sends: string
  /** Sent once `sends` has been answered. Broken bytes right behind a request would cut off its answer on one of the ways. */
  readonly sendsThen?: string
  /** Resolves the exchange: the end of what comes back. Left out: the edge closes by itself. */
  readonly until?: RegExp
  readonly requests: number
}

const exchanges: readonly Exchange[] = [
  { name: 'a response', sends: get('/text?a=1&b'), until: /ok$/, requests: 1 },
  {
    name: 'fields of a browser',
    sends: get('/text', 'User-Agent: A/1 (b; c)\r\nAccept: */*;q=0.8\r\nCookie: a=1; b=2\r\nX-Empty:\r\n'),
    until: /ok$/,
    requests: 1,
  },
  { name: 'chunks', sends: get('/chunked'), until: /\r\n0\r\n\r\n$/, requests: 1 },
  { name: 'an empty body', sends: get('/empty'), until: /\r\n\r\n$/, requests: 1 },
  { name: '204', sends: get('/none'), until: /\r\n\r\n$/, requests: 1 },
  { name: '304', sends: get('/unchanged', 'If-None-Match: "a"\r\n'), until: /\r\n\r\n$/, requests: 1 },
  { name: 'a custom error page', sends: get('/missing'), until: /ok$/, requests: 1 },
  { name: 'fields that come twice', sends: get('/twice'), until: /x$/, requests: 1 },
  { name: 'an origin that closes', sends: get('/closing'), until: /ok$/, requests: 1 },
  { name: 'a body until the close', sends: get('/until-close'), until: /0\r\n\r\n$/, requests: 1 },
  {
    name: 'a compressed body',
    sends: get('/gzip', 'Accept-Encoding: gzip\r\n'),
    until: /hello|\0$/,
    requests: 1,
  },
  { name: 'a large body', sends: get('/large'), until: /j\.$/, requests: 1 },
  { name: 'an origin that talks rubbish', sends: get('/rubbish'), until: /<\/HTML>\s*$/i, requests: 1 },
  { name: 'a body that breaks off', sends: get('/broken'), requests: 1 },
  { name: 'a redirect', sends: get('/moved/x'), until: /\r\n\r\n[^]*$/, requests: 1 },
  { name: 'a stripped prefix', sends: get('/stripped/text'), until: /ok$/, requests: 1 },
  { name: 'a refusal', sends: get('/secure'), until: /<\/HTML>\s*$|ok$/i, requests: 1 },
  { name: 'a headers policy', sends: get('/policy'), until: /ok$/, requests: 1 },
  { name: 'HEAD', sends: get('/text').replace('GET', 'HEAD'), until: /\r\n\r\n$/, requests: 1 },
  { name: 'HEAD of chunks', sends: get('/chunked').replace('GET', 'HEAD'), until: /\r\n\r\n$/, requests: 1 },
  {
    name: 'a claimed address',
    sends: get('/text', 'X-Forwarded-For: 1.2.3.4, 203.0.113.7\r\n'),
    until: /ok$/,
    requests: 1,
  },
  {
    name: 'pipelined requests',
    sends:
      get('/chunked') + get('/large') + get('/text').replace('GET', 'HEAD') + get('/missing') + get('/twice'),
    until: /x$/,
    requests: 5,
  },
  {
    name: 'requests that leave the lane',
    sends:
      get('/text') +
      'POST /text HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 3\r\n\r\nabc' +
      get('/text') +
      get('/twice', 'Connection: close\r\n'),
    requests: 4,
  },
  { name: 'HTTP/1.0', sends: 'GET /text HTTP/1.0\r\nHost: shop.example\r\n\r\n', requests: 1 },
  {
    name: 'HTTP/1.0 that stays open',
    sends: 'GET /text HTTP/1.0\r\nConnection: keep-alive\r\n\r\n',
    until: /ok$/,
    requests: 1,
  },
  { name: 'no Host', sends: get('/text'), sendsThen: 'GET / HTTP/1.1\r\n\r\n', requests: 2 },
  { name: 'a doubled Host', sends: get('/text'), sendsThen: get('/text', 'Host: other\r\n'), requests: 2 },
  {
    name: 'a verb nobody knows',
    sends: get('/text'),
    sendsThen: 'BREW /pot HTTP/1.1\r\nHost: a\r\n\r\n',
    requests: 2,
  },
  { name: 'bare LFs', sends: 'GET / HTTP/1.1\nHost: example.org\n\n', requests: 1 },
  { name: 'GET with a body', sends: get('/hidden/x', 'Content-Length: 3\r\n') + 'abc', requests: 1 },
  { name: 'a long URL', sends: get(`/${'a'.repeat(8191)}`), until: /ok$/, requests: 1 },
  { name: 'a URL that is too long', sends: get(`/${'a'.repeat(8192)}`), requests: 1 },
  { name: 'a head that is too long', sends: get('/text', `X: ${'a'.repeat(32_768)}\r\n`), requests: 1 },
]

const PORTS: readonly {
  readonly name: string
  readonly listener: Json
  readonly top?: Json
  readonly before?: string
}[] = [
  { name: 'in plaintext', listener: {} },
  { name: 'over TLS', listener: { tls: 'self-signed' } },
  {
    name: 'behind a PROXY header',
    listener: { proxyProtocol: true },
    before: 'PROXY TCP4 203.0.113.9 192.0.2.1 56324 443\r\n',
  },
  { name: 'behind a trusted proxy', listener: {}, top: { trustedProxies: ['127.0.0.0/8', '203.0.113.7'] } },
]

async function connectTo(port: number, isTls: boolean): Promise<Socket> {
  const socket = isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false, servername: 'shop.localhost' })
    : connect(port, '127.0.0.1')
  socket.on('error', () => socket.destroy())
  await once(socket, isTls ? 'secureConnect' : 'connect')
  return socket
}

/** Sends, and gives everything that comes back; the connection is closed when all is there. */
async function exchange(
  edge: RunningEdge,
  isTls: boolean,
  unfinished: Unfinished,
  { before = '', sends, sendsThen, until }: Exchange & { readonly before?: string },
): Promise<string> {
  const socket = await connectTo(edge.port, isTls)
  const pieces: Buffer[] = []
  let hasSentAll = sendsThen === undefined
  const closed = once(socket, 'close')
  socket.on('data', (piece: Buffer) => {
    pieces.push(piece)
    unfinished.finish?.()
    unfinished.finish = undefined
    if (!hasSentAll && endOf(pieces).endsWith('ok')) {
      hasSentAll = true
      socket.write(sendsThen!, 'latin1')
    }
    if (until?.test(endOf(pieces)) === true) socket.end()
  })
  socket.write(before + sends, 'latin1')
  await closed
  return Buffer.concat(pieces).toString('latin1')
}

/** The last bytes received, enough for a pattern that looks for the end. */
function endOf(pieces: readonly Buffer[]): string {
  let end = ''
  for (let i = pieces.length - 1; i >= 0 && end.length < 100; i--)
    end = pieces[i]!.toString('latin1').slice(-100) + end
  return end
}

for (const { name: where, listener, top = {}, before = '' } of PORTS) {
  test(`with and without the lane viewers, origins and logs get the same ${where}`, async () => {
    const isTls = listener['tls'] !== undefined
    const results = []
    for (const fastLane of WAYS) {
      const unfinished: Unfinished = { finish: undefined }
      await using origin = await openOrigin(unfinished)
      await using edge = await runEdge(distributionFor(origin.url), {
        top: { ...top, listeners: [{ port: 0, host: '127.0.0.1', ...listener, fastLane }] },
      })
      const seen = []
      let count = 0
      for (const each of exchanges) {
        const { name, requests } = each
        const askedBefore = origin.received.map((text) => text.length)
        const received = masked(await exchange(edge, isTls, unfinished, { ...each, before }))
        const visits = (await edge.ended(count + requests)).slice(count)
        count += requests
        assert.equal(visits.length, requests, name)
        const sent = masked(origin.received.map((text, i) => text.slice(askedBefore[i] ?? 0)).join(''))
        // `node:http` gives the line all pipelined requests at once, the lane one after the other.
        const asked = sent.split(/(?=(?:GET|HEAD|POST) \/)/).sort()
        seen.push({ name, received, asked, visits: visits.map(told) })
      }
      results.push(seen)
    }
    const [withLane, without] = results
    for (const [i, { name }] of exchanges.entries()) assert.deepEqual(withLane![i], without![i], name)
  })
}

test('plain requests stay in the lane, others leave it, and the option switches it off', async () => {
  await using origin = await openOrigin()
  for (const listener of [{}, { tls: 'self-signed' }]) {
    for (const fastLane of WAYS) {
      await using edge = await runEdge(distributionFor(origin.url), {
        top: { listeners: [{ port: 0, host: '127.0.0.1', ...listener, fastLane }] },
      })
      const socket = await connectTo(edge.port, 'tls' in listener)
      const inLane = () => Number(/^edgeward_lane_connections (\d+)$/m.exec(edge.edge.metricsText())![1])
      socket.write(get('/text'))
      await once(socket, 'data')
      assert.equal(inLane(), fastLane ? 1 : 0)
      socket.write('OPTIONS /text HTTP/1.1\r\nHost: shop.example\r\n\r\n')
      await once(socket, 'data')
      assert.equal(inLane(), 0)
      socket.destroy()
    }
  }
})

for (const fastLane of WAYS) {
  const way = fastLane ? 'in the lane' : 'without a lane'
  const listeners = [{ port: 0, host: '127.0.0.1', fastLane }]

  test(`a connection on which nothing is asked any more is closed in time ${way}`, async () => {
    await using origin = await openOrigin()
    await using edge = await runEdge(distributionFor(origin.url), {
      top: { listeners, limits: { keepAliveTimeoutMs: 50 } },
    })
    const viewer = await dial(edge.port)
    viewer.socket.write(get('/text'))
    await viewer.until(/ok$/)
    await once(viewer.socket, 'close')
    assert.doesNotMatch(viewer.text(), /Connection: close|408/)
  })

  test(`a head that comes too slowly behind a request is 408 ${way}`, async () => {
    await using origin = await openOrigin()
    await using edge = await runEdge(distributionFor(origin.url), {
      top: { listeners, limits: { headTimeoutMs: 200 } },
    })
    const viewer = await dial(edge.port)
    viewer.socket.write(`${get('/text')}GET /never HTTP/1.1\r\n`)
    await viewer.until(/okHTTP\/1\.1 408 /)
    await once(viewer.socket, 'close')
    assert.deepEqual(
      (await edge.ended(2)).map(({ status }) => status),
      [200, 408],
    )
  })

  test(`connections beyond the limit are not taken ${way}`, async () => {
    await using origin = await openOrigin()
    await using edge = await runEdge(distributionFor(origin.url), {
      top: { listeners, limits: { maxConnections: 2 } },
    })
    const kept = [await dial(edge.port), await dial(edge.port)]
    for (const viewer of kept) {
      viewer.socket.write(get('/text'))
      await viewer.until(/ok$/)
    }
    const extra = connect(edge.port, '127.0.0.1')
    extra.on('error', () => extra.destroy())
    await once(extra, 'close')
    // One that leaves makes room again.
    kept[0]!.socket.destroy()
    await once(kept[0]!.socket, 'close')
    await freed(edge, 1)
    const next = await dial(edge.port)
    next.socket.write(get('/text'))
    await next.until(/ok$/)
  })

  test(`a drain lets what is asked be answered, and closes the rest ${way}`, async () => {
    const asked = Promise.withResolvers<Socket>()
    await using origin = await scriptOrigin((head, socket) => {
      if (head.startsWith('GET /slow')) asked.resolve(socket)
      else socket.write(answers['/text']!)
    })
    await using edge = await runEdge(distributionFor(origin.url), { top: { listeners } })
    const [idle, half, busy] = [await dial(edge.port), await dial(edge.port), await dial(edge.port)]
    idle.socket.write(get('/text'))
    await idle.until(/ok$/)
    busy.socket.write(get('/slow'))
    const socket = await asked.promise
    const closed = once(idle.socket, 'close')
    const stopped = edge.edge.stop()
    await closed
    socket.write(answers['/text']!)
    await busy.until(/Connection: close\r\n[^]*ok$/)
    await once(busy.socket, 'close')
    assert.deepEqual(await stopped, { cut: 0 })
    assert.equal(half.text(), '')
  })

  test(`a viewer that goes away takes the origin request with it ${way}`, async () => {
    const asked = Promise.withResolvers<Socket>()
    await using origin = await scriptOrigin((_head, socket) => asked.resolve(socket))
    await using edge = await runEdge(distributionFor(origin.url), { top: { listeners } })
    const viewer = await dial(edge.port)
    viewer.socket.write(get('/slow'))
    const socket = await asked.promise
    viewer.socket.resetAndDestroy()
    if (!socket.destroyed) await once(socket, 'close')
    const [visit] = await edge.ended(1)
    assert.deepEqual([visit!.status, visit!.detailedResultType], [0, 'ClientHungUpRequest'])
  })

  test(`a viewer that does not read holds its origin back and is given up ${way}`, async () => {
    let written = 0
    await using origin = await scriptOrigin((_head, socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 << 20}\r\n\r\n`)
      const more = () => {
        while (written < 64 << 20) {
          written += 65_536
          if (!socket.write(Buffer.alloc(65_536))) return
        }
      }
      socket.on('drain', more)
      more()
    })
    await using edge = await runEdge(distributionFor(origin.url), {
      top: { listeners, limits: { bodyIdleTimeoutMs: 300 } },
    })
    const viewer = connect(edge.port, '127.0.0.1')
    viewer.on('error', () => viewer.destroy())
    viewer.pause()
    viewer.write(get('/slow'))
    const [visit] = await edge.ended(1)
    assert.equal(visit!.detailedResultType, 'ClientCommError')
    assert.ok(written < 48 << 20, `${written} bytes were asked of the origin`)
    viewer.destroy()
  })
}

/** Resolves when the edge has no more connections than that. */
async function freed(edge: RunningEdge, connections: number): Promise<void> {
  while (edge.edge.listeners[0]!.connections() > connections) await new Promise(setImmediate)
}
