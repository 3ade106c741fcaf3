import type { FunctionEventName } from '../planned-functions.ts'
import type { Attempt } from './attempt.ts'
import type { PoolCounters } from './lambda-edge/pool.ts'

/** What a function has done since the edge started. */
export interface FunctionFigures {
  readonly name: string
  readonly kind: 'lambda-edge' | 'cloudfront'
  readonly event: FunctionEventName
  readonly runs: number
  readonly failures: number
  readonly meanMs: number
  readonly coldStarts: number
  readonly reruns: number
  /** The highest compute utilisation of a CloudFront Function, 0 to 100. */
  readonly maxUtilisation: number | undefined
  /** Of the pool, for Lambda@Edge: all events that use it together. */
  readonly pool: (PoolCounters & { readonly workers: number }) | undefined
}

interface Row {
  readonly name: string
  readonly kind: FunctionFigures['kind']
  readonly event: FunctionEventName
  runs: number
  failures: number
  totalMs: number
  coldStarts: number
  reruns: number
  maxUtilisation: number | undefined
}

/** Counters by function and event in the text format of Prometheus; empty while no function has run. */
export function functionMetrics(figures: readonly FunctionFigures[]): string {
  if (figures.length === 0) return ''
  const lines: string[] = []
  for (const { name, help, value } of METRICS) {
    lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} counter`)
    for (const each of figures)
      lines.push(
        `${name}{function=${JSON.stringify(each.name)},kind="${each.kind}",event="${each.event}"} ${value(each)}`,
      )
  }
  return `${lines.join('\n')}\n`
}

const METRICS: readonly {
  readonly name: string
  readonly help: string
  readonly value: (figures: FunctionFigures) => number
}[] = [
  { name: 'edgeward_function_runs_total', help: 'Runs of edge functions.', value: ({ runs }) => runs },
  {
    name: 'edgeward_function_failures_total',
    help: 'Runs that failed or whose result broke a rule.',
    value: ({ failures }) => failures,
  },
  {
    name: 'edgeward_function_seconds_total',
    help: 'Time that runs took together.',
    value: ({ runs, meanMs }) => (runs * meanMs) / 1000,
  },
  {
    name: 'edgeward_function_cold_starts_total',
    help: 'Runs that were the first in their worker.',
    value: ({ coldStarts }) => coldStarts,
  },
  {
    name: 'edgeward_function_reruns_total',
    help: 'Runs done again because their worker was lost.',
    value: ({ reruns }) => reruns,
  },
]

/** Counts runs by function and event. */
export class Tally {
  readonly #rows = new Map<string, Row>()

  count({ function: planned, event, fault, durationMs, isColdStart, reruns, utilisation }: Attempt): void {
    const key = `${event} ${planned.name}`
    let row = this.#rows.get(key)
    if (row === undefined) {
      row = {
        name: planned.name,
        kind: planned.kind,
        event,
        runs: 0,
        failures: 0,
        totalMs: 0,
        coldStarts: 0,
        reruns: 0,
        maxUtilisation: undefined,
      }
      this.#rows.set(key, row)
    }
    row.runs++
    row.totalMs += durationMs
    if (fault !== undefined) row.failures++
    if (isColdStart) row.coldStarts++
    row.reruns += reruns
    if (utilisation !== undefined) row.maxUtilisation = Math.max(row.maxUtilisation ?? 0, utilisation)
  }

  figures(
    pools: readonly { readonly name: string; readonly workers: number; readonly counters: PoolCounters }[],
  ): FunctionFigures[] {
    return [...this.#rows.values()].map(({ totalMs, ...row }) => {
      const pool = row.kind === 'lambda-edge' ? pools.findLast(({ name }) => name === row.name) : undefined
      return {
        ...row,
        meanMs: row.runs === 0 ? 0 : totalMs / row.runs,
        pool: pool === undefined ? undefined : { ...pool.counters, workers: pool.workers },
      }
    })
  }
}
