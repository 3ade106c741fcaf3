import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** File of the data folder that holds the token; the command line of the same user reads it there. */
export const TOKEN_FILE = 'admin-token'

const MIN_LENGTH = 16

/**
 * The token of this installation: made once, readable by its owner only, the same for every edge with this data
 * folder. A file that others could read or write is replaced by one with a new token.
 */
export async function keepToken(folder: string): Promise<string> {
  const file = join(folder, TOKEN_FILE)
  const known = await readToken(file)
  if (known.kind === 'good') return known.token
  const token = randomBytes(32).toString('base64url')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const written = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(written, `${token}\n`, { mode: 0o600, flag: 'wx' })
    if (known.kind === 'unsafe') {
      await rename(written, file)
      return token
    }
    return (await linkFirst(written, file)) ? token : await tokenOfOther(file)
  } finally {
    await rm(written, { force: true })
  }
}

/** True when the name was free. Of two edges that start at once, one is first. */
async function linkFirst(written: string, file: string): Promise<boolean> {
  try {
    await link(written, file)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    throw error
  }
}

async function tokenOfOther(file: string): Promise<string> {
  const known = await readToken(file)
  if (known.kind === 'good') return known.token
  throw new Error(`${file} changes while it is read; start again, or set admin.token`)
}

type Known = { readonly kind: 'good'; readonly token: string } | { readonly kind: 'missing' | 'unsafe' }

async function readToken(file: string): Promise<Known> {
  try {
    // A link could lead to a file whose content somebody else knows.
    const handle = await open(file, constants.O_RDONLY | constants.O_NOFOLLOW)
    try {
      const { mode, uid } = await handle.stat()
      const isOurs = process.getuid === undefined || (uid === process.getuid() && (mode & 0o077) === 0)
      const token = (await handle.readFile('utf8')).trim()
      return isOurs && token.length >= MIN_LENGTH ? { kind: 'good', token } : { kind: 'unsafe' }
    } finally {
      await handle.close()
    }
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return { kind: 'missing' }
    if (codeOf(error) === 'ELOOP') return { kind: 'unsafe' }
    throw error
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined
}

/** Asks whether an `Authorization` field holds the token. Takes the same time for every wrong one. */
export function createTokenCheck(token: string): (authorization: string | undefined) => boolean {
  const wanted = digestOf(token)
  return (authorization) => {
    const given = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1] ?? ''
    return timingSafeEqual(digestOf(given), wanted) && given !== ''
  }
}

function digestOf(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
