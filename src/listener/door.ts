import type { Clock } from '../base/clock.ts'
import type { Fault } from '../faults.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Handle, Plan } from '../plan.ts'
import type { Line } from '../rooms.ts'
import type { Endpoint, Passage, ViewerConnection, ViewerRequest } from '../visit.ts'

/** What every protocol of the listener needs to let requests in. */
export interface Door {
  readonly clock: Clock
  readonly plan: Handle<Plan>
  readonly line: Line
  readonly open: (request: ViewerRequest) => Passage
  /** True once the edge is shutting down: connections are told to close. */
  readonly isDraining: () => boolean
  readonly exchanges: Exchanges
  /** Ways to close the tunnels that are open: they would outlast any drain. */
  readonly tunnels: Set<() => void>
}

/** One request and its response under way, as the watch over slow viewers sees it. */
export interface Exchange {
  /** Bytes read from and written to the viewer so far. */
  progress(): number
  /** Whether the viewer is the one who is waited for. */
  isWaitingForViewer(): boolean
  giveUp(): void
}

interface Watched {
  progress: number
  since: number
}

const WATCH_MS = 500

/**
 * The exchanges under way. Every half second those are looked at in which the viewer is waited for (for more body,
 * or to read more of the response) and nothing has moved for the body timeout: they are given up.
 */
export class Exchanges {
  readonly #clock: Clock
  readonly #timeoutMs: () => number
  readonly #under = new Map<Exchange, Watched>()
  #isWatching = false

  constructor(clock: Clock, timeoutMs: () => number) {
    this.#clock = clock
    this.#timeoutMs = timeoutMs
  }

  get size(): number {
    return this.#under.size
  }

  add(exchange: Exchange): void {
    this.#under.set(exchange, { progress: -1, since: 0 })
    if (!this.#isWatching) this.#watch()
  }

  delete(exchange: Exchange): void {
    this.#under.delete(exchange)
  }

  giveUpAll(): void {
    for (const exchange of this.#under.keys()) exchange.giveUp()
  }

  #watch(): void {
    this.#isWatching = true
    this.#clock.after(WATCH_MS, () => {
      this.#isWatching = false
      const now = this.#clock.monotonic()
      const timeoutMs = this.#timeoutMs()
      for (const [exchange, watched] of this.#under) {
        const progress = exchange.progress()
        if (progress !== watched.progress || !exchange.isWaitingForViewer()) {
          watched.progress = progress
          watched.since = now
        } else if (now - watched.since >= timeoutMs) {
          this.#under.delete(exchange)
          exchange.giveUp()
        }
      }
      if (this.#under.size > 0) this.#watch()
    })
  }
}

/**
 * The client address after trusted proxies: from the right of X-Forwarded-For, the first address that is not a
 * trusted proxy. With no trusted peer it is the peer itself, whatever the header claims.
 */
export function clientOf(plan: Plan, connection: ViewerConnection, headers: HeaderList): Endpoint {
  const { remote } = connection
  if (!plan.isTrustedProxy(remote.address)) return remote
  const forwarded = headers.getJoined('x-forwarded-for')
  if (forwarded === undefined) return remote
  const hops = forwarded.split(',')
  let client: Endpoint = remote
  for (let i = hops.length - 1; i >= 0; i--) {
    const address = plainAddress(hops[i]!.trim())
    if (address === undefined) break
    client = { address, port: 0 }
    if (!plan.isTrustedProxy(address)) break
  }
  return client
}

/** The scheme the viewer used: a trusted proxy that ended TLS says so in X-Forwarded-Proto. */
export function schemeOf(plan: Plan, connection: ViewerConnection, headers: HeaderList): 'http' | 'https' {
  if (connection.tls !== undefined) return 'https'
  if (!plan.isTrustedProxy(connection.remote.address)) return 'http'
  return headers.get('x-forwarded-proto')?.toLowerCase() === 'https' ? 'https' : 'http'
}

function plainAddress(text: string): string | undefined {
  const bare = text.startsWith('[')
    ? text.slice(1, text.indexOf(']'))
    : text.replace(/^(\d+\.\d+\.\d+\.\d+):\d+$/, '$1')
  const address = bare.toLowerCase().startsWith('::ffff:') && bare.includes('.') ? bare.slice(7) : bare
  return /^[\d.]+$|^[0-9a-f:.]+$/i.test(address) && address.length <= 45 ? address : undefined
}

/** A request as far as it could be read, for the log line and error page of one that was turned away. */
export function stumpOf(
  id: string,
  connection: ViewerConnection,
  head: { method?: string; target?: string; host?: string | undefined },
  body: ViewerRequest['body'],
): ViewerRequest {
  const target = head.target ?? '-'
  const mark = target.indexOf('?')
  return {
    id,
    method: head.method ?? '-',
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? undefined : target.slice(mark + 1),
    httpVersion: '1.1',
    scheme: connection.tls === undefined ? 'http' : 'https',
    host: head.host ?? '',
    headers: new HeaderList(),
    body,
    connection,
    client: connection.remote,
    headBytes: 0,
  }
}

export type TurnAway = (fault: Fault) => void
