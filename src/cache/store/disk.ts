import { isAbsolute, resolve } from 'node:path'
import { type Clock, systemClock } from '../../base/clock.ts'
import type { Awaitable } from '../../base/promise.ts'
import { asError, systemCode } from '../../seams/seam-error.ts'
import type { Entry } from '../entry.ts'
import { Complaints } from './complaints.ts'
import { CorruptFileError } from './disk-file.ts'
import { DiskFolder } from './disk-folder.ts'
import { type DiskComplaint, DiskIndex } from './disk-index.ts'
import { type DiskIo, diskIo } from './disk-io.ts'
import { DiskWrites } from './disk-writes.ts'
import type { DiskPlace } from './index-record.ts'
import type { Kept } from './kept.ts'
import { OpenFiles } from './open-files.ts'
import { readEntryFile } from './read-entry-file.ts'
import type {
  Absence,
  CacheStore,
  FinishedBody,
  Found,
  InvalidateOptions,
  Selection,
  StoreReport,
  StoreStats,
} from './store.ts'

export interface DiskStoreOptions {
  /** Made where it is missing; it belongs to the store alone. */
  readonly folder: string
  /** Files of entries, in whole blocks of 4 KiB; the index (at most four times `maxIndexBytes`) comes on top. */
  readonly maxBytes: number
  /** Larger objects are refused; a quarter of `maxBytes` unless told. */
  readonly maxObjectBytes?: number
  /** Memory for finding entries, about 900 bytes for each; 256 MiB unless told. */
  readonly maxIndexBytes?: number
  /** Bodies in memory that wait to be written; beyond that, new ones are refused. 64 MiB unless told. */
  readonly maxWaitingBytes?: number
  /** Entries with more tags are refused; 128 unless told. */
  readonly maxTagsPerEntry?: number
  /** The oldest variants and parts of a base key give way beyond this many; 256 unless told. */
  readonly maxKeysPerBaseKey?: number
  /** Asked before an entry is evicted: whether a store above uses it, whose hits are not seen here. */
  readonly isInUse?: (key: string) => boolean
  readonly report: StoreReport
  readonly clock?: Clock
  readonly io?: DiskIo
}

/**
 * Opens a cache store in a folder. One process writes it; a store that finds a writer reads what that one writes,
 * refuses to keep anything itself, and takes its place when it ends. A folder that cannot be written is told to
 * `report`, and the store refuses until it can be. Never rejects.
 */
export async function openDiskStore(options: DiskStoreOptions): Promise<DiskStore> {
  const store = new DiskStore(options)
  await store.open()
  return store
}

/** A cache store on disk, bounded by bytes, that survives a killed process; `openDiskStore` makes one. */
export class DiskStore implements CacheStore {
  readonly #options: DiskStoreOptions
  readonly #io: DiskIo
  readonly #folder: DiskFolder
  readonly #complaints: Complaints<DiskComplaint>
  readonly #index: DiskIndex
  readonly #files: OpenFiles
  readonly #writes: DiskWrites
  readonly #reads = new Map<Kept<DiskPlace>, Promise<Found | undefined>>()
  #isClosed = false

  constructor(options: DiskStoreOptions) {
    this.#options = options
    const io = (this.#io = options.io ?? diskIo)
    const clock = options.clock ?? systemClock
    const folder = (this.#folder = new DiskFolder(
      io,
      isAbsolute(options.folder) ? options.folder : resolve(options.folder),
    ))
    const complaints = (this.#complaints = new Complaints<DiskComplaint>(clock, options.report))
    const { maxBytes } = options
    const index = (this.#index = new DiskIndex({
      io,
      clock,
      folder,
      complaints,
      maxBytes,
      maxIndexBytes: options.maxIndexBytes ?? 256 << 20,
      maxTagsPerEntry: options.maxTagsPerEntry ?? 128,
      maxKeysPerBaseKey: options.maxKeysPerBaseKey ?? 256,
      isInUse: options.isInUse ?? nowhere,
    }))
    this.#files = new OpenFiles(io, clock)
    this.#writes = new DiskWrites({
      io,
      clock,
      folder,
      complaints,
      index,
      maxBytes,
      maxObjectBytes: options.maxObjectBytes ?? Math.floor(maxBytes / 4),
      maxWaitingBytes: options.maxWaitingBytes ?? 64 << 20,
    })
  }

  /** `writer`, or `reader` while another process writes or the folder cannot be written. */
  get role(): 'writer' | 'reader' {
    return this.#index.role
  }

  get spoolFolder(): string {
    return this.#folder.spoolFolder
  }

  /** Files that are held open for readers of large bodies. */
  get openFiles(): number {
    return this.#files.open
  }

  async open(): Promise<void> {
    await this.#index.open()
  }

  get(key: string): Awaitable<Found | undefined> {
    return this.#find(key, true)
  }

  peek(key: string): Awaitable<Found | undefined> {
    return this.#find(key, false)
  }

  has(key: string): boolean {
    const { shelf } = this.#index
    return shelf.peek(key) !== undefined || shelf.pending(key) !== undefined
  }

  put(entry: Entry, body: FinishedBody): Awaitable<boolean> {
    return this.#writes.put(entry, body)
  }

  replaceHead(entry: Entry): Promise<boolean> {
    return this.#writes.replaceHead(entry, (kept, error) => this.#failed(kept, error))
  }

  delete(key: string, why: Absence): Awaitable<boolean> {
    return this.has(key) ? this.#index.delete(key, why) : false
  }

  invalidate(selection: Selection, options: InvalidateOptions): Promise<number> {
    return this.#index.invalidate(selection, options)
  }

  absence(key: string): Absence {
    return this.#index.shelf.absence(key)
  }

  keysOf(baseKey: string): readonly string[] {
    return this.#index.shelf.keysOf(baseKey)
  }

  stats(): StoreStats {
    const { size, bytes, evictions } = this.#index.shelf
    return { entries: size, bytes, maxBytes: this.#options.maxBytes, evictions }
  }

  async flush(): Promise<void> {
    await this.#writes.idle()
    await this.#index.flush()
  }

  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    await this.#writes.close()
    this.#files.close()
    await Promise.all(this.#reads.values())
    await this.#index.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  #find(key: string, counts: boolean): Awaitable<Found | undefined> {
    if (this.#isClosed) return undefined
    const { shelf } = this.#index
    const kept = counts ? shelf.get(key) : shelf.peek(key)
    if (kept !== undefined) return this.#read(kept)
    return this.#writes.find(key)?.then((waiting) => waiting ?? this.#find(key, counts))
  }

  /** Reads once for all who ask at the same time. */
  #read(kept: Kept<DiskPlace>): Promise<Found | undefined> {
    const before = this.#reads.get(kept)
    if (before !== undefined) return before
    const reading = this.#readOnce(kept).finally(() => this.#reads.delete(kept))
    this.#reads.set(kept, reading)
    return reading
  }

  async #readOnce(kept: Kept<DiskPlace>): Promise<Found | undefined> {
    try {
      const found = await readEntryFile(
        {
          io: this.#io,
          files: this.#files,
          pathOf: (file) => this.#folder.pathOf(file),
          onFailure: (failed, error) => this.#failed(failed, error),
        },
        kept,
      )
      return this.#index.shelf.isCurrent(kept) ? found : undefined
    } catch (error) {
      this.#failed(kept, asError(error))
      return undefined
    }
  }

  /** What cannot be read is a miss and is told; what is not what was written is removed too. */
  #failed(kept: Kept<DiskPlace>, error: Error): void {
    const { shelf } = this.#index
    // It was evicted or replaced while it was being read.
    if (!shelf.isCurrent(kept)) return
    const path = this.#folder.pathOf(kept.place.file)
    const isGone = systemCode(error) === 'ENOENT'
    if (isGone && this.role === 'reader') {
      shelf.remove(kept, 'evicted')
    } else if (isGone || error instanceof CorruptFileError) {
      shelf.remove(kept, 'corrupted')
      const what = isGone ? 'it is not there any more' : error.message
      this.#complaints.tell('corrupt', `${path} was not what had been written: ${what}. It is fetched anew`)
    } else {
      this.#complaints.tell(
        'read',
        `${path} cannot be read (${error.message}): the answer comes from the origin`,
      )
    }
  }
}

function nowhere(): boolean {
  return false
}
