import type { Clock, Timer } from '../../../base/clock.ts'

/** How a picture ended. */
export type Ending = 'made' | 'kept' | 'gone' | 'removed' | 'rejected' | 'failed'

export interface LaneOptions {
  readonly clock: Clock
  /** Pictures at a time. */
  readonly places: number
  /** Tries in all. */
  readonly attempts: number
  readonly firstWaitMs: number
  readonly maxWaitMs: number
  /** Does one picture. Throws what may be tried again. */
  readonly work: (key: string) => Promise<Ending>
  /** A try failed, the `attempt`th here. Gives how many there were in all, also before a restart. */
  readonly tried: (key: string, attempt: number) => Promise<number>
  /** The last attempt failed. */
  readonly gaveUp: (key: string, attempts: number, error: unknown) => Promise<void>
}

/** The edge closes before the picture is done; whoever asked for it asks again. */
export class LaneClosed extends Error {
  override readonly name = 'LaneClosed'

  constructor() {
    super('the optimiser is closing')
  }
}

interface Entry {
  readonly key: string
  readonly promise: Promise<Ending>
  readonly resolve: (ending: Ending) => void
  readonly reject: (error: Error) => void
  attempt: number
  state: 'waiting' | 'working' | 'retrying'
  /** Asked for again while it was worked on: what was read may be the old one. */
  again: boolean
  timer: Timer | undefined
}

/** More that wait for another try are given up: each of them costs a timer. */
const MAX_RETRYING = 10_000
const GROWTH = 3

/** A few pictures at a time, each key once, with further tries after growing waits. */
export class Lane {
  readonly #options: LaneOptions
  readonly #entries = new Map<string, Entry>()
  readonly #ready: Entry[] = []
  readonly #rooms: { readonly below: number; readonly resolve: () => void }[] = []
  readonly #running = new Set<Promise<void>>()
  #working = 0
  #isClosed = false

  constructor(options: LaneOptions) {
    this.#options = options
  }

  get waiting(): number {
    return this.#ready.length
  }

  get working(): number {
    return this.#working
  }

  get retrying(): number {
    return this.#entries.size - this.#ready.length - this.#working
  }

  /** Does a picture; one that is waiting already is done once. Rejects with LaneClosed only. */
  take(key: string): Promise<Ending> {
    if (this.#isClosed) return refused()
    const known = this.#entries.get(key)
    if (known !== undefined) {
      if (known.state === 'working') known.again = true
      return known.promise
    }
    const { promise, resolve, reject } = Promise.withResolvers<Ending>()
    // Scans ask and do not wait.
    promise.catch(() => {})
    const entry: Entry = {
      key,
      promise,
      resolve,
      reject,
      attempt: 0,
      state: 'waiting',
      again: false,
      timer: undefined,
    }
    this.#entries.set(key, entry)
    this.#ready.push(entry)
    this.#next()
    return promise
  }

  has(key: string): boolean {
    return this.#entries.has(key)
  }

  /** Resolves when fewer than `below` wait, or the lane closes. */
  room(below: number): Promise<void> {
    if (this.#isClosed || this.#ready.length < below) return Promise.resolve()
    return new Promise((resolve) => this.#rooms.push({ below, resolve }))
  }

  /** Starts no more, and waits for what is worked on. */
  async close(): Promise<void> {
    this.#isClosed = true
    this.#ready.length = 0
    for (const entry of this.#entries.values()) {
      if (entry.state === 'working') continue
      entry.timer?.cancel()
      entry.reject(new LaneClosed())
    }
    this.#tellRooms()
    await Promise.all(this.#running)
    this.#entries.clear()
  }

  #next(): void {
    while (!this.#isClosed && this.#working < this.#options.places) {
      const entry = this.#ready.shift()
      if (entry === undefined) break
      this.#working++
      entry.state = 'working'
      const run = this.#run(entry).finally(() => this.#running.delete(run))
      this.#running.add(run)
    }
    this.#tellRooms()
  }

  async #run(entry: Entry): Promise<void> {
    entry.attempt++
    entry.again = false
    let ending: Ending | undefined
    try {
      ending = await this.#options.work(entry.key)
    } catch (error) {
      entry.attempt = await this.#options.tried(entry.key, entry.attempt)
      const isLast = entry.attempt >= this.#options.attempts || this.retrying >= MAX_RETRYING
      if (isLast) {
        await this.#options.gaveUp(entry.key, entry.attempt, error)
        ending = 'failed'
      }
    }
    this.#working--
    if (ending === undefined) this.#later(entry)
    else if (entry.again && !this.#isClosed) {
      entry.attempt = 0
      this.#queue(entry)
    } else {
      this.#entries.delete(entry.key)
      entry.resolve(ending)
    }
    this.#next()
  }

  #later(entry: Entry): void {
    if (this.#isClosed) return entry.reject(new LaneClosed())
    const { clock, firstWaitMs, maxWaitMs } = this.#options
    entry.state = 'retrying'
    const wait = Math.min(maxWaitMs, firstWaitMs * GROWTH ** (entry.attempt - 1))
    entry.timer = clock.after(wait, () => {
      this.#queue(entry)
      this.#next()
    })
  }

  #queue(entry: Entry): void {
    entry.state = 'waiting'
    this.#ready.push(entry)
  }

  #tellRooms(): void {
    if (this.#rooms.length === 0) return
    const told = this.#rooms.filter(({ below }) => this.#isClosed || this.#ready.length < below)
    for (const room of told) {
      this.#rooms.splice(this.#rooms.indexOf(room), 1)
      room.resolve()
    }
  }
}

/** A rejection that whoever does not wait for it need not handle. */
function refused(): Promise<never> {
  const promise = Promise.reject<never>(new LaneClosed())
  promise.catch(() => {})
  return promise
}
