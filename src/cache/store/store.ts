import type { Readable } from 'node:stream'
import type { Awaitable } from '../../base/promise.ts'
import type { Entry } from '../entry.ts'

/** An entry that was found, with its body where it is. It stays as it is when the store changes. */
export interface Found {
  readonly entry: Entry
  /** The whole body, when it is in memory. */
  readonly bytes: Buffer | undefined
  /**
   * Opens the bytes from `first` to `last` inclusive, with `last` below `bodyBytes`. The stream fails when what is
   * on disk is not what was written, or is there no longer; it never gives wrong bytes. Read or destroy it.
   */
  open(first: number, last: number): Readable
}

/** Why an entry is not there any more: a closed list that explain and the log tell. */
export type Absence = 'never-stored' | 'evicted' | 'invalidated' | 'expired' | 'corrupted'

/** A finished body on its way into a store, which owns it from then on: nobody may change the bytes any more. */
export type FinishedBody =
  | { readonly kind: 'bytes'; readonly bytes: Buffer }
  /** A file of exactly this length, best in `spoolFolder`. The store moves it away, or removes it when it refuses. */
  | { readonly kind: 'file'; readonly path: string; readonly bytes: number }

/** What to remove: all entries for which the given members agree. Without members it is everything. */
export interface Selection {
  readonly distributionId?: string
  /** Exact path with query, or a prefix when it ends in `*`. */
  readonly paths?: readonly string[]
  /** Exact tag, or a prefix when it ends in `*`. */
  readonly tags?: readonly string[]
}

export interface InvalidateOptions {
  /** Mark stale as of `now` instead of removing. */
  readonly soft: boolean
  /** Milliseconds since the epoch. */
  readonly now: number
  /** Asked for each entry: whether it counts in the answer. A tier leaves out what the tier below counts. */
  readonly counts?: (key: string) => boolean
}

/**
 * A cache store keeps finished entries, bounded by bytes. `get` answers at once what is known in memory, and promises
 * the rest; everything else may take its time. Nothing a store does may block or crash a request: what it cannot
 * keep or read is a miss and is reported, and no promise of it rejects. One contract test (`contract.ts`) holds for
 * all stores.
 */
export interface CacheStore extends AsyncDisposable {
  /** Where spool files for `put` are best made, because they can be moved from there; undefined when nowhere. */
  readonly spoolFolder: string | undefined
  get(key: string): Awaitable<Found | undefined>
  /** As `get`, but counts no use and moves nothing between tiers: for explain. */
  peek(key: string): Awaitable<Found | undefined>
  /** Whether something is kept under a key, without reading it. */
  has(key: string): boolean
  /**
   * Keeps an entry in the place of any other under its key; false when it does not fit or may not be kept, and then
   * nothing is left under the key. What is invalidated while it is being written is not kept.
   */
  put(entry: Entry, body: FinishedBody): Awaitable<boolean>
  /**
   * Puts a new head on the body that is kept under the entry's key (304, soft purge). False when there is none, or
   * when the kept head has the same or a higher `revision`: a 304 asked for before a soft purge does not undo it.
   */
  replaceHead(entry: Entry): Awaitable<boolean>
  delete(key: string, why: Absence): Awaitable<boolean>
  /**
   * Removes, or with `soft` marks stale, what is selected; gives how many entries. It holds for every `get` from the
   * call on, even while it is still going through the store. When it has resolved, it outlives a killed process.
   */
  invalidate(selection: Selection, options: InvalidateOptions): Awaitable<number>
  /** Why a key is not there, as far as it is remembered (bounded). */
  absence(key: string): Absence
  /** Keys kept under a base key: variants and parts, those of the newest requests first (`requestedAt`). */
  keysOf(baseKey: string): readonly string[]
  stats(): StoreStats
  /** Resolves when everything handed over so far is safe against a killed process, or was refused. */
  flush(): Promise<void>
  /** Finishes what was handed over and lets go of everything. The store then answers as an empty one. */
  close(): Promise<void>
}

export interface StoreStats {
  readonly entries: number
  /** Bodies, heads and what finding them takes, as counted against `maxBytes`. */
  readonly bytes: number
  readonly maxBytes: number
  readonly evictions: number
  /** The same of each tier, when there are several; an entry in two of them then counts twice above. */
  readonly tiers?: readonly { readonly name: string; readonly stats: StoreStats }[]
}

/** Told of what went wrong in a store, as a sentence for operators. Must not throw. */
export type StoreReport = (problem: string) => void
