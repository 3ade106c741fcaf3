import { createHash, randomBytes } from 'node:crypto'
import { constants } from 'node:fs'
import { link, mkdir, open, rm, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { Secret } from '../../base/secret.ts'
import { SeamError, systemCode } from '../seam-error.ts'

/** Environment variable that holds the key of the secrets file, when no key file is to lie beside it. */
export const KEY_VARIABLE = 'EDGEWARD_SECRETS_KEY'

const KEY_BYTES = 32
const WHAT_A_KEY_IS = '32 bytes as 64 hexadecimal digits or 44 characters of base64'
const HOW_TO_MAKE_ONE = '"openssl rand -hex 32" makes one'

/** A key that seals the secrets file. */
export interface SealingKey {
  /** 32 bytes in base64. */
  readonly value: Secret
  /** Tells keys apart without giving them away. */
  readonly id: string
  /** Where it came from, for messages: `EDGEWARD_SECRETS_KEY` or a path. */
  readonly from: string
}

/** A key as people write it. Throws `invalid`, without the text. */
export function parseSealingKey(text: string, from: string): SealingKey {
  const trimmed = text.trim()
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
      ? Buffer.from(trimmed, 'base64')
      : undefined
  if (bytes?.length !== KEY_BYTES) {
    throw new SeamError(
      'invalid',
      `${from} holds no key for the secrets file: expected ${WHAT_A_KEY_IS}; ${HOW_TO_MAKE_ONE}`,
    )
  }
  const id = createHash('sha256').update('edgeward sealing key id\0').update(bytes).digest('hex').slice(0, 16)
  return { value: new Secret(bytes.toString('base64')), id, from }
}

/**
 * The key in a file that only its owner can read; made, with its folder, where there is none and `mayCreate` says so.
 * Throws `permission` when others can read it and `not-found` when it is missing and must not be made.
 */
export async function keepSealingKey(path: string, mayCreate: boolean): Promise<SealingKey> {
  const known = await readKey(path)
  if (known !== undefined) return known
  if (!mayCreate) {
    throw new SeamError(
      'not-found',
      `the key file ${path} is missing, and without it the secrets file cannot be read: put it back, or set ${KEY_VARIABLE}`,
    )
  }
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  const written = `${path}.${randomBytes(4).toString('hex')}`
  try {
    await writeFile(written, `${randomBytes(KEY_BYTES).toString('hex')}\n`, { mode: 0o600, flag: 'wx' })
    // Of two processes that start at once, one makes the key and both use it.
    await link(written, path).catch((error: unknown) => {
      if (systemCode(error) !== 'EEXIST') throw error
    })
  } finally {
    await rm(written, { force: true })
  }
  const made = await readKey(path)
  if (made === undefined) throw new SeamError('not-found', `the key file ${path} vanished while it was made`)
  return made
}

async function readKey(path: string): Promise<SealingKey | undefined> {
  let file
  try {
    file = await open(path, constants.O_RDONLY)
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return undefined
    throw new SeamError(
      'permission',
      `the key file ${path} cannot be read (${systemCode(error) ?? 'unknown'}): it must be a file of the user that runs edgeward`,
      { cause: error },
    )
  }
  try {
    const { mode } = await file.stat()
    if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
      throw new SeamError(
        'permission',
        `the key file ${path} is open to others (mode ${(mode & 0o777).toString(8).padStart(4, '0')}): run "chmod 600 ${path}", and replace key and secrets if others may have read them`,
      )
    }
    return parseSealingKey(await file.readFile('utf8'), `the key file ${path}`)
  } finally {
    await file.close()
  }
}
