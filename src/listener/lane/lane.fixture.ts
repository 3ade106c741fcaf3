import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'
import { type Clock, systemClock } from '../../base/clock.ts'
import type { Awaitable } from '../../base/promise.ts'
import type { Fault } from '../../faults.ts'
import { Body } from '../../http/body.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { Plan, PlannedLimits } from '../../plan.ts'
import { type EdgeResponse, type Outcome, Passage, type ViewerConnection, Visit } from '../../visit.ts'
import { type Door, Exchanges } from '../door.ts'
import { readFirstBytes } from '../first-bytes.ts'
import { createHttp1 } from '../http1.ts'
import { createLane } from './lane.ts'

/** What a test's line does with a request. */
export type Answer = (passage: Passage) => Awaitable<EdgeResponse>

/** A door to a line of one function, and what went through it. */
export interface StubDoor extends Door {
  readonly served: Passage[]
  readonly turnedAway: Fault[]
  readonly outcomes: { readonly passage: Passage; readonly outcome: Outcome }[]
  startDraining(): void
}

const LIMITS: PlannedLimits = {
  maxConnections: 1000,
  headTimeoutMs: 10_000,
  bodyIdleTimeoutMs: 30_000,
  keepAliveTimeoutMs: 60_000,
  maxBodyBytes: 1_000_000,
  tunnelIdleTimeoutMs: 60_000,
  drainTimeoutMs: 10_000,
}

export function stubDoor(
  answer: Answer,
  limits: Partial<PlannedLimits> = {},
  clock: Clock = systemClock,
): StubDoor {
  let isDraining = false
  // The listener reads nothing else of a plan.
  const plan = {
    current: {
      limits: { ...LIMITS, ...limits },
      isTrustedProxy: (address: string) => address === '10.0.0.1',
    } as Partial<Plan> as Plan,
  }
  const served: Passage[] = []
  const turnedAway: Fault[] = []
  const outcomes: StubDoor['outcomes'] = []
  return {
    clock,
    plan,
    served,
    turnedAway,
    outcomes,
    open: (request) => new Passage(plan.current, request, new Visit(request, clock.now(), clock.monotonic())),
    line: {
      serve(passage) {
        served.push(passage)
        return answer(passage)
      },
      obtain: () => text(''),
      turnAway(passage, fault) {
        turnedAway.push(fault)
        passage.visit.fault = fault.code
        return text(fault.code, fault.row.status)
      },
      finish: (passage, outcome) => void outcomes.push({ passage, outcome }),
    },
    isDraining: () => isDraining,
    tunnels: new Set(),
    startDraining: () => (isDraining = true),
    exchanges: new Exchanges(clock, () => plan.current.limits.bodyIdleTimeoutMs),
  }
}

export function text(body: string | Buffer, status = 200, raw: string[] = []): EdgeResponse {
  return { status, headers: new HeaderList([...raw]), body: Body.bytes(body) }
}

/** A port with a lane in front of the `node:http` way, wired as the listener wires them. */
export interface LanePort extends AsyncDisposable {
  readonly port: number
  /** Connections that left the lane for `node:http`. */
  readonly handedOff: () => number
  readonly inLane: () => number
  /** Server side ends of all open connections. */
  readonly open: ReadonlySet<Socket>
  drain(): Promise<void>
}

export interface LanePortOptions {
  readonly tls?: TlsOptions
  /** Without a lane, everything goes the `node:http` way. */
  readonly lane?: boolean
}

export async function openLanePort(door: StubDoor, options: LanePortOptions = {}): Promise<LanePort> {
  const known = new WeakMap<object, ViewerConnection>()
  const open = new Set<Socket>()
  const http1 = createHttp1(door, options.tls !== undefined, (socket) => known.get(socket)!)
  const [accept] = http1.listeners('connection')
  http1.removeAllListeners('connection')
  let handedOff = 0
  const toHttp1 = (socket: Socket): void => accept!.call(http1, socket)
  const lane = createLane(door, (socket) => {
    handedOff++
    toHttp1(socket)
  })
  const handshakes = new AsyncLocalStorage<Socket>()
  const tlsServer = options.tls === undefined ? undefined : createTlsServer(options.tls)
  tlsServer?.on('secureConnection', (socket) => {
    socket.on('error', ignoreError)
    hand(socket, handshakes.getStore()!, true)
  })

  function hand(socket: Socket, raw: Socket, isTls: boolean): void {
    if (door.isDraining()) {
      socket.destroy()
      return
    }
    known.set(socket, describe(raw, isTls))
    if (options.lane === false) toHttp1(socket)
    else lane.accept(socket, known.get(socket)!)
  }

  const how = {
    expectProxyProtocol: 'never',
    tls: tlsServer !== undefined,
    timeoutMs: 10_000,
    clock: door.clock,
  } as const
  http1.on('connection', (raw: Socket) => {
    open.add(raw)
    raw.on('close', () => open.delete(raw))
    raw.on('error', ignoreError)
    readFirstBytes(raw, how, (found) => {
      if (found.kind !== 'ready') return
      if (tlsServer === undefined) hand(raw, raw, false)
      else {
        raw.allowHalfOpen = false
        handshakes.run(raw, () => tlsServer.emit('connection', raw))
      }
    })
  })
  http1.listen(0, '127.0.0.1')
  await once(http1, 'listening')
  return {
    port: (http1.address() as AddressInfo).port,
    handedOff: () => handedOff,
    inLane: () => lane.size,
    open,
    async drain() {
      door.startDraining()
      const closed = once(http1, 'close')
      http1.close()
      http1.closeIdleConnections()
      lane.drain()
      await closed
    },
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy()
      if (!http1.listening && open.size === 0) return
      const closed = once(http1, 'close')
      http1.close()
      await closed
    },
  }
}

function describe(raw: Socket, isTls: boolean): ViewerConnection {
  return {
    id: 1,
    local: { address: raw.localAddress ?? '', port: raw.localPort ?? 0 },
    remote: { address: raw.remoteAddress ?? '', port: raw.remotePort ?? 0 },
    tls: isTls
      ? { version: 'TLSv1.3', cipher: '-', resumed: false, sni: undefined, ja3: undefined, ja4: undefined }
      : undefined,
  }
}

function ignoreError(): void {
  // Connections of a test may end in any way.
}
