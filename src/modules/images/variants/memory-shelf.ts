import { isAnySelected, type NameSelector } from '../../../http/name-selector.ts'
import { Body } from '../../../http/body.ts'
import {
  type KeptVariant,
  type NewVariant,
  newShelfCounts,
  type Purged,
  type Shelf,
  type SourceSelection,
} from './shelf.ts'
import { PurgeTally } from './select-sources.ts'
import type { VariantFacts } from './variant-facts.ts'
import type { VariantKey } from './variant-key.ts'

interface Item {
  readonly facts: VariantFacts
  readonly bytes: Buffer
  readonly tags: readonly string[]
}

/** What an item takes beside its bytes, roughly. */
const ITEM_BYTES = 2_048

/**
 * The shelf of a behavior that stores nothing: it keeps what took long to make, in the memory of this process, the most
 * recently used of it.
 */
export class MemoryShelf implements Shelf {
  readonly keepsAll = false
  readonly counts = newShelfCounts()
  readonly #maxBytes: number
  /** The least recently used first. */
  readonly #items = new Map<string, Item>()
  #bytes = 0
  #keeping = Promise.resolve()
  /** Those whose facts are still to come. */
  readonly #arriving = new Set<{ readonly tags: readonly string[]; isVoid: boolean }>()

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  find(key: string): Promise<KeptVariant | undefined> {
    const item = this.#items.get(key)
    if (item === undefined) {
      this.counts.missing++
      return Promise.resolve(undefined)
    }
    this.#items.delete(key)
    this.#items.set(key, item)
    return Promise.resolve({ facts: item.facts, body: Body.bytes(item.bytes) })
  }

  peek(key: string): Promise<VariantFacts | undefined> {
    return Promise.resolve(this.#items.get(key)?.facts)
  }

  keep({ key, prefix }: VariantKey, { bytes, facts, replaces, tags }: NewVariant): void {
    const arriving = { tags, isVoid: false }
    this.#arriving.add(arriving)
    this.#keeping = this.#keeping
      .then(async () => {
        const stated = await facts
        if (arriving.isVoid) return
        if (replaces) this.#forget(prefix, stated.inputs[0]?.hash)
        this.#put(key, { bytes, facts: stated, tags })
      })
      .catch(() => void this.counts.failed++)
      .finally(() => this.#arriving.delete(arriving))
  }

  restate(key: string, facts: VariantFacts): void {
    const item = this.#items.get(key)
    if (item !== undefined) this.#items.set(key, { ...item, facts })
  }

  forget({ prefix }: Pick<VariantKey, 'prefix'>): void {
    this.#forget(prefix, undefined)
  }

  purge(selection: SourceSelection | undefined, tags: NameSelector): Promise<Purged> {
    this.#turnAway(tags)
    const tally = new PurgeTally(selection)
    for (const [key, { bytes }] of this.#items) {
      if (!tally.selects(key)) continue
      tally.count(key, bytes.length)
      this.#delete(key)
      this.counts.removed++
    }
    return Promise.resolve(tally.result())
  }

  /** Nobody else reads what is here, so nobody has to be told. */
  takeBack(selected: NameSelector): Promise<readonly string[]> {
    this.#turnAway(selected)
    for (const [key, { tags }] of this.#items) {
      if (!isAnySelected(selected, tags)) continue
      this.#delete(key)
      this.counts.removed++
    }
    return Promise.resolve([])
  }

  async flush(): Promise<void> {
    await this.#keeping
  }

  async close(): Promise<void> {
    await this.#keeping
    this.#items.clear()
    this.#bytes = 0
  }

  #turnAway(selected: NameSelector): void {
    for (const arriving of this.#arriving) if (isAnySelected(selected, arriving.tags)) arriving.isVoid = true
  }

  #forget(prefix: string, current: string | undefined): void {
    for (const [key, { facts }] of this.#items) {
      if (!key.startsWith(prefix) || facts.inputs[0]?.hash === current) continue
      this.#delete(key)
      this.counts.removed++
    }
  }

  #put(key: string, item: Item): void {
    this.#delete(key)
    if (item.bytes.length + ITEM_BYTES > this.#maxBytes) {
      this.counts.skipped++
      return
    }
    this.#items.set(key, item)
    this.#bytes += item.bytes.length + ITEM_BYTES
    this.counts.stored++
    for (const oldest of this.#items.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.#delete(oldest)
      this.counts.evicted++
    }
  }

  #delete(key: string): boolean {
    const item = this.#items.get(key)
    if (item === undefined) return false
    this.#items.delete(key)
    this.#bytes -= item.bytes.length + ITEM_BYTES
    return true
  }
}
