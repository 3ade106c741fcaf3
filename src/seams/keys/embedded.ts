import { generateKeyPair } from 'node:crypto'
import type { KeyObject, webcrypto } from 'node:crypto'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Clock } from '../../base/clock.ts'
import { FileLock } from '../file-lock.ts'
import { removeFile, temporaryPathOf } from '../replace-file.ts'
import { SeamError } from '../seam-error.ts'
import { alreadyThere, readKeyFolder, writeKeyFolder, writeKeyInfo } from './key-folder.ts'
import type { StoredKey } from './key-folder.ts'
import type { CreateKeyOptions, KeyInfo, Keys } from './keys.ts'

const generate = promisify(generateKeyPair)
const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,127}$/
const BITS: ReadonlySet<number> = new Set([2048, 3072, 4096])
const OAEP = { name: 'RSA-OAEP', hash: 'SHA-256' }
/** Never an id, because it begins with a point. */
const TEMPORARY = '.new'
const LOCK = '.lock'

export interface EmbeddedKeysOptions {
  /** The key ring: one folder per key, each with private.pem (mode 0600), public.pem and key.json. */
  readonly folder: string
  readonly clock: Clock
}

/**
 * RSA keys as PEM files in a folder, created with mode 0700. Rejects with `permission` when others can read a private
 * key, and with `corrupt` when one cannot be understood, naming the file; nothing is overwritten then.
 */
export async function openEmbeddedKeys(options: EmbeddedKeysOptions): Promise<Keys> {
  await mkdir(options.folder, { recursive: true, mode: 0o700 })
  const lock = FileLock.open(join(options.folder, LOCK))
  try {
    const keys = new EmbeddedKeys(options, lock)
    await keys.start()
    return keys
  } catch (error) {
    await lock.close()
    throw error
  }
}

/** A key and, once it has been used, its form for the thread pool. */
interface OpenKey extends StoredKey {
  forPool: webcrypto.CryptoKey | undefined
  /** Tells whether key.json is still the one that was read. */
  readonly stamp: string
}

class EmbeddedKeys implements Keys {
  readonly #folder: string
  readonly #clock: Clock
  readonly #lock: FileLock
  readonly #keys = new Map<string, OpenKey>()
  #isClosed = false

  constructor(options: EmbeddedKeysOptions, lock: FileLock) {
    this.#folder = options.folder
    this.#clock = options.clock
    this.#lock = lock
  }

  async start(): Promise<void> {
    await this.#lock.hold(async () => {
      await rm(join(this.#folder, TEMPORARY), { recursive: true, force: true })
      for (const id of await this.#ids()) {
        await removeFile(temporaryPathOf(join(this.#folder, id, 'key.json')))
        await this.#read(id)
      }
    })
  }

  async create(id: string, options: CreateKeyOptions = {}): Promise<KeyInfo> {
    const { bits = 2048, description = '' } = options
    checkId(id)
    if (!BITS.has(bits))
      throw new SeamError('invalid', `the key "${id}" cannot have ${bits} bits: expected 2048, 3072 or 4096`)
    if (description.length > 8_192)
      throw new SeamError('invalid', `the description of "${id}" is longer than 8192 characters`)
    this.#checkOpen()
    const { privateKey } = await generate('rsa', {
      modulusLength: bits,
      publicExponent: 0x10001,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })
    const info: KeyInfo = {
      id,
      description,
      status: 'enabled',
      createdAt: this.#clock.now(),
      modulusBits: bits,
    }
    return await this.#lock.hold(async () => {
      const taken = await this.#ids()
      // Compared without case, because the folder may stand on a disk that does not see it.
      if (taken.some((other) => other.toLowerCase() === id.toLowerCase())) throw alreadyThere(id)
      await writeKeyFolder(join(this.#folder, id), join(this.#folder, TEMPORARY), privateKey, info)
      return (await this.#read(id)).info
    })
  }

  async list(): Promise<readonly KeyInfo[]> {
    this.#checkOpen()
    const infos: KeyInfo[] = []
    for (const id of await this.#ids()) infos.push((await this.#read(id)).info)
    return infos
  }

  async describe(id: string): Promise<KeyInfo> {
    return (await this.#find(id)).info
  }

  async setStatus(id: string, status: KeyInfo['status']): Promise<KeyInfo> {
    return await this.#lock.hold(async () => {
      const key = await this.#read(id)
      await writeKeyInfo(join(this.#folder, id), { ...key.info, status })
      return (await this.#read(id)).info
    })
  }

  async publicKey(id: string): Promise<KeyObject> {
    return (await this.#find(id)).publicKey
  }

  async exportPublicPem(id: string): Promise<string> {
    return (await this.#find(id)).publicPem
  }

  async decryptOaepSha256(id: string, bytes: Uint8Array): Promise<Buffer> {
    const key = await this.#find(id)
    if (key.info.status === 'disabled') {
      throw new SeamError(
        'conflict',
        `the key "${id}" is disabled: enable it, or use the key the data was encrypted for`,
      )
    }
    // privateDecrypt would hold the thread that carries traffic; Web Crypto works in the thread pool.
    key.forPool ??= key.privateKey.toCryptoKey(OAEP, false, ['decrypt'])
    try {
      return Buffer.from(await crypto.subtle.decrypt(OAEP, key.forPool, Buffer.from(bytes)))
    } catch {
      // No cause and one message for every failure: telling them apart is an oracle (RFC 8017 section 7.1.2).
      throw new SeamError(
        'invalid',
        `the bytes cannot be decrypted with the key "${id}": they were not encrypted for it`,
      )
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#keys.clear()
    await this.#lock.close()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  async #ids(): Promise<string[]> {
    const entries = await readdir(this.#folder, { withFileTypes: true })
    return entries
      .filter((entry) => entry.isDirectory() && ID.test(entry.name))
      .map((entry) => entry.name)
      .sort()
  }

  async #find(id: string): Promise<OpenKey> {
    this.#checkOpen()
    const known = this.#keys.get(id)
    // Another process may have made or disabled the key: a look at the file costs little beside a decryption.
    if (known !== undefined && known.stamp === (await this.#stamp(id))) return known
    return await this.#read(id)
  }

  async #stamp(id: string): Promise<string | undefined> {
    const found = await stat(join(this.#folder, id, 'key.json'), { bigint: true }).catch(() => undefined)
    return found === undefined ? undefined : `${found.ino}:${found.mtimeNs}:${found.ctimeNs}`
  }

  async #read(id: string): Promise<OpenKey> {
    checkId(id)
    // Before reading: a change in between then shows as a different stamp.
    const stamp = (await this.#stamp(id)) ?? ''
    const stored = await readKeyFolder(join(this.#folder, id), id)
    if (stored === undefined) {
      this.#keys.delete(id)
      throw new SeamError('not-found', `there is no key "${id}" in ${this.#folder}: create it first`)
    }
    const key = { ...stored, forPool: undefined, stamp }
    this.#keys.set(id, key)
    return key
  }

  #checkOpen(): void {
    if (this.#isClosed)
      throw new SeamError('closed', `the keys in ${this.#folder} were used after they had been closed`)
  }
}

function checkId(id: string): void {
  if (ID.test(id)) return
  throw new SeamError(
    'invalid',
    `"${id.slice(0, 80)}" is no id for a key: expected 1 to 128 letters, digits, "_", "-" and ".", beginning with a letter or digit`,
  )
}
