import type { Clock } from '../../base/clock.ts'
import type { StoreReport } from './store.ts'

const QUIET_MS = 60_000

/** Tells operators of problems that may come thousands of times a second: each kind once a minute, with their number. */
export class Complaints<Kind extends string> {
  readonly #clock: Clock
  readonly #report: StoreReport
  readonly #told = new Map<Kind, { at: number; unsaid: number }>()

  constructor(clock: Clock, report: StoreReport) {
    this.#clock = clock
    this.#report = report
  }

  tell(kind: Kind, problem: string): void {
    const now = this.#clock.monotonic()
    const before = this.#told.get(kind)
    if (before !== undefined && now - before.at < QUIET_MS) {
      before.unsaid++
      return
    }
    this.#told.set(kind, { at: now, unsaid: 0 })
    const unsaid = before?.unsaid ?? 0
    this.#report(
      unsaid === 0 ? problem : `${problem} (and ${unsaid} more of this kind since the last report)`,
    )
  }
}
