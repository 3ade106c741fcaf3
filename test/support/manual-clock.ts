import type { Clock, Timer } from '../../src/base/clock.ts'

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #now: number
  #monotonic = 1000
  readonly #timers = new Set<{ at: number; action: () => void }>()

  constructor(now = Date.UTC(2026, 10, 24, 12, 0, 0)) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(delayMs: number, action: () => void): Timer {
    const timer = { at: this.#monotonic + delayMs, action }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  /** How many timers wait. */
  get pending(): number {
    return this.#timers.size
  }

  /** Moves time on and runs, in order, what falls due. */
  advance(ms: number): void {
    const until = this.#monotonic + ms
    for (;;) {
      let next: { at: number; action: () => void } | undefined
      for (const timer of this.#timers)
        if (timer.at <= until && (next === undefined || timer.at < next.at)) next = timer
      if (next === undefined) break
      this.#timers.delete(next)
      this.#now += next.at - this.#monotonic
      this.#monotonic = next.at
      next.action()
    }
    this.#now += until - this.#monotonic
    this.#monotonic = until
  }
}
