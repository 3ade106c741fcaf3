import { createPrivateKey, createPublicKey } from 'node:crypto'
import type { KeyObject } from 'node:crypto'
import { mkdir, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { replaceFile } from '../replace-file.ts'
import { SeamError, isSeamError, systemCode } from '../seam-error.ts'
import type { KeyInfo } from './keys.ts'

const PRIVATE = 'private.pem'
const PUBLIC = 'public.pem'
const INFO = 'key.json'

const infoSchema = z.strictObject({
  edgeward: z.literal('key'),
  format: z.literal(1),
  id: z.string(),
  description: z.string(),
  status: z.enum(['enabled', 'disabled']),
  createdAt: z.number(),
  modulusBits: z.number(),
})

/** One key as it stands in its folder. */
export interface StoredKey {
  readonly info: KeyInfo
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
  readonly publicPem: string
}

/** Writes the files of a new key into `temporary` and moves that to `folder` in one step. Rejects with `exists`. */
export async function writeKeyFolder(
  folder: string,
  temporary: string,
  privatePem: string,
  info: KeyInfo,
): Promise<void> {
  const publicPem = createPublicKey(privatePem).export({ type: 'spki', format: 'pem' }).toString()
  await rm(temporary, { recursive: true, force: true })
  try {
    await mkdir(temporary, { mode: 0o700 })
    await writeFile(join(temporary, PRIVATE), privatePem, { mode: 0o600, flag: 'wx' })
    await writeFile(join(temporary, PUBLIC), publicPem, { mode: 0o644, flag: 'wx' })
    await writeFile(join(temporary, INFO), infoText(info), { mode: 0o600, flag: 'wx' })
    // A folder that is not empty is never replaced (rename(2)), so an existing key cannot be lost here.
    await rename(temporary, folder)
  } catch (error) {
    await rm(temporary, { recursive: true, force: true })
    const code = systemCode(error)
    if (code === 'ENOTEMPTY' || code === 'EEXIST') throw alreadyThere(info.id)
    throw error
  }
}

/** Replaces what is known of a key, in one step. */
export async function writeKeyInfo(folder: string, info: KeyInfo): Promise<void> {
  await replaceFile(join(folder, INFO), infoText(info), 0o600)
}

/** Reads a key, or gives undefined where there is none. Throws `permission` or `corrupt`, naming the file. */
export async function readKeyFolder(folder: string, id: string): Promise<StoredKey | undefined> {
  const infoPath = join(folder, INFO)
  let infoJson
  try {
    infoJson = await readFile(infoPath, 'utf8')
  } catch (error) {
    if (systemCode(error) !== 'ENOENT') throw unreadable(infoPath, error)
    return (await isThere(folder)) ? missing(infoPath) : undefined
  }
  const info = parseInfo(infoPath, infoJson, id)
  const privateKey = parsePrivateKey(join(folder, PRIVATE), await readPrivatePem(join(folder, PRIVATE)))
  const publicKey = createPublicKey(privateKey.export({ type: 'pkcs8', format: 'pem' }))
  // Derived and not read: public.pem is there for people, and a swapped one must not be handed to clients.
  return {
    info,
    privateKey,
    publicKey,
    publicPem: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
  }
}

/** What `create` says of an id that is taken. */
export function alreadyThere(id: string): SeamError {
  return new SeamError('exists', `there is a key "${id}" already: choose another id, a key is never replaced`)
}

function infoText(info: KeyInfo): string {
  return JSON.stringify({ edgeward: 'key', format: 1, ...info }, undefined, 2) + '\n'
}

function parseInfo(path: string, text: string, id: string): KeyInfo {
  try {
    const { edgeward: _kind, format: _format, ...info } = infoSchema.parse(JSON.parse(text))
    if (info.id !== id) throw new Error(`it is of the key "${info.id}"`)
    return Object.freeze(info)
  } catch (error) {
    const what =
      error instanceof z.ZodError ? z.prettifyError(error) : error instanceof Error ? error.message : ''
    throw corrupt(path, what)
  }
}

function parsePrivateKey(path: string, pem: string): KeyObject {
  let key
  try {
    key = createPrivateKey(pem)
  } catch {
    // OpenSSL's own words are about its decoders; what matters is the file.
    throw corrupt(path, 'it is not a private key in PEM')
  }
  if (key.asymmetricKeyType !== 'rsa')
    throw corrupt(path, `it is a key of type ${key.asymmetricKeyType}, not RSA`)
  return key
}

async function readPrivatePem(path: string): Promise<string> {
  try {
    const file = await open(path, 'r')
    try {
      const { mode } = await file.stat()
      if (process.platform !== 'win32' && (mode & 0o077) !== 0) {
        const octal = (mode & 0o777).toString(8).padStart(4, '0')
        throw new SeamError(
          'permission',
          `the private key ${path} is open to others (mode ${octal}): run "chmod 600 ${path}", and replace the key if others may have read it`,
        )
      }
      return await file.readFile('utf8')
    } finally {
      await file.close()
    }
  } catch (error) {
    if (isSeamError(error)) throw error
    throw systemCode(error) === 'ENOENT' ? missing(path) : unreadable(path, error)
  }
}

async function isThere(folder: string): Promise<boolean> {
  try {
    await (await open(folder, 'r')).close()
    return true
  } catch (error) {
    if (systemCode(error) === 'ENOENT') return false
    throw unreadable(folder, error)
  }
}

function missing(path: string): never {
  throw corrupt(path, 'it is missing')
}

function corrupt(path: string, what: string): SeamError {
  return new SeamError(
    'corrupt',
    `the key ring file ${path} cannot be read: ${what}. Nothing was changed. Put a good copy in its place, or move its folder away`,
  )
}

function unreadable(path: string, error: unknown): SeamError {
  return new SeamError(
    'permission',
    `${path} cannot be read (${systemCode(error) ?? 'unknown'}): it must belong to the user that runs edgeward`,
    { cause: error },
  )
}
