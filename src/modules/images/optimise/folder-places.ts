import { type BigIntStats, type Dirent } from 'node:fs'
import { mkdir, opendir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { systemCode } from '../../../seams/seam-error.ts'
import { ImageError } from '../image-error.ts'
import { isPictureName, type Original, type Originals, type Results } from './places.ts'

/** A folder as a place of originals: it also tells when a file was last changed in any way, and of folders it meets. */
export interface FolderOriginals extends Originals {
  /** The original, and milliseconds since the epoch at which anything of the file changed, name and times included. */
  look(key: string): Promise<{ readonly original: Original; readonly changedAt: number } | undefined>
  /** Those below a folder of it, `''` for all. Reads directories as it goes, not all at once. */
  below(folder: string, signal: AbortSignal, met?: (folder: string) => void): AsyncIterable<Original>
  /** Whether a folder is passed over: hidden, or where results go. */
  isLeftOut(folder: string): boolean
}

/** The pictures below a folder; what lies in `results` is none of them, wherever that is. Links are not followed. */
export function folderOriginals(root: string, results: string | undefined): FolderOriginals {
  const left = results === undefined ? undefined : path.resolve(results)
  const pathOf = (key: string): string => path.join(root, ...key.split('/'))
  const isLeftOut = (folder: string): boolean => {
    if (folder !== '' && path.posix.basename(folder).startsWith('.')) return true
    if (left === undefined) return false
    const here = path.resolve(pathOf(folder))
    return here === left || here.startsWith(left + path.sep)
  }

  async function look(key: string) {
    if (!isPictureName(key) || isLeftOut(key.slice(0, Math.max(0, key.lastIndexOf('/'))))) return undefined
    let found: BigIntStats
    try {
      found = await stat(pathOf(key), { bigint: true })
    } catch (error) {
      if (isGone(error)) return undefined
      throw error
    }
    if (!found.isFile()) return undefined
    return {
      original: { key, bytes: Number(found.size), modified: found.mtime.toISOString() },
      changedAt: Number(found.ctimeNs > found.mtimeNs ? found.ctimeNs : found.mtimeNs) / 1e6,
    }
  }

  async function find(key: string): Promise<Original | undefined> {
    return (await look(key))?.original
  }

  async function* below(
    folder: string,
    signal: AbortSignal,
    met: (folder: string) => void = () => {},
  ): AsyncGenerator<Original, void, void> {
    if (isLeftOut(folder)) return
    // Before it is read: what comes in between is told.
    met(folder)
    const folders: string[] = []
    try {
      for await (const entry of await opendir(pathOf(folder), { bufferSize: 256 })) {
        if (signal.aborted) return
        const key = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (entry.isDirectory()) folders.push(key)
        else if (isOriginal(entry, key)) {
          const original = await find(key)
          if (original !== undefined) yield original
        }
      }
    } catch (error) {
      if (!isGone(error) || folder === '') throw error
    }
    for (const each of folders.sort()) yield* below(each, signal, met)
  }

  return {
    look,
    find,
    below,
    isLeftOut,
    list: (signal) => below('', signal),
    async read(original, maxBytes) {
      if (original.bytes > maxBytes)
        throw new ImageError(413, 'TooLargeImageException', `The source is larger than ${maxBytes} bytes.`)
      try {
        const bytes = await readFile(pathOf(original.key))
        const now = await find(original.key)
        const isSame = now?.bytes === bytes.length && now.modified === original.modified
        return isSame ? bytes : undefined
      } catch (error) {
        if (isGone(error)) return undefined
        throw error
      }
    },
  }
}

/** Files of a folder, each renamed into its place when it is whole. */
export function folderResults(root: string): Results {
  const pathOf = (name: string): string => path.join(root, ...name.split('/'))

  async function* namesBelow(folder: string, ending: string, signal: AbortSignal): AsyncGenerator<string> {
    const folders: string[] = []
    try {
      for await (const entry of await opendir(pathOf(folder), { bufferSize: 256 })) {
        if (signal.aborted) return
        if (entry.name.startsWith('.')) continue
        const name = folder === '' ? entry.name : `${folder}/${entry.name}`
        if (entry.isDirectory()) folders.push(name)
        else if (name.endsWith(ending)) yield name
      }
    } catch (error) {
      if (!isGone(error)) throw error
    }
    for (const each of folders) yield* namesBelow(each, ending, signal)
  }

  return {
    async read(name) {
      try {
        return await readFile(pathOf(name))
      } catch (error) {
        if (isGone(error)) return undefined
        throw error
      }
    },
    async sizeOf(name) {
      try {
        return (await stat(pathOf(name))).size
      } catch (error) {
        if (isGone(error)) return undefined
        throw error
      }
    },
    async write(name, bytes) {
      const file = pathOf(name)
      const partial = path.join(path.dirname(file), `.${path.basename(file)}.partial`)
      await mkdir(path.dirname(file), { recursive: true })
      await writeFile(partial, bytes)
      await rename(partial, file)
    },
    remove: (name) => rm(pathOf(name), { force: true }),
    list: (ending, signal) => namesBelow('', ending, signal),
  }
}

function isOriginal(entry: Dirent, key: string): boolean {
  return entry.isFile() && isPictureName(key)
}

function isGone(error: unknown): boolean {
  return ['ENOENT', 'ENOTDIR'].includes(systemCode(error) ?? '')
}
