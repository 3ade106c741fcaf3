import { allObjects } from '../../../seams/objects/all-objects.ts'
import type { Objects, ObjectSummary } from '../../../seams/objects/objects.ts'
import { isVariantKey } from './variant-key.ts'

/** What an object takes beside its bytes: its head, and what a file system rounds up. */
const OBJECT_BYTES = 2_048
const MIB = 1_048_576
/** A group is looked at again when this process has written a part of its room into it: others may have, too. */
const UNSEEN_SHARE = 1 / 16
/** How full a group is left when variants had to give way, so that the next ones need not look again. */
const FULL_ENOUGH = 0.9
/** From here on variants will have to give way before long. */
const NEARLY_FULL = FULL_ENOUGH - UNSEEN_SHARE
/**
 * A variant that has stayed for so much of that time is put anew when it is used, so that all see that it is. Of what is
 * lost because processes know only their own uses, three quarters are regained by a half (`npm run bench -- variant-uses`).
 */
const RENEWED_AFTER = 1 / 2
/**
 * Who only reads must look now and then whether others have filled the store: a quarter of the time that variants stay, so
 * that it is little beside what is written meanwhile, and seldom where a store is never full.
 */
const LOOK_AFTER = 1 / 4
const HOUR_MS = 3_600_000
const NOT_FULL_MS = 6 * HOUR_MS
const MAX_LOOK_MS = 24 * HOUR_MS

interface Group {
  /** Bytes in it when it was last looked at, and what this process has done to it since. */
  seen: number
  written: number
  /** For how long a variant that is not used stays in it, in milliseconds, once it is full. */
  readonly staysMs: number
  readonly lookedAt: number
}

export interface RoomOptions {
  readonly objects: Objects
  /** Milliseconds since the epoch. */
  readonly now: () => number
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
  readonly #startedAt: number
  #maxBytes: number

  constructor(options: RoomOptions, maxBytes: number) {
    this.#options = options
    this.#startedAt = options.now()
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

  /** Whether a variant that is used should be put anew: it was put so long ago that it would give way before long. */
  wantsRenewal(key: string, lastModified: number): boolean {
    const group = this.#groups.get(key.slice(0, this.#prefixLength))
    return group !== undefined && this.#options.now() - lastModified > group.staysMs * RENEWED_AFTER
  }

  /** Whether so much time has passed that others may have filled the group of a key. */
  wantsLook(key: string): boolean {
    const { staysMs, lookedAt } = this.#groups.get(key.slice(0, this.#prefixLength)) ?? {
      staysMs: Infinity,
      lookedAt: this.#startedAt,
    }
    const pause =
      staysMs === Infinity ? NOT_FULL_MS : Math.min(MAX_LOOK_MS, Math.max(HOUR_MS, staysMs * LOOK_AFTER))
    return this.#options.now() - lookedAt > pause
  }

  /** Looks at the group of a key, unless that has just been done. */
  async look(key: string): Promise<void> {
    if (this.wantsLook(key)) await this.#look(key.slice(0, this.#prefixLength), 0)
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
    const { objects, now, usedAt, evicted } = this.#options
    const entries: { readonly key: string; readonly cost: number; readonly at: number }[] = []
    let total = 0
    let oldest = Number.POSITIVE_INFINITY
    for await (const { key, size, lastModified } of allVariants(objects, name)) {
      const entry = { key, cost: size + OBJECT_BYTES, at: Math.max(lastModified, usedAt(key) ?? 0) }
      entries.push(entry)
      total += entry.cost
      oldest = Math.min(oldest, entry.at)
    }
    if (total + cost > this.#budget) {
      entries.sort((a, b) => a.at - b.at)
      for (const entry of entries) {
        if (total + cost <= this.#budget * FULL_ENOUGH) break
        await objects.delete(entry.key)
        total -= entry.cost
        oldest = entry.at
        evicted(entry.key)
      }
    }
    const isFilling = total > this.#budget * NEARLY_FULL
    const lookedAt = now()
    const staysMs = isFilling ? lookedAt - oldest : Infinity
    this.#groups.set(name, { seen: total, written: 0, staysMs, lookedAt })
  }
}

/** All variants whose key begins with `prefix`. What else is in the store is nobody's business here. */
export async function* allVariants(
  objects: Objects,
  prefix: string,
): AsyncGenerator<ObjectSummary, void, void> {
  for await (const object of allObjects(objects, prefix)) if (isVariantKey(object.key)) yield object
}

function prefixes(length: 0 | 1 | 2): readonly string[] {
  const digits = Array.from({ length: 16 }, (_, digit) => digit.toString(16))
  if (length === 0) return ['']
  return length === 1 ? digits : digits.flatMap((first) => digits.map((second) => first + second))
}
