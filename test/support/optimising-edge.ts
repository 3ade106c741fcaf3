import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type RunningEdge, runEdge } from './running-edge.ts'
import { until } from './until.ts'

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'edgeward.cjs')
export const SITE = { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } }
/** JPEG alone is fast; two sizes as by default. */
const QUICK = { formats: ['jpeg'], settleSeconds: 0, processes: 1 }

export type Json = { readonly [key: string]: unknown }

export interface Report {
  readonly name: string
  readonly made: number
  readonly kept: number
  readonly removed: number
  readonly waiting: number
  readonly working: number
  readonly settling: number
  readonly failures: readonly { readonly key: string; readonly kind: string; readonly code: string }[]
  readonly after: readonly { readonly name: string; readonly format: string; readonly bytes: number }[]
}

export function optimising(optimiser: Json, more: Json = {}): Json {
  return { images: { optimise: { uploads: { ...QUICK, ...optimiser } } }, ...more }
}

export async function folderEdge(
  optimiser: Json = {},
  prepare?: (folder: string) => Promise<void>,
): Promise<RunningEdge> {
  return runEdge(SITE, {
    top: optimising({ from: { folder: 'in' }, to: { folder: 'in/small' }, ...optimiser }),
    async prepare(folder) {
      await mkdir(join(folder, 'in'))
      await prepare?.(folder)
    },
  })
}

export async function reportOf({ edge }: RunningEdge): Promise<Report> {
  const [report] = (await admin(edge, 'GET', '/images/optimise')) as readonly Report[]
  return report!
}

export async function admin(
  edge: RunningEdge['edge'],
  method: string,
  path: string,
  parameters = {},
  body?: unknown,
) {
  const route = edge.adminRoutes().find((each) => each.method === method && each.path === path)
  const answer = await route!.handle({ parameters, query: new URLSearchParams(), body })
  return answer.body
}

/** A file is there in the folder of the edge. */
export const done = (edge: RunningEdge, name: string) => until(() => existsSync(join(edge.folder, name)))

/** A folder with the configuration of an edge for `startEdgeOf`: uploads come into `in`, results go to `out`. */
export interface EdgeFolder extends AsyncDisposable {
  readonly folder: string
  readonly config: string
  /** What stands in the configuration. */
  readonly json: Json
}

export async function edgeFolder(optimiser: Json, more: Json = {}): Promise<EdgeFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  await mkdir(join(folder, 'in'))
  const config = join(folder, 'edgeward.config.json')
  const json = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: false,
    distributions: { main: SITE },
    ...optimising({ from: { folder: 'in' }, to: { folder: 'out' }, ...optimiser }, more),
  }
  await writeFile(config, JSON.stringify(json))
  return { folder, config, json, [Symbol.asyncDispose]: () => rm(folder, { recursive: true }) }
}

export interface StartedEdge extends AsyncDisposable {
  readonly url: string
  /** Resolves when it has ended. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

/** An edge in a process of its own, which can be killed, and is ended with the test. */
export async function startEdgeOf(config: string): Promise<StartedEdge> {
  const child = spawn(process.execPath, [LAUNCHER, 'start', config], { stdio: ['ignore', 'pipe', 'ignore'] })
  const exited = once(child, 'exit')
  async function end(signal: 'SIGTERM' | 'SIGKILL'): Promise<void> {
    child.kill(signal)
    await exited
  }
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /^edgeward listening on (\S+)$/.exec(line)
    if (found !== null) return { url: found[1]!, end, [Symbol.asyncDispose]: () => end('SIGTERM') }
  }
  throw new Error('the edge did not start')
}
