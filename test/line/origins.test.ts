import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { scriptOrigin } from '../support/scripted-origin.ts'
import { dial, runEdge, statusOf, talk } from '../support/running-edge.ts'

const passAll = { cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer', allowedMethods: 'all' }

/** What an origin does wrong, the status the viewer sees, and the detail in the log (fact sheet 7 and 20.1). */
const faults: {
  name: string
  sends: string
  closes?: boolean
  status: number
  fault: string
  detail: string
}[] = [
  {
    name: 'closes without an answer',
    sends: '',
    closes: true,
    status: 502,
    fault: 'OriginZeroSize',
    detail: 'OriginZeroSizeObjectError',
  },
  {
    name: 'answers rubbish',
    sends: 'lalala\r\n\r\n',
    status: 502,
    fault: 'OriginInvalidResponse',
    detail: 'OriginInvalidResponseError',
  },
  {
    name: 'breaks off inside its head',
    sends: 'HTTP/1.1 200 OK\r\nA: b',
    closes: true,
    status: 502,
    fault: 'OriginReadError',
    detail: 'OriginReadError',
  },
  {
    name: 'sends a head that is too large',
    sends: `HTTP/1.1 200 OK\r\nA: ${'b'.repeat(40_000)}\r\n\r\n`,
    status: 502,
    fault: 'OriginHeaderTooBig',
    detail: 'OriginHeaderTooBigError',
  },
]

for (const { name, sends, closes, status, fault, detail } of faults) {
  test(`an origin that ${name} is ${status} with ${detail}`, async () => {
    await using origin = await scriptOrigin((_head, socket) => {
      socket.write(sends)
      if (closes === true) socket.end()
    })
    await using edge = await runEdge({
      origins: { o: { url: origin.url } },
      defaultBehavior: { origin: 'o', ...passAll },
    })
    const response = await fetch(edge.url)
    assert.equal(response.status, status)
    assert.match(await response.text(), /The request could not be satisfied/)
    const [visit] = await edge.ended(1)
    assert.equal(visit!.fault, fault)
    assert.equal(visit!.detailedResultType, detail)
    assert.ok(visit!.cause!.length > 10)
  })
}

test('an origin that is down is 502, and one whose name does not resolve is 502 with another reason', async () => {
  await using edge = await runEdge({
    origins: { down: { url: 'http://127.0.0.1:1' }, nameless: { url: 'http://nowhere.invalid' } },
    defaultBehavior: { origin: 'down' },
    behaviors: [{ path: '/n', origin: 'nameless' }],
  })
  assert.equal((await fetch(edge.url)).status, 502)
  assert.equal((await fetch(`${edge.url}/n`)).status, 502)
  const visits = await edge.ended(2)
  assert.deepEqual(
    visits.map((visit) => visit.fault),
    ['OriginConnectError', 'OriginDnsError'],
  )
})

test('an origin that resets in the middle of its body cuts the response off, and the log says so', async () => {
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf')
    setImmediate(() => socket.resetAndDestroy())
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
  })
  const response = await talk(edge.port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.ok(statusOf(response) === 200 || statusOf(response) === 502)
  assert.ok(response.slice(response.indexOf('\r\n\r\n') + 4).length < 1000)
  const [visit] = await edge.ended(1)
  assert.equal(visit!.resultType, 'Error')
  assert.ok(
    ['AbortedOrigin', 'OriginReadError'].includes(visit!.detailedResultType),
    visit!.detailedResultType,
  )
})

test('a POST with a streamed body reaches the origin whole, and its answer comes back', async () => {
  const server = createServer((request, response) => {
    let bytes = 0
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', () =>
      response.end(`${bytes} ${request.headers['content-length'] ?? request.headers['transfer-encoding']}`),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  await using edge = await runEdge({ origins: { o: { url } }, defaultBehavior: { origin: 'o', ...passAll } })
  const body = Buffer.alloc(3_000_000, 'x')
  assert.equal(await (await fetch(edge.url, { method: 'POST', body })).text(), '3000000 3000000')
  const stream = new Blob([body]).stream()
  const chunked = await fetch(edge.url, { method: 'PUT', body: stream, duplex: 'half' } as RequestInit)
  assert.equal(await chunked.text(), '3000000 chunked')
  server.close()
  server.closeAllConnections()
})

test('Expect: 100-continue is answered when the origin wants the body, and a refused body is never asked for', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
    behaviors: [{ path: '/read-only', origin: 'o' }],
  })
  const head = 'Host: x\r\nContent-Length: 3\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n'
  const viewer = await dial(edge.port)
  viewer.socket.write(`POST / HTTP/1.1\r\n${head}`)
  await viewer.until(/^HTTP\/1\.1 100 Continue\r\n\r\n/)
  viewer.socket.write('abc')
  await viewer.until(/HTTP\/1\.1 200 OK/)
  assert.ok(!/expect/i.test(origin.received[0]!))
  const refused = await talk(edge.port, `POST /read-only HTTP/1.1\r\n${head}`)
  assert.match(refused, /^HTTP\/1\.1 403 /)
})

test('a viewer that goes away aborts the origin request', async () => {
  const asked = Promise.withResolvers<void>()
  const closed = Promise.withResolvers<void>()
  await using origin = await scriptOrigin((_head, socket) => {
    socket.on('close', () => closed.resolve())
    asked.resolve()
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', ...passAll },
  })
  const viewer = await dial(edge.port)
  viewer.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await asked.promise
  viewer.socket.destroy()
  await closed.promise
  const [visit] = await edge.ended(1)
  assert.equal(visit!.status, 0)
})

test('failover: the second origin is asked on a listed status, for GET only, and on a refused connection when 503 is listed', async () => {
  await using broken = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 500 Broken\r\nContent-Length: 6\r\n\r\nbroken'),
  )
  await using spare = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nspare'),
  )
  await using edge = await runEdge({
    origins: {
      broken: { url: broken.url },
      spare: { url: spare.url },
      down: { url: 'http://127.0.0.1:1', connectionAttempts: 1 },
    },
    originGroups: {
      g500: { primary: 'broken', fallback: 'spare', failoverStatuses: [500] },
      g503: { primary: 'down', fallback: 'spare', failoverStatuses: [503] },
      g404: { primary: 'down', fallback: 'spare', failoverStatuses: [404] },
    },
    defaultBehavior: { origin: 'g500', ...passAll },
    behaviors: [
      { path: '/503', origin: 'g503', ...passAll },
      { path: '/404', origin: 'g404', ...passAll },
    ],
  })
  assert.equal(await (await fetch(edge.url)).text(), 'spare')
  assert.equal((await fetch(edge.url, { method: 'POST', body: 'a' })).status, 500)
  assert.equal(await (await fetch(`${edge.url}/503`)).text(), 'spare')
  assert.equal((await fetch(`${edge.url}/404`)).status, 502)
  const [first] = await edge.ended(4)
  assert.deepEqual(
    first!.origins.map((visit) => visit.origin),
    ['broken', 'spare'],
  )
})

test('headers to the origin follow the policies: defaults, AllViewer, and custom headers that override', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  await using edge = await runEdge({
    origins: { o: { url: origin.url, customHeaders: { 'X-Key': 'edge' } } },
    defaultBehavior: { origin: 'o' },
    behaviors: [
      { path: '/all', origin: 'o', cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' },
    ],
  })
  const lines =
    'Host: shop.example\r\nUser-Agent: test\r\nX-Key: viewer\r\nX-Other: 1\r\nReferer: r\r\nAuthorization: Basic a\r\nCookie: b=2; a=1\r\nX-Edge-Thing: 1\r\nTE: trailers\r\nConnection: close, X-Named\r\nX-Named: 1\r\nAccept-Encoding: br, gzip\r\n\r\n'
  await talk(edge.port, `GET /?x=1 HTTP/1.1\r\n${lines}`)
  await talk(edge.port, `GET /all?x=1 HTTP/1.1\r\n${lines}`)
  const [byDefault, all] = origin.received.join('').split('\r\n\r\n')
  assert.match(byDefault!, /^GET \/ HTTP\/1\.1\r\nHost: 127\.0\.0\.1:\d+\r\n/)
  assert.match(byDefault!, /\r\nUser-Agent: edgeward\r\n/)
  assert.match(byDefault!, /\r\nAccept-Encoding: br,gzip\r\n/)
  assert.match(byDefault!, /\r\nX-Forwarded-For: 127\.0\.0\.1\r\n/)
  assert.match(byDefault!, /\r\nX-Key: edge(\r\n|$)/)
  for (const name of ['X-Other', 'Referer', 'Authorization', 'Cookie', 'X-Edge-Thing', 'TE', 'X-Named']) {
    assert.ok(!new RegExp(`\\r\\n${name}:`, 'i').test(byDefault!), name)
  }
  assert.match(all!, /GET \/all\?x=1 HTTP\/1\.1\r\nHost: shop\.example\r\n/)
  assert.match(all!, /\r\nUser-Agent: test\r\n/)
  assert.match(all!, /\r\nCookie: a=1; b=2\r\n/)
  for (const name of ['X-Other', 'Referer', 'Authorization'])
    assert.ok(new RegExp(`\\r\\n${name}:`).test(all!), name)
  for (const name of ['X-Edge-Thing', 'TE', 'X-Named'])
    assert.ok(!new RegExp(`\\r\\n${name}:`, 'i').test(all!), name)
  assert.equal(all!.match(/X-Key/g)!.length, 1)
})
