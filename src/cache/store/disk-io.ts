import * as fs from 'node:fs'
import { systemCode } from '../../seams/seam-error.ts'

/**
 * The calls a disk store makes of the file system. An argument of the store, so that tests can let them fail; with
 * plain descriptors, because a FileHandle costs about as much as the read it is for.
 */
export interface DiskIo {
  open(path: string, flags: 'r' | 'r+' | 'wx'): Promise<number>
  close(fd: number): Promise<void>
  /** Fills `into` from `position` on; gives how many bytes there were, fewer only at the end of the file. */
  read(fd: number, into: Uint8Array, position: number): Promise<number>
  /** Writes all of `pieces`, one after the other from `position` on. */
  write(fd: number, pieces: readonly Uint8Array[], position: number): Promise<void>
  truncate(fd: number, bytes: number): Promise<void>
  rename(from: string, to: string): Promise<void>
  unlink(path: string): Promise<void>
  mkdir(path: string): Promise<void>
  rmdir(path: string): Promise<void>
  readdir(path: string): Promise<string[]>
  /** Size and identity of a file, by its name or its descriptor. */
  stat(file: string | number): Promise<{ readonly bytes: number; readonly inode: number }>
  copy(from: string, to: string): Promise<void>
}

/** Cached responses may be private: files and folders are for their owner only. */
const FILE_MODE = 0o600
const FOLDER_MODE = 0o700

export const diskIo: DiskIo = {
  open: (path, flags) =>
    new Promise((resolve, reject) =>
      fs.open(path, flags, FILE_MODE, (error, fd) => (error ? reject(error) : resolve(fd))),
    ),
  close: (fd) =>
    new Promise((resolve, reject) => fs.close(fd, (error) => (error ? reject(error) : resolve()))),
  read: (fd, into, position) =>
    new Promise((resolve, reject) => {
      let filled = 0
      const more = (): void => {
        fs.read(fd, into, filled, into.length - filled, position + filled, (error, count) => {
          if (error) return reject(error)
          filled += count
          if (count === 0 || filled === into.length) resolve(filled)
          else more()
        })
      }
      more()
    }),
  write: (fd, pieces, position) =>
    new Promise((resolve, reject) => {
      const more = (left: readonly Uint8Array[], at: number): void => {
        fs.writev(fd, left, at, (error, count) => {
          if (error) return reject(error)
          const rest = after(left, count)
          if (rest.length === 0) resolve()
          else more(rest, at + count)
        })
      }
      more(pieces, position)
    }),
  truncate: (fd, bytes) =>
    new Promise((resolve, reject) => fs.ftruncate(fd, bytes, (error) => (error ? reject(error) : resolve()))),
  rename: (from, to) => fs.promises.rename(from, to),
  unlink: (path) => fs.promises.unlink(path),
  mkdir: async (path) => void (await fs.promises.mkdir(path, { recursive: true, mode: FOLDER_MODE })),
  rmdir: (path) => fs.promises.rmdir(path),
  readdir: (path) => fs.promises.readdir(path),
  stat: (file) =>
    new Promise((resolve, reject) => {
      const done = (error: Error | null, stats: fs.Stats): void =>
        error ? reject(error) : resolve({ bytes: stats.size, inode: stats.ino })
      if (typeof file === 'number') fs.fstat(file, done)
      else fs.stat(file, done)
    }),
  copy: (from, to) => fs.promises.copyFile(from, to, fs.constants.COPYFILE_EXCL),
}

/** What of `pieces` comes after the first `count` bytes. */
function after(pieces: readonly Uint8Array[], count: number): Uint8Array[] {
  const rest: Uint8Array[] = []
  for (const piece of pieces) {
    if (count < piece.length) rest.push(count > 0 ? piece.subarray(count) : piece)
    count = Math.max(0, count - piece.length)
  }
  return rest
}

/** A file's bytes, which must be exactly so many. */
export async function readWhole(io: DiskIo, path: string, bytes: number): Promise<Buffer<ArrayBuffer>> {
  const fd = await io.open(path, 'r')
  try {
    // One byte more, to see that there is none.
    const into = Buffer.allocUnsafeSlow(bytes + 1)
    const count = await io.read(fd, into, 0)
    if (count !== bytes) throw new Error(`it should hold ${bytes} bytes`)
    return into.subarray(0, bytes)
  } finally {
    await io.close(fd)
  }
}

/** Removes a file that nobody needs; that it is gone already, or cannot be removed, concerns nobody. */
export async function removeQuietly(io: DiskIo, path: string): Promise<boolean> {
  try {
    await io.unlink(path)
    return true
  } catch (error) {
    return systemCode(error) === 'ENOENT'
  }
}
