import type { Clock } from '../../base/clock.ts'
import type { Timing } from '../../visit.ts'

/**
 * What the time of an answer went into: asking sources, waiting for a turn and for a process, pixel work, and reading what
 * is stored.
 */
export type SpentOn = 'img-fetch' | 'img-queue' | 'img-transform' | 'img-stored'

/** Adds up what one answer has taken. */
export class Spent {
  readonly #clock: Clock
  readonly #timings: { readonly name: SpentOn; durationMs: number }[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** In the order in which each was first done; undefined for nothing. */
  get timings(): readonly Timing[] | undefined {
    return this.#timings.length === 0 ? undefined : this.#timings
  }

  now(): number {
    return this.#clock.monotonic()
  }

  /** All the time since a moment of `now`, but for `exceptMs`. */
  since(name: SpentOn, startedAt: number, exceptMs = 0): void {
    this.add(name, this.#clock.monotonic() - startedAt - exceptMs)
  }

  add(name: SpentOn, durationMs: number): void {
    const known = this.#timings.find((each) => each.name === name)
    if (known === undefined) this.#timings.push({ name, durationMs })
    else known.durationMs += durationMs
  }

  /** For what is done behind the answer. */
  anew(): Spent {
    return new Spent(this.#clock)
  }
}
