import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { test } from 'node:test'
import { connect as connectTls } from 'node:tls'
import { generate } from 'selfsigned'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import type { FaultCode } from '../../faults.ts'
import { Body } from '../../http/body.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { EdgeResponse } from '../../visit.ts'
import { type Answer, openLanePort, stubDoor, text } from './lane.fixture.ts'

const COMPLETE = { complete: true, failure: undefined, cause: undefined }
const get = (path: string, lines = '') => `GET ${path} HTTP/1.1\r\nHost: a.example\r\n${lines}\r\n`
const byPath: Answer = ({ request }) => text(request.path)

/** A viewer that reads as it goes; over TLS if the port speaks it. */
async function dial(port: number, isTls = false) {
  const socket: Socket = isTls
    ? connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false })
    : connect(port, '127.0.0.1')
  await once(socket, isTls ? 'secureConnect' : 'connect')
  socket.setNoDelay(true)
  const pieces: Buffer[] = []
  let length = 0
  let look = () => {}
  const read = (chunk: Buffer) => {
    pieces.push(chunk)
    length += chunk.length
    look()
  }
  socket.on('data', read)
  socket.on('error', () => socket.destroy())
  const received = () => Buffer.concat(pieces).toString('latin1')
  const closed = once(socket, 'close')
  return {
    socket,
    received,
    send: (bytes: string) => void socket.write(bytes, 'latin1'),
    /** Everything received, once the connection is closed. */
    rest: async () => {
      await closed
      return received()
    },
    untilBytes: (bytes: number) =>
      new Promise<void>((resolve) => {
        look = () => {
          if (length >= bytes) resolve()
        }
        look()
      }),
    until: (isThere: (received: string) => boolean) =>
      new Promise<string>((resolve, reject) => {
        look = () => {
          if (isThere(received())) resolve(received())
        }
        socket.on('close', () => reject(new Error(`closed with ${JSON.stringify(received().slice(0, 500))}`)))
        look()
      }),
  }
}

/** What is received for a body on a connection that stays open. */
const answered = (body: string, lines = '') =>
  `HTTP/1.1 200 OK\r\n${lines}Content-Length: ${body.length}\r\nConnection: keep-alive\r\nKeep-Alive: timeout=60\r\n\r\n${body}`
const ending = (end: string) => (received: string) => received.endsWith(end)

function streamed(stream: Readable, raw: string[] = []): EdgeResponse {
  return { status: 200, headers: new HeaderList([...raw]), body: Body.stream(stream) }
}

test('a request reaches the line as it was sent, and what became of it is told once', async () => {
  const door = stubDoor(byPath)
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  const head = get('/a%20b?c=d', 'X-Forwarded-For: 1.2.3.4\r\nAccept:*/*\r\n')
  viewer.send(head)
  await viewer.until(ending('/a%20b'))
  assert.equal(port.handedOff(), 0)
  const [passage] = door.served
  const { id, headers, body, connection, client, ...rest } = passage!.request
  assert.match(id, /^[\w-]{54}==$/)
  assert.deepEqual(headers.raw, ['Host', 'a.example', 'X-Forwarded-For', '1.2.3.4', 'Accept', '*/*'])
  assert.equal(body.kind, 'none')
  assert.equal(client, connection.remote)
  assert.deepEqual(rest, {
    method: 'GET',
    path: '/a%20b',
    query: 'c=d',
    httpVersion: '1.1',
    scheme: 'http',
    host: 'a.example',
    headBytes: head.length + 1,
  })
  assert.deepEqual(door.outcomes, [{ passage, outcome: COMPLETE }])
  const { visit } = passage!
  assert.deepEqual(
    [visit.status, visit.bodyBytes, visit.headerBytes],
    [200, 6, 'HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n'.length],
  )
  assert.ok(visit.firstByteAt !== undefined && visit.finishedAt !== undefined)
  viewer.socket.destroy()
})

test('a head that is repeated is read anew for every stage that changes it', async () => {
  const door = stubDoor(({ request }) => {
    const before = request.headers.get('x')
    request.headers.set('X', 'changed')
    request.headers.append('Y', 'added')
    return text(`${before} ${request.headers.size}`)
  })
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  for (let count = 1; count <= 3; count++) {
    viewer.send(get('/', 'X: sent\r\n'))
    await viewer.until((received) => received.split('sent 3').length === count + 1)
  }
  assert.equal(new Set(door.served.map(({ request }) => request.id)).size, 3)
  viewer.socket.destroy()
})

for (const isTls of [false, true]) {
  const where = isTls ? 'over TLS' : 'in plaintext'
  const tls = isTls ? { tls: await certificate() } : {}

  test(`pipelined requests are answered in their order ${where}, also across the hand-off`, async () => {
    const slow = Promise.withResolvers<EdgeResponse>()
    const door = stubDoor(({ request }) => {
      if (request.path === '/slow') return slow.promise
      return request.path === '/later' ? Promise.resolve(text('/later')) : text(request.path)
    })
    await using port = await openLanePort(door, tls)
    const viewer = await dial(port.port, isTls)
    const posted = 'POST /posted HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nbody'
    viewer.send(get('/first') + get('/slow') + get('/third') + get('/later'))
    await viewer.until(ending('/first'))
    viewer.send(get('/fifth').slice(0, 20))
    viewer.send(`${get('/fifth').slice(20)}${posted}${get('/last', 'Connection: close\r\n')}`)
    assert.deepEqual(
      door.served.map(({ request }) => request.path),
      ['/first', '/slow'],
    )
    slow.resolve(text('/slow'))
    const received = await viewer.rest()
    assert.deepEqual(received.match(/\/\w+$|\/\w+(?=HTTP\/1)/g), [
      '/first',
      '/slow',
      '/third',
      '/later',
      '/fifth',
      '/posted',
      '/last',
    ])
    assert.equal(port.handedOff(), 1)
    assert.deepEqual(
      door.outcomes.map(({ outcome }) => outcome.complete),
      Array(7).fill(true),
    )
  })

  test(`what is not for the lane is handed off whole ${where}`, async () => {
    const door = stubDoor(byPath)
    await using port = await openLanePort(door, tls)
    for (const bytes of [
      'OPTIONS /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
      `${get('/before')}GET /x HTTP/1.0\r\n\r\n`,
      `${get('/before')}${get('/between')}GET /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nConnection: close\r\n\r\n`,
    ]) {
      const viewer = await dial(port.port, isTls)
      viewer.send(bytes)
      assert.match(await viewer.rest(), /HTTP\/1\.1 200 OK\r\n[^]*\/x$/)
    }
    assert.equal(port.handedOff(), 3)
  })

  test(`large bodies arrive whole ${where}, however slowly they are read`, async () => {
    const bodies = [31_000, 33_000, 700_000].map((size, i) => Buffer.alloc(size, `<${i}>`))
    const door = stubDoor(({ request }) => text(bodies[Number(request.path.slice(1))]!))
    await using port = await openLanePort(door, tls)
    const viewers = await Promise.all(Array.from({ length: 4 }, () => dial(port.port, isTls)))
    const order = Array.from({ length: 24 }, (_, i) => i % 3)
    for (const viewer of viewers) {
      viewer.socket.pause()
      viewer.send(order.map((i) => get(`/${i}`)).join(''))
    }
    const expected = order.map((i) => answered(bodies[i]!.toString())).join('')
    for (const viewer of viewers) {
      viewer.socket.resume()
      await viewer.untilBytes(expected.length)
      assert.ok(viewer.received() === expected)
      viewer.socket.destroy()
    }
    assert.equal(door.exchanges.size, 0)
    assert.equal(port.handedOff(), 0)
  })
}

test('an answer that has to wait for its viewer is not overwritten by those of others', async () => {
  const door = stubDoor(({ request }) =>
    text(Buffer.alloc(30_000, request.path.slice(1)), 200, ['X-Path', request.path]),
  )
  await using port = await openLanePort(door)
  const names = ['a', 'b', 'c', 'd']
  const viewers = await Promise.all(names.map(() => dial(port.port)))
  for (const [i, viewer] of viewers.entries()) {
    viewer.socket.pause()
    viewer.send(get(`/${names[i]}`).repeat(500))
  }
  // All four have been answered as far as the system takes it: the next answer of each is under way.
  await settled(() => door.served.length)
  assert.equal(door.exchanges.size, 4)
  for (const [i, viewer] of viewers.entries()) {
    const expected = answered(names[i]!.repeat(30_000), `X-Path: /${names[i]!}\r\n`).repeat(500)
    viewer.socket.resume()
    await viewer.untilBytes(expected.length)
    assert.ok(viewer.received() === expected)
    viewer.socket.destroy()
  }
})

test('a thousand requests in one go are all answered', async () => {
  const door = stubDoor(byPath)
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.send(Array.from({ length: 1000 }, (_, i) => get(`/${i}.`)).join(''))
  const received = await viewer.until(ending('/999.'))
  assert.deepEqual(
    received.match(/(?<=\n)\/\d+\./g),
    Array.from({ length: 1000 }, (_, i) => `/${i}.`),
  )
  assert.equal(port.handedOff(), 0)
  viewer.socket.destroy()
})

/** Everything a viewer can be answered with; made anew for every request. */
const answers: Record<string, () => EdgeResponse> = {
  '/bytes': () => text('hello', 200, ['Content-Type', 'text/plain', 'X-Twice', '1', 'X-Twice', '2']),
  '/announced': () => text('hello', 200, ['content-length', '5', 'Server', 'edgeward']),
  '/empty': () => text(''),
  '/none': () => ({ status: 200, headers: new HeaderList(), body: Body.none() }),
  '/204': () => ({ status: 204, headers: new HeaderList(['A', 'b']), body: Body.none() }),
  '/304': () => ({ status: 304, headers: new HeaderList(['ETag', '"a"']), body: Body.none() }),
  '/404': () => text('not here', 404),
  '/494': () => text('', 494),
  '/599': () => text('x', 599),
  '/close': () => text('bye', 200, ['Connection', 'close']),
  '/latin1': () => text('x', 200, ['X', '\xe4\xff']),
  '/stream': () => streamed(Readable.from([Buffer.from(''), Buffer.from('abcdefghijklmnopqrstuvwxyz')])),
  '/stream-with-length': () =>
    streamed(Readable.from([Buffer.from('ab'), Buffer.from('cde')]), ['Content-Length', '5']),
  '/empty-stream': () => streamed(Readable.from([])),
  '/large': () => text(Buffer.alloc(100_000, 'x')),
}

test('answers are the same to the byte as those of the node:http way', async () => {
  const answer: Answer = ({ request }) => answers[request.path]!()
  await using lane = await openLanePort(stubDoor(answer))
  await using ordinary = await openLanePort(stubDoor(answer), { lane: false })
  for (const path of Object.keys(answers)) {
    for (const method of ['GET', 'HEAD']) {
      const [given, expected] = await Promise.all(
        [lane, ordinary].map(async ({ port }) => {
          const viewer = await dial(port)
          // The viewer's end makes both close behind the answer.
          viewer.socket.end(`${method} ${path} HTTP/1.1\r\nHost: a\r\n\r\n`)
          return viewer.rest()
        }),
      )
      assert.equal(given, expected, `${method} ${path}`)
    }
  }
  assert.equal(lane.handedOff(), 0)
})

test('a fault that closes the connection, and Connection: close, close it behind the answer', async () => {
  const door = stubDoor((passage) => {
    if (passage.request.path === '/fault') passage.visit.fault = 'GetWithBody' satisfies FaultCode
    return passage.request.path === '/close' ? answers['/close']!() : text('x')
  })
  await using port = await openLanePort(door)
  for (const path of ['/fault', '/close']) {
    const viewer = await dial(port.port)
    viewer.send(get(path) + get('/never'))
    assert.match(
      await viewer.rest(),
      /^HTTP\/1\.1 200 OK\r\n(?:Connection: close\r\n|Content-Length: \d\r\n){2}\r\n\w+$/,
    )
  }
  assert.ok(door.served.every(({ request }) => request.path !== '/never'))
})

test('a field with a line break never reaches a viewer', async () => {
  const door = stubDoor(() => text('secret', 200, ['X', 'a\r\nSet-Cookie: b=c']))
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.send(get('/'))
  assert.equal(
    await viewer.rest(),
    'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 13\r\nConnection: close\r\n\r\nInternalError',
  )
  assert.deepEqual(
    door.outcomes.map(({ outcome }) => outcome),
    [COMPLETE],
  )
  assert.equal(door.served[0]!.visit.status, 500)
})

const breaking: readonly (readonly [name: string, answer: () => EdgeResponse, cause: RegExp])[] = [
  ['fails', () => streamed(failingStream(), ['Content-Length', '10']), /the origin broke/],
  [
    'is shorter than announced',
    () => streamed(Readable.from([Buffer.from('abc')]), ['Content-Length', '10']),
    /shorter/,
  ],
  [
    'is longer than announced',
    () => streamed(Readable.from([Buffer.from('abc'), Buffer.from('def')]), ['Content-Length', '5']),
    /longer/,
  ],
  ['fails without a length', () => streamed(failingStream()), /the origin broke/],
]

for (const [name, answer, cause] of breaking) {
  test(`a stream that ${name} cuts the connection`, async () => {
    const door = stubDoor(answer)
    await using port = await openLanePort(door)
    const viewer = await dial(port.port)
    viewer.send(get('/') + get('/never'))
    const received = await viewer.rest()
    assert.match(received, /abc/)
    assert.doesNotMatch(received, /abcdef|\r\n0\r\n/)
    assert.equal(door.outcomes.length, 1)
    const { outcome } = door.outcomes[0]!
    assert.equal(outcome.failure, 'origin-broke')
    assert.match(outcome.cause!, cause)
    assert.equal(door.exchanges.size, 0)
  })
}

function failingStream(): Readable {
  return Readable.from(
    (async function* () {
      yield Buffer.from('abc')
      await new Promise(setImmediate)
      throw new Error('the origin broke')
    })(),
  )
}

test('a viewer that does not read holds the stream back, and is given up in time', async () => {
  const clock = new ManualClock()
  let asked = 0
  const stream = new Readable({
    read() {
      asked++
      this.push(Buffer.alloc(65_536))
    },
  })
  const door = stubDoor(() => streamed(stream), { bodyIdleTimeoutMs: 5000 }, clock)
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.socket.pause()
  viewer.send(get('/'))
  await settled(() => asked)
  assert.ok(asked < 1000, `${asked} pieces were asked for`)
  clock.advance(4000)
  assert.equal(stream.destroyed, false)
  clock.advance(3000)
  assert.equal(stream.destroyed, true)
  assert.deepEqual(
    door.outcomes.map(({ outcome }) => outcome.failure),
    ['timeout'],
  )
  assert.equal(door.exchanges.size, 0)
  viewer.socket.destroy()
})

test('a viewer that does not read a body of bytes is given up too', async () => {
  const clock = new ManualClock()
  const door = stubDoor(() => text(Buffer.alloc(30_000_000)), { bodyIdleTimeoutMs: 5000 }, clock)
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.socket.pause()
  viewer.send(get('/'))
  await settled(() => [...port.open][0]?.bytesWritten ?? 0)
  clock.advance(7000)
  assert.deepEqual(
    door.outcomes.map(({ outcome }) => outcome.failure),
    ['timeout'],
  )
  viewer.socket.destroy()
})

/** Waits until a figure is there and has not changed for many turns of the loop, in which the system does what it can. */
async function settled(figure: () => number): Promise<void> {
  for (let before = -1, still = 0; still < 1000;) {
    await new Promise(setImmediate)
    still = figure() === before && before > 0 ? still + 1 : 0
    before = figure()
  }
}

test('a viewer that leaves while the line works is told to the line', async () => {
  const asked = Promise.withResolvers<void>()
  const answer = Promise.withResolvers<EdgeResponse>()
  const door = stubDoor(() => {
    asked.resolve()
    return answer.promise
  })
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.send(get('/') + get('/never'))
  await asked.promise
  const departed = Promise.withResolvers<void>()
  door.served[0]!.onDepart(departed.resolve)
  viewer.socket.resetAndDestroy()
  await departed.promise
  assert.equal(door.outcomes.length, 0)
  const stream = Readable.from([Buffer.from('x')])
  answer.resolve(streamed(stream))
  await once(stream, 'close')
  assert.deepEqual(
    door.outcomes.map(({ outcome }) => outcome.failure),
    ['viewer-left'],
  )
  assert.equal(door.served.length, 1)
  assert.equal(port.inLane(), 0)
})

test('a viewer that leaves in the middle of a stream ends the stream', async () => {
  const stream = new Readable({ read() {} })
  const door = stubDoor(() => streamed(stream))
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.send(get('/'))
  stream.push('some')
  await viewer.until((received) => received.includes('some'))
  viewer.socket.resetAndDestroy()
  await once(stream, 'close')
  assert.deepEqual(
    door.outcomes.map(({ outcome }) => outcome.failure),
    ['viewer-left'],
  )
  assert.equal(door.served[0]!.departed, true)
})

test('a viewer that has closed its sending side still gets its answer, and is found out when it is gone', async () => {
  const answer = Promise.withResolvers<EdgeResponse>()
  const door = stubDoor(() => answer.promise)
  await using port = await openLanePort(door)
  const waiting = await dial(port.port)
  waiting.socket.end(get('/'))
  await waiting.until((received) => received === 'HTTP/1.1 102 Processing\r\n\r\n')
  const gone = await dial(port.port)
  gone.socket.end(get('/'))
  await gone.until((received) => received !== '')
  const departed = Promise.withResolvers<void>()
  door.served[1]!.onDepart(departed.resolve)
  gone.socket.destroy()
  await departed.promise
  answer.resolve(text('here'))
  assert.match(
    await waiting.rest(),
    /Processing\r\n\r\n(?:HTTP\/1\.1 102 Processing\r\n\r\n)*HTTP\/1\.1 200 OK\r\nContent-Length: 4\r\nConnection: close\r\n\r\nhere$/,
  )
})

test('the end of the connection within a head is a bad request', async () => {
  const door = stubDoor(byPath)
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  viewer.socket.end(get('/a') + get('/b').slice(0, -2))
  assert.match(
    await viewer.rest(),
    /\/aHTTP\/1\.1 400 Bad Request\r\nContent-Length: 10\r\nConnection: close\r\n\r\nBadRequest$/,
  )
})

test('a head that does not arrive in time is answered 408, also behind other requests', async () => {
  for (const before of ['', get('/before')]) {
    const clock = new ManualClock()
    const door = stubDoor(byPath, { headTimeoutMs: 5000 }, clock)
    await using port = await openLanePort(door)
    const viewer = await dial(port.port)
    viewer.send(before + get('/never').slice(0, -3))
    await settled(() => [...port.open][0]?.bytesRead ?? 0)
    clock.advance(4000)
    assert.equal(port.inLane(), 1)
    clock.advance(3000)
    assert.match(
      await viewer.rest(),
      /HTTP\/1\.1 408 Request Timeout\r\nContent-Length: 14\r\nConnection: close\r\n\r\nRequestTimeout$/,
    )
    assert.equal(door.served.length, before === '' ? 0 : 1)
  }
})

test('an idle connection is closed in time, and requests keep it open', async () => {
  const clock = new ManualClock()
  const door = stubDoor(byPath, { keepAliveTimeoutMs: 10_000 }, clock)
  await using port = await openLanePort(door)
  const viewer = await dial(port.port)
  for (let count = 1; count < 4; count++) {
    viewer.send(get('/x'))
    await viewer.until((received) => received.split('HTTP/1.1 200').length === count + 1)
    clock.advance(9000)
  }
  assert.match(viewer.received(), /Keep-Alive: timeout=10\r\n/)
  assert.equal(port.inLane(), 1)
  clock.advance(3500)
  await viewer.rest()
  assert.equal(port.inLane(), 0)
})

test('behind a hand-off a slow head is answered 408 and an idle connection is closed', async () => {
  const door = stubDoor(byPath, { headTimeoutMs: 100, keepAliveTimeoutMs: 100 })
  await using port = await openLanePort(door)
  const slow = await dial(port.port)
  slow.send(`${get('/a')}POST / HTTP/1.1\r\nHost: a\r\n`)
  assert.match(await slow.rest(), /\/aHTTP\/1\.1 408 Request Timeout\r\n[^]*RequestTimeout$/)
  const idle = await dial(port.port)
  idle.send(`${get('/a')}OPTIONS /b HTTP/1.1\r\nHost: a\r\n\r\n`)
  assert.match(await idle.rest(), /\/aHTTP\/1\.1 200 OK\r\n[^]*\/b$/)
  assert.equal(port.handedOff(), 2)
})

test('a drain closes idle connections at once and busy ones behind their answers, in the lane and behind a hand-off', async () => {
  const answer = Promise.withResolvers<EdgeResponse>()
  const stream = new Readable({ read() {} })
  const door = stubDoor(({ request }) => {
    if (request.path === '/stream') return streamed(stream)
    return request.path === '/slow' ? answer.promise : text(request.path)
  })
  await using port = await openLanePort(door)
  const post = (path: string) => `POST ${path} HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n`
  const sent = [
    get('/idle'),
    get('/a') + post('/idle'),
    get('/slow'),
    get('/a') + post('/slow'),
    get('/stream'),
  ]
  const viewers = await Promise.all(
    sent.map(async (bytes) => {
      const viewer = await dial(port.port)
      viewer.send(bytes)
      return viewer
    }),
  )
  const [idle, idleBehind, slow, slowBehind, streaming] = viewers as [Viewer, Viewer, Viewer, Viewer, Viewer]
  await Promise.all([
    idle.until(ending('/idle')),
    idleBehind.until(ending('/idle')),
    slowBehind.until(ending('/a')),
  ])
  stream.push('some')
  await streaming.until((received) => received.includes('some'))
  await settled(() => door.served.length)
  const drained = port.drain()
  assert.doesNotMatch(await idle.rest(), /close/)
  assert.doesNotMatch(await idleBehind.rest(), /close/)
  assert.equal(slow.received(), '')
  answer.resolve(text('done'))
  assert.match(await slow.rest(), /\r\nConnection: close\r\n\r\ndone$/)
  assert.match(await slowBehind.rest(), /\r\nConnection: close\r\n\r\ndone$/)
  stream.push(null)
  assert.match(await streaming.rest(), /0\r\n\r\n$/)
  await drained
  assert.equal(door.outcomes.length, 7)
})

type Viewer = Awaited<ReturnType<typeof dial>>

async function certificate() {
  const pem = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
  return { cert: pem.cert, key: pem.private }
}
