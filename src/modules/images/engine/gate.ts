import type { Clock, Timer } from '../../../base/clock.ts'
import { ImageError } from '../image-error.ts'

export interface GateOptions {
  readonly clock: Clock
  /** How many may be inside at a time. */
  readonly places: number
  /** How many may wait; whoever comes then is sent away with 503. */
  readonly maxWaiting: number
  /** How many of one client may wait; whoever comes then is sent away with 429. */
  readonly maxWaitingPerClient: number
  /** Longest wait in milliseconds; after it 503. */
  readonly maxWaitMs: number
}

interface Waiting {
  readonly client: string
  readonly admit: () => void
  readonly refuse: (error: ImageError) => void
  readonly timer: Timer
}

/**
 * Lets a few pieces of work in at a time and keeps the rest in a bounded queue, first come, first served. Nothing is
 * fetched or decoded for those who wait.
 */
export class Gate {
  readonly #options: GateOptions
  readonly #waiting = new Set<Waiting>()
  readonly #byClient = new Map<string, number>()
  #inside = 0
  /** How long the last pieces of work took, smoothed, for `Retry-After`. */
  #typicalMs = 100

  constructor(options: GateOptions) {
    this.#options = options
  }

  get inside(): number {
    return this.#inside
  }

  get waiting(): number {
    return this.#waiting.size
  }

  /**
   * Runs `work` when there is a place. `leave` gives the place up early and is called at the end anyway. Rejects with an
   * ImageError of 429 or 503 when the queue does not take it, or when `signal` says that nobody waits any more.
   */
  async run<T>(client: string, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    await this.#enter(client, signal)
    const startedAt = this.#options.clock.monotonic()
    try {
      return await work()
    } finally {
      this.#typicalMs += (this.#options.clock.monotonic() - startedAt - this.#typicalMs) / 16
      this.#inside--
      this.#admitNext()
    }
  }

  async #enter(client: string, signal: AbortSignal): Promise<void> {
    const { clock, places, maxWaiting, maxWaitingPerClient, maxWaitMs } = this.#options
    if (signal.aborted) throw gone()
    if (this.#inside < places) {
      this.#inside++
      return
    }
    if (this.#waiting.size >= maxWaiting) throw this.#tooBusy()
    const ofClient = this.#byClient.get(client) ?? 0
    if (ofClient >= maxWaitingPerClient)
      throw new ImageError(429, 'TooManyRequests', 'Too many pictures of this client are waiting.', {
        retryAfterSeconds: this.#retryAfterSeconds(),
      })
    this.#byClient.set(client, ofClient + 1)
    await new Promise<void>((resolve, reject) => {
      const forget = () => {
        signal.removeEventListener('abort', left)
        waiting.timer.cancel()
        this.#forget(waiting)
      }
      const left = () => {
        forget()
        reject(gone())
      }
      const waiting: Waiting = {
        client,
        admit: () => {
          forget()
          resolve()
        },
        refuse: (error) => {
          forget()
          reject(error)
        },
        timer: clock.after(maxWaitMs, () => waiting.refuse(this.#tooBusy())),
      }
      this.#waiting.add(waiting)
      signal.addEventListener('abort', left)
    })
  }

  #forget(waiting: Waiting): void {
    if (!this.#waiting.delete(waiting)) return
    const left = (this.#byClient.get(waiting.client) ?? 1) - 1
    if (left === 0) this.#byClient.delete(waiting.client)
    else this.#byClient.set(waiting.client, left)
  }

  #admitNext(): void {
    if (this.#inside >= this.#options.places) return
    const [next] = this.#waiting
    if (next === undefined) return
    this.#inside++
    next.admit()
  }

  #tooBusy(): ImageError {
    return new ImageError(503, 'ServiceUnavailable', 'Too many pictures are waiting to be processed.', {
      retryAfterSeconds: this.#retryAfterSeconds(),
    })
  }

  /** When the queue of now will have passed, from 1 second to a minute. */
  #retryAfterSeconds(): number {
    const ms = (this.#typicalMs * (this.#waiting.size + 1)) / this.#options.places
    return Math.min(60, Math.max(1, Math.ceil(ms / 1000)))
  }
}

function gone(): ImageError {
  return new ImageError(499, 'ClientClosedRequest', 'Nobody waits for this picture any more.')
}
