import { open, rename, unlink } from 'node:fs/promises'
import { systemCode } from './seam-error.ts'

/** The name under which a file is written before it takes its place. One writer at a time, so one name is enough. */
export function temporaryPathOf(path: string): string {
  return `${path}.new`
}

/**
 * Puts `bytes` in the place of `path` in one step: a reader, or whoever comes after a kill -9, finds the old file
 * or the new one. The caller holds the lock of the store. `mode` is set from the first byte on.
 */
export async function replaceFile(path: string, bytes: Uint8Array | string, mode: number): Promise<void> {
  const temporary = temporaryPathOf(path)
  await removeFile(temporary)
  try {
    // `wx`: never write through a link that somebody laid in our way.
    const file = await open(temporary, 'wx', mode)
    try {
      await file.writeFile(bytes)
    } finally {
      await file.close()
    }
    await rename(temporary, path)
  } catch (error) {
    await removeFile(temporary)
    throw error
  }
}

/** Deletes a file, and is content when there is none. Returns whether there was one. */
export async function removeFile(path: string): Promise<boolean> {
  try {
    await unlink(path)
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw error
  }
}
