import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkConfig } from '../../src/config/check.ts'
import { compilePlan } from '../../src/config/compile.ts'
import { type Edge, startEdge } from '../../src/edge.ts'
import type { OperationalLogger } from '../../src/log/operational.ts'
import type { Clock } from '../../src/base/clock.ts'
import type { Module } from '../../src/modules/module.ts'
import type { Plan } from '../../src/plan.ts'
import type { Visit } from '../../src/visit.ts'

export interface RunningEdge extends AsyncDisposable {
  readonly edge: Edge
  readonly port: number
  readonly url: string
  readonly folder: string
  /** What the edge said to its operator. */
  readonly said: string[]
  /** The visits so far that have ended, oldest first. */
  visits(): Visit[]
  /** Resolves when so many visits have ended. */
  ended(count: number): Promise<Visit[]>
}

const DAY_MS = 86_400_000

type Json = { readonly [key: string]: unknown }

/** Compiles a configuration as `edgeward start` does; throws with all its problems. */
export async function planOf(config: Json, folder: string, version = 1) {
  const { checked, problems } = await checkConfig(config, folder)
  const errors = problems.filter((problem) => problem.level === 'error')
  if (checked === undefined || errors.length > 0) throw new Error(JSON.stringify(errors, undefined, 2))
  return compilePlan(checked, { baseFolder: folder, version })
}

/** An edge in this process on a free port; `distribution` is the only one and answers any host. */
export async function runEdge(
  distribution: Json,
  options: {
    readonly top?: Json
    readonly clock?: Clock
    /** Instead of all there are. */
    readonly modules?: readonly Module[]
    /** Puts files into the folder of the configuration before it is checked. */
    readonly prepare?: (folder: string) => Promise<void>
    /** Changes the compiled plan, for what no configuration can say. */
    readonly adapt?: (plan: Plan) => Plan
  } = {},
): Promise<RunningEdge> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    distributions: { test: distribution },
    admin: false,
    // A clock that a test moves by hours must not close the connections that the test keeps.
    ...(options.clock === undefined ? {} : { limits: { keepAliveTimeoutMs: DAY_MS } }),
    ...options.top,
  }
  await options.prepare?.(folder)
  const planned = await planOf(config, folder)
  const plan = options.adapt?.(planned) ?? planned
  const said: string[] = []
  const say = (line: unknown) => void said.push(typeof line === 'string' ? line : JSON.stringify(line))
  const operational = { info: say, warn: say, error: say, debug: () => {} } as unknown as OperationalLogger
  const visits: Visit[] = []
  const waiting: { count: number; resolve: (visits: Visit[]) => void }[] = []
  const edge = await startEdge({
    plan,
    operational,
    ...(options.clock === undefined ? {} : { clock: options.clock }),
    ...(options.modules === undefined ? {} : { modules: options.modules }),
    onVisit: (visit) => {
      visits.push(visit)
      for (const wait of waiting) if (visits.length >= wait.count) wait.resolve([...visits])
    },
  })
  const { port } = edge.listeners[0]!
  return {
    edge,
    port,
    url: edge.listeners[0]!.url,
    folder,
    said,
    visits: () => [...visits],
    ended: (count) =>
      visits.length >= count
        ? Promise.resolve([...visits])
        : new Promise((resolve) => waiting.push({ count, resolve })),
    async [Symbol.asyncDispose]() {
      for (const listener of edge.listeners) listener.close()
      await edge.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** Sends bytes on a connection of its own and gives everything that comes back until the peer closes. */
export async function talk(
  port: number,
  bytes: string | readonly string[],
  options: { readonly halfClose?: boolean } = {},
): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.setNoDelay(true)
  let text = ''
  socket.on('data', (chunk) => (text += chunk.toString('latin1')))
  socket.on('error', () => socket.destroy())
  for (const piece of typeof bytes === 'string' ? [bytes] : bytes) {
    socket.write(piece, 'latin1')
    await new Promise((turn) => setImmediate(turn))
  }
  if (options.halfClose === true) socket.end()
  await once(socket, 'close')
  return text
}

/** A raw connection on which a test reads as it goes. */
export async function dial(
  port: number,
): Promise<{ socket: Socket; until(pattern: RegExp): Promise<string>; text(): string }> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.setNoDelay(true)
  let text = ''
  const waiting: { pattern: RegExp; resolve: (text: string) => void; reject: (error: Error) => void }[] = []
  const look = () => {
    for (const wait of waiting) if (wait.pattern.test(text)) wait.resolve(text)
  }
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1')
    look()
  })
  socket.on('error', () => socket.destroy())
  socket.on('close', () => {
    look()
    for (const wait of waiting)
      wait.reject(
        new Error(`closed before ${String(wait.pattern)}; got ${JSON.stringify(text.slice(0, 500))}`),
      )
  })
  return {
    socket,
    text: () => text,
    until: (pattern) =>
      new Promise((resolve, reject) => {
        waiting.push({ pattern, resolve, reject })
        look()
        if (socket.destroyed && !pattern.test(text))
          reject(new Error(`closed; got ${JSON.stringify(text.slice(0, 500))}`))
      }),
  }
}

export function statusOf(response: string): number {
  return Number(/^HTTP\/1\.[01] (\d{3})/.exec(response)?.[1] ?? 0)
}
