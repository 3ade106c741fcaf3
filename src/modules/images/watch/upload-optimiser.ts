import { recordsOf } from '../optimise/roll-call.ts'
import type { Tally } from '../optimise/tally.ts'
import { type Ending, Lane } from './lane.ts'
import { PictureWork, type PictureWorkOptions } from './picture-work.ts'
import { Search, type SearchOptions } from './search.ts'

export interface UploadOptimiserOptions
  extends Omit<PictureWorkOptions, 'restless'>, Pick<SearchOptions, 'folder' | 'settleMs' | 'scanEveryMs'> {
  /** Pictures at a time. */
  readonly places: number
  readonly retry: { readonly attempts: number; readonly firstMs: number; readonly maxMs: number }
}

/** An optimiser at work, as operators see it. */
export interface OptimiserState {
  readonly made: number
  readonly kept: number
  /** Pictures whose results went away with them. */
  readonly removed: number
  readonly rejected: number
  readonly failed: number
  readonly waiting: number
  readonly working: number
  readonly retrying: number
  /** Files that may still be written. */
  readonly settling: number
  readonly bytesBefore: number
  readonly after: readonly { readonly name: string; readonly format: string; readonly bytes: number }[]
  /** Milliseconds since the epoch at which everything was looked through last. */
  readonly scannedAt: number | undefined
}

/** How many pictures wait at most before a scan, or a queue, is asked for more. */
export const MAX_WAITING = 256

/** Makes derivatives of whatever is put into a place, until it is closed. */
export class UploadOptimiser {
  readonly #options: UploadOptimiserOptions
  readonly #work: PictureWork
  readonly #lane: Lane
  readonly #search: Search
  /** What the ledger asked for, by the number under which it was taken. */
  readonly #taken = new Map<string, number>()

  constructor(options: UploadOptimiserOptions) {
    this.#options = options
    const { clock, places, retry, folder, results, ledger, deleted } = options
    this.#work = new PictureWork({
      ...options,
      restless: folder && ((key) => this.#search.touch(key)),
    })
    this.#lane = new Lane({
      clock,
      places,
      attempts: retry.attempts,
      firstWaitMs: retry.firstMs,
      maxWaitMs: retry.maxMs,
      work: (key) => this.#work.work(key),
      tried: (key, attempt) => this.#work.tried(key, attempt),
      gaveUp: (key, attempts, error) => this.#work.fail(key, 'failed', attempts, error),
    })
    this.#search = new Search({
      ...options,
      records: deleted === 'remove' ? recordsOf(results, (key) => ledger.failures.has(key)) : undefined,
      isDone: (original) => this.#work.isDone(original),
      found: (key) => void this.#lane.take(key),
      room: () => this.room(),
    })
  }

  /** Goes through everything there is, then follows what happens. */
  start(): void {
    this.takeAsked()
    this.#search.start()
  }

  get state(): OptimiserState {
    const { made, kept, bytesBefore, after } = this.tally
    const { waiting, working, retrying } = this.#lane
    const { settling, scannedAt } = this.#search
    return {
      made,
      kept,
      ...this.#work.counts,
      waiting,
      working,
      retrying,
      settling,
      bytesBefore,
      after,
      scannedAt,
    }
  }

  get tally(): Tally {
    return this.#work.tally
  }

  /** Resolves when there is something to do for more pictures. */
  room(): Promise<void> {
    return this.#lane.room(MAX_WAITING)
  }

  /** Does one picture. Rejects with LaneClosed. */
  take(key: string): Promise<Ending> {
    return this.#lane.take(key)
  }

  /** Does what the ledger was asked for by others. */
  takeAsked(): void {
    for (const [key, asked] of this.#options.ledger.asked) {
      if (this.#lane.has(key) && this.#taken.get(key) === asked) continue
      this.#taken.set(key, asked)
      void this.#lane.take(key)
    }
    for (const key of this.#taken.keys()) if (!this.#options.ledger.asked.has(key)) this.#taken.delete(key)
  }

  /** Waits for the pictures that are worked on; the others are left to the next start. */
  async close(): Promise<void> {
    this.#search.stop()
    await this.#lane.close()
    await this.#search.stopped()
  }
}
