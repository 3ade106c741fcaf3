import type { Readable } from 'node:stream'
import type { Entry } from '../entry.ts'
import { DiskBody, type SharedFile } from './disk-body.ts'
import { BLOCK_BYTES, checkBlock, CorruptFileError, parseTrailer, type Trailer } from './disk-file.ts'
import type { DiskIo } from './disk-io.ts'
import type { DiskPlace } from './index-record.ts'
import { InMemory } from './in-memory.ts'
import type { Kept } from './kept.ts'
import { staleAsOf } from './softened.ts'
import type { OpenFiles } from './open-files.ts'
import type { Found } from './store.ts'

/** Bodies up to this long are read and checked whole before they are given. */
export const WHOLE_BYTES = 1 << 20

export interface DiskReadOptions {
  readonly io: DiskIo
  readonly files: OpenFiles
  readonly pathOf: (file: string) => string
  /** Told when an entry could not be read, or not all of it. */
  readonly onFailure: (kept: Kept<DiskPlace>, error: Error) => void
}

/**
 * Reads an entry: a short body whole, of a longer one the head, and its body later, block by block. Rejects with
 * CorruptFileError when the file is not what was written, and with the error of the system call when it cannot be read.
 */
export async function readEntryFile(options: DiskReadOptions, kept: Kept<DiskPlace>): Promise<Found> {
  const { io, pathOf } = options
  // As it is now: a head that is exchanged while we read is not what we read.
  const { place } = kept
  const { key } = kept.about
  const fd = await io.open(pathOf(place.file), 'r')
  let isHandedOver = false
  try {
    if (place.bodyBytes <= WHOLE_BYTES) {
      const { entry, bytes } = await readWholeEntry(io, fd, key, place)
      return new InMemory(asItCounts(entry, place, kept.place), bytes)
    }
    const trailer = await readTrailer(io, fd, key, place)
    isHandedOver = true
    const entry = asItCounts(trailer.entry, place, kept.place)
    return new OnDisk(options, kept, entry, trailer, options.files.share(pathOf(place.file), fd))
  } finally {
    if (!isHandedOver) await io.close(fd)
  }
}

/** Reads what stands behind the body of an open file. Rejects as `readEntryFile`. */
export async function readTrailer(io: DiskIo, fd: number, key: string, place: DiskPlace): Promise<Trailer> {
  const bytes = Buffer.allocUnsafeSlow(Math.max(0, place.fileBytes - place.bodyBytes))
  const count = await io.read(fd, bytes, place.bodyBytes)
  return parse(key, place, bytes, count)
}

async function readWholeEntry(
  io: DiskIo,
  fd: number,
  key: string,
  place: DiskPlace,
): Promise<{ readonly entry: Entry; readonly bytes: Buffer }> {
  const { fileBytes, bodyBytes } = place
  const bytes = Buffer.allocUnsafeSlow(fileBytes)
  const count = await io.read(fd, bytes, 0)
  const { entry, blockSums } = parse(key, place, bytes.subarray(bodyBytes), count - bodyBytes)
  const body = bytes.subarray(0, bodyBytes)
  for (let i = 0; i < blockSums.length; i++) {
    checkBlock(body.subarray(i * BLOCK_BYTES, (i + 1) * BLOCK_BYTES), i, blockSums)
  }
  return { entry, bytes: body }
}

function parse(key: string, place: DiskPlace, trailer: Buffer, count: number): Trailer {
  if (count !== trailer.length) throw new CorruptFileError('the file is shorter than it was')
  return parseTrailer(trailer, place.bodyBytes, key, place.headRevision)
}

/** The head as it counts: soft purges are noted in the index, not in the file, before the reading or during it. */
function asItCounts(entry: Entry, before: DiskPlace, after: DiskPlace): Entry {
  const once = softenedBy(entry, before)
  return after === before ? once : softenedBy(once, after)
}

function softenedBy(entry: Entry, { softAt, revision }: DiskPlace): Entry {
  if (softAt === 0 || entry.revision > revision) return entry
  return { ...staleAsOf(entry, softAt), revision }
}

/** An entry whose body is read from its file. */
class OnDisk implements Found {
  readonly entry: Entry
  readonly bytes = undefined
  readonly #options: DiskReadOptions
  readonly #kept: Kept<DiskPlace>
  readonly #trailer: Trailer
  readonly #file: SharedFile

  constructor(
    options: DiskReadOptions,
    kept: Kept<DiskPlace>,
    entry: Entry,
    trailer: Trailer,
    file: SharedFile,
  ) {
    this.entry = entry
    this.#options = options
    this.#kept = kept
    this.#trailer = trailer
    this.#file = file
  }

  open(first: number, last: number): Readable {
    const { io, onFailure } = this.#options
    const { bodyBytes, blockSums } = this.#trailer
    const kept = this.#kept
    const fails = (error: Error): void => onFailure(kept, error)
    return new DiskBody({ io, file: this.#file, bodyBytes, blockSums, onFailure: fails }, first, last)
  }
}
