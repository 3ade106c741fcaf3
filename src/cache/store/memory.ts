import type { Awaitable } from '../../base/promise.ts'
import { type Entry, headCost } from '../entry.ts'
import { detachEntry } from './entry-codec.ts'
import { memoryOf } from './kept.ts'
import { diskIo, readWhole, removeQuietly } from './disk-io.ts'
import { InMemory } from './in-memory.ts'
import { Shelf } from './shelf.ts'
import { softened } from './softened.ts'
import type {
  Absence,
  CacheStore,
  FinishedBody,
  InvalidateOptions,
  Selection,
  StoreReport,
  StoreStats,
} from './store.ts'

export interface MemoryStoreOptions {
  /** Bodies, heads and the indexes, together. */
  readonly maxBytes: number
  /** Larger objects are refused; a sixteenth of `maxBytes` unless told. */
  readonly maxObjectBytes?: number
  /** Entries with more tags are refused; 128 unless told. */
  readonly maxTagsPerEntry?: number
  /** The oldest variants and parts of a base key give way beyond this many; 256 unless told. */
  readonly maxKeysPerBaseKey?: number
  readonly report: StoreReport
}

/** What a body of its own costs beside its bytes (the objects around it), measured on Node 26. */
const BODY_COST = 250

/**
 * A cache store in memory, bounded by bytes: `get` answers at once and allocates nothing. What leaves it is gone;
 * `tiered.ts` puts it over a disk.
 */
export class MemoryStore implements CacheStore {
  readonly spoolFolder = undefined
  readonly #options: MemoryStoreOptions
  readonly #maxObjectBytes: number
  readonly #shelf: Shelf<InMemory>
  readonly #writes = new Set<Promise<boolean>>()
  #isClosed = false

  constructor(options: MemoryStoreOptions) {
    this.#options = options
    this.#maxObjectBytes = options.maxObjectBytes ?? Math.floor(options.maxBytes / 16)
    this.#shelf = new Shelf<InMemory>({
      maxBytes: options.maxBytes,
      maxIndexBytes: Infinity,
      maxTagsPerEntry: options.maxTagsPerEntry ?? 128,
      maxKeysPerBaseKey: options.maxKeysPerBaseKey ?? 256,
      onRemove: () => {},
      onSoften: (kept, now) => {
        const { entry, bytes } = kept.place
        const head = softened(entry, now)
        kept.place = new InMemory(head, bytes)
        kept.about = head
      },
    })
  }

  get(key: string): InMemory | undefined {
    return this.#shelf.get(key)?.place
  }

  peek(key: string): InMemory | undefined {
    return this.#shelf.peek(key)?.place
  }

  has(key: string): boolean {
    return this.#shelf.peek(key) !== undefined || this.#shelf.pending(key) !== undefined
  }

  /** Whether an entry with a body of so many bytes may be kept at all. */
  fits(entry: Entry, bodyBytes: number): boolean {
    return !this.#isClosed && this.#shelf.admits(entry) && costOf(entry, bodyBytes) <= this.#maxObjectBytes
  }

  /** Whether what is under a key has been asked for since it came, so that it is worth keeping below too. */
  isUsed(key: string): boolean {
    const kept = this.#shelf.peek(key)
    return kept !== undefined && (kept.uses > 0 || kept.queue === 'main')
  }

  put(entry: Entry, body: FinishedBody): Awaitable<boolean> {
    if (body.kind === 'bytes') return this.putBytes(entry, body.bytes)
    if (body.bytes !== entry.bodyBytes || !this.fits(entry, body.bytes)) {
      this.#shelf.refuse(entry.key)
      return this.#refuseFile(body.path)
    }
    return this.#track(this.#putFile(entry, body.path, body.bytes))
  }

  /** As `put`, of a body that is in memory: at once. */
  putBytes(entry: Entry, bytes: Buffer): boolean {
    if (bytes.length !== entry.bodyBytes || !this.fits(entry, bytes.length)) {
      this.#shelf.refuse(entry.key)
      return false
    }
    this.#shelf.end(this.#shelf.begin(entry))
    return this.#keep(entry, ownBytes(bytes))
  }

  replaceHead(entry: Entry): boolean {
    const kept = this.#shelf.peek(entry.key)
    if (kept === undefined || entry.revision <= kept.place.entry.revision) return false
    const { bytes } = kept.place
    if (!this.fits(entry, bytes.length)) {
      this.#shelf.remove(kept, 'evicted')
      return false
    }
    const head = detachEntry(entry)
    this.#shelf.replaceHead(
      kept,
      head,
      new InMemory(head, bytes),
      costOf(head, bytes.length),
      head.requestedAt,
    )
    return true
  }

  delete(key: string, why: Absence): boolean {
    return this.#shelf.delete(key, why)
  }

  invalidate(selection: Selection, options: InvalidateOptions): Awaitable<number> {
    return this.#shelf.invalidate(selection, options)
  }

  absence(key: string): Absence {
    return this.#shelf.absence(key)
  }

  keysOf(baseKey: string): readonly string[] {
    return this.#shelf.keysOf(baseKey)
  }

  stats(): StoreStats {
    const { size, bytes, evictions } = this.#shelf
    return { entries: size, bytes, maxBytes: this.#options.maxBytes, evictions }
  }

  async flush(): Promise<void> {
    await Promise.all(this.#writes)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
    this.#shelf.clear()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #keep(entry: Entry, bytes: Buffer): boolean {
    const head = detachEntry(entry)
    this.#shelf.add(head, new InMemory(head, bytes), costOf(head, bytes.length), head.requestedAt)
    return true
  }

  async #putFile(entry: Entry, path: string, length: number): Promise<boolean> {
    const pending = this.#shelf.begin(entry)
    let bytes: Buffer | undefined
    try {
      bytes = await readWhole(diskIo, path, length)
    } catch (error) {
      this.#options.report(
        `the body in ${path} cannot be read (${String(error)}), so it is not kept in memory`,
      )
    }
    await removeQuietly(diskIo, path)
    if (!this.#shelf.end(pending) || bytes === undefined) return false
    return this.#keep(pending.softAt > 0 ? softened(entry, pending.softAt) : entry, bytes)
  }

  async #refuseFile(path: string): Promise<boolean> {
    await removeQuietly(diskIo, path)
    return false
  }

  #track(write: Promise<boolean>): Promise<boolean> {
    this.#writes.add(write)
    const settled = write.finally(() => this.#writes.delete(write))
    return settled
  }
}

function costOf(entry: Entry, bodyBytes: number): number {
  return headCost(entry) + memoryOf(entry) + BODY_COST + bodyBytes
}

/** A body in memory of its own. A piece of a larger buffer would keep all of that one, uncounted. */
function ownBytes(bytes: Buffer): Buffer {
  if (bytes.buffer.byteLength === bytes.length) return bytes
  const own = Buffer.allocUnsafeSlow(bytes.length)
  bytes.copy(own)
  return own
}
