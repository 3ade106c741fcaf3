import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { test } from 'node:test'
import { systemClock, type Clock } from '../base/clock.ts'
import { extension, inRecords, writeClientHello } from './client-hello.fixture.ts'
import { readFirstBytes, type FirstBytes, type FirstBytesOptions } from './first-bytes.ts'

const hello = inRecords(
  writeClientHello({
    cipherSuites: [0x1301],
    extensions: [
      extension.serverName('a.example'),
      extension.alpn(['h2']),
      extension.supportedVersions([0x0304]),
    ],
  }),
)
const tlsFacts = {
  kind: 'ready',
  proxy: undefined,
  protocol: 'tls',
  sni: 'a.example',
  alpn: ['h2'],
  ja3: '9cd3a3df22ead6ac1977bf836d6ea964',
  ja4: 't13d0103h2_0f2cb44170f4_b9a491fefe05',
}
const plain = (protocol: string) => ({
  kind: 'ready',
  proxy: undefined,
  protocol,
  sni: undefined,
  alpn: [],
  ja3: undefined,
  ja4: undefined,
})

/** A listener whose every connection is read by `readFirstBytes`; `next` gives one, with its outcome. */
async function listen(options: Partial<FirstBytesOptions>) {
  const waiting: ((read: { first: FirstBytes; socket: Socket }) => void)[] = []
  const server = createServer((socket) => {
    const full = {
      expectProxyProtocol: 'never',
      tls: false,
      timeoutMs: 60_000,
      clock: systemClock,
      ...options,
    } as const
    readFirstBytes(socket, full, (first) => waiting.shift()!({ first, socket }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    next: () => new Promise<{ first: FirstBytes; socket: Socket }>((resolve) => waiting.push(resolve)),
    dial() {
      const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
      client.setNoDelay(true)
      client.on('error', () => {})
      return client
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

/** Writes byte by byte, each in a turn of its own. */
async function trickle(client: Socket, bytes: Buffer): Promise<void> {
  for (let i = 0; i < bytes.length; i++) {
    client.write(bytes.subarray(i, i + 1))
    await new Promise(setImmediate)
  }
}

/** All that can be read from a socket until `length` bytes are there. */
async function readBytes(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let count = 0
  for await (const chunk of socket.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    chunks.push(chunk)
    count += chunk.length
    if (count >= length) break
  }
  return Buffer.concat(chunks)
}

test('each protocol is recognised, whole or byte by byte, and its bytes are given back', async () => {
  const cases = [
    ['TLS', { tls: true }, hello, tlsFacts],
    ['TLS in small records', { tls: true }, inRecords(hello.subarray(5), 9), tlsFacts],
    ['HTTP/1 where TLS is expected', { tls: true }, Buffer.from('GET / HTTP/1.1\r\n\r\n'), plain('http1')],
    ['neither where TLS is expected', { tls: true }, Buffer.from([0x80, 0x2e, 1, 0, 2]), plain('unknown')],
    ['HTTP/1', {}, Buffer.from('GET / HTTP/1.1\r\n\r\n'), plain('http1')],
    ['a method with a P', {}, Buffer.from('PRINT / HTTP/1.1\r\n\r\n'), plain('http1')],
    ['an empty line first', {}, Buffer.from('\r\nGET / HTTP/1.1\r\n\r\n'), plain('http1')],
    ['HTTP/2', {}, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore'), plain('h2c')],
    ['nearly HTTP/2', {}, Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\rX'), plain('http1')],
    ['TLS where plaintext is expected', {}, hello, plain('tls')],
    ['neither', {}, Buffer.from([0, 1, 2]), plain('unknown')],
    ['nearly TLS', {}, Buffer.from([22, 9, 2]), plain('unknown')],
  ] as const
  for (const [name, options, bytes, expected] of cases) {
    await using listener = await listen(options)
    for (const write of ['whole', 'trickle']) {
      const next = listener.next()
      const client = listener.dial()
      const written = write === 'whole' ? client.write(bytes) : trickle(client, bytes)
      const { first, socket } = await next
      assert.deepEqual(first, expected, `${name}, ${write}`)
      assert.deepEqual(await readBytes(socket, bytes.length), bytes, `${name}, ${write}`)
      await written
      client.destroy()
      socket.destroy()
    }
  }
})

test('a PROXY header is taken off and its ends are told', async () => {
  const ends = {
    source: { address: '192.0.2.1', port: 5000 },
    destination: { address: '192.0.2.9', port: 443 },
  }
  const line = Buffer.from('PROXY TCP4 192.0.2.1 192.0.2.9 5000 443\r\n')
  const local = Buffer.from('0d0a0d0a000d0a515549540a20000000', 'hex')
  const http = Buffer.from('GET / HTTP/1.1\r\n\r\n')
  const cases = [
    ['HTTP/1', false, line, http, { ...plain('http1'), proxy: ends }],
    ['TLS', true, line, hello, { ...tlsFacts, proxy: ends }],
    ['without addresses', false, Buffer.from('PROXY UNKNOWN\r\n'), http, plain('http1')],
    ['a health check', false, local, http, plain('http1')],
  ] as const
  for (const [name, tls, header, bytes, expected] of cases) {
    await using listener = await listen({ expectProxyProtocol: 'required', tls })
    for (const write of ['whole', 'apart', 'trickle']) {
      const next = listener.next()
      const client = listener.dial()
      if (write === 'whole') client.write(Buffer.concat([header, bytes]))
      else if (write === 'trickle') await trickle(client, Buffer.concat([header, bytes]))
      else {
        await trickle(client, header)
        client.write(bytes)
      }
      const { first, socket } = await next
      assert.ok(first.kind === 'ready', `${name}, ${write}: ${first.kind}`)
      assert.deepEqual(first.proxy, expected.proxy, `${name}, ${write}`)
      assert.equal(first.protocol, expected.protocol)
      assert.deepEqual(await readBytes(socket, bytes.length), bytes, `${name}, ${write}`)
      client.destroy()
      socket.destroy()
    }
  }
})

test('what cannot be taken is refused with a reason, and the socket destroyed', async () => {
  const broken = Buffer.from(hello)
  broken[5] = 2
  const cases = [
    [
      { expectProxyProtocol: 'required' },
      Buffer.from('GET / HTTP/1.1\r\n\r\n'),
      /does not begin with a PROXY/,
    ],
    [{ expectProxyProtocol: 'required' }, Buffer.from('PROXY TCP9 a b\r\n'), /^PROXY protocol: .*TCP4/],
    [{ tls: true }, broken, /^TLS: .*not a ClientHello/],
  ] as const
  for (const [options, bytes, reason] of cases) {
    await using listener = await listen(options)
    const next = listener.next()
    const client = listener.dial()
    client.write(bytes)
    const { first, socket } = await next
    assert.ok(first.kind === 'refused')
    assert.match(first.reason, reason)
    assert.equal(socket.destroyed, true)
    await once(client.resume(), 'close')
  }
})

test('a PROXY header that nobody expects is left where it is', async () => {
  await using listener = await listen({})
  const next = listener.next()
  const client = listener.dial()
  client.write('PROXY TCP4 192.0.2.1 192.0.2.9 5000 443\r\n')
  const { first, socket } = await next
  // An HTTP server answers this with 400: it is no request line.
  assert.deepEqual(first, plain('http1'))
  client.destroy()
  socket.destroy()
})

test('a peer that goes away early is closed, wherever it stops', async () => {
  const starts = [Buffer.alloc(0), hello.subarray(0, 1), hello.subarray(0, hello.length - 1)]
  for (const leave of ['end', 'resetAndDestroy'] as const) {
    for (const bytes of starts) {
      await using listener = await listen({ tls: true })
      const next = listener.next()
      const client = listener.dial()
      await once(client, 'connect')
      if (bytes.length > 0) await new Promise((resolve) => client.write(bytes, resolve))
      client[leave]()
      const { first, socket } = await next
      assert.deepEqual(first, { kind: 'closed' })
      assert.equal(socket.destroyed, true)
      client.destroy()
    }
  }
})

test('a request followed at once by the end of the stream is still read', async () => {
  await using listener = await listen({})
  const next = listener.next()
  const client = listener.dial()
  client.end('GET / HTTP/1.0\r\n\r\n')
  const { first, socket } = await next
  assert.equal(first.kind, 'ready')
  const chunks: Buffer[] = []
  for await (const chunk of socket as AsyncIterable<Buffer>) chunks.push(chunk)
  assert.equal(Buffer.concat(chunks).toString(), 'GET / HTTP/1.0\r\n\r\n')
})

test('a socket that is destroyed already is told as closed', async () => {
  await using listener = await listen({})
  const next = listener.next()
  listener.dial().write('G')
  const { socket } = await next
  socket.destroy()
  let first: FirstBytes | undefined
  const options = { expectProxyProtocol: 'never', tls: false, timeoutMs: 1, clock: systemClock } as const
  readFirstBytes(socket, options, (given) => (first = given))
  assert.deepEqual(first, { kind: 'closed' })
})

test('a slow peer is cut off after the time it has, counted from the start', async () => {
  const timers: { delayMs: number; action: () => void; isCancelled: boolean }[] = []
  const clock: Clock = {
    ...systemClock,
    after(delayMs, action) {
      const timer = { delayMs, action, isCancelled: false }
      timers.push(timer)
      return { cancel: () => (timer.isCancelled = true) }
    },
  }
  await using listener = await listen({ tls: true, timeoutMs: 5000, clock })
  const next = listener.next()
  const client = listener.dial()
  await trickle(client, hello.subarray(0, 20))
  while (timers.length === 0) await new Promise(setImmediate)
  assert.deepEqual(
    timers.map((timer) => timer.delayMs),
    [5000],
  )
  timers[0]!.action()
  const { first, socket } = await next
  assert.deepEqual(first, { kind: 'timed-out' })
  assert.equal(socket.destroyed, true)
  await once(client.resume(), 'close')

  const quick = listener.next()
  const other = listener.dial()
  other.write(hello)
  const read = await quick
  assert.equal(read.first.kind, 'ready')
  assert.deepEqual(
    timers.map((timer) => timer.isCancelled),
    [true, true],
  )
  for (const event of ['readable', 'error', 'close']) {
    const ours = read.socket.listeners(event).filter((listener) => listener.name === '')
    assert.deepEqual(ours, [], `${event} has no listener left`)
  }
  other.destroy()
  read.socket.destroy()
})
