import type { Objects, ObjectSummary } from '../../../seams/objects/objects.ts'
import { isVariantKey } from './variant-key.ts'

/** What an object takes beside its bytes: its head, and what a file system rounds up. */
const OBJECT_BYTES = 2_048
const MIB = 1_048_576
/** A group is looked at again when this process has written a part of its room into it: others may have, too. */
const UNSEEN_SHARE = 1 / 16
/** How full a group is left when variants had to give way, so that the next ones need not look again. */
const FULL_ENOUGH = 0.9

interface Group {
  /** Bytes in it when it was last looked at, and what this process has done to it since. */
  seen: number
  written: number
}

export interface RoomOptions {
  readonly objects: Objects
  /** When a key was last used by this process, in the milliseconds of `lastModified`; undefined for never. */
  readonly usedAt: (key: string) => number | undefined
  /** Told of each key that gave way. */
  readonly evicted: (key: string) => void
}

/**
 * Keeps a store of variants below its bound, whoever writes into it: processes and nodes know nothing of each other but
 * what stands in the store. Keys are spread evenly over 256 folders, and a bound is held by groups of them: 1, 16 or 256,
 * so that making room means to list one group of a few thousand objects, and that only now and then.
 *
 * One call at a time. With one process the bound always holds; each further one may go over it by a sixteenth, until it
 * looks again.
 */
export class Room {
  readonly #options: RoomOptions
  readonly #groups = new Map<string, Group>()
  #maxBytes: number

  constructor(options: RoomOptions, maxBytes: number) {
    this.#options = options
    this.#maxBytes = maxBytes
  }

  /** Bytes in the groups that were looked at. */
  get bytes(): number {
    let bytes = 0
    for (const { seen, written } of this.#groups.values()) bytes += seen + written
    return bytes
  }

  resize(maxBytes: number): void {
    if (maxBytes === this.#maxBytes) return
    this.#maxBytes = maxBytes
    this.#groups.clear()
  }

  /** Makes room for so many bytes under a key; false when they are more than one group holds. */
  async makeFor(key: string, bytes: number): Promise<boolean> {
    const cost = bytes + OBJECT_BYTES
    const budget = this.#budget
    if (cost > budget) return false
    const name = key.slice(0, this.#prefixLength)
    const group = this.#groups.get(name)
    const isKnown =
      group !== undefined &&
      group.seen + group.written + cost <= budget &&
      group.written + cost <= budget * UNSEEN_SHARE
    if (!isKnown) await this.#look(name, cost)
    return true
  }

  /** So many bytes were put under a key. */
  wrote(key: string, bytes: number): void {
    const group = this.#groups.get(key.slice(0, this.#prefixLength))
    // What stood under the key before is counted until the group is looked at again.
    if (group !== undefined) group.written += bytes + OBJECT_BYTES
  }

  /** Looks at one group after the other, for a bound that was higher before; false after the last. */
  async sweep(index: number): Promise<boolean> {
    const name = prefixes(this.#prefixLength)[index]
    if (name === undefined) return false
    await this.#look(name, 0)
    return true
  }

  get #prefixLength(): 0 | 1 | 2 {
    if (this.#maxBytes <= 256 * MIB) return 0
    return this.#maxBytes <= 4_096 * MIB ? 1 : 2
  }

  get #budget(): number {
    return Math.floor(this.#maxBytes / 16 ** this.#prefixLength)
  }

  /** Counts what is in a group; when `cost` more would be too much, what was not used for longest gives way. */
  async #look(name: string, cost: number): Promise<void> {
    const { objects, usedAt, evicted } = this.#options
    const entries: { readonly key: string; readonly cost: number; readonly at: number }[] = []
    let total = 0
    for await (const { key, size, lastModified } of allVariants(objects, name)) {
      const entry = { key, cost: size + OBJECT_BYTES, at: Math.max(lastModified, usedAt(key) ?? 0) }
      entries.push(entry)
      total += entry.cost
    }
    if (total + cost > this.#budget) {
      entries.sort((a, b) => a.at - b.at)
      for (const entry of entries) {
        if (total + cost <= this.#budget * FULL_ENOUGH) break
        await objects.delete(entry.key)
        total -= entry.cost
        evicted(entry.key)
      }
    }
    this.#groups.set(name, { seen: total, written: 0 })
  }
}

/** All variants whose key begins with `prefix`, page by page. What else is in the store is nobody's business here. */
export async function* allVariants(
  objects: Objects,
  prefix: string,
): AsyncGenerator<ObjectSummary, void, void> {
  let continuation: string | undefined
  do {
    const page = await objects.list({ prefix, ...(continuation === undefined ? {} : { continuation }) })
    for (const object of page.objects) if (isVariantKey(object.key)) yield object
    continuation = page.continuation
  } while (continuation !== undefined)
}

function prefixes(length: 0 | 1 | 2): readonly string[] {
  const digits = Array.from({ length: 16 }, (_, digit) => digit.toString(16))
  if (length === 0) return ['']
  return length === 1 ? digits : digits.flatMap((first) => digits.map((second) => first + second))
}
