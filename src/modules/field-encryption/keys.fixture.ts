import { constants, generateKeyPairSync, type KeyObject, privateDecrypt } from 'node:crypto'
import type { Opener } from './unprotect.ts'
import { createSealFinder, defaultWrap, type PublicKey, type Wrap } from './wire.ts'

export interface TestKey extends PublicKey {
  readonly privateKey: KeyObject
}

/** One pair for a whole test file: making one takes a tenth of a second. */
export function makeKey(id: string): TestKey {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  return { id, key: publicKey, blockBytes: 256, privateKey }
}

/** Opens with the private keys given. */
export function openerOf(keys: readonly TestKey[], wrap: Wrap = defaultWrap, maxFields = 10_000): Opener {
  const byId = new Map(keys.map((key) => [key.id, key]))
  return {
    finder: createSealFinder(wrap),
    blockBytes: (id) => byId.get(id)?.blockBytes,
    open: async (id, block) =>
      privateDecrypt(
        { key: byId.get(id)!.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
        block,
      ),
    maxFields,
  }
}
