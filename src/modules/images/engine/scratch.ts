import { closeSync, fstatSync, ftruncateSync, openSync, readSync, writeSync, writevSync } from 'node:fs'

/**
 * A file without a name, in memory, that the edge and one image process share: pictures cross in two copies instead of in a
 * dozen chunks of a pipe, and the process reads them into memory it already has (measured: docs/decisions/0063). Only one
 * of the two writes at a time: the edge before a job, the process after it. Nothing is left behind when either dies, and
 * the process opens nothing: it was born with the descriptor.
 */
export interface Scratch {
  readonly fd: number
  /** Leaves bytes one after the other at its beginning; false where they do not fit, and have to cross the pipe. */
  put(pieces: readonly Buffer[]): boolean
  /** The first so many bytes of it; undefined where it does not have them. */
  take(length: number): Buffer | undefined
  close(): void
}

/** The descriptor in the process. */
const SCRATCH_FD = 3
const FOLDER = '/dev/shm'
/** Of open(2) on Linux, which Node has no name for: O_TMPFILE | O_RDWR. */
const UNNAMED = 0o20200000 | 2
/** A page: what is smaller crosses the pipe with the message. */
const MIN_BYTES = 4_096
/** Larger pictures are rare, and their pages would stay in memory with the process. */
const MAX_BYTES = 8_388_608

/** Undefined where there is no such place; pictures then cross the pipe. */
export function openScratch(): Scratch | undefined {
  if (process.platform !== 'linux') return undefined
  let fd: number
  try {
    fd = openSync(FOLDER, UNNAMED, 0o600)
  } catch {
    return undefined
  }
  let isOpen = true
  return {
    fd,
    put(pieces) {
      const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
      return isOpen && fits(length) && write(fd, pieces, length)
    },
    take(length) {
      // The process reads hostile bytes and may say anything.
      if (!isOpen || !(length >= 0 && length <= MAX_BYTES)) return undefined
      const bytes = Buffer.allocUnsafeSlow(length)
      return readSync(fd, bytes, 0, length, 0) === length ? bytes : undefined
    },
    close() {
      if (isOpen) closeSync(fd)
      isOpen = false
    },
  }
}

/** In the process: whether the bytes are in the scratch file now; what is not has to cross the pipe. */
export function leaveInScratch(bytes: Buffer): boolean {
  hasScratch ??= isScratchThere()
  return hasScratch && fits(bytes.length) && write(SCRATCH_FD, [bytes], bytes.length)
}

let hasScratch: boolean | undefined

/** A process may have been started without one, by a test for instance. */
function isScratchThere(): boolean {
  try {
    return fstatSync(SCRATCH_FD).isFile()
  } catch {
    return false
  }
}

/** In the process: fills a buffer with the first bytes of the scratch file. Throws when there are fewer. */
export function readScratch(target: Buffer): void {
  if (readSync(SCRATCH_FD, target, 0, target.length, 0) < target.length)
    throw new Error('the scratch file is shorter than what was announced')
}

function fits(length: number): boolean {
  return length >= MIN_BYTES && length <= MAX_BYTES
}

function write(fd: number, pieces: readonly Buffer[], length: number): boolean {
  try {
    const [only] = pieces
    const written =
      pieces.length === 1 ? writeSync(fd, only!, 0, only!.length, 0) : writevSync(fd, [...pieces], 0)
    if (written === length) return true
    // The file system is full: what is there is given back.
    ftruncateSync(fd, 0)
  } catch {
    // Full as well.
  }
  return false
}
