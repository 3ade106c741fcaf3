import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer } from 'node:tls'
import { normaliseAddress } from '../http/address.ts'
import type { PlannedListener } from '../plan.ts'
import type { TlsFacts, ViewerConnection } from '../visit.ts'
import type { Door } from './door.ts'
import { type ConnectionFacts, type FirstBytes, readFirstBytes } from './first-bytes.ts'
import { createHttp1 } from './http1.ts'
import { createHttp2 } from './http2.ts'
import { createLane } from './lane/lane.ts'
import { openCertificates } from './tls.ts'

/** One open port. */
export interface Listener {
  readonly port: number
  /** `http://HOST:PORT`, as `edgeward start` prints it. */
  readonly url: string
  readonly connections: () => number
  /** Those of which every request so far took the fast lane. */
  readonly laneConnections: () => number
  /** Takes no new connections, closes idle ones, lets requests in flight end. Resolves when all are closed. */
  drain(): Promise<void>
  /** Cuts every connection. */
  close(): void
  reloadCertificates(): void
}

export interface ListenerOptions {
  readonly door: Door
  /** Names for a self-signed certificate. */
  readonly hostNames: readonly string[]
  readonly report: (problem: string) => void
  /** Share the port with other processes (`SO_REUSEPORT`). */
  readonly reusePort: boolean
}

/**
 * Opens a port. The `http.Server` listens itself, because its timeouts and its closing of idle connections work only
 * then; its connection handler is taken over, so that PROXY protocol, ClientHello and the HTTP/2 preface are
 * read first, and called for what turns out to be HTTP/1 and is not (or no longer) plain enough for the lane.
 */
export async function openListener(planned: PlannedListener, options: ListenerOptions): Promise<Listener> {
  const { door } = options
  const { clock } = door
  const shelf =
    planned.tls === undefined
      ? undefined
      : await openCertificates(planned.tls, options.hostNames, options.report)
  const firstBytes = {
    expectProxyProtocol: planned.proxyProtocol ? 'required' : 'never',
    tls: shelf !== undefined,
    timeoutMs: door.plan.current.limits.headTimeoutMs,
    clock,
  } as const
  const known = new WeakMap<object, ViewerConnection>()
  const open = new Set<Socket>()
  /** Connections that have said nothing yet: no server knows them, so draining must. */
  const unheard = new Set<Socket>()
  let connectionId = 0
  const handshakes = new AsyncLocalStorage<{ readonly raw: Socket; readonly found: ConnectionFacts }>()
  const tlsServer =
    shelf === undefined
      ? undefined
      : createTlsServer({ ...shelf.options, handshakeTimeout: door.plan.current.limits.headTimeoutMs })

  const http2 = createHttp2(door)
  const http1 = createHttp1(
    door,
    shelf !== undefined,
    (socket) => known.get(socket) ?? describe(socket as Socket, undefined, undefined),
  )
  const toHttp1 = takeOver(http1)
  const lane = planned.fastLane ? createLane(door, toHttp1) : undefined
  http1.maxConnections = door.plan.current.limits.maxConnections
  http1.on('connection', (socket: Socket) => {
    open.add(socket)
    unheard.add(socket)
    socket.on('close', () => open.delete(socket))
    socket.on('error', ignoreError)
    readFirstBytes(socket, firstBytes, (found) => {
      unheard.delete(socket)
      welcome(socket, found)
    })
  })

  function welcome(socket: Socket, found: FirstBytes): void {
    if (found.kind === 'refused') options.report(`a connection was refused: ${found.reason}`)
    if (found.kind !== 'ready') return
    if (shelf === undefined) hand(socket, found.protocol === 'h2c', describe(socket, found, undefined))
    else if (found.protocol === 'tls') secure(socket, found)
    else if (found.protocol === 'unknown') socket.destroy()
    // A plain request on an HTTPS port gets a sentence instead of noise.
    else hand(socket, false, describe(socket, found, undefined))
  }

  // What the ClientHello said waits in an async context until the handshake it belongs to is over: `tls.Server` runs
  // the handshake (its timeout, session tickets and errors are better than those of a bare TLSSocket).
  function secure(raw: Socket, found: ConnectionFacts): void {
    raw.allowHalfOpen = false
    handshakes.run({ raw, found }, () => tlsServer!.emit('connection', raw))
  }

  if (tlsServer !== undefined) shelf?.onDefault((settings) => tlsServer.setSecureContext(settings))
  tlsServer?.on('tlsClientError', (_error, socket) => socket.destroy())
  tlsServer?.on('secureConnection', (socket) => {
    const handshake = handshakes.getStore()
    if (handshake === undefined) throw new Error('a TLS handshake ended that was never begun')
    const { raw, found } = handshake
    socket.on('error', ignoreError)
    const tls: TlsFacts = {
      version: socket.getProtocol() ?? '-',
      cipher: socket.getCipher().name,
      resumed: socket.isSessionReused(),
      sni: found.sni,
      ja3: found.ja3,
      ja4: found.ja4,
    }
    hand(socket, socket.alpnProtocol === 'h2', describe(raw, found, tls))
  })

  function hand(socket: Socket, isHttp2: boolean, connection: ViewerConnection): void {
    if (door.isDraining()) {
      socket.destroy()
      return
    }
    known.set(socket, connection)
    const isPlainOnTls = shelf !== undefined && connection.tls === undefined
    if (isHttp2) http2.accept(socket, connection)
    else if (lane === undefined || isPlainOnTls) toHttp1(socket)
    else lane.accept(socket, connection)
  }

  function describe(
    socket: Socket,
    found: ConnectionFacts | undefined,
    tls: TlsFacts | undefined,
  ): ViewerConnection {
    const proxied = found?.proxy
    return {
      id: ++connectionId,
      local: proxied?.destination ?? endpoint(socket.localAddress, socket.localPort),
      remote: proxied?.source ?? endpoint(socket.remoteAddress, socket.remotePort),
      tls,
    }
  }

  http1.listen({
    port: planned.port,
    host: planned.host,
    reusePort: options.reusePort && planned.port !== 0,
    backlog: 4096,
  })
  await once(http1, 'listening').catch((error: NodeJS.ErrnoException) => {
    shelf?.close()
    throw new Error(listenProblem(planned, error), { cause: error })
  })
  const { port } = http1.address() as AddressInfo
  const shown =
    planned.host === '0.0.0.0' || planned.host === '::'
      ? 'localhost'
      : planned.host.includes(':')
        ? `[${planned.host}]`
        : planned.host

  return {
    port,
    url: `${shelf === undefined ? 'http' : 'https'}://${shown}:${port}`,
    connections: () => open.size,
    laneConnections: () => lane?.size ?? 0,
    async drain() {
      shelf?.close()
      const closed = once(http1, 'close')
      http1.close()
      http1.closeIdleConnections()
      for (const socket of unheard) socket.destroy()
      http2.drain()
      lane?.drain()
      await closed
    },
    close() {
      shelf?.close()
      http1.close()
      for (const socket of open) socket.destroy()
    },
    reloadCertificates: () => shelf?.reload(),
  }
}

/** Takes Node's own connection handler off an HTTP server and gives it back as a function. */
function takeOver(server: Server): (socket: Socket) => void {
  const handlers = server.listeners('connection')
  server.removeAllListeners('connection')
  return (socket) => {
    for (const handler of handlers) handler.call(server, socket)
  }
}

function endpoint(address: string | undefined, port: number | undefined): { address: string; port: number } {
  return { address: address === undefined ? '' : normaliseAddress(address), port: port ?? 0 }
}

function listenProblem(planned: PlannedListener, error: NodeJS.ErrnoException): string {
  const where = `${planned.host}:${planned.port}`
  if (error.code === 'EADDRINUSE')
    return `port ${planned.port} is in use: stop the other program or choose another port with --port`
  if (error.code === 'EACCES')
    return `listening on ${where} is not permitted: ports below 1024 need a privilege (CAP_NET_BIND_SERVICE)`
  if (error.code === 'EADDRNOTAVAIL') return `the address ${planned.host} does not belong to this machine`
  return `cannot listen on ${where}: ${error.message}`
}

function ignoreError(): void {
  // Each protocol handles its own errors; this keeps one that comes before or after from ending the process.
}
