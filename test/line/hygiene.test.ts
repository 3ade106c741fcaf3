import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import { runEdge, statusOf, talk } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const HOST = 'Host: example.org\r\n'

/**
 * What a viewer sends, what is answered. Unless `reaches` is set, the origin must have seen nothing and the
 * connection is closed. RFC 9112 sections 2.2, 3, 5 and 6; CloudFront's limits are DG:cloudfront-limits.
 */
const cases: {
  name: string
  sends: string
  status: number
  reaches?: boolean
  top?: { [key: string]: unknown }
}[] = [
  {
    name: 'an ordinary request',
    sends: `GET / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    status: 200,
    reaches: true,
  },
  { name: 'HTTP/1.0 without Host', sends: 'GET / HTTP/1.0\r\n\r\n', status: 200, reaches: true },
  {
    name: 'an absolute-form target that agrees with Host',
    sends: `GET http://example.org/a HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    status: 200,
    reaches: true,
  },
  {
    name: 'two different Content-Lengths',
    sends: `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd`,
    status: 400,
  },
  {
    name: 'the same Content-Length twice',
    sends: `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc`,
    status: 400,
  },
  {
    name: 'Content-Length and Transfer-Encoding',
    sends: `POST / HTTP/1.1\r\n${HOST}Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'Transfer-Encoding and Content-Length',
    sends: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'two Transfer-Encodings',
    sends: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'a transfer coding that is not chunked',
    sends: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: gzip\r\n\r\nabc`,
    status: 400,
  },
  {
    name: 'a transfer coding with chunked inside',
    sends: `POST / HTTP/1.1\r\n${HOST}Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'HTTP/1.0 with chunks',
    sends: `POST / HTTP/1.0\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n`,
    status: 400,
  },
  {
    name: 'a Content-Length that is not a number',
    sends: `POST / HTTP/1.1\r\n${HOST}Content-Length: 3x\r\n\r\nabc`,
    status: 400,
  },
  {
    name: 'a Content-Length with a sign',
    sends: `POST / HTTP/1.1\r\n${HOST}Content-Length: +3\r\n\r\nabc`,
    status: 400,
  },
  { name: 'a bare LF after a field', sends: `GET / HTTP/1.1\r\n${HOST}X: a\nY: b\r\n\r\n`, status: 400 },
  { name: 'bare LFs throughout', sends: 'GET / HTTP/1.1\nHost: example.org\n\n', status: 400 },
  { name: 'a NUL in a value', sends: `GET / HTTP/1.1\r\n${HOST}X: a\0b\r\n\r\n`, status: 400 },
  { name: 'a CR in a value', sends: `GET / HTTP/1.1\r\n${HOST}X: a\rb\r\n\r\n`, status: 400 },
  { name: 'a space before the colon', sends: `GET / HTTP/1.1\r\n${HOST}X : a\r\n\r\n`, status: 400 },
  { name: 'a folded field', sends: `GET / HTTP/1.1\r\n${HOST}X: a\r\n b\r\n\r\n`, status: 400 },
  { name: 'a space before the first field', sends: `GET / HTTP/1.1\r\n ${HOST}\r\n`, status: 400 },
  { name: 'a field without a name', sends: `GET / HTTP/1.1\r\n${HOST}: a\r\n\r\n`, status: 400 },
  { name: 'no Host', sends: 'GET / HTTP/1.1\r\n\r\n', status: 400 },
  { name: 'two Hosts', sends: `GET / HTTP/1.1\r\n${HOST}Host: example.com\r\n\r\n`, status: 400 },
  { name: 'the same Host twice', sends: `GET / HTTP/1.1\r\n${HOST}${HOST}\r\n`, status: 400 },
  { name: 'an empty Host', sends: 'GET / HTTP/1.1\r\nHost:\r\n\r\n', status: 400 },
  { name: 'a Host with a path', sends: 'GET / HTTP/1.1\r\nHost: example.org/evil\r\n\r\n', status: 400 },
  { name: 'a Host with a user', sends: 'GET / HTTP/1.1\r\nHost: user@example.org\r\n\r\n', status: 400 },
  { name: 'a Host with a space', sends: 'GET / HTTP/1.1\r\nHost: example.org evil\r\n\r\n', status: 400 },
  {
    name: 'an absolute-form target with another host',
    sends: `GET http://evil.example/ HTTP/1.1\r\n${HOST}\r\n`,
    status: 400,
  },
  { name: 'HTTP/2.0 in words', sends: `GET / HTTP/2.0\r\n${HOST}\r\n`, status: 400 },
  { name: 'HTTP/1.2', sends: `GET / HTTP/1.2\r\n${HOST}\r\n`, status: 400 },
  { name: 'HTTP/0.9', sends: 'GET /\r\n\r\n', status: 400 },
  { name: 'no version', sends: `GET / HTTP\r\n${HOST}\r\n`, status: 400 },
  { name: 'a lower-case protocol', sends: `GET / http/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'a target with a space', sends: `GET /a b HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'a target without a slash', sends: `GET a HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'a target with a fragment', sends: `GET /a#b HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'a target with a control character', sends: `GET /a\x01 HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'a target with raw bytes beyond ASCII', sends: `GET /\xe9 HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'OPTIONS *', sends: `OPTIONS * HTTP/1.1\r\n${HOST}\r\n`, status: 400 },
  { name: 'rubbish', sends: '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', status: 400 },
  { name: 'a mail conversation', sends: 'EHLO example.org\r\n\r\n', status: 400 },
  { name: 'a well-formed unknown verb', sends: `BREW /pot HTTP/1.1\r\n${HOST}\r\n`, status: 403 },
  {
    name: 'a known verb no distribution allows',
    sends: `PROPFIND / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    status: 403,
  },
  { name: 'TRACE', sends: `TRACE / HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`, status: 403 },
  { name: 'CONNECT', sends: `CONNECT example.org:443 HTTP/1.1\r\n${HOST}\r\n`, status: 403 },
  { name: 'GET with a body', sends: `GET / HTTP/1.1\r\n${HOST}Content-Length: 3\r\n\r\nabc`, status: 403 },
  {
    name: 'a URL of 8,192 bytes',
    sends: `GET /${'a'.repeat(8191)} HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
    status: 200,
    reaches: true,
  },
  { name: 'a URL of 8,193 bytes', sends: `GET /${'a'.repeat(8192)} HTTP/1.1\r\n${HOST}\r\n`, status: 414 },
  {
    name: 'a URL of 100,000 bytes',
    sends: `GET /${'a'.repeat(100_000)} HTTP/1.1\r\n${HOST}\r\n`,
    status: 414,
  },
  {
    name: 'a head of more than 32,768 bytes',
    sends: `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(32_768)}\r\n\r\n`,
    status: 494,
  },
  {
    name: 'a head of 100,000 bytes',
    sends: `GET / HTTP/1.1\r\n${HOST}X: ${'a'.repeat(100_000)}\r\n\r\n`,
    status: 494,
  },
  {
    name: '5,000 small headers',
    sends: `GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(5000)}Connection: close\r\n\r\n`,
    status: 200,
    reaches: true,
  },
  {
    name: '10,000 small headers',
    sends: `GET / HTTP/1.1\r\n${HOST}${'A: b\r\n'.repeat(10_000)}\r\n`,
    status: 494,
  },
  {
    name: 'a body longer than the edge accepts',
    sends: `POST / HTTP/1.1\r\n${HOST}Content-Length: 2000\r\n\r\n`,
    status: 413,
    top: { limits: { maxBodyBytes: 1000 } },
  },
]

const both = cases.flatMap((each) => [
  { ...each, fastLane: true },
  { ...each, fastLane: false },
])

for (const { name, sends, status, reaches, top, fastLane } of both) {
  const way = fastLane ? '' : 'without the lane '
  test(`${way}${name} is answered ${status}${reaches === true ? '' : ' and the origin sees nothing'}`, async () => {
    await using origin = await scriptOrigin((_head, socket) =>
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
    )
    await using edge = await runEdge(
      {
        origins: { o: { url: origin.url } },
        defaultBehavior: { origin: 'o', allowedMethods: 'all', cachePolicy: 'CachingDisabled' },
      },
      { top: { listeners: [{ port: 0, host: '127.0.0.1', fastLane }], ...top } },
    )
    const response = await talk(edge.port, sends)
    assert.equal(statusOf(response), status, response.slice(0, 300))
    assert.equal(origin.received.join('') !== '', reaches === true)
    if (status >= 400) assert.match(response, /\r\nX-Amz-Cf-Id: [\w-]{54}==\r\n/i)
    const [visit] = await edge.ended(1)
    assert.equal(visit!.status, status)
  })
}

test('a body whose framing breaks later ends the origin request, and no second request is found in it', async () => {
  await using origin = await scriptOrigin(() => {})
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', allowedMethods: 'all', cachePolicy: 'CachingDisabled' },
  })
  const response = await talk(edge.port, [
    `POST /upload HTTP/1.1\r\n${HOST}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`,
    'zz\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n',
  ])
  assert.ok(statusOf(response) === 400 || response === '', response)
  const [visit] = await edge.ended(1)
  assert.equal(visit!.fault, 'ClientCommError')
  assert.ok(!origin.received.join('').includes('smuggled'))
  for (const socket of origin.sockets) if (!socket.destroyed) await once(socket, 'close')
})

test('pipelined requests are answered in order', async () => {
  await using origin = await scriptOrigin((head, socket) => {
    const path = head.split(' ')[1]!
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`)
  })
  await using edge = await runEdge({ origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } })
  const response = await talk(
    edge.port,
    `GET /one HTTP/1.1\r\n${HOST}\r\nGET /two HTTP/1.1\r\n${HOST}\r\nGET /three HTTP/1.1\r\n${HOST}Connection: close\r\n\r\n`,
  )
  assert.deepEqual(response.match(/\/(one|two|three)/g), ['/one', '/two', '/three'])
})

test('a viewer that closes its sending side after the request still gets its answer', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'),
  )
  await using edge = await runEdge({ origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } })
  // Interim responses may come first: they tell whether the viewer is still there.
  assert.match(
    await talk(edge.port, `GET / HTTP/1.1\r\n${HOST}\r\n`, { halfClose: true }),
    /^(?:HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200 OK\r\n/,
  )
})
