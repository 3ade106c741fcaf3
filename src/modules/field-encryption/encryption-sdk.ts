import {
  constants,
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'

/*
 * Messages of the AWS Encryption SDK, version 1 (developer guide, "AWS Encryption SDK message format reference"), as
 * CloudFront's field-level encryption writes them: one data key, wrapped by a raw RSA key.
 */

/** AES-256-GCM, 12 bytes of nonce, 16 of tag, key derivation by HKDF with SHA-256, no signature. */
const SUITE = 0x0178
const VERSION = 0x01
const TYPE = 0x80
const NON_FRAMED = 0x01
const FRAMED = 0x02
const IV_BYTES = 12
const TAG_BYTES = 16
const LAST_FRAME = 0xffffffff

/** Suites that can be read, and how the key of the content comes from the data key: undefined is the data key itself. */
const SUITES: Readonly<
  Record<number, { readonly keyBytes: number; readonly hash: string | undefined; readonly isSigned: boolean }>
> = {
  0x0014: { keyBytes: 16, hash: undefined, isSigned: false },
  0x0046: { keyBytes: 24, hash: undefined, isSigned: false },
  0x0078: { keyBytes: 32, hash: undefined, isSigned: false },
  0x0114: { keyBytes: 16, hash: 'sha256', isSigned: false },
  0x0146: { keyBytes: 24, hash: 'sha256', isSigned: false },
  0x0178: { keyBytes: 32, hash: 'sha256', isSigned: false },
  0x0214: { keyBytes: 16, hash: 'sha256', isSigned: true },
  0x0346: { keyBytes: 24, hash: 'sha384', isSigned: true },
  0x0378: { keyBytes: 32, hash: 'sha384', isSigned: true },
}

/** A raw RSA key as the message names it. */
export interface WrappingKey {
  /** The profile's ProviderId. */
  readonly providerId: string
  /** The public key's name. */
  readonly keyName: string
}

/** Encrypts a value into one message. */
export function encryptMessage(
  value: Buffer,
  wrapping: WrappingKey & { readonly publicKey: KeyObject },
): Buffer {
  const messageId = randomBytes(16)
  const dataKey = randomBytes(32)
  const wrapped = publicEncrypt(
    { key: wrapping.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    dataKey,
  )
  const header = Buffer.concat([
    Buffer.from([VERSION, TYPE]),
    uint16(SUITE),
    messageId,
    // No encryption context.
    uint16(0),
    uint16(1),
    sized(Buffer.from(wrapping.providerId)),
    sized(Buffer.from(wrapping.keyName)),
    sized(wrapped),
    Buffer.from([NON_FRAMED]),
    uint32(0),
    Buffer.from([IV_BYTES]),
    uint32(0),
  ])
  const key = deriveKey(dataKey, SUITE, messageId)
  // The nonce of the header is zero, that of the content the number of its only block.
  const headerIv = Buffer.alloc(IV_BYTES)
  const auth = createCipheriv('aes-256-gcm', key, headerIv).setAAD(header)
  auth.final()
  const iv = Buffer.alloc(IV_BYTES)
  iv.writeUInt32BE(1, IV_BYTES - 4)
  const content = createCipheriv('aes-256-gcm', key, iv).setAAD(
    bodyAad(messageId, 'AWSKMSEncryptionClient Single Block', 1, value.length),
  )
  const ciphertext = Buffer.concat([content.update(value), content.final()])
  return Buffer.concat([
    header,
    headerIv,
    auth.getAuthTag(),
    iv,
    uint64(value.length),
    ciphertext,
    content.getAuthTag(),
  ])
}

/** Gives the private key that a message names, or undefined. */
export type FindPrivateKey = (wrapping: WrappingKey) => KeyObject | undefined

/**
 * Opens a message. Throws where it is cut short, was changed, or names no key that is known. The signature of a signed suite is
 * not verified: it proves the sender only to who trusts the public key inside the message.
 */
export function decryptMessage(message: Buffer, findKey: FindPrivateKey): Buffer {
  const reader = new Reader(message)
  if (reader.uint8() !== VERSION || reader.uint8() !== TYPE)
    throw new Error('this is no message of version 1')
  const suiteId = reader.uint16()
  const suite = SUITES[suiteId]
  if (suite === undefined)
    throw new Error(`the algorithm suite 0x${suiteId.toString(16).padStart(4, '0')} is not known`)
  const messageId = reader.bytes(16)
  reader.bytes(reader.uint16())
  const keys = reader.uint16()
  let dataKey: Buffer | undefined
  for (let i = 0; i < keys; i++) {
    const providerId = reader.sized().toString()
    const keyName = reader.sized().toString()
    const wrapped = reader.sized()
    const privateKey = dataKey === undefined ? findKey({ providerId, keyName }) : undefined
    if (privateKey !== undefined)
      dataKey = privateDecrypt(
        { key: privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
        wrapped,
      )
  }
  const contentType = reader.uint8()
  reader.bytes(4)
  const ivBytes = reader.uint8()
  const frameBytes = reader.uint32()
  const header = message.subarray(0, reader.at)
  if (dataKey === undefined) throw new Error('the message names no key that is known')
  if (dataKey.length !== suite.keyBytes || ivBytes !== IV_BYTES)
    throw new Error('the data key or nonce has a wrong length')
  const key = deriveKey(dataKey, suiteId, messageId)
  open(key, reader.bytes(IV_BYTES), header, Buffer.alloc(0), reader.bytes(TAG_BYTES))
  if (contentType === NON_FRAMED) {
    const iv = reader.bytes(IV_BYTES)
    const length = Number(reader.uint64())
    const ciphertext = reader.bytes(length)
    return open(
      key,
      iv,
      bodyAad(messageId, 'AWSKMSEncryptionClient Single Block', 1, length),
      ciphertext,
      reader.bytes(TAG_BYTES),
    )
  }
  if (contentType !== FRAMED) throw new Error('the content of the message is of no known type')
  const parts: Buffer[] = []
  for (let expected = 1; ; expected++) {
    let number = reader.uint32()
    const isLast = number === LAST_FRAME
    if (isLast) number = reader.uint32()
    if (number !== expected) throw new Error('the frames of the message are not in order')
    const iv = reader.bytes(IV_BYTES)
    const length = isLast ? reader.uint32() : frameBytes
    const ciphertext = reader.bytes(length)
    const label = isLast ? 'AWSKMSEncryptionClient Final Frame' : 'AWSKMSEncryptionClient Frame'
    parts.push(open(key, iv, bodyAad(messageId, label, number, length), ciphertext, reader.bytes(TAG_BYTES)))
    if (isLast) return Buffer.concat(parts)
  }
}

function open(key: Buffer, iv: Buffer, aad: Buffer, ciphertext: Buffer, tag: Buffer): Buffer {
  const name = key.length === 32 ? 'aes-256-gcm' : key.length === 24 ? 'aes-192-gcm' : 'aes-128-gcm'
  const cipher = createDecipheriv(name, key, iv).setAAD(aad).setAuthTag(tag)
  return Buffer.concat([cipher.update(ciphertext), cipher.final()])
}

function deriveKey(dataKey: Buffer, suiteId: number, messageId: Buffer): Buffer {
  const suite = SUITES[suiteId]!
  if (suite.hash === undefined) return dataKey
  const info = Buffer.concat([uint16(suiteId), messageId])
  return Buffer.from(hkdfSync(suite.hash, dataKey, Buffer.alloc(0), info, suite.keyBytes))
}

function bodyAad(messageId: Buffer, label: string, number: number, length: number): Buffer {
  return Buffer.concat([messageId, Buffer.from(label), uint32(number), uint64(length)])
}

function sized(bytes: Buffer): Buffer {
  return Buffer.concat([uint16(bytes.length), bytes])
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2)
  bytes.writeUInt16BE(value)
  return bytes
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

function uint64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64BE(BigInt(value))
  return bytes
}

/** Reads a message from its beginning; throws where it is cut short. */
class Reader {
  readonly #message: Buffer
  at = 0

  constructor(message: Buffer) {
    this.#message = message
  }

  bytes(length: number): Buffer {
    if (this.at + length > this.#message.length) throw new Error('the message is cut short')
    this.at += length
    return this.#message.subarray(this.at - length, this.at)
  }

  uint8(): number {
    return this.bytes(1)[0]!
  }

  uint16(): number {
    return this.bytes(2).readUInt16BE()
  }

  uint32(): number {
    return this.bytes(4).readUInt32BE()
  }

  uint64(): bigint {
    const value = this.bytes(8).readBigUInt64BE()
    if (value > BigInt(this.#message.length)) throw new Error('the message is cut short')
    return value
  }

  sized(): Buffer {
    return this.bytes(this.uint16())
  }
}
