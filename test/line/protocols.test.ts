import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type ClientHttp2Session, connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { test } from 'node:test'
import { WebSocket, WebSocketServer } from 'ws'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { scriptOrigin } from '../support/scripted-origin.ts'
import { dial, runEdge, statusOf, talk } from '../support/running-edge.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
const passAll = { cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer', allowedMethods: 'all' }
const tls = { listeners: [{ port: 0, host: '127.0.0.1', tls: 'self-signed' }] }

async function over(session: ClientHttp2Session, headers: Record<string, string>, body?: string) {
  const stream = session.request(headers, { endStream: body === undefined })
  if (body !== undefined) stream.end(body)
  let text = ''
  stream.on('data', (chunk) => (text += chunk))
  const [fields] = (await once(stream, 'response')) as [Record<string, string>]
  await once(stream, 'end')
  return { status: Number(fields[':status']), fields, text }
}

for (const way of ['with prior knowledge', 'over TLS'] as const) {
  test(`HTTP/2 ${way}: requests, bodies, sizes and cookies`, async () => {
    await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
    await using edge = await runEdge(
      { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } },
      way === 'over TLS' ? { top: tls } : {},
    )
    const session = connectHttp2(edge.url, { rejectUnauthorized: false })
    const answer = await over(session, { ':path': '/a?b=c', cookie: 'a=1; b=2', 'x-one': '1' })
    assert.equal(answer.status, 200)
    assert.equal(answer.text, 'ok')
    assert.match(answer.fields['via']!, /^2\.0 /)
    assert.equal((await over(session, { ':path': '/', ':method': 'POST' }, 'hello')).status, 200)
    assert.equal((await over(session, { ':path': `/${'a'.repeat(8192)}` })).status, 414)
    assert.equal((await over(session, { ':path': '/', 'x-big': 'a'.repeat(33_000) })).status, 494)
    assert.equal((await over(session, { ':path': '/', ':method': 'BREW' })).status, 403)
    session.close()
    await once(session, 'close')
    const sent = origin.received.join('')
    assert.match(sent, /^GET \/a\?b=c HTTP\/1\.1\r\n/)
    assert.match(sent, /\r\nCookie: a=1; b=2\r\n/)
    assert.match(sent, /POST \/ HTTP\/1\.1/)
    assert.ok(sent.includes('hello'))
    const visits = await edge.ended(5)
    assert.deepEqual(
      visits.map((visit) => visit.status),
      [200, 200, 414, 494, 403],
    )
    assert.equal(visits[0]!.request.httpVersion, '2.0')
    assert.equal(visits[0]!.request.scheme, way === 'over TLS' ? 'https' : 'http')
  })
}

test('two hundred headers pass over HTTP/2', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
  })
  const session = connectHttp2(edge.url)
  const headers: Record<string, string> = { ':path': '/' }
  for (let i = 0; i < 200; i++) headers[`x-${i}`] = 'v'
  assert.equal((await over(session, headers)).status, 200)
  session.close()
})

test('malformed HTTP/2 frames end the connection and reach no origin', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
  })
  // A HEADERS frame on stream 0 is a connection error (RFC 9113 section 6.2).
  const frame = Buffer.from([0, 0, 1, 1, 5, 0, 0, 0, 0, 0x82]).toString('latin1')
  const settings = Buffer.from([0, 0, 0, 4, 0, 0, 0, 0, 0]).toString('latin1')
  await talk(edge.port, `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n${settings}${frame}`)
  assert.equal(origin.received.join(''), '')
  assert.equal((await fetch(edge.url)).status, 200)
})

test('TLS: the handshake is in the visit, JA3 and JA4 included, and a resumed session is told', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } },
    { top: tls },
  )
  let session: Buffer | undefined
  for (let i = 0; i < 2; i++) {
    const socket = connectTls({
      port: edge.port,
      host: '127.0.0.1',
      servername: 'shop.localhost',
      rejectUnauthorized: false,
      ...(session === undefined ? {} : { session }),
    })
    socket.on('session', (ticket) => (session = ticket))
    await once(socket, 'secureConnect')
    socket.write('GET / HTTP/1.1\r\nHost: shop.localhost\r\nConnection: close\r\n\r\n')
    socket.resume()
    await once(socket, 'close')
  }
  const [first, second] = await edge.ended(2)
  const facts = first!.request.connection.tls!
  assert.equal(facts.version, 'TLSv1.3')
  assert.equal(facts.sni, 'shop.localhost')
  assert.equal(facts.resumed, false)
  assert.match(facts.ja3!, /^[0-9a-f]{32}$/)
  assert.match(facts.ja4!, /^t13d\d{4}\w\w_[0-9a-f]{12}_[0-9a-f]{12}$/)
  assert.equal(second!.request.connection.tls!.resumed, true)
})

test('a plain request on an HTTPS port is answered 400 in plain words', async () => {
  await using edge = await runEdge(
    { origins: { o: { url: 'http://127.0.0.1:1' } }, defaultBehavior: { origin: 'o' } },
    { top: tls },
  )
  const response = await talk(edge.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.equal(statusOf(response), 400)
  assert.match(response, /plain HTTP request was sent to an HTTPS port/)
})

test('PROXY protocol v1 and v2 give the client its own address, and a connection without it is refused', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } },
    { top: { listeners: [{ port: 0, host: '127.0.0.1', proxyProtocol: true }] } },
  )
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'
  assert.equal(
    statusOf(await talk(edge.port, `PROXY TCP4 203.0.113.7 192.0.2.1 56324 443\r\n${request}`)),
    200,
  )
  const v2 = Buffer.concat([
    Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1'),
    Buffer.from([0x21, 0x11, 0, 12, 198, 51, 100, 9, 192, 0, 2, 1, 0x1f, 0x90, 0x01, 0xbb]),
  ])
  assert.equal(statusOf(await talk(edge.port, v2.toString('latin1') + request)), 200)
  assert.equal(await talk(edge.port, request), '')
  const visits = await edge.ended(2)
  assert.deepEqual(
    visits.map((visit) => visit.request.client),
    [
      { address: '203.0.113.7', port: 56324 },
      { address: '198.51.100.9', port: 8080 },
    ],
  )
  assert.match(origin.received.join(''), /X-Forwarded-For: 203\.0\.113\.7\r\n/)
})

test('behind a trusted proxy the client is the last untrusted address, and nobody else can claim one', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  const distribution = { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } }
  const request =
    'GET / HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 1.2.3.4, 203.0.113.7, 10.0.0.5\r\nConnection: close\r\n\r\n'
  {
    await using edge = await runEdge(distribution, { top: { trustedProxies: ['127.0.0.0/8', '10.0.0.0/8'] } })
    await talk(edge.port, request)
    assert.equal((await edge.ended(1))[0]!.request.client.address, '203.0.113.7')
  }
  await using edge = await runEdge(distribution)
  await talk(edge.port, request)
  assert.equal((await edge.ended(1))[0]!.request.client.address, '127.0.0.1')
})

test('a WebSocket passes through both ways, with its subprotocol, and is logged when it closes', async () => {
  const server = createServer()
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'chat' })
  sockets.on('connection', (socket, request) => {
    socket.send(request.url ?? '')
    socket.on('message', (data, isBinary) => socket.send(data, { binary: isBinary }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await using edge = await runEdge({
    origins: { o: { url } },
    defaultBehavior: { origin: 'o', ...passAll, stripPrefix: '/team' },
  })
  const client = new WebSocket(`ws://127.0.0.1:${edge.port}/team/echo`, 'chat')
  const messages: string[] = []
  const enough = Promise.withResolvers<void>()
  client.on('message', (data) => {
    messages.push(String(data))
    if (messages.length === 3) enough.resolve()
  })
  await once(client, 'open')
  client.send('one')
  client.send('x'.repeat(200_000))
  await enough.promise
  assert.deepEqual(
    messages.map((text) => text.slice(0, 5)),
    ['/echo', 'one', 'xxxxx'],
  )
  assert.equal(client.protocol, 'chat')
  client.close()
  await once(client, 'close')
  const [visit] = await edge.ended(1)
  assert.equal(visit!.status, 101)
  assert.equal(visit!.isTunnel, true)
  assert.ok(visit!.bodyBytes > 200_000)
  sockets.close()
  server.close()
})

test('a WebSocket that the origin refuses is an ordinary response', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnope'),
  )
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
  })
  const client = new WebSocket(`ws://127.0.0.1:${edge.port}/`)
  const [, response] = (await once(client, 'unexpected-response')) as [unknown, { statusCode: number }]
  assert.equal(response.statusCode, 404)
})

test('server-sent events arrive one by one, unbuffered', async () => {
  const sockets: { write(text: string): void }[] = []
  const asked = Promise.withResolvers<void>()
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n')
    sockets.push(socket)
    asked.resolve()
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
  })
  const viewer = await dial(edge.port)
  viewer.socket.write('GET / HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n')
  await viewer.until(/data: 1\n\n/)
  sockets[0]!.write('data: 2\n\n')
  await viewer.until(/data: 2\n\n/)
  viewer.socket.destroy()
})

test('HEAD passes its length and no body, and the connection goes on', async () => {
  await using origin = await scriptOrigin((head, socket) =>
    socket.write(head.startsWith('HEAD') ? 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n' : ok),
  )
  await using edge = await runEdge({ origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } })
  const response = await talk(
    edge.port,
    'HEAD / HTTP/1.1\r\nHost: x\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n',
  )
  assert.match(
    response,
    /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 500\r\n[^]*\r\n\r\nHTTP\/1\.1 200 OK\r\n/i,
  )
  assert.ok(response.endsWith('ok'))
})
