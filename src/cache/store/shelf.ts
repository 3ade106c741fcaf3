import type { Awaitable } from '../../base/promise.ts'
import { Absences } from './absences.ts'
import { EntryIndex } from './entry-index.ts'
import { haveSameTags, Kept, memoryOf, type Pending } from './kept.ts'
import { S3Fifo } from './s3-fifo.ts'
import { createSelector, type Identity, isSelected, type Selector } from './selection.ts'
import type { Absence, InvalidateOptions, Selection } from './store.ts'

export interface ShelfOptions<P> {
  readonly maxBytes: number
  /** Bound for the memory that finding the entries takes, where that is not part of `cost`. */
  readonly maxIndexBytes: number
  readonly maxTagsPerEntry: number
  readonly maxKeysPerBaseKey: number
  /** Told after an entry was taken off; `why` is undefined when another took its place. */
  readonly onRemove: (kept: Kept<P>, why: Absence | undefined) => void
  /** Asked to mark an entry stale as of `now`. */
  readonly onSoften: (kept: Kept<P>, now: number) => void
  /** Asked before an entry is evicted: whether it is in use where this shelf does not see it. */
  readonly isInUse?: (key: string) => boolean
}

/** An invalidation that is going through the shelf. */
interface Sweep {
  readonly selector: Selector
  readonly options: InvalidateOptions
  readonly sequence: number
  count: number
}

/** Entries looked at before other work gets its turn. */
const SWEEP_STEP = 1024

/**
 * What a store keeps, bounded: entries by key, their order of eviction, and the lists that invalidation goes by.
 * Everything answers at once, except an invalidation that concerns many entries. Such a one holds from the call on,
 * because whatever is older than it is asked for it before it is given out.
 */
export class Shelf<P> {
  readonly #options: ShelfOptions<P>
  readonly #byKey = new Map<string, Kept<P>>()
  readonly #pending = new Map<string, Pending>()
  readonly #policy: S3Fifo<Kept<P>>
  readonly #index = new EntryIndex<Kept<P>>()
  readonly #absences = new Absences()
  readonly #sweeps: Sweep[] = []
  #sequence = 0
  #indexBytes = 0
  evictions = 0

  constructor(options: ShelfOptions<P>) {
    this.#options = options
    const { isInUse } = options
    this.#policy = new S3Fifo(options.maxBytes, isInUse && (({ about }) => isInUse(about.key)))
  }

  get size(): number {
    return this.#byKey.size
  }

  get bytes(): number {
    return this.#policy.bytes
  }

  get indexBytes(): number {
    return this.#indexBytes
  }

  /** The entry under a key; counts a use. */
  get(key: string): Kept<P> | undefined {
    const kept = this.#byKey.get(key)
    if (kept === undefined) return undefined
    if (this.#sweeps.length > 0 && !this.#outlivesSweeps(kept)) return undefined
    this.#policy.touch(kept)
    return kept
  }

  /** The entry under a key; counts nothing. */
  peek(key: string): Kept<P> | undefined {
    const kept = this.#byKey.get(key)
    if (kept === undefined || this.#sweeps.length === 0 || this.#outlivesSweeps(kept)) return kept
    return undefined
  }

  /** Whether an entry that was given out is still the one that is kept. */
  isCurrent(kept: Kept<P>): boolean {
    return !kept.isGone && this.peek(kept.about.key) === kept
  }

  /** Whether an entry may be taken in at all: more tags than allowed could not be invalidated by all of them. */
  admits(about: Identity): boolean {
    return about.tags.length <= this.#options.maxTagsPerEntry
  }

  /**
   * Takes an entry in, in the place of any other under its key, and evicts what it needs the room of. `order` is the
   * moment of the request that brought it.
   */
  add(about: Identity, place: P, cost: number, order: number, proven = false): Kept<P> {
    const kept = new Kept(about, place, cost, order)
    this.drop(about.key)
    this.makeRoom(cost, kept.indexBytes)
    kept.sequence = ++this.#sequence
    this.#byKey.set(about.key, kept)
    this.#indexBytes += kept.indexBytes
    this.#policy.add(kept, proven)
    this.#index.add(kept)
    const { maxKeysPerBaseKey } = this.#options
    for (const surplus of this.#index.beyond(about.baseKey, maxKeysPerBaseKey)) this.#evict(surplus)
    return kept
  }

  /** Evicts until so many more bytes fit in. False when even an empty shelf has no room for them. */
  makeRoom(bytes: number, indexBytes = 0): boolean {
    const { maxBytes, maxIndexBytes } = this.#options
    while (this.bytes + bytes > maxBytes || this.#indexBytes + indexBytes > maxIndexBytes) {
      const victim = this.#policy.evict()
      if (victim === undefined) return false
      this.#evict(victim)
    }
    return true
  }

  /** Puts a new head into the place of an entry's old one: the same key, perhaps other tags, another cost. */
  replaceHead(kept: Kept<P>, about: Identity, place: P, cost: number, order: number): void {
    const isListedAnew = kept.order !== order || !haveSameTags(kept.about, about)
    if (isListedAnew) this.#index.remove(kept)
    this.#indexBytes += memoryOf(about) - kept.indexBytes
    kept.about = about
    kept.place = place
    kept.order = order
    kept.indexBytes = memoryOf(about)
    if (isListedAnew) this.#index.add(kept)
    this.#policy.recost(kept, cost)
    this.makeRoom(0)
  }

  /** Takes an entry off. `why` is remembered as the reason of its absence. */
  remove(kept: Kept<P>, why: Absence | undefined): void {
    if (kept.isGone) return
    kept.isGone = true
    this.#byKey.delete(kept.about.key)
    this.#indexBytes -= kept.indexBytes
    this.#policy.remove(kept)
    this.#index.remove(kept)
    if (why !== undefined) this.#absences.remember(kept.about.key, why)
    this.#options.onRemove(kept, why)
  }

  /** Takes off what is under a key, because something else takes its place. */
  drop(key: string): void {
    const kept = this.#byKey.get(key)
    if (kept !== undefined) this.remove(kept, undefined)
  }

  /** Notes an entry that is on its way in. Nothing older stays under its key; an older one on its way is dead. */
  begin(about: Identity): Pending {
    this.drop(about.key)
    const before = this.#pending.get(about.key)
    if (before !== undefined) before.isDead = true
    const pending: Pending = { about, sequence: ++this.#sequence, isDead: false, softAt: 0 }
    this.#pending.set(about.key, pending)
    return pending
  }

  /** The entry that is on its way in under a key. */
  pending(key: string): Pending | undefined {
    return this.#pending.get(key)
  }

  /** Ends the way in, one way or the other; true when the entry may come in. */
  end(pending: Pending): boolean {
    if (this.#pending.get(pending.about.key) === pending) this.#pending.delete(pending.about.key)
    return !pending.isDead
  }

  /** Notes that something does not fit: nothing older stays under its key. */
  refuse(key: string): void {
    this.delete(key, 'evicted')
    this.#absences.remember(key, 'evicted')
  }

  /** Deletes what is under a key or on its way there. */
  delete(key: string, why: Absence): boolean {
    const pending = this.#pending.get(key)
    if (pending !== undefined) this.#kill(pending, why)
    const kept = this.peek(key)
    if (kept !== undefined) this.remove(kept, why)
    return kept !== undefined || pending !== undefined
  }

  invalidate(selection: Selection, options: InvalidateOptions): Awaitable<number> {
    const sweep: Sweep = {
      selector: createSelector(selection),
      options,
      sequence: ++this.#sequence,
      count: 0,
    }
    for (const pending of this.#pending.values()) {
      if (!isSelected(sweep.selector, pending.about)) continue
      this.#count(sweep, pending.about.key)
      if (!options.soft) this.#kill(pending, 'invalidated')
      else pending.softAt = options.now
    }
    this.#sweeps.push(sweep)
    return this.#goOn(sweep, this.#index.select(sweep.selector))
  }

  absence(key: string): Absence {
    return this.#absences.of(key)
  }

  /** Notes why something that was refused or lost is not there. */
  noteAbsence(key: string, why: Absence): void {
    this.#absences.remember(key, why)
  }

  keysOf(baseKey: string): string[] {
    const items = this.#index.ofBaseKey(baseKey)
    const kept = this.#sweeps.length === 0 ? items : items.filter((item) => this.#outlivesSweeps(item))
    return kept.map((item) => item.about.key)
  }

  /** Everything kept, in the order in which it came; others may come and go meanwhile. */
  *all(): Generator<Kept<P>, void> {
    for (const kept of this.#byKey.values()) if (this.#outlivesSweeps(kept)) yield kept
  }

  /** Forgets everything, without telling anybody, and lets nothing in that is on its way. */
  clear(): void {
    for (const pending of this.#pending.values()) pending.isDead = true
    this.#pending.clear()
    for (const kept of this.#byKey.values()) {
      kept.isGone = true
      this.#policy.remove(kept)
      this.#index.remove(kept)
    }
    this.#byKey.clear()
    this.#indexBytes = 0
  }

  #goOn(sweep: Sweep, steps: Iterator<Kept<P> | undefined, void>): Awaitable<number> {
    for (let step = 0; step < SWEEP_STEP; step++) {
      const next = steps.next()
      if (next.done === true) {
        this.#sweeps.splice(this.#sweeps.indexOf(sweep), 1)
        return sweep.count
      }
      if (next.value !== undefined) this.#outlivesSweeps(next.value)
    }
    return new Promise((resolve) => {
      setImmediate(() => resolve(this.#goOn(sweep, steps)))
    })
  }

  /** Does to an entry what the invalidations under way want of it, in their order; true when it stays. */
  #outlivesSweeps(kept: Kept<P>): boolean {
    if (kept.isGone) return false
    for (const sweep of this.#sweeps) {
      if (kept.sequence >= sweep.sequence || !isSelected(sweep.selector, kept.about)) continue
      this.#count(sweep, kept.about.key)
      if (!sweep.options.soft) {
        this.remove(kept, 'invalidated')
        return false
      }
      kept.sequence = sweep.sequence
      this.#options.onSoften(kept, sweep.options.now)
    }
    return true
  }

  #count(sweep: Sweep, key: string): void {
    if (sweep.options.counts === undefined || sweep.options.counts(key)) sweep.count++
  }

  #evict(victim: Kept<P>): void {
    this.evictions++
    this.remove(victim, 'evicted')
  }

  #kill(pending: Pending, why: Absence): void {
    pending.isDead = true
    this.#pending.delete(pending.about.key)
    this.#absences.remember(pending.about.key, why)
  }
}
