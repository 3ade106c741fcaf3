import {
  constants,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'

/** What stands around an encrypted value. Each of the two has a character that base64 has not. */
export interface Wrap {
  readonly prefix: string
  readonly suffix: string
}

export const defaultWrap: Wrap = { prefix: '~enc(', suffix: ')~' }

/**
 * What a value was, so that it can be put back:
 * `s` text, decoded · `n` `b` `z` a number, true or false, null, as they stood · `j` a JSON object or list as it stood ·
 * `l` text as it stood, with the escapes of its format, because no usual writer would write it like that.
 */
export type ValueType = 's' | 'n' | 'b' | 'z' | 'j' | 'l'

/** The type, for text the number of the writer's style, and whether the form is hybrid. */
export interface Mark {
  readonly type: ValueType
  /** Which of the usual writers of the format wrote the text: 0 is the first. */
  readonly style: number
}

export interface PublicKey {
  readonly id: string
  readonly key: KeyObject
  /** Bytes of one block. */
  readonly blockBytes: number
}

/** RFC 8017 section 7.1.1: two hashes of 32 bytes and two bytes go off the block. */
const OVERHEAD = 2 * 32 + 2
const IV_BYTES = 12
const TAG_BYTES = 16
const DATA_KEY_BYTES = 32
const KEY_ID = '[A-Za-z0-9][A-Za-z0-9._-]{0,127}'

/**
 * One value on the wire: `PREFIX key-id ! mark ! base64 SUFFIX`. The bytes are RSAES-OAEP with SHA-256 (RFC 8017 section 7.1;
 * KMS RSAES_OAEP_SHA_256) of the value, which any tool opens with the private key. A value longer than one block (190 bytes
 * at 2,048 bits) has an `h` in its mark and is hybrid: the block holds a key of 32 bytes, behind it stand 12 bytes of nonce
 * and the value under AES-256-GCM with its tag of 16 bytes; the nonce and the tag are as in RFC 5116 section 5.2.
 */
export function seal(value: Buffer, mark: Mark, key: PublicKey, wrap: Wrap): string {
  return wrapUp(encryptValue(value, key), mark, key, wrap)
}

/** The bytes of `seal`: one block, or a hybrid. */
export function encryptValue(value: Buffer, key: PublicKey): Buffer {
  if (value.length <= key.blockBytes - OVERHEAD) return encryptBlock(value, key.key)
  const dataKey = randomBytes(DATA_KEY_BYTES)
  const iv = randomBytes(IV_BYTES)
  const cipher = createCipheriv('aes-256-gcm', dataKey, iv)
  return Buffer.concat([
    encryptBlock(dataKey, key.key),
    iv,
    cipher.update(value),
    cipher.final(),
    cipher.getAuthTag(),
  ])
}

/** The text of `seal` for the bytes that `encryptValue` gave. */
export function wrapUp(bytes: Buffer, { type, style }: Mark, key: PublicKey, wrap: Wrap): string {
  // A block alone is as long as the key.
  const form = bytes.length > key.blockBytes ? 'h' : ''
  const mark = style === 0 ? type : `${type}${style}`
  return `${wrap.prefix}${key.id}!${mark}${form}!${bytes.toString('base64')}${wrap.suffix}`
}

function encryptBlock(value: Buffer, key: KeyObject): Buffer {
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, value)
}

/** An encrypted value as it was found in a text. */
export interface Sealed {
  readonly keyId: string
  readonly mark: Mark
  readonly isHybrid: boolean
  readonly bytes: Buffer
  /** Where it stands in the text, in characters. */
  readonly start: number
  readonly end: number
}

/** Finds encrypted values under one wrap. Made once, because it holds regular expressions. */
export interface SealFinder {
  /** All of them in a text, in order. */
  find(text: string): Sealed[]
  /** The one that is the whole text, or undefined. */
  whole(text: string): Sealed | undefined
}

export function createSealFinder(wrap: Wrap): SealFinder {
  const body = `(${KEY_ID})!([snbzjl])(\\d?)(h?)!([A-Za-z0-9+/]+={0,2})`
  const pattern = `${escape(wrap.prefix)}${body}${escape(wrap.suffix)}`
  const all = new RegExp(pattern, 'g')

  function find(text: string): Sealed[] {
    // Most texts hold none: looking for the prefix costs less than the expression.
    if (!text.includes(wrap.prefix)) return []
    const found: Sealed[] = []
    for (const match of text.matchAll(all)) {
      const [whole, keyId, type, style, hybrid, base64] = match
      found.push({
        keyId: keyId!,
        // The expression lets no other letter through.
        mark: { type: type as ValueType, style: Number(style === '' ? 0 : style) },
        isHybrid: hybrid === 'h',
        bytes: Buffer.from(base64!, 'base64'),
        start: match.index,
        end: match.index + whole.length,
      })
    }
    return found
  }

  return {
    find,
    whole(text) {
      if (!text.startsWith(wrap.prefix) || !text.endsWith(wrap.suffix)) return undefined
      const [first] = find(text)
      return first !== undefined && first.start === 0 && first.end === text.length ? first : undefined
    },
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\/-]/g, '\\$&')
}

/** Opens one RSA block with the private key of an id. Rejects when it was not made for it. */
export type OpenBlock = (keyId: string, block: Buffer) => Promise<Buffer>

/** The value of what was sealed. Rejects as `open` does, and when hybrid bytes were changed. */
export async function unseal(
  sealed: Sealed,
  blockBytes: (keyId: string) => number,
  open: OpenBlock,
): Promise<Buffer> {
  if (!sealed.isHybrid) return open(sealed.keyId, sealed.bytes)
  const block = blockBytes(sealed.keyId)
  const { bytes } = sealed
  if (bytes.length < block + IV_BYTES + TAG_BYTES) throw new Error('the encrypted value is cut short')
  const dataKey = await open(sealed.keyId, bytes.subarray(0, block))
  if (dataKey.length !== DATA_KEY_BYTES) throw new Error('the encrypted value has no data key of 32 bytes')
  const cipher = createDecipheriv('aes-256-gcm', dataKey, bytes.subarray(block, block + IV_BYTES))
  cipher.setAuthTag(bytes.subarray(bytes.length - TAG_BYTES))
  return Buffer.concat([
    cipher.update(bytes.subarray(block + IV_BYTES, bytes.length - TAG_BYTES)),
    cipher.final(),
  ])
}
