/*
 * How a listener hands connections on after their first bytes, and what Node then still does for it. One
 * `http.Server` listens, for TLS and plaintext alike, because only a listening one watches its head and request
 * timeouts and closes idle connections. Its own `connection` listener is taken over: it is called with what is
 * HTTP/1, be it the raw socket or a TLS one. A `tls.Server` that does not listen does the handshakes, and an
 * `http2.Server` that does not listen the sessions.
 *
 * A `tls.TLSSocket` made by hand would be simpler to join with its facts, but it swallows every error after the
 * handshake (a client may renegotiate for ever), verifies no client certificate and has no handshake timeout.
 */
import assert from 'node:assert/strict'
import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import * as http from 'node:http'
import * as http2 from 'node:http2'
import * as https from 'node:https'
import * as net from 'node:net'
import { test } from 'node:test'
import * as tls from 'node:tls'
import { generate } from 'selfsigned'
import { systemClock } from '../base/clock.ts'
import { readFirstBytes, type ConnectionFacts } from './first-bytes.ts'

const pem = await generate([{ name: 'commonName', value: 'localhost' }], { keyType: 'ec' })
const trusting = { rejectUnauthorized: false } as const

interface FrontOptions extends http.ServerOptions {
  readonly tls?: boolean
  readonly maxVersion?: tls.SecureVersion
  readonly proxyProtocol?: boolean
  /** False: a bare `net.Server` listens in the place of the `http.Server`. */
  readonly httpListens?: boolean
}

interface Answer {
  readonly version: string
  readonly method: string
  readonly body: string
  readonly sni: string | undefined
  readonly ja4: string | undefined
  readonly source: string | undefined
  readonly resumed: boolean | undefined
}

async function openFront(options: FrontOptions = {}) {
  const handshakes = new AsyncLocalStorage<ConnectionFacts>()
  const factsOfSocket = new WeakMap<net.Socket, ConnectionFacts>()
  const factsOfSession = new WeakMap<http2.Http2Session, ConnectionFacts>()
  const problems: string[] = []

  const httpServer = http.createServer(options, (request, response) => {
    const { socket } = request
    answer(request, factsOfSocket.get(socket), request.httpVersion, request.method!, socket, (text) =>
      response.end(text),
    )
  })
  httpServer.on('clientError', (error: NodeJS.ErrnoException, socket) => {
    problems.push(error.code ?? error.message)
    socket.destroy()
  })
  const acceptHttp1 = httpServer.listeners('connection')[0]!
  httpServer.removeAllListeners('connection')

  const http2Server = http2.createServer()
  http2Server.on('session', (session) => {
    // Emitted while the connection is handed over, so the facts of the handshake are at hand.
    const facts = handshakes.getStore()
    if (facts !== undefined) factsOfSession.set(session, facts)
  })
  http2Server.on('stream', (stream: http2.ServerHttp2Stream, headers) => {
    const { session } = stream
    answer(stream, factsOfSession.get(session!), '2.0', headers[':method']!, session!.socket, (text) => {
      stream.respond({ ':status': 200 })
      stream.end(text)
    })
  })

  const tlsServer = tls.createServer({
    key: pem.private,
    cert: pem.cert,
    ALPNProtocols: ['h2', 'http/1.1'],
    ...(options.maxVersion && { maxVersion: options.maxVersion }),
  })
  tlsServer.on('tlsClientError', (error: NodeJS.ErrnoException) => problems.push(error.code ?? error.message))
  tlsServer.on('secureConnection', (socket) => {
    factsOfSocket.set(socket, handshakes.getStore()!)
    if (socket.alpnProtocol === 'h2') http2Server.emit('connection', socket)
    else acceptHttp1.call(httpServer, socket)
  })

  const front = options.httpListens === false ? net.createServer({ allowHalfOpen: true }) : httpServer
  const open = new Set<net.Socket>()
  front.on('connection', (raw: net.Socket) => {
    open.add(raw)
    raw.once('close', () => open.delete(raw))
    const expectProxyProtocol = options.proxyProtocol === true ? 'required' : 'never'
    const how = {
      expectProxyProtocol,
      tls: options.tls === true,
      timeoutMs: 60_000,
      clock: systemClock,
    } as const
    readFirstBytes(raw, how, (first) => {
      if (first.kind !== 'ready') problems.push(first.kind)
      else if (first.protocol === 'tls') {
        // An http.Server accepts half-open sockets; in a handshake the end of the stream is the end.
        raw.allowHalfOpen = false
        handshakes.run(first, () => tlsServer.emit('connection', raw))
      } else if (options.tls === true) {
        raw.end('HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n')
        // Nobody reads the request, and a socket with unread bytes never closes.
        raw.resume()
      } else if (first.protocol === 'h2c') handshakes.run(first, () => http2Server.emit('connection', raw))
      else {
        factsOfSocket.set(raw, first)
        acceptHttp1.call(httpServer, raw)
      }
    })
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  const { port } = front.address() as net.AddressInfo
  return {
    port,
    problems,
    httpServer,
    async [Symbol.asyncDispose]() {
      for (const raw of open) raw.destroy()
      await new Promise((resolve) => front.close(resolve))
    },
  }
}

function answer(
  body: NodeJS.ReadableStream,
  facts: ConnectionFacts | undefined,
  version: string,
  method: string,
  socket: net.Socket | tls.TLSSocket,
  end: (text: string) => void,
): void {
  let bodyText = ''
  body.on('data', (chunk) => (bodyText += String(chunk)))
  body.on('end', () => {
    const resumed = 'isSessionReused' in socket ? socket.isSessionReused() : undefined
    const { sni, ja4, proxy } = facts ?? {}
    end(JSON.stringify({ version, method, body: bodyText, sni, ja4, source: proxy?.source.address, resumed }))
  })
}

/** A POST over HTTP/1.1 on `agent`, or on a connection of its own. */
async function post(
  options: https.RequestOptions & { readonly plain?: boolean },
  body = 'hello',
): Promise<Answer> {
  const { request } = options.plain === true ? http : https
  // With `agent: false` a createConnection would go unused.
  const own = options.createConnection === undefined ? { agent: false } : {}
  const sent = request({ host: '127.0.0.1', method: 'POST', ...own, ...trusting, ...options })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [http.IncomingMessage]
  return JSON.parse(Buffer.concat(await response.toArray()).toString()) as Answer
}

async function post2(
  url: string,
  options: http2.SecureClientSessionOptions = {},
  body = 'hello',
): Promise<Answer> {
  const session = http2.connect(url, { ...trusting, ...options })
  try {
    const stream = session.request({ ':method': 'POST' })
    stream.end(body)
    return JSON.parse(Buffer.concat(await stream.toArray()).toString()) as Answer
  } finally {
    session.close()
  }
}

/** A socket to `port` that sends every byte in a segment of its own. */
async function dialSlowly(port: number): Promise<net.Socket> {
  const relay = net.createServer((near) => {
    const far = net.connect({ port, host: '127.0.0.1', noDelay: true })
    far.pipe(near)
    near.on('error', () => far.destroy())
    far.on('error', () => near.destroy())
    const forward = async () => {
      for await (const chunk of near as AsyncIterable<Buffer>) {
        for (let i = 0; i < chunk.length; i++) {
          far.write(chunk.subarray(i, i + 1))
          await new Promise(setImmediate)
        }
      }
      far.end()
    }
    forward().catch(() => far.destroy())
  })
  relay.listen(0, '127.0.0.1')
  await once(relay, 'listening')
  const socket = net.connect((relay.address() as net.AddressInfo).port, '127.0.0.1')
  await once(relay, 'connection')
  relay.close()
  return socket
}

test('TLS with either protocol reaches its server, with the facts of its own connection', async () => {
  await using front = await openFront({ tls: true })
  const asked: Promise<Answer>[] = []
  for (let i = 0; i < 12; i++) {
    const servername = `site-${i}.example`
    asked.push(
      post({ port: front.port, servername }),
      post2(`https://127.0.0.1:${front.port}`, { servername }),
    )
  }
  const answers = await Promise.all(asked)
  for (const [i, { version, method, body, sni, ja4 }] of answers.entries()) {
    const isHttp2 = i % 2 === 1
    assert.deepEqual(
      { version, method, body, sni },
      { version: isHttp2 ? '2.0' : '1.1', method: 'POST', body: 'hello', sni: `site-${i >> 1}.example` },
    )
    assert.match(ja4!, isHttp2 ? /^t13d\d{4}h2_/ : /^t13d\d{4}(h1|00)_/)
  }
  assert.deepEqual(front.problems, [])
})

test('plaintext of either protocol reaches its server', async () => {
  await using front = await openFront()
  assert.equal((await post({ port: front.port, plain: true })).version, '1.1')
  assert.equal((await post2(`http://127.0.0.1:${front.port}`)).version, '2.0')
})

test('everything may arrive in one-byte segments', async () => {
  const line = 'PROXY TCP4 192.0.2.1 192.0.2.9 5000 443\r\n'
  for (const isTls of [true, false]) {
    await using front = await openFront({ tls: isTls, proxyProtocol: true })
    const dial = async () => {
      const socket = await dialSlowly(front.port)
      socket.write(line)
      return socket
    }
    const secure = async (protocol: string) => {
      const socket = tls.connect({
        socket: await dial(),
        servername: 'a.example',
        ALPNProtocols: [protocol],
        ...trusting,
      })
      await once(socket, 'secureConnect')
      return socket
    }
    const one = isTls ? await secure('http/1.1') : await dial()
    const answer1 = await post({ plain: true, createConnection: () => one })
    const two = isTls ? await secure('h2') : await dial()
    const answer2 = await post2('http://127.0.0.1', { createConnection: () => two })
    for (const [version, given] of Object.entries({ '1.1': answer1, '2.0': answer2 })) {
      const expected = { version, body: 'hello', source: '192.0.2.1', sni: isTls ? 'a.example' : undefined }
      assert.deepEqual(
        { version: given.version, body: given.body, source: given.source, sni: given.sni },
        expected,
      )
    }
    one.destroy()
    two.destroy()
  }
})

for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
  test(`a session is resumed, with facts of its own, in ${maxVersion}`, async () => {
    await using front = await openFront({ tls: true, maxVersion })
    const agent = new https.Agent({ maxCachedSessions: 10, keepAlive: false })
    const ask = () => post({ port: front.port, agent, servername: 'a.example' })
    const first = await ask()
    const second = await ask()
    assert.deepEqual([first.resumed, second.resumed], [false, true])
    assert.deepEqual([first.sni, second.sni], ['a.example', 'a.example'])
    assert.match(second.ja4!, /^t13d/)
  })
}

test('HTTP on a TLS port can be answered', async () => {
  await using front = await openFront({ tls: true })
  const client = net.connect(front.port, '127.0.0.1')
  client.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  assert.match(Buffer.concat(await client.toArray()).toString(), /^HTTP\/1\.1 400 /)
})

test('the end of the stream within a handshake ends the connection', async () => {
  await using front = await openFront({ tls: true })
  const [record] = (await new Promise<[Buffer]>((resolve) => {
    // The hello of a real client, taken off the wire.
    const tap = net.createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', (bytes) => {
        resolve([Buffer.from(bytes)])
        socket.destroy()
        tap.close()
      })
    })
    tap.listen(0, '127.0.0.1', () => {
      tls.connect({ port: (tap.address() as net.AddressInfo).port, host: '127.0.0.1' }).on('error', () => {})
    })
  })) as [Buffer]
  const client = net.connect({ port: front.port, host: '127.0.0.1', allowHalfOpen: true })
  client.end(record)
  client.resume()
  await once(client, 'end')
  client.destroy()
})

const quick = {
  headersTimeout: 60,
  requestTimeout: 120,
  keepAliveTimeout: 40,
  connectionsCheckingInterval: 10,
}
const slow = { headersTimeout: 60_000, requestTimeout: 60_000, keepAliveTimeout: 60_000 }
const unfinished = {
  head: 'GET / HTTP/1.1\r\nHost: a\r\n',
  body: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\na',
  idle: 'GET / HTTP/1.1\r\nHost: a\r\n\r\n',
}

async function dial(port: number, isTls: boolean): Promise<net.Socket> {
  const to = { port, host: '127.0.0.1' }
  const socket = isTls ? tls.connect({ ...to, ALPNProtocols: ['http/1.1'], ...trusting }) : net.connect(to)
  await once(socket, isTls ? 'secureConnect' : 'connect')
  return socket
}

for (const isTls of [false, true]) {
  const where = isTls ? 'TLS' : 'plaintext'

  test(`head, request and keep-alive timeouts of a listening server hold on ${where} sockets handed to it`, async () => {
    await using front = await openFront({ ...quick, keepAliveTimeoutBuffer: 0, tls: isTls })
    for (const [name, bytes] of Object.entries(unfinished)) {
      const socket = await dial(front.port, isTls)
      socket.write(bytes)
      await once(socket.resume(), 'close')
      assert.deepEqual(front.problems.splice(0), name === 'idle' ? [] : ['ERR_HTTP_REQUEST_TIMEOUT'], name)
    }
  })

  test(`a listening server closes idle ${where} connections handed to it, and only those`, async () => {
    await using front = await openFront({ ...slow, tls: isTls })
    const idle = await dial(front.port, isTls)
    const busy = await dial(front.port, isTls)
    busy.write(unfinished.body)
    idle.write(unfinished.idle)
    await once(idle, 'data')
    front.httpServer.closeIdleConnections()
    await once(idle.resume(), 'close')
    busy.write('bcde')
    await once(busy, 'data')
    busy.destroy()
  })

  test(`a server that does not listen watches no ${where} head, and closes nothing that is idle`, async () => {
    await using front = await openFront({
      ...quick,
      keepAliveTimeout: 60_000,
      tls: isTls,
      httpListens: false,
    })
    const idle = await dial(front.port, isTls)
    const silent = await dial(front.port, isTls)
    silent.write(unfinished.head)
    idle.write(unfinished.idle)
    await once(idle, 'data')
    front.httpServer.closeIdleConnections()
    front.httpServer.closeAllConnections()
    await using watching = await openFront({ ...quick, tls: isTls })
    const timed = await dial(watching.port, isTls)
    timed.write(unfinished.head)
    await once(timed.resume(), 'close')
    // A listening server has given up its head by now: here both connections still answer.
    silent.write('\r\n')
    await once(silent, 'data')
    idle.write(unfinished.idle)
    await once(idle, 'data')
    silent.destroy()
    idle.destroy()
  })
}
