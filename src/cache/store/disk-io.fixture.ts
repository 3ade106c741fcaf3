import { writeSync } from 'node:fs'
import { type DiskIo, diskIo } from './disk-io.ts'

/** The calls a store makes of the file system, counted, with a wish of a test done before each. */
export interface WatchedIo extends DiskIo {
  /** Name of each call and what it was about, in order. */
  readonly calls: readonly { readonly call: keyof DiskIo; readonly on: string | number }[]
  /** Called before each; throw to let the call fail, return a promise that never settles to stop the world. */
  before: (call: keyof DiskIo, on: string | number) => void | Promise<void>
}

export function watchIo(): WatchedIo {
  const calls: { call: keyof DiskIo; on: string | number }[] = []
  const io: WatchedIo = {
    calls,
    before: () => {},
    open: (path, flags) => seen('open', path, () => diskIo.open(path, flags)),
    close: (fd) => seen('close', fd, () => diskIo.close(fd)),
    read: (fd, into, position) => seen('read', fd, () => diskIo.read(fd, into, position)),
    write: (fd, pieces, position) => seen('write', fd, () => diskIo.write(fd, pieces, position)),
    truncate: (fd, bytes) => seen('truncate', fd, () => diskIo.truncate(fd, bytes)),
    rename: (from, to) => seen('rename', from, () => diskIo.rename(from, to)),
    unlink: (path) => seen('unlink', path, () => diskIo.unlink(path)),
    mkdir: (path) => seen('mkdir', path, () => diskIo.mkdir(path)),
    rmdir: (path) => seen('rmdir', path, () => diskIo.rmdir(path)),
    readdir: (path) => seen('readdir', path, () => diskIo.readdir(path)),
    stat: (file) => seen('stat', file, () => diskIo.stat(file)),
    copy: (from, to) => seen('copy', from, () => diskIo.copy(from, to)),
  }
  async function seen<T>(call: keyof DiskIo, on: string | number, work: () => Promise<T>): Promise<T> {
    calls.push({ call, on })
    await io.before(call, on)
    return await work()
  }
  return io
}

/**
 * A file system of a process that is killed at its call number `at`: what a kill leaves of that call is done (a write
 * may have come through in part, here `share` of it), and neither it nor any later one ever returns.
 */
export function dyingIo(
  at: number,
  share: number,
): DiskIo & { readonly died: Promise<void>; lastCall(): keyof DiskIo } {
  const watched = watchIo()
  const { promise: died, resolve } = Promise.withResolvers<void>()
  const never = new Promise<void>(() => {})
  let isDead = false
  watched.before = () => {
    if (isDead) return never
    if (watched.calls.length < at) return
    isDead = true
    resolve()
    return never
  }
  return {
    ...watched,
    died,
    lastCall: () => watched.calls[at - 1]!.call,
    write(fd, pieces, position) {
      if (!isDead && watched.calls.length + 1 === at) {
        const all = Buffer.concat(pieces)
        writeSync(fd, all, 0, Math.floor(all.length * share), position)
      }
      return watched.write(fd, pieces, position)
    },
  }
}

/** An error as the system gives it. */
export function systemError(code: string): Error {
  return Object.assign(new Error(`${code}: as a test wants it`), { code })
}
