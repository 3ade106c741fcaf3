import { closeSync, constants, fstatSync, open, read, readlinkSync } from 'node:fs'
import { lstat, realpath } from 'node:fs/promises'
import path from 'node:path'
import { Readable } from 'node:stream'
import { Body, type FillingStream } from '../http/body.ts'

/** A regular file inside a folder, open; whoever holds it closes it or makes a body of it. */
export interface OpenFile {
  readonly fd: number
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** Milliseconds since the epoch. */
  readonly modifiedMs: number
  /** A strong entity tag, in its quotes: another file, size or time of change gives another tag. */
  readonly etag: string
}

export type Opened =
  | { readonly kind: 'file'; readonly file: OpenFile }
  | { readonly kind: 'directory' }
  | { readonly kind: 'missing' }
  /** The file system does not let this process read it. */
  | { readonly kind: 'forbidden' }

/** Files longer than this are streamed, shorter ones read at once. */
export const MAX_READ_BYTES = 65_536

/**
 * Opens files below folders and never a file outside; remembers where each folder really is. What may wait for a disk is
 * done on other threads; what only looks at an open descriptor, or closes it, is done at once, because a trip to another thread
 * costs ten times as much.
 */
export class FolderFiles {
  readonly #roots = new Map<string, string>()

  /**
   * Opens `relative` (starts with `/`, no dot segments) below `folder` (absolute). A symbolic link may lead anywhere
   * inside the folder. Rejects when the system is out of descriptors or the disk fails.
   */
  async open(folder: string, relative: string): Promise<Opened> {
    const full = path.join(folder, relative)
    const rootBefore = this.#roots.get(folder)
    let fd: number
    try {
      // Without O_NONBLOCK, opening a pipe would hold a thread until somebody writes to it.
      fd = await openForReading(full, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY)
    } catch (error) {
      return refusalOf(error)
    }
    let isKept = false
    try {
      // From the descriptor, not the path: what is described is what will be read.
      const stat = fstatSync(fd, { bigint: true })
      if (!stat.isFile() && !stat.isDirectory()) return MISSING
      const real = realPathBehind(fd) ?? (await realPathOf(full, stat))
      if (real === undefined || !(await this.#isInside(folder, rootBefore, real))) return MISSING
      if (stat.isDirectory()) return DIRECTORY
      isKept = true
      return {
        kind: 'file',
        file: {
          fd,
          path: full,
          size: Number(stat.size),
          modifiedMs: Number(stat.mtimeMs),
          etag: `"${stat.ino.toString(16)}-${stat.size.toString(16)}-${stat.mtimeNs.toString(16)}"`,
        },
      }
    } finally {
      if (!isKept) closeSync(fd)
    }
  }

  /**
   * `rootBefore` is where the folder was before the file was opened. Where that does not fit, the folder may be a link
   * that has been turned to a new release of the site, so it is looked up again.
   */
  async #isInside(folder: string, rootBefore: string | undefined, real: string): Promise<boolean> {
    if (rootBefore !== undefined && lies(real, rootBefore)) return true
    const root = await realpath(folder).catch(ifGone)
    if (root === undefined) return false
    this.#roots.set(folder, root)
    return lies(real, root)
  }
}

/**
 * The body made of `length` bytes of a file from `start`; it closes the file, also when it is discarded. Rejects when
 * the file has become shorter than it was when it was opened.
 */
export async function bodyOf(file: OpenFile, start: number, length: number): Promise<Body> {
  if (length > MAX_READ_BYTES) return Body.stream(new FileRange(file, start, length), length)
  try {
    if (length === 0) return Body.none()
    const bytes = Buffer.allocUnsafe(length)
    await readInto(file, bytes, start)
    return Body.bytes(bytes)
  } finally {
    closeFile(file)
  }
}

/** Ends the use of an open file that has become no body. */
export function closeFile({ fd }: OpenFile): void {
  closeSync(fd)
}

async function readInto(file: OpenFile, target: Buffer, start: number): Promise<void> {
  for (let filled = 0; filled < target.length;) {
    const bytesRead = await readSome(file.fd, target.subarray(filled), start + filled)
    if (bytesRead === 0) throw cutShort(file)
    filled += bytesRead
  }
}

/** Bytes of an open file, piece by piece. A file that is cut meanwhile is an error, never an early end. */
class FileRange extends Readable implements FillingStream {
  readonly #file: OpenFile
  #position: number
  #left: number
  #reading: Promise<unknown> | undefined

  constructor(file: OpenFile, start: number, length: number) {
    super({ highWaterMark: MAX_READ_BYTES })
    this.#file = file
    this.#position = start
    this.#left = length
  }

  async fill(target: Buffer): Promise<void> {
    this.#reading = readInto(this.#file, target, this.#position)
    try {
      await this.#reading
    } finally {
      this.#reading = undefined
      this.destroy()
    }
  }

  override _read(): void {
    const size = Math.min(MAX_READ_BYTES, this.#left)
    // A buffer of its own: the reader may keep it, and it must not keep a shared pool alive.
    const buffer = Buffer.allocUnsafeSlow(size)
    this.#reading = readSome(this.#file.fd, buffer, this.#position).then(
      (bytesRead) => {
        this.#reading = undefined
        if (this.destroyed) return
        if (bytesRead === 0) {
          this.destroy(cutShort(this.#file))
          return
        }
        this.#position += bytesRead
        this.#left -= bytesRead
        this.push(bytesRead === size ? buffer : buffer.subarray(0, bytesRead))
        if (this.#left === 0) this.push(null)
      },
      (error: Error) => {
        this.#reading = undefined
        this.destroy(error)
      },
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const close = () => {
      closeFile(this.#file)
      done(error)
    }
    // The number of a closed descriptor is soon another file's: a read that is under way comes first.
    if (this.#reading === undefined) close()
    else void this.#reading.then(close, close)
  }
}

const MISSING: Opened = { kind: 'missing' }
const DIRECTORY: Opened = { kind: 'directory' }
const FORBIDDEN: Opened = { kind: 'forbidden' }

function refusalOf(error: unknown): Opened {
  switch (error instanceof Error && 'code' in error ? error.code : undefined) {
    case 'ENOENT':
    case 'ENOTDIR':
    case 'ENAMETOOLONG':
    case 'ELOOP':
    // A socket, or a device without a driver.
    case 'ENXIO':
    case 'ENODEV':
      return MISSING
    case 'EACCES':
    case 'EPERM':
      return FORBIDDEN
    default:
      throw error
  }
}

/**
 * Where an open file really is, after all symbolic links: on Linux the kernel names the file behind a descriptor, so a link
 * swapped since the file was opened changes nothing. Undefined elsewhere.
 */
function realPathBehind(fd: number): string | undefined {
  if (process.platform !== 'linux') return undefined
  try {
    return readlinkSync(`/proc/self/fd/${fd}`)
  } catch {
    return undefined
  }
}

/** The same by the path, where it still leads to the same file; undefined if that cannot be told. */
async function realPathOf(
  full: string,
  stat: { readonly dev: bigint; readonly ino: bigint },
): Promise<string | undefined> {
  const real = await realpath(full).catch(ifGone)
  if (real === undefined) return undefined
  const there = await lstat(real, { bigint: true }).catch(ifGone)
  return there?.dev === stat.dev && there.ino === stat.ino ? real : undefined
}

function openForReading(file: string, flags: number): Promise<number> {
  return new Promise((resolve, reject) => {
    open(file, flags, (error, fd) => (error === null ? resolve(fd) : reject(error)))
  })
}

/** Gives how many bytes were read; 0 at the end of the file. */
function readSome(fd: number, target: Buffer, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, target, 0, target.length, position, (error, bytesRead) =>
      error === null ? resolve(bytesRead) : reject(error),
    )
  })
}

/** Lets a lookup that failed be undefined: the caller treats what it cannot place as not there. */
function ifGone(): undefined {
  return undefined
}

function lies(real: string, root: string): boolean {
  return real === root || real.startsWith(root.endsWith(path.sep) ? root : root + path.sep)
}

function cutShort(file: OpenFile): Error {
  return new Error(
    `${file.path} became shorter than its ${file.size} bytes while it was read; put a new file in its place by renaming instead of writing into it`,
  )
}
