import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { SealingKey } from './sealing-key.ts'
import type { Sealing } from './secrets-file.ts'

const ALGORITHM = 'aes-256-gcm'
/** NIST SP 800-38D section 8.2.2: random nonces of 96 bits are good for 2^32 messages under one key. */
const NONCE_BYTES = 12
const TAG_BYTES = 16
/** Bound to the text, so that it opens as this kind of file only. */
const PURPOSE = Buffer.from('edgeward secrets file, format 1')

/**
 * Seals the secrets file with AES-256-GCM: whoever lacks the key can neither read nor change it unnoticed.
 * The id of the key is part of the name, so that a file of another key is told from a damaged one.
 */
export function createAesSealing(key: SealingKey): Sealing {
  const bytes = (): Buffer => Buffer.from(key.value.reveal(), 'base64')
  return {
    name: `${ALGORITHM}:${key.id}`,
    seal(plain) {
      const nonce = randomBytes(NONCE_BYTES)
      const cipher = createCipheriv(ALGORITHM, bytes(), nonce, { authTagLength: TAG_BYTES })
      cipher.setAAD(PURPOSE)
      const sealed = Buffer.concat([cipher.update(plain), cipher.final()])
      return Promise.resolve(Buffer.concat([nonce, cipher.getAuthTag(), sealed]).toString('base64'))
    },
    async open(sealed) {
      const all = Buffer.from(sealed, 'base64')
      const decipher = createDecipheriv(ALGORITHM, bytes(), all.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      })
      decipher.setAAD(PURPOSE)
      decipher.setAuthTag(all.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
      return await Promise.resolve(
        Buffer.concat([decipher.update(all.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()]),
      )
    },
  }
}
