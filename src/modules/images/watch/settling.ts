import type { Clock, Timer } from '../../../base/clock.ts'

export interface SettlingOptions {
  readonly clock: Clock
  readonly settleMs: number
  /** How a file stands; undefined where there is none. */
  readonly look: (key: string) => Promise<Stand | undefined>
  /** A file is whole. */
  readonly whole: (key: string) => void
  /** A file is not there any more, and has not come back for as long. */
  readonly gone: (key: string) => void
  /** There are too many, or one could not be looked at: everything must be looked through. */
  readonly lost: (error?: unknown) => void
}

export interface Stand {
  readonly bytes: number
  /** When anything of the file changed, in milliseconds since the epoch, by the clock of the file system. */
  readonly changedAt: number
}

interface Restless {
  stand: Stand | undefined
  timer: Timer
}

/** Each costs a timer; more of them are found by looking through everything. */
const MAX_RESTLESS = 10_000

/**
 * Files that may still be written. A file is whole when nothing of it has changed for `settleMs`: neither its bytes, nor its
 * name, nor its times. Where the clock of the file system runs ahead of ours, it is whole when it stood still between two looks.
 */
export class Settling {
  readonly #options: SettlingOptions
  readonly #restless = new Map<string, Restless>()
  #isClosed = false

  constructor(options: SettlingOptions) {
    this.#options = options
  }

  get size(): number {
    return this.#restless.size
  }

  isWhole({ changedAt }: Stand): boolean {
    return this.#options.clock.now() - changedAt >= this.#options.settleMs
  }

  /** Something happened to a file. */
  touch(key: string): void {
    if (this.#isClosed || this.#restless.has(key)) return
    if (this.#restless.size >= MAX_RESTLESS) return this.#options.lost()
    this.#restless.set(key, { stand: undefined, timer: this.#lookAfter(key, this.#options.settleMs) })
  }

  close(): void {
    this.#isClosed = true
    for (const { timer } of this.#restless.values()) timer.cancel()
    this.#restless.clear()
  }

  #lookAfter(key: string, ms: number): Timer {
    return this.#options.clock.after(ms, () => void this.#look(key))
  }

  async #look(key: string): Promise<void> {
    const { settleMs, clock, look, whole, gone, lost } = this.#options
    let stand: Stand | undefined
    try {
      stand = await look(key)
    } catch (error) {
      this.#restless.delete(key)
      return lost(error)
    }
    const entry = this.#restless.get(key)
    if (entry === undefined) return
    const before = entry.stand
    const stoodStill = before?.bytes === stand?.bytes && before?.changedAt === stand?.changedAt
    if (stand === undefined || this.isWhole(stand) || (before !== undefined && stoodStill)) {
      this.#restless.delete(key)
      if (stand === undefined) gone(key)
      else whole(key)
      return
    }
    entry.stand = stand
    const age = clock.now() - stand.changedAt
    entry.timer = this.#lookAfter(key, age < 0 ? settleMs : Math.max(1, settleMs - age))
  }
}
