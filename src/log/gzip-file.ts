import { createReadStream, createWriteStream } from 'node:fs'
import { rename, rm } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'

/**
 * Puts `PATH.gz` in the place of a file that is complete, off the thread of the traffic. The file stays as it is when
 * that fails, and the promise rejects; a file that somebody has moved away is theirs, and no failure.
 */
export async function gzipFile(path: string): Promise<void> {
  const unfinished = `${path}.gz.part`
  try {
    await pipeline(createReadStream(path), createGzip(), createWriteStream(unfinished, { mode: 0o640 }))
    await rename(unfinished, `${path}.gz`)
  } catch (error) {
    await rm(unfinished, { force: true })
    if (isMissing(error, path)) return
    throw error
  }
  await rm(path, { force: true })
}

function isMissing(error: unknown, path: string): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    error.code === 'ENOENT' &&
    'path' in error &&
    error.path === path
  )
}
