import { join } from 'node:path'
import type { Clock } from '../../base/clock.ts'
import { asError } from '../../seams/seam-error.ts'
import type { Entry } from '../entry.ts'
import type { Complaints } from './complaints.ts'
import { encodeHead, fileBytesOf, type Trailer } from './disk-file.ts'
import type { DiskFolder } from './disk-folder.ts'
import type { DiskComplaint, DiskIndex } from './disk-index.ts'
import { type DiskIo, removeQuietly } from './disk-io.ts'
import { encodeEntry } from './entry-codec.ts'
import { InMemory } from './in-memory.ts'
import type { DiskPlace } from './index-record.ts'
import type { Kept, Pending } from './kept.ts'
import { readTrailer } from './read-entry-file.ts'
import type { Identity } from './selection.ts'
import { softened } from './softened.ts'
import type { FinishedBody, Found } from './store.ts'
import { Turnstile } from './turnstile.ts'
import { writeEntryFile } from './write-entry-file.ts'

export interface DiskWritesOptions {
  readonly io: DiskIo
  readonly clock: Clock
  readonly folder: DiskFolder
  readonly complaints: Complaints<DiskComplaint>
  readonly index: DiskIndex
  readonly maxBytes: number
  readonly maxObjectBytes: number
  readonly maxWaitingBytes: number
}

/** An entry on its way to the disk. */
interface Waiting {
  readonly pending: Pending
  readonly entry: Entry
  readonly body: FinishedBody
  readonly done: Promise<boolean>
}

type FailedRead = (kept: Kept<DiskPlace>, error: Error) => void

/** Writes under way at the same time: more would only fill the thread pool that reads need. */
const AT_ONCE = 2
const MAX_WAITING = 4096
/** How long nothing is written after a write has failed: a full disk would be asked again by every response. */
const PAUSE_MS = 10_000

/** Brings entries and heads to the disk: a few at a time, in bounded memory, and never more than fits. */
export class DiskWrites {
  readonly #options: DiskWritesOptions
  readonly #turns = new Turnstile(AT_ONCE)
  readonly #waiting = new Map<string, Waiting>()
  readonly #underWay = new Set<Promise<boolean>>()
  readonly #heads = new Map<string, Promise<boolean>>()
  #waitingBytes = 0
  /** Bytes of files that are being written. */
  #reserved = 0
  #pausedUntil = -Infinity
  #isClosed = false

  constructor(options: DiskWritesOptions) {
    this.#options = options
  }

  put(entry: Entry, body: FinishedBody, knownSums?: Uint32Array): Promise<boolean> | false {
    const { index } = this.#options
    const length = body.kind === 'bytes' ? body.bytes.length : body.bytes
    const cost = fileBytesOf(length, Buffer.byteLength(encodeEntry(entry)))
    if (length !== entry.bodyBytes || !this.#accepts(entry, cost, body)) return this.#refuse(entry.key, body)
    const pending = index.shelf.begin(entry)
    const done = this.#write(pending, entry, body, cost, knownSums)
    const waiting: Waiting = { pending, entry, body, done }
    this.#waiting.set(entry.key, waiting)
    return this.#track(
      done.finally(() => {
        if (this.#waiting.get(entry.key) === waiting) this.#waiting.delete(entry.key)
      }),
    )
  }

  /** An entry on its way to the disk; resolves with undefined when it has arrived or been given up. */
  find(key: string): Promise<Found | undefined> | undefined {
    const waiting = this.#waiting.get(key)
    if (waiting === undefined || waiting.pending.isDead) return undefined
    const { body, pending, done } = waiting
    if (body.kind === 'file') return done.then(nothing)
    const entry = pending.softAt > 0 ? softened(waiting.entry, pending.softAt) : waiting.entry
    return Promise.resolve(new InMemory(entry, body.bytes))
  }

  /** Exchanges a head, one after the other for each key. */
  replaceHead(entry: Entry, onFailure: FailedRead): Promise<boolean> {
    const before = this.#heads.get(entry.key) ?? this.#waiting.get(entry.key)?.done
    const exchange = async (): Promise<boolean> => {
      if (before !== undefined) await before
      return await this.#exchangeHead(entry, onFailure)
    }
    const work = exchange()
    this.#heads.set(entry.key, work)
    return this.#track(
      work.finally(() => {
        if (this.#heads.get(entry.key) === work) this.#heads.delete(entry.key)
      }),
    )
  }

  /** Resolves when everything handed over is written or given up. */
  async idle(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.all(this.#underWay)
  }

  async close(): Promise<void> {
    this.#isClosed = true
    await this.idle()
  }

  #accepts(entry: Entry, cost: number, body: FinishedBody): boolean {
    const { index, complaints, folder, maxObjectBytes, maxWaitingBytes } = this.#options
    if (!this.#mayWrite() || cost > maxObjectBytes || !index.shelf.admits(entry)) return false
    const isMuch = body.kind === 'bytes' && this.#waitingBytes + body.bytes.length > maxWaitingBytes
    if (!isMuch && this.#turns.waiting < MAX_WAITING) return true
    complaints.tell('slow', `${folder.root} is slower than what should be kept there: some responses are not`)
    return false
  }

  #mayWrite(): boolean {
    const { index, clock } = this.#options
    return !this.#isClosed && index.role === 'writer' && clock.monotonic() >= this.#pausedUntil
  }

  #refuse(key: string, body: FinishedBody): Promise<boolean> | false {
    const { index, io } = this.#options
    const tidied: Promise<unknown>[] = []
    if (index.shelf.peek(key) !== undefined || index.shelf.pending(key) !== undefined) {
      tidied.push(index.delete(key, 'evicted'))
    }
    index.shelf.noteAbsence(key, 'evicted')
    if (body.kind === 'file') tidied.push(removeQuietly(io, body.path))
    if (tidied.length === 0) return false
    return this.#track(Promise.all(tidied).then(() => false))
  }

  async #write(
    pending: Pending,
    entry: Entry,
    body: FinishedBody,
    cost: number,
    knownSums: Uint32Array | undefined,
  ): Promise<boolean> {
    const { io, folder, index, maxBytes } = this.#options
    const inMemory = body.kind === 'bytes' ? body.bytes.length : 0
    this.#waitingBytes += inMemory
    await this.#turns.enter()
    this.#reserved += cost
    try {
      const { shelf, remover } = index
      const hasRoom = shelf.makeRoom(this.#reserved)
      // What was evicted takes room until it is removed.
      await remover.until(() => shelf.bytes + this.#reserved + remover.bytes <= maxBytes)
      if (!hasRoom || pending.isDead) {
        if (body.kind === 'file') await removeQuietly(io, body.path)
        shelf.end(pending)
        return false
      }
      const file = folder.newName(entry.key)
      const fileBytes = await writeEntryFile(io, folder, file, entry, body, knownSums)
      if (!shelf.end(pending)) {
        remover.add(folder.pathOf(file), fileBytes)
        return false
      }
      const revision = entry.revision + (pending.softAt > 0 ? 1 : 0)
      index.commit(identityOf(entry), {
        file,
        fileBytes,
        bodyBytes: entry.bodyBytes,
        requestedAt: entry.requestedAt,
        revision,
        headRevision: entry.revision,
        softAt: pending.softAt,
      })
      return true
    } catch (error) {
      index.shelf.end(pending)
      index.shelf.noteAbsence(entry.key, 'evicted')
      this.#pause(asError(error))
      return false
    } finally {
      this.#waitingBytes -= inMemory
      this.#reserved -= cost
      this.#turns.leave()
    }
  }

  async #exchangeHead(entry: Entry, onFailure: FailedRead): Promise<boolean> {
    const { io, folder, index } = this.#options
    const kept = index.shelf.peek(entry.key)
    if (kept === undefined || entry.revision <= kept.place.revision) return false
    if (!this.#mayWrite()) return false
    if (!index.shelf.admits(entry)) {
      await index.delete(entry.key, 'evicted')
      return false
    }
    const before = kept.place
    let trailer: Trailer
    let isWritten = false
    try {
      const fd = await io.open(folder.pathOf(before.file), 'r+')
      try {
        trailer = await readTrailer(io, fd, entry.key, before)
        const head = encodeHead(trailer, { ...entry, bodyBytes: before.bodyBytes })
        if (head !== undefined) {
          await io.write(fd, [head.bytes], head.position)
          isWritten = true
        }
      } finally {
        await io.close(fd)
      }
    } catch (error) {
      onFailure(kept, asError(error))
      return false
    }
    if (!index.shelf.isCurrent(kept)) return false
    if (!isWritten) return await this.#rewrite(kept, entry, trailer)
    const { revision, softAt } = kept.place
    // Softly purged meanwhile: the new head is there, but it was asked for before, so that it counts as stale.
    const isOvertaken = revision !== before.revision
    index.commitHead(kept, identityOf(entry), {
      ...kept.place,
      requestedAt: entry.requestedAt,
      headRevision: entry.revision,
      revision: isOvertaken ? Math.max(revision, entry.revision + 1) : entry.revision,
      softAt: isOvertaken ? softAt : 0,
    })
    return !isOvertaken
  }

  /** A head that is too large for its place: the body goes into a new file, with the checksums it has. */
  async #rewrite(kept: Kept<DiskPlace>, entry: Entry, trailer: Trailer): Promise<boolean> {
    const { io, folder, index } = this.#options
    const copy = join(folder.spoolFolder, folder.newName(entry.key))
    const { revision } = kept.place
    try {
      await io.copy(folder.pathOf(kept.place.file), copy)
      const fd = await io.open(copy, 'r+')
      try {
        await io.truncate(fd, trailer.bodyBytes)
      } finally {
        await io.close(fd)
      }
    } catch (error) {
      await removeQuietly(io, copy)
      this.#pause(asError(error))
      return false
    }
    if (!index.shelf.isCurrent(kept) || kept.place.revision !== revision) {
      await removeQuietly(io, copy)
      return false
    }
    return await this.put(entry, { kind: 'file', path: copy, bytes: trailer.bodyBytes }, trailer.blockSums)
  }

  #pause(error: Error): void {
    const { clock, complaints, folder } = this.#options
    this.#pausedUntil = clock.monotonic() + PAUSE_MS
    complaints.tell(
      'write',
      `${folder.root} cannot be written (${error.message}): responses are not kept on disk. ` +
        'Make room, or make the folder writable; it is tried again every ten seconds',
    )
  }

  #track(work: Promise<boolean>): Promise<boolean> {
    this.#underWay.add(work)
    void work.finally(() => this.#underWay.delete(work))
    return work
  }
}

/** What the index keeps of an entry, in strings of its own: a string cut out of a message keeps all of that message. */
function identityOf(entry: Entry): Identity {
  const { key, baseKey, distributionId, path, tags } = entry
  const own: unknown = JSON.parse(JSON.stringify([key, baseKey, distributionId, path, tags]))
  if (!isOwnIdentity(own)) throw new TypeError('an entry without key, base key, distribution, path or tags')
  return {
    key: own[0],
    baseKey: own[1] === own[0] ? own[0] : own[1],
    distributionId: own[2],
    path: own[3],
    tags: own[4],
  }
}

function isOwnIdentity(value: unknown): value is [string, string, string, string, string[]] {
  return Array.isArray(value) && value.length === 5
}

function nothing(): undefined {
  return undefined
}
