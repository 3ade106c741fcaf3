import type { Clock } from '../../base/clock.ts'
import { categories, type Category, usualQuotas } from './operations.ts'

const LEVELS = [90, 70, 50] as const
const QUIET_SECONDS = 60
const WINDOW_SECONDS = 60

/** One category as it stands. */
export interface QuotaState {
  readonly category: Category
  /** Calls per second that are allowed. */
  readonly limit: number
  /** Calls of the busiest second of the last minute, and as a share of the limit. */
  readonly peak: number
  readonly percent: number
  /** The level that this has reached: 50, 70 or 90; undefined below. */
  readonly level: number | undefined
}

export interface Quotas {
  count(category: Category): void
  states(): QuotaState[]
}

/**
 * Counts calls per second and category against the quotas of an account, and tells when a second reaches 50, 70 or 90
 * percent of one: each level at most once a minute. `share` is this process's part of the limit, where several share
 * the calls.
 */
export function createQuotas(options: {
  readonly clock: Clock
  readonly limits: Readonly<Partial<Record<Category, number>>>
  readonly share: number
  warn(category: Category, level: number, count: number, limit: number): void
}): Quotas {
  const { clock, share } = options
  const counters = new Map(
    categories.map((category) => {
      const limit = options.limits[category] ?? usualQuotas[category]
      return [
        category,
        {
          limit,
          bounds: LEVELS.map((level) => Math.max(1, Math.ceil((limit * share * level) / 100))),
          /** Calls by second, in a ring. */
          seconds: Array.from({ length: WINDOW_SECONDS }, () => 0),
          second: 0,
          warnedAt: LEVELS.map(() => Number.NEGATIVE_INFINITY),
        },
      ]
    }),
  )

  /** Empties what of the ring is older than a minute. */
  function advance(counter: { seconds: number[]; second: number }, now: number): void {
    const passed = Math.min(now - counter.second, WINDOW_SECONDS)
    for (let i = 1; i <= passed; i++) counter.seconds[(now - passed + i) % WINDOW_SECONDS] = 0
    if (passed > 0) counter.second = now
  }

  return {
    count(category) {
      const counter = counters.get(category)!
      const now = Math.floor(clock.monotonic() / 1000)
      advance(counter, now)
      const count = ++counter.seconds[now % WINDOW_SECONDS]!
      const index = counter.bounds.findIndex((bound) => count >= bound)
      if (index === -1 || now - counter.warnedAt[index]! < QUIET_SECONDS) return
      // A level that is told of includes those below it.
      for (let i = index; i < LEVELS.length; i++) counter.warnedAt[i] = now
      options.warn(category, LEVELS[index]!, Math.round(count / share), counter.limit)
    },
    states() {
      const now = Math.floor(clock.monotonic() / 1000)
      return [...counters].map(([category, counter]) => {
        advance(counter, now)
        const peak = Math.max(...counter.seconds) / share
        const percent = Math.round((peak / counter.limit) * 100)
        return {
          category,
          limit: counter.limit,
          peak,
          percent,
          level: LEVELS.find((level) => percent >= level),
        }
      })
    },
  }
}
