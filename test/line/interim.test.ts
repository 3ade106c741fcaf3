import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect as connectHttp2, type IncomingHttpHeaders } from 'node:http2'
import { test } from 'node:test'
import { dial, runEdge } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const hints =
  'HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\nConnection: x-own\r\nX-Any: 1\r\n\r\n'
const final = 'HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 2\r\n\r\nok'

function site(url: string, cacheProfile: string) {
  return { origins: { o: { url } }, defaultBehavior: { origin: 'o', cacheProfile } }
}

for (const way of ['fast lane', 'node:http'] as const) {
  test(`interim responses of an origin reach the viewer in the rfc profile (${way}), and only the final one is kept`, async () => {
    await using origin = await scriptOrigin((_head, socket) => {
      socket.write(`HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n${hints}`)
      setImmediate(() => socket.write(final))
    })
    await using edge = await runEdge(site(origin.url, 'rfc'))
    const viewer = await dial(edge.port)
    const request = `GET / HTTP/1.1\r\nHost: x\r\n${way === 'node:http' ? 'Connection: x-own\r\n' : ''}\r\n`
    viewer.socket.write(request)
    const text = await viewer.until(/\r\n\r\nok$/)
    assert.match(
      text,
      /HTTP\/1\.1 102 Processing\r\n\r\nHTTP\/1\.1 103 Early Hints\r\nLink: <\/a\.css>; rel=preload\r\nX-Any: 1\r\n\r\nHTTP\/1\.1 200 OK\r\n/,
    )
    viewer.socket.write(request)
    const again = (await viewer.until(/\r\n\r\nok[^]*\r\n\r\nok$/)).slice(text.length)
    assert.match(again, /X-Cache: Hit/)
    assert.doesNotMatch(again, /103/)
    viewer.socket.destroy()
  })
}

test('the cloudfront profile drops interim responses', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(hints + final))
  await using edge = await runEdge(site(origin.url, 'cloudfront'))
  const viewer = await dial(edge.port)
  viewer.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  assert.match(await viewer.until(/\r\n\r\nok$/), /^HTTP\/1\.1 200/)
  viewer.socket.destroy()
})

test('interim responses over HTTP/2', async () => {
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write(hints)
    setImmediate(() => socket.write(final))
  })
  await using edge = await runEdge(site(origin.url, 'rfc'))
  const session = connectHttp2(edge.url)
  const stream = session.request({ ':path': '/' })
  const seen: IncomingHttpHeaders[] = []
  stream.on('headers', (headers: IncomingHttpHeaders) => seen.push(headers))
  const [response] = (await once(stream, 'response')) as [IncomingHttpHeaders & { ':status': number }]
  assert.equal(response[':status'], 200)
  assert.equal(seen.length, 1)
  assert.equal(seen[0]![':status'], 103)
  assert.equal(seen[0]!['link'], '</a.css>; rel=preload')
  stream.resume()
  await once(stream, 'close')
  session.close()
  await once(session, 'close')
})
