import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
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

export interface StartedEdge {
  readonly child: ChildProcess
  readonly url: string
}

/** An edge in a process of its own, which can be killed. */
export async function startEdgeOf(config: string): Promise<StartedEdge> {
  const child = spawn(process.execPath, [LAUNCHER, 'start', config], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface({ input: child.stdout })) {
    const found = /^edgeward listening on (\S+)$/.exec(line)
    if (found !== null) return { child, url: found[1]! }
  }
  throw new Error('the edge did not start')
}
