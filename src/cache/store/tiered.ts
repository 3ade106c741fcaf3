import type { Awaitable } from '../../base/promise.ts'
import type { Entry } from '../entry.ts'
import type { MemoryStore } from './memory.ts'
import type {
  Absence,
  CacheStore,
  FinishedBody,
  Found,
  InvalidateOptions,
  Selection,
  StoreStats,
} from './store.ts'

/** An entry on its way from below into memory. What happens to it meanwhile is noted here. */
interface Promotion {
  isVoid: boolean
}

/**
 * Memory over another store. Everything is handed to both at once, so that a killed process loses nothing that the
 * store below could take; what is found below and fits comes up again. An entry counts once, wherever it is kept.
 */
export class TieredStore implements CacheStore {
  readonly #memory: MemoryStore
  readonly #below: CacheStore
  readonly #name: string
  readonly #promotions = new Map<string, Promotion>()
  readonly #background = new Set<Promise<unknown>>()

  constructor(memory: MemoryStore, below: CacheStore, nameOfBelow: string) {
    this.#memory = memory
    this.#below = below
    this.#name = nameOfBelow
  }

  get spoolFolder(): string | undefined {
    return this.#below.spoolFolder
  }

  get(key: string): Awaitable<Found | undefined> {
    return this.#memory.get(key) ?? this.#getBelow(key)
  }

  peek(key: string): Awaitable<Found | undefined> {
    return this.#memory.peek(key) ?? this.#below.peek(key)
  }

  has(key: string): boolean {
    return this.#memory.has(key) || this.#below.has(key)
  }

  put(entry: Entry, body: FinishedBody): Awaitable<boolean> {
    this.#voidPromotion(entry.key)
    // A spooled body is long: it belongs below, and comes up when it is asked for and fits.
    if (body.kind === 'file') {
      this.#memory.delete(entry.key, 'evicted')
      return this.#below.put(entry, body)
    }
    const isInMemory = this.#memory.putBytes(entry, body.bytes)
    // The same bytes for both, so that they are not held twice while they are being written.
    const bytes = this.#memory.peek(entry.key)?.bytes ?? body.bytes
    const below = this.#below.put(entry, { kind: 'bytes', bytes })
    if (!isInMemory) return below
    this.#inBackground(below)
    return true
  }

  replaceHead(entry: Entry): Awaitable<boolean> {
    this.#voidPromotion(entry.key)
    const isReplaced = this.#memory.replaceHead(entry)
    const below = this.#below.replaceHead(entry)
    if (!isReplaced) return below
    this.#inBackground(below)
    return true
  }

  delete(key: string, why: Absence): Awaitable<boolean> {
    this.#voidPromotion(key)
    const wasInMemory = this.#memory.delete(key, why)
    const below = this.#below.delete(key, why)
    return below instanceof Promise ? below.then((wasBelow) => wasInMemory || wasBelow) : wasInMemory || below
  }

  async invalidate(selection: Selection, options: InvalidateOptions): Promise<number> {
    for (const promotion of this.#promotions.values()) promotion.isVoid = true
    const counts = options.counts ?? everything
    const countedInMemory = new Set<string>()
    // Both begin now, because it holds from now on; memory first, because the store below asks what it has counted.
    const [above, below] = await Promise.all([
      this.#memory.invalidate(selection, {
        ...options,
        counts: (key) => {
          countedInMemory.add(key)
          return counts(key)
        },
      }),
      this.#below.invalidate(selection, {
        ...options,
        counts: (key) => {
          // Being asked for it, memory does to the entry what this invalidation wants, if it has not been there yet.
          this.#memory.has(key)
          return !countedInMemory.has(key) && counts(key)
        },
      }),
    ])
    return above + below
  }

  /** What was last in memory is remembered there; what it let go, the store below knows more of. */
  absence(key: string): Absence {
    const above = this.#memory.absence(key)
    if (above !== 'never-stored' && above !== 'evicted') return above
    const below = this.#below.absence(key)
    return below === 'never-stored' ? above : below
  }

  keysOf(baseKey: string): readonly string[] {
    const keys = [...this.#below.keysOf(baseKey)]
    let at = keys.length
    // Both lists are newest first: what is in memory alone comes right before what follows it there.
    for (const key of this.#memory.keysOf(baseKey).toReversed()) {
      const known = keys.indexOf(key)
      if (known === -1) keys.splice(at, 0, key)
      else at = known
    }
    return keys
  }

  stats(): StoreStats {
    const memory = this.#memory.stats()
    const below = this.#below.stats()
    return {
      entries: memory.entries + below.entries,
      bytes: memory.bytes + below.bytes,
      maxBytes: memory.maxBytes + below.maxBytes,
      evictions: memory.evictions + below.evictions,
      tiers: [
        { name: 'memory', stats: memory },
        { name: this.#name, stats: below },
      ],
    }
  }

  async flush(): Promise<void> {
    await Promise.all(this.#background)
    await Promise.all([this.#memory.flush(), this.#below.flush()])
  }

  async close(): Promise<void> {
    await Promise.all(this.#background)
    await Promise.all([this.#memory.close(), this.#below.close()])
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #getBelow(key: string): Awaitable<Found | undefined> {
    const found = this.#below.get(key)
    if (!(found instanceof Promise)) {
      if (found !== undefined) this.#promote(found)
      return found
    }
    const promotion: Promotion = this.#promotions.get(key) ?? { isVoid: false }
    this.#promotions.set(key, promotion)
    return found.then((arrived) => {
      if (this.#promotions.get(key) === promotion) this.#promotions.delete(key)
      if (arrived === undefined || promotion.isVoid) return arrived
      // Once for all who asked at the same time.
      promotion.isVoid = true
      return this.#promote(arrived)
    })
  }

  /** Takes what was found below into memory, if it may; gives it as it is to be handed on. */
  #promote(found: Found): Found {
    const { entry, bytes } = found
    if (bytes === undefined || !this.#memory.fits(entry, bytes.length)) return found
    if (!this.#memory.putBytes(entry, bytes)) return found
    return this.#memory.peek(entry.key) ?? found
  }

  /** What is being read below is not the newest any more. */
  #voidPromotion(key: string): void {
    if (this.#promotions.size === 0) return
    const promotion = this.#promotions.get(key)
    if (promotion === undefined) return
    promotion.isVoid = true
    this.#promotions.delete(key)
  }

  #inBackground(work: Awaitable<unknown>): void {
    if (!(work instanceof Promise)) return
    this.#background.add(work)
    void work.finally(() => this.#background.delete(work))
  }
}

function everything(): boolean {
  return true
}
