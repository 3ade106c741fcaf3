import type { Clock, Timer } from '../../../base/clock.ts'
import { asError } from '../../../seams/seam-error.ts'

export interface UpgradesOptions {
  readonly clock: Clock
  /** How many may wait; others are asked for again by the next viewer. */
  readonly maxWaiting: number
  /** For how long what came to nothing is not tried again. */
  readonly retryMs: number
  /** Asks whether one may be made now: what gives the turn back when it is made, or undefined for not yet. */
  readonly takeTurn: () => (() => void) | undefined
  readonly report: (problem: string) => void
}

/** `there` by now without it, `nothing` to be made of it, `void` when its source was invalidated meanwhile. */
export type UpgradeOutcome = 'made' | 'there' | 'nothing' | 'void'

/** Makes one picture. Rejects when that fails. */
export type Upgrade = (signal: AbortSignal) => Promise<UpgradeOutcome>

/** Where the making of a slow format stands. */
export type UpgradeState = 'waiting' | 'running' | 'left' | 'none'

const MAX_LEFT = 10_000
/** After which a turn is asked for again. */
const PAUSE_MS = 200

/** Makes slow formats after viewers have been answered: one at a time, in turn with others, each key once, and not without end. */
export class Upgrades {
  readonly #options: UpgradesOptions
  readonly #waiting = new Map<string, Upgrade>()
  /** By key, until when it is not tried again. */
  readonly #left = new Map<string, number>()
  readonly #stop = new AbortController()
  #running: { readonly key: string; readonly done: Promise<void>; readonly isGivenUp: boolean } | undefined
  #pause: Timer | undefined
  /** For metrics. `dropped` had no place to wait. */
  readonly counts = { done: 0, failed: 0, dropped: 0 }

  constructor(options: UpgradesOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#waiting.size
  }

  stateOf(key: string): UpgradeState {
    if (this.#running?.key === key && !this.#running.isGivenUp) return 'running'
    if (this.#waiting.has(key)) return 'waiting'
    return this.#waitsMs(key) > 0 ? 'left' : 'none'
  }

  /**
   * Has something made, unless it is being made already. Gives for how many milliseconds it will not be tried again
   * because nothing came of it; 0 otherwise.
   */
  ask(key: string, work: Upgrade): number {
    const state = this.stateOf(key)
    if (state === 'left') return this.#waitsMs(key)
    if (state !== 'none' || this.#stop.signal.aborted) return 0
    if (this.#waiting.size >= this.#options.maxWaiting) {
      this.counts.dropped++
      return 0
    }
    this.#waiting.set(key, work)
    // After the answer that is being given: whoever waits for it comes first.
    setImmediate(() => this.#next())
    return 0
  }

  /** What is made under a key at this moment is of no use any more: whoever asks for it has it made again. */
  giveUp(key: string): void {
    if (this.#running?.key === key) this.#running = { ...this.#running, isGivenUp: true }
  }

  /** Everything may be tried again. */
  forgive(): void {
    this.#left.clear()
  }

  async close(): Promise<void> {
    this.#stop.abort()
    this.#waiting.clear()
    this.#pause?.cancel()
    await this.#running?.done
  }

  #next(): void {
    if (this.#running !== undefined || this.#pause !== undefined) return
    const [first] = this.#waiting
    if (first === undefined) return
    const giveBack = this.#options.takeTurn()
    if (giveBack === undefined) {
      this.#pause = this.#options.clock.after(PAUSE_MS, () => {
        this.#pause = undefined
        this.#next()
      })
      return
    }
    const [key, work] = first
    this.#waiting.delete(key)
    this.#running = { key, done: this.#run(key, work, giveBack), isGivenUp: false }
  }

  async #run(key: string, work: Upgrade, giveBack: () => void): Promise<void> {
    try {
      const outcome = await work(this.#stop.signal)
      if (outcome === 'made') this.counts.done++
      if (outcome === 'nothing') this.#leaveAlone(key)
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.counts.failed++
        this.#leaveAlone(key)
        this.#options.report(`a picture could not be made in its slow format: ${asError(error).message}`)
      }
    }
    giveBack()
    this.#running = undefined
    this.#next()
  }

  #leaveAlone(key: string): void {
    const { clock, retryMs } = this.#options
    this.#left.delete(key)
    this.#left.set(key, clock.monotonic() + retryMs)
    if (this.#left.size > MAX_LEFT) this.#left.delete(this.#left.keys().next().value!)
  }

  #waitsMs(key: string): number {
    return Math.max(0, (this.#left.get(key) ?? 0) - this.#options.clock.monotonic())
  }
}
