import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect } from 'node:net'
import { test } from 'node:test'
import { dial, runEdge, statusOf, talk } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const passAll = { cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer', allowedMethods: 'all' }

test('a head that does not come to its end in time is 408 and closed, also when it drips', async () => {
  await using edge = await runEdge(
    { origins: { o: { url: 'http://127.0.0.1:1' } }, defaultBehavior: { origin: 'o' } },
    { top: { limits: { headTimeoutMs: 300 } } },
  )
  assert.equal(statusOf(await talk(edge.port, 'GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ')), 408)
  const viewer = await dial(edge.port)
  viewer.socket.write('GET / HTTP/1.1\r\n')
  const drip = setInterval(() => viewer.socket.write('A: b\r\n'), 40)
  await viewer.until(/^HTTP\/1\.1 408 /)
  clearInterval(drip)
  const silent = connect(edge.port, '127.0.0.1')
  await once(silent, 'close')
})

test('a body that stops coming is given up, and the origin request with it', async () => {
  await using origin = await scriptOrigin(() => {})
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } },
    { top: { limits: { bodyIdleTimeoutMs: 300 } } },
  )
  await talk(edge.port, 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this')
  const [visit] = await edge.ended(1)
  assert.equal(visit!.fault, 'ClientCommError')
  for (const socket of origin.sockets) if (!socket.destroyed) await once(socket, 'close')
})

test('a viewer that never reads its response is given up', async () => {
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${64 << 20}\r\n\r\n`)
    socket.write(Buffer.alloc(64 << 20))
  })
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } },
    { top: { limits: { bodyIdleTimeoutMs: 300 } } },
  )
  const viewer = connect(edge.port, '127.0.0.1')
  viewer.on('error', () => viewer.destroy())
  viewer.pause()
  viewer.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  const [visit] = await edge.ended(1)
  assert.equal(visit!.resultType, 'Error')
  assert.equal(visit!.detailedResultType, 'ClientCommError')
  viewer.destroy()
})

test('no more connections are taken than the limit', async () => {
  await using edge = await runEdge(
    { origins: { o: { url: 'http://127.0.0.1:1' } }, defaultBehavior: { origin: 'o' } },
    { top: { limits: { maxConnections: 3 } } },
  )
  const kept = await Promise.all([dial(edge.port), dial(edge.port), dial(edge.port)])
  const extra = connect(edge.port, '127.0.0.1')
  extra.on('error', () => extra.destroy())
  await new Promise((closed) => extra.on('close', closed))
  for (const { socket } of kept) {
    assert.equal(socket.destroyed, false)
    socket.destroy()
  }
})

test('the request limit of a body that announces no length is watched while it flows', async () => {
  await using origin = await scriptOrigin(() => {})
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o', ...passAll } },
    { top: { limits: { maxBodyBytes: 100_000 } } },
  )
  const viewer = connect(edge.port, '127.0.0.1')
  viewer.on('error', () => viewer.destroy())
  viewer.write('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n')
  const more = setInterval(() => viewer.write(`10000\r\n${'x'.repeat(65_536)}\r\n`), 20)
  // `once` would reject with the reset that may come first.
  await new Promise((closed) => viewer.on('close', closed))
  clearInterval(more)
  assert.equal((await edge.ended(1))[0]!.fault, 'ClientCommError')
})
