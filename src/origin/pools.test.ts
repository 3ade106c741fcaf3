import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { scriptOrigin } from '../../test/support/scripted-origin.ts'
import { systemClock } from '../base/clock.ts'
import { Fault } from '../faults.ts'
import type { EdgeResponse, OriginVisit } from '../visit.ts'
import type { WireRequest } from './connection.ts'
import { OriginNames } from './names.ts'
import { type ConnectTarget, OriginPools } from './pools.ts'

function visitOf(): OriginVisit {
  return {
    origin: 'o',
    attempts: 0,
    startedAt: 0,
    dnsMs: undefined,
    connectMs: undefined,
    firstByteAt: undefined,
    lastByteAt: undefined,
    status: undefined,
    fault: undefined,
    cause: undefined,
  }
}

function wireOf(method: string, extra: Partial<WireRequest> = {}): WireRequest {
  return {
    method,
    head: `${method} / HTTP/1.1\r\nHost: o\r\n\r\n`,
    body: undefined,
    isChunked: false,
    isUpgrade: false,
    readTimeoutMs: 30_000,
    completeBy: Number.POSITIVE_INFINITY,
    visit: visitOf(),
    ...extra,
  }
}

function targetOf(port: number): ConnectTarget {
  return {
    key: `http//127.0.0.1:${port}`,
    hostname: '127.0.0.1',
    port,
    tls: undefined,
    connectTimeoutMs: 1000,
    keepaliveTimeoutMs: 5000,
  }
}

async function ask(pools: OriginPools, port: number, wire: WireRequest): Promise<EdgeResponse | Fault> {
  const target = targetOf(port)
  const connection = pools.takeIdle(target) ?? (await pools.connect(target, wire.visit))
  if (connection instanceof Fault) return connection
  return new Promise((settle) => connection.send(wire, settle))
}

async function textOf(response: EdgeResponse | Fault): Promise<string> {
  if (response instanceof Fault) return `${response.code}: ${response.message}`
  const body = response.body.take()
  if (Buffer.isBuffer(body)) return body.toString()
  let text = ''
  for await (const chunk of body) text += chunk
  return text
}

/** What an origin sends, and what comes of it: the body, or the code of a fault. */
const answers: {
  name: string
  method?: string
  sends: string
  gives: string
  closes?: boolean
  status?: number
}[] = [
  { name: 'a length', sends: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello', gives: 'hello' },
  { name: 'no reason phrase', sends: 'HTTP/1.1 200\r\nContent-Length: 2\r\n\r\nok', gives: 'ok' },
  {
    name: 'chunks with extension and trailer',
    sends:
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n',
    gives: 'abcde',
  },
  {
    name: 'until the connection closes',
    sends: 'HTTP/1.1 200 OK\r\n\r\nall of it',
    gives: 'all of it',
    closes: true,
  },
  { name: 'HTTP/1.0', sends: 'HTTP/1.0 200 OK\r\n\r\nold', gives: 'old', closes: true },
  {
    name: 'interim responses first',
    sends:
      'HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok',
    gives: 'ok',
  },
  {
    name: 'HEAD with a length',
    method: 'HEAD',
    sends: 'HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n',
    gives: '',
  },
  { name: '204', sends: 'HTTP/1.1 204 No Content\r\n\r\n', gives: '' },
  { name: '304 with a length', sends: 'HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n', gives: '' },
  {
    name: 'a folded field',
    sends: 'HTTP/1.1 200 OK\r\nX-A: one\r\n  two\r\nContent-Length: 1\r\n\r\nx',
    gives: 'x',
  },
  { name: 'rubbish', sends: 'SSH-2.0-OpenSSH\r\n', gives: 'OriginInvalidResponse' },
  { name: 'rubbish without a line end', sends: '\0\0\0\0', gives: 'OriginInvalidResponse' },
  { name: 'HTTP/2 frames', sends: '\0\0\x12\x04\0\0\0\0\0', gives: 'OriginInvalidResponse' },
  { name: 'a wrong version', sends: 'HTTP/1.7 200 OK\r\n\r\n', gives: 'OriginInvalidResponse' },
  { name: 'no status', sends: 'HTTP/1.1 OK\r\n\r\n', gives: 'OriginInvalidResponse' },
  {
    name: 'a field without colon',
    sends: 'HTTP/1.1 200 OK\r\nno colon here\r\n\r\n',
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'a space before the colon',
    sends: 'HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello',
    gives: 'OriginInvalidResponse',
  },
  { name: 'a NUL in a value', sends: 'HTTP/1.1 200 OK\r\nX: a\0b\r\n\r\n', gives: 'OriginInvalidResponse' },
  {
    name: 'a bare LF in a value',
    sends: 'HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n',
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'two lengths',
    sends: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello',
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'the same length twice',
    sends: 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello',
    gives: 'hello',
  },
  {
    name: 'a negative length',
    sends: 'HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n',
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'an unknown coding',
    sends: 'HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n',
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'a switch of protocols nobody asked for',
    sends: 'HTTP/1.1 101 Switching Protocols\r\n\r\n',
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'interim responses for ever',
    sends: 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(20),
    gives: 'OriginInvalidResponse',
  },
  {
    name: 'a head that is too large',
    sends: `HTTP/1.1 200 OK\r\nX: ${'a'.repeat(33_000)}\r\n\r\n`,
    gives: 'OriginHeaderTooBig',
  },
  {
    name: '10,000 fields',
    sends: `HTTP/1.1 200 OK\r\n${'A: b\r\n'.repeat(10_000)}\r\n`,
    gives: 'OriginHeaderTooBig',
  },
  { name: 'nothing at all', sends: '', gives: 'OriginZeroSize', closes: true },
  { name: 'half a head', sends: 'HTTP/1.1 200 OK\r\nConte', gives: 'OriginReadError', closes: true },
]

for (const { name, method, sends, gives, closes } of answers) {
  for (const way of ['at once', 'byte by byte'] as const) {
    if (way === 'byte by byte' && sends.length > 1000) continue
    test(`an origin that sends ${name}, ${way}`, async () => {
      await using origin = await scriptOrigin((_head, socket) => {
        if (way === 'at once') socket.write(sends, 'latin1')
        else {
          socket.setNoDelay(true)
          for (const character of sends) socket.write(character, 'latin1')
        }
        if (closes === true) socket.end()
      })
      const pools = new OriginPools(systemClock, new OriginNames(systemClock))
      const text = await textOf(await ask(pools, origin.port, wireOf(method ?? 'GET')))
      if (gives.startsWith('Origin')) assert.match(text, new RegExp(`^${gives}: .+`))
      else assert.equal(text, gives)
      pools.close()
    })
  }
}

test('a body that breaks off after its head fails the stream with the reason', async () => {
  for (const sends of [
    'HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf',
    'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab',
  ]) {
    await using origin = await scriptOrigin((_head, socket) => socket.end(sends))
    const pools = new OriginPools(systemClock, new OriginNames(systemClock))
    const response = await ask(pools, origin.port, wireOf('GET'))
    await assert.rejects(textOf(response), (error: Fault) => error.code === 'OriginReadError')
  }
})

test('broken chunks after the head fail the stream, and the connection is not used again', async () => {
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n')
    setImmediate(() => socket.write('zz\r\n'))
  })
  const pools = new OriginPools(systemClock, new OriginNames(systemClock))
  // Whether the broken chunk comes with the head or after it, the answer is not taken for whole.
  const text = await textOf(await ask(pools, origin.port, wireOf('GET'))).catch((error: Fault) => error.code)
  assert.match(text, /^OriginInvalidResponse/)
  assert.equal(pools.takeIdle(targetOf(origin.port)), undefined)
})

test('a connection is used again after a whole answer, and not after Connection: close', async () => {
  await using origin = await scriptOrigin((_head, socket, index) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: 1\r\n${index === 1 ? 'Connection: close\r\n' : ''}\r\nx`)
  })
  const pools = new OriginPools(systemClock, new OriginNames(systemClock))
  for (let i = 0; i < 3; i++) assert.equal(await textOf(await ask(pools, origin.port, wireOf('GET'))), 'x')
  assert.equal(origin.connections(), 2)
  pools.close()
})

test('bytes that follow an answer unasked close the connection', async () => {
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write(
      'HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil',
    )
  })
  const pools = new OriginPools(systemClock, new OriginNames(systemClock))
  assert.equal(await textOf(await ask(pools, origin.port, wireOf('GET'))), 'x')
  assert.equal(pools.takeIdle(targetOf(origin.port)), undefined)
  pools.close()
})

test('an origin that does not answer within its read timeout is a fault, and an idle connection is closed in time', async () => {
  const clock = new ManualClock()
  await using origin = await scriptOrigin((head, socket) => {
    if (head.startsWith('POST')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx')
    else clock.advance(30_050)
  })
  const pools = new OriginPools(clock, new OriginNames(clock))
  assert.match(await textOf(await ask(pools, origin.port, wireOf('GET'))), /^OriginReadTimeout/)
  assert.equal(await textOf(await ask(pools, origin.port, wireOf('POST'))), 'x')
  assert.equal(pools.hasIdle(targetOf(origin.port).key), true)
  clock.advance(5100)
  assert.equal(pools.takeIdle(targetOf(origin.port)), undefined)
  pools.close()
})

test('a response that is not complete within its completion timeout is cut off', async () => {
  const clock = new ManualClock()
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf'),
  )
  const pools = new OriginPools(clock, new OriginNames(clock))
  const response = await ask(pools, origin.port, wireOf('GET', { completeBy: clock.monotonic() + 5000 }))
  clock.advance(5100)
  await assert.rejects(textOf(response), (error: Fault) => error.code === 'OriginCompletionTimeout')
  pools.close()
})

test('nobody listening and a name that does not exist are told apart', async () => {
  const pools = new OriginPools(
    systemClock,
    new OriginNames(systemClock, async () =>
      Promise.reject(Object.assign(new Error('no'), { code: 'ENOTFOUND' })),
    ),
  )
  let port: number
  {
    await using origin = await scriptOrigin(() => {})
    port = origin.port
  }
  assert.match(
    await textOf(await ask(pools, port, wireOf('GET'))),
    /^OriginConnectError: no connection to 127\.0\.0\.1/,
  )
  const fault = await pools.connect({ ...targetOf(port), hostname: 'nowhere.invalid' }, visitOf())
  assert.equal(fault instanceof Fault && fault.code, 'OriginDnsError')
})

test('a slow reader pauses the origin, and no read timeout runs meanwhile', async () => {
  const clock = new ManualClock()
  const megabytes = 32
  await using origin = await scriptOrigin((_head, socket) => {
    socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${megabytes << 20}\r\n\r\n`)
    for (let i = 0; i < megabytes; i++) socket.write(Buffer.alloc(1 << 20))
  })
  const pools = new OriginPools(clock, new OriginNames(clock))
  const response = await ask(pools, origin.port, wireOf('GET'))
  assert.ok(!(response instanceof Fault))
  const stream = response.body.take() as Readable
  // Until the reader asks, the origin's bytes stay with the origin.
  while (stream.readableLength < stream.readableHighWaterMark) await new Promise((turn) => setImmediate(turn))
  clock.advance(120_000)
  let bytes = 0
  for await (const chunk of stream) bytes += (chunk as Buffer).length
  assert.equal(bytes, megabytes << 20)
  pools.close()
})

test('a request body is streamed in chunks or with its length, and a viewer who stops breaks the origin request', async () => {
  await using origin = await scriptOrigin(() => {})
  const pools = new OriginPools(systemClock, new OriginNames(systemClock))
  const body = new Readable({ read() {} })
  const asked = ask(
    pools,
    origin.port,
    wireOf('POST', {
      head: 'POST / HTTP/1.1\r\nHost: o\r\nTransfer-Encoding: chunked\r\n\r\n',
      body,
      isChunked: true,
    }),
  )
  body.push('hello')
  while (!origin.received[0]?.includes('hello')) await new Promise((turn) => setImmediate(turn))
  assert.ok(origin.received[0]!.endsWith('5\r\nhello\r\n'))
  body.destroy(new Error('reset'))
  assert.match(await textOf(await asked), /^ClientCommError/)
  pools.close()
})
