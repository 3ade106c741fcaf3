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
