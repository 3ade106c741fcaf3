import type { Clock, Timer } from '../../base/clock.ts'
import { FileLock } from '../../seams/file-lock.ts'
import { asError } from '../../seams/seam-error.ts'
import type { Complaints } from './complaints.ts'
import type { DiskFolder } from './disk-folder.ts'
import type { DiskIo } from './disk-io.ts'
import { DiskJournal } from './disk-journal.ts'
import type { DiskPlace, IndexRecord } from './index-record.ts'
import { JournalReader } from './journal-reader.ts'
import type { Kept } from './kept.ts'
import { Remover } from './remover.ts'
import { createSelector, type Identity, isSelected, type Selector } from './selection.ts'
import { Shelf } from './shelf.ts'
import type { Absence, InvalidateOptions, Selection } from './store.ts'

/** What a disk store complains of. */
export type DiskComplaint = 'write' | 'read' | 'corrupt' | 'index' | 'slow' | 'remove'

export interface DiskIndexOptions {
  readonly io: DiskIo
  readonly clock: Clock
  readonly folder: DiskFolder
  readonly complaints: Complaints<DiskComplaint>
  readonly maxBytes: number
  readonly maxIndexBytes: number
  readonly maxTagsPerEntry: number
  readonly maxKeysPerBaseKey: number
  readonly isInUse: (key: string) => boolean
}

/** An invalidation a reader has heard of before the writer's index tells it. */
interface Guard {
  readonly selector: Selector
  readonly soft: boolean
  readonly now: number
  readonly until: number
}

const REFRESH_MS = 1_000
const GUARD_MS = 60_000
const MAX_GUARDS = 256
/** Entries that invalidations in the index would have to look at when it is read again. */
const MAX_REPLAY_WORK = 20_000_000

/**
 * What is on disk: the shelf in memory, and the journal from which it comes back. One process writes; the others
 * follow what it writes, and one of them takes its place when it ends.
 */
export class DiskIndex {
  readonly shelf: Shelf<DiskPlace>
  readonly remover: Remover
  readonly #options: DiskIndexOptions
  readonly #journal: DiskJournal
  readonly #reader: JournalReader
  readonly #background = new Set<Promise<void>>()
  #lock: FileLock | undefined = undefined
  #role: 'writer' | 'reader' = 'reader'
  #isClosed = false
  #guards: Guard[] = []
  #timer: Timer | undefined = undefined
  #replayWork = 0

  constructor(options: DiskIndexOptions) {
    this.#options = options
    const { io, clock, folder, complaints } = options
    this.remover = new Remover(io, (path) =>
      complaints.tell('remove', `${path} cannot be removed: the cache on disk takes more room than it may`),
    )
    this.shelf = new Shelf<DiskPlace>({
      maxBytes: options.maxBytes,
      maxIndexBytes: options.maxIndexBytes,
      maxTagsPerEntry: options.maxTagsPerEntry,
      maxKeysPerBaseKey: options.maxKeysPerBaseKey,
      isInUse: options.isInUse,
      onRemove: (kept, why) => this.#removed(kept, why),
      onSoften: (kept, now) => {
        const { place } = kept
        kept.place = { ...place, revision: place.revision + 1, softAt: now }
      },
    })
    this.#journal = new DiskJournal({
      io,
      clock,
      path: folder.indexPath,
      onLost: (error) =>
        complaints.tell(
          'index',
          `the index ${folder.indexPath} cannot be written (${error.message}) and was removed: ` +
            'the cache goes on, but would start empty. Make room, or make the folder writable',
        ),
    })
    this.#reader = new JournalReader(io, folder.indexPath, {
      reset: () => this.shelf.clear(),
      apply: (record) => this.#apply(record),
    })
  }

  get role(): 'writer' | 'reader' {
    return this.#role
  }

  /** Bytes of the index file. */
  get journalBytes(): number {
    return this.#journal.bytes
  }

  /** Reads what is there and becomes the writer, if nobody else is. What goes wrong is told, and never rejects. */
  async open(): Promise<void> {
    await this.#refresh()
    this.#schedule()
  }

  /** Takes a written entry in and notes it in the index. */
  commit(about: Identity, place: DiskPlace): void {
    const kept = this.shelf.add(about, place, place.fileBytes, place.requestedAt)
    this.#journal.append({ put: kept.about, at: place, proven: kept.queue === 'main' })
    this.#compactIfWanted()
  }

  /** Notes a head that was exchanged. */
  commitHead(kept: Kept<DiskPlace>, about: Identity, place: DiskPlace): void {
    this.shelf.replaceHead(kept, about, place, place.fileBytes, place.requestedAt)
    if (kept.isGone) return
    this.#journal.append({ put: about, at: place, proven: kept.queue === 'main' })
    this.#compactIfWanted()
  }

  async delete(key: string, why: Absence): Promise<boolean> {
    const kept = this.shelf.peek(key)
    if (kept !== undefined) this.#append({ drop: key, file: kept.place.file })
    const wasThere = this.shelf.delete(key, why)
    await this.#journal.flush()
    return wasThere
  }

  async invalidate(selection: Selection, options: InvalidateOptions): Promise<number> {
    const { soft, now } = options
    // Before anything that comes later, so that reading the index again does the same in the same order.
    this.#append({ invalidate: selection, soft, now })
    if (goesThroughAll(selection)) this.#replayWork += this.shelf.size
    if (this.#role === 'reader') this.#guard(selection, options)
    const count = await this.shelf.invalidate(selection, options)
    await this.#journal.flush()
    this.#compactIfWanted()
    return count
  }

  flush(): Promise<void> {
    return this.#journal.flush()
  }

  /** Lets go of everything; what is being removed is removed. */
  async close(): Promise<void> {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#timer?.cancel()
    await Promise.all(this.#background)
    await this.#journal.close()
    await this.remover.idle()
    await this.#lock?.close()
    this.shelf.clear()
  }

  #append(record: IndexRecord): void {
    if (this.#role === 'writer') this.#journal.append(record)
  }

  #removed(kept: Kept<DiskPlace>, why: Absence | undefined): void {
    if (this.#role !== 'writer') return
    const { file, fileBytes } = kept.place
    // What an invalidation removes is removed by its record too, when the index is read again.
    if (why !== 'invalidated') this.#journal.append({ drop: kept.about.key, file })
    this.remover.add(this.#options.folder.pathOf(file), fileBytes)
  }

  #schedule(): void {
    if (this.#role === 'writer' || this.#isClosed) return
    this.#timer = this.#options.clock.after(REFRESH_MS, () => {
      this.#inBackground(this.#refresh().then(() => this.#schedule()))
    })
  }

  /** Takes the lock if it is free, reads on, and writes from then on if it had the lock. */
  async #refresh(): Promise<void> {
    const { folder, complaints } = this.#options
    let isFree = false
    try {
      if (this.#lock === undefined) {
        await folder.create()
        this.#lock = FileLock.open(folder.lockPath)
      }
      isFree = this.#lock.tryKeep()
    } catch (error) {
      complaints.tell(
        'write',
        `${folder.root} cannot be written, so nothing is kept on disk: ${asError(error).message}`,
      )
    }
    try {
      const isRead = await this.#reader.read()
      if (isFree) await this.#startWriting(isRead)
    } catch (error) {
      complaints.tell('index', `the index ${folder.indexPath} cannot be read: ${asError(error).message}`)
      if (isFree) await this.#letGoOfLock()
    }
  }

  async #startWriting(isRead: boolean): Promise<void> {
    const { folder, complaints } = this.#options
    if (!isRead) this.shelf.clear()
    await folder.takeOver()
    const { damagedLines } = this.#reader
    if (damagedLines > 0) {
      complaints.tell(
        'corrupt',
        `the index ${folder.indexPath} was damaged in ${damagedLines} lines: what stood before them is fetched anew`,
      )
    }
    if (isRead) await this.#journal.resume(this.#reader.end)
    if (this.#isClosed) return
    this.#role = 'writer'
    this.#guards = []
    const isChanged = damagedLines > 0 || this.shelf.evictions > 0
    if (!isRead || isChanged) await this.#journal.compact(() => this.#snapshot())
    this.#inBackground(this.#clean())
  }

  async #letGoOfLock(): Promise<void> {
    await this.#lock?.close()
    this.#lock = undefined
  }

  async #clean(): Promise<void> {
    const live = new Map<string, Set<string>>()
    for (const { place } of this.shelf.all()) {
      const name = place.file.slice(0, 2)
      const files = live.get(name)
      if (files === undefined) live.set(name, new Set([place.file]))
      else files.add(place.file)
    }
    try {
      await this.#options.folder.clean(live, () => this.#isClosed)
    } catch (error) {
      this.#options.complaints.tell('remove', `left-over files are not removed: ${asError(error).message}`)
    }
  }

  #apply(record: IndexRecord): void {
    if ('put' in record) {
      const at = this.#guarded(record.put, record.at)
      if (at !== undefined) this.shelf.add(record.put, at, at.fileBytes, at.requestedAt, record.proven)
    } else if ('drop' in record) {
      const kept = this.shelf.peek(record.drop)
      if (kept?.place.file === record.file) this.shelf.remove(kept, 'evicted')
    } else {
      if (goesThroughAll(record.invalidate)) this.#replayWork += this.shelf.size
      const swept = this.shelf.invalidate(record.invalidate, { soft: record.soft, now: record.now })
      if (typeof swept !== 'number') this.#inBackground(swept.then(nothing))
    }
  }

  #guard(selection: Selection, { soft, now }: InvalidateOptions): void {
    const until = this.#options.clock.monotonic() + GUARD_MS
    this.#guards.push({ selector: createSelector(selection), soft, now, until })
    if (this.#guards.length > MAX_GUARDS) this.#guards.shift()
  }

  /** A place as a reader may use it: what it was told to invalidate may reach the index only after this. */
  #guarded(about: Identity, at: DiskPlace): DiskPlace | undefined {
    if (this.#guards.length === 0) return at
    const time = this.#options.clock.monotonic()
    this.#guards = this.#guards.filter(({ until }) => until > time)
    for (const { selector, soft, now } of this.#guards) {
      if (at.requestedAt > now || !isSelected(selector, about)) continue
      if (!soft) return undefined
      at = { ...at, softAt: now, revision: at.revision + 1 }
    }
    return at
  }

  *#snapshot(): Generator<IndexRecord, void> {
    for (const { about, place, queue } of this.shelf.all()) {
      yield { put: about, at: place, proven: queue === 'main' }
    }
  }

  #compactIfWanted(): void {
    if (this.#role !== 'writer' || this.#isClosed) return
    if (!this.#journal.wantsCompaction && this.#replayWork < MAX_REPLAY_WORK) return
    this.#replayWork = 0
    this.#inBackground(this.#journal.compact(() => this.#snapshot()))
  }

  #inBackground(work: Promise<void>): void {
    this.#background.add(work)
    void work.finally(() => this.#background.delete(work))
  }
}

function nothing(): void {}

/** Whether an invalidation looks at more than it concerns. */
function goesThroughAll({ tags }: Selection): boolean {
  return tags === undefined || tags.some((tag) => tag.endsWith('*'))
}
