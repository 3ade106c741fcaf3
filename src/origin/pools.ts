import { connect as connectTcp, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as connectTls,
  type ConnectionOptions,
  type PeerCertificate,
} from 'node:tls'
import type { Clock, Timer } from '../base/clock.ts'
import { Fault } from '../faults.ts'
import type { PlannedOriginTls } from '../plan.ts'
import type { OriginVisit } from '../visit.ts'
import { type ConnectionOwner, OriginConnection } from './connection.ts'
import type { OriginNames } from './names.ts'

const SWEEP_MS = 50
const MAX_IDLE = 256
const MAX_TLS_SESSIONS = 1000

/** Where a connection leads to. Connections with the same `key` are interchangeable. */
export interface ConnectTarget {
  readonly key: string
  readonly hostname: string
  readonly port: number
  /** Undefined for plain HTTP. `serverNames`: the certificate must match one of them; the first is sent as SNI. */
  readonly tls: { readonly settings: PlannedOriginTls; readonly serverNames: readonly string[] } | undefined
  readonly connectTimeoutMs: number
  readonly keepaliveTimeoutMs: number
}

/** Idle connections to every origin, and the watch over the timeouts of all. Outlives a reload of the plan. */
export class OriginPools {
  readonly #clock: Clock
  readonly #names: OriginNames
  readonly #passed: (bytes: number) => void
  readonly #idle = new Map<string, OriginConnection[]>()
  readonly #all = new Set<OriginConnection>()
  readonly #connecting = new Set<{ readonly until: number; readonly giveUp: () => void }>()
  readonly #sessions = new Map<string, Buffer>()
  #timer: Timer | undefined = undefined

  /** `passed` is told of every piece of a streamed body. */
  constructor(clock: Clock, names: OriginNames, passed: (bytes: number) => void = () => {}) {
    this.#passed = passed
    this.#clock = clock
    this.#names = names
  }

  /** Open connections, idle ones included. */
  get size(): number {
    return this.#all.size
  }

  /** A connection that is open and idle, or undefined. The latest used comes first: the others may rest and close. */
  takeIdle(target: ConnectTarget): OriginConnection | undefined {
    const idle = this.#idle.get(target.key)
    if (idle === undefined) return undefined
    for (;;) {
      const connection = idle.pop()
      if (connection === undefined || connection.isUsable) return connection
    }
  }

  hasIdle(key: string): boolean {
    return (this.#idle.get(key)?.length ?? 0) > 0
  }

  /** Opens a connection; a Fault when the origin does not take it. Never rejects. */
  connect(target: ConnectTarget, visit: OriginVisit): Promise<OriginConnection | Fault> {
    const startedAt = this.#clock.monotonic()
    return new Promise((resolve) => {
      let isSecuring = false
      const socket = this.#open(target, () => (isSecuring = true))
      const attempt = {
        until: startedAt + target.connectTimeoutMs,
        giveUp: () =>
          fail(
            new Fault(
              'OriginConnectTimeout',
              `no connection to ${target.hostname}:${target.port} within ${target.connectTimeoutMs} ms`,
            ),
          ),
      }
      const fail = (fault: Fault) => {
        stop()
        socket.on('error', ignoreError)
        socket.destroy()
        resolve(fault)
      }
      const broke = (error: NodeJS.ErrnoException) => fail(connectFault(error, target, isSecuring))
      const ready = () => {
        stop()
        visit.connectMs = this.#clock.monotonic() - startedAt
        socket.setNoDelay(true)
        const connection = new OriginConnection(socket, this.#ownerFor(target), this.#clock)
        this.#all.add(connection)
        resolve(connection)
      }
      const readyEvent = target.tls === undefined ? 'connect' : 'secureConnect'
      const ended = () => fail(connectFault(new Error('the connection was closed'), target, isSecuring))
      const stop = () => {
        this.#connecting.delete(attempt)
        socket.off('error', broke)
        socket.off('close', ended)
        socket.off(readyEvent, ready)
      }
      this.#connecting.add(attempt)
      socket.on('error', broke)
      socket.on('close', ended)
      socket.on(readyEvent, ready)
      this.#watch()
    })
  }

  /** Closes every connection at once. */
  close(): void {
    this.#timer?.cancel()
    this.#timer = undefined
    for (const connection of this.#all) connection.close()
    for (const attempt of this.#connecting) attempt.giveUp()
    this.#idle.clear()
  }

  #open(target: ConnectTarget, securing: () => void): Socket {
    const { hostname: host, port, tls } = target
    const lookup = this.#names.lookup
    if (tls === undefined) return connectTcp({ host, port, lookup, autoSelectFamily: true })
    const { settings, serverNames } = tls
    const options: ConnectionOptions = {
      host,
      port,
      lookup,
      ALPNProtocols: ['http/1.1'],
      minVersion: settings.minVersion,
      rejectUnauthorized: settings.verify,
      // The certificate must match the origin domain or the forwarded Host (DG:http-502-bad-gateway).
      checkServerIdentity: (_name: string, certificate: PeerCertificate) => {
        const errors = serverNames.map((name) => checkServerIdentity(name, certificate))
        return errors.includes(undefined) ? undefined : errors[0]
      },
    }
    const sni = serverNames[0]!
    if (!/^[\d.]+$|:/.test(sni)) options.servername = sni
    if (settings.caPem !== undefined) options.ca = settings.caPem
    if (settings.certPem !== undefined) options.cert = settings.certPem
    if (settings.keyPem !== undefined) options.key = settings.keyPem.reveal()
    const session = this.#sessions.get(target.key)
    if (session !== undefined) options.session = session
    const socket = connectTls(options)
    socket.on('connect', securing)
    socket.on('session', (fresh) => {
      if (this.#sessions.size >= MAX_TLS_SESSIONS) this.#sessions.clear()
      this.#sessions.set(target.key, fresh)
    })
    return socket
  }

  #ownerFor(target: ConnectTarget): ConnectionOwner {
    return {
      released: (connection) => {
        let idle = this.#idle.get(target.key)
        if (idle === undefined) this.#idle.set(target.key, (idle = []))
        if (idle.length >= MAX_IDLE) {
          connection.close()
          return
        }
        connection.deadline = this.#clock.monotonic() + target.keepaliveTimeoutMs
        idle.push(connection)
      },
      passed: this.#passed,
      closed: (connection) => {
        this.#all.delete(connection)
        const idle = this.#idle.get(target.key)
        if (idle === undefined) return
        const at = idle.indexOf(connection)
        if (at !== -1) idle.splice(at, 1)
        if (idle.length === 0) this.#idle.delete(target.key)
      },
    }
  }

  #watch(): void {
    if (this.#timer !== undefined) return
    this.#timer = this.#clock.after(SWEEP_MS, () => {
      this.#timer = undefined
      const now = this.#clock.monotonic()
      for (const attempt of this.#connecting) if (now >= attempt.until) attempt.giveUp()
      for (const connection of this.#all) connection.checkDeadline(now)
      if (this.#all.size > 0 || this.#connecting.size > 0) this.#watch()
    })
  }
}

function connectFault(error: NodeJS.ErrnoException, target: ConnectTarget, isSecuring: boolean): Fault {
  const where = `${target.hostname}:${target.port}`
  const code = error.code ?? ''
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_FAIL') {
    return new Fault('OriginDnsError', `the name ${target.hostname} does not resolve (${code})`, {
      cause: error,
    })
  }
  if (isSecuring && code !== 'ECONNREFUSED') {
    return new Fault('OriginTlsError', `TLS with ${where} failed: ${error.message}`, { cause: error })
  }
  return new Fault('OriginConnectError', `no connection to ${where}: ${error.message || code}`, {
    cause: error,
  })
}

function ignoreError(): void {
  // The attempt has been given up and its reason told.
}
