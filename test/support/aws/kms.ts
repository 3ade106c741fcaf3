import {
  constants,
  createPrivateKey,
  generateKeyPairSync,
  type KeyObject,
  privateDecrypt,
  randomUUID,
} from 'node:crypto'
import type { Clock } from '../../../src/base/clock.ts'
import { type FakeService, type Input, jsonService, ServiceError } from './json-service.ts'

interface Key {
  readonly id: string
  readonly spec: string
  readonly description: string
  readonly createdAt: number
  readonly pair: { readonly publicKey: Buffer; readonly privateKey: KeyObject }
  isEnabled: boolean
}

const BITS: Readonly<Record<string, number>> = { RSA_2048: 2048, RSA_3072: 3072, RSA_4096: 4096 }
const PAGE = 50

/**
 * The RSA side of AWS KMS as its API Reference describes it: real RSAES-OAEP, aliases that may not hold a point, key states,
 * and calls that take no alias.
 */
export async function fakeKms(clock: Clock): Promise<FakeService> {
  const keys = new Map<string, Key>()
  const aliases = new Map<string, string>()

  function keyOf(input: Input, takesAlias = true): Key {
    const wanted = String(input['KeyId'])
    if (wanted.startsWith('alias/') && !takesAlias)
      throw new ServiceError('InvalidArnException', `Invalid keyId ${wanted}`)
    const found = keys.get(aliases.get(wanted) ?? wanted)
    if (found === undefined) throw new ServiceError('NotFoundException', `${wanted} is not found.`)
    return found
  }

  const metadata = (key: Key) => ({
    KeyId: key.id,
    Arn: `arn:aws:kms:eu-central-1:000000000000:key/${key.id}`,
    CreationDate: key.createdAt / 1000,
    Enabled: key.isEnabled,
    Description: key.description,
    KeyUsage: 'ENCRYPT_DECRYPT',
    KeyState: key.isEnabled ? 'Enabled' : 'Disabled',
    KeySpec: key.spec,
    EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'],
  })

  return await jsonService('kms-2014-11-01', {
    CreateKey(input) {
      const spec = String(input['KeySpec'] ?? 'SYMMETRIC_DEFAULT')
      const bits = BITS[spec]
      if (bits === undefined || input['KeyUsage'] !== 'ENCRYPT_DECRYPT')
        throw new ServiceError('UnsupportedOperationException', spec)
      const pair = generateKeyPairSync('rsa', {
        modulusLength: bits,
        publicKeyEncoding: { type: 'spki', format: 'der' },
        privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      })
      const key: Key = {
        id: randomUUID(),
        spec,
        description: String(input['Description'] ?? ''),
        createdAt: clock.now(),
        pair: { publicKey: pair.publicKey, privateKey: createPrivateKey(pair.privateKey) },
        isEnabled: true,
      }
      keys.set(key.id, key)
      return { KeyMetadata: metadata(key) }
    },
    CreateAlias(input) {
      const name = String(input['AliasName'])
      if (!/^alias\/[a-zA-Z0-9/_-]+$/.test(name) || name.startsWith('alias/aws/'))
        throw new ServiceError('InvalidAliasNameException', name)
      if (aliases.has(name)) throw new ServiceError('AlreadyExistsException', `${name} already exists`)
      aliases.set(name, keyOf({ KeyId: input['TargetKeyId'] }, false).id)
    },
    ListAliases(input) {
      const all = [...aliases].sort(([a], [b]) => (a < b ? -1 : 1))
      const start = Number(input['Marker'] ?? 0)
      const page = all.slice(start, start + PAGE)
      const next = start + PAGE
      return {
        Aliases: page.map(([AliasName, TargetKeyId]) => ({ AliasName, TargetKeyId })),
        Truncated: next < all.length,
        ...(next < all.length ? { NextMarker: String(next) } : {}),
      }
    },
    DescribeKey: (input) => ({ KeyMetadata: metadata(keyOf(input)) }),
    EnableKey: (input) => void (keyOf(input, false).isEnabled = true),
    DisableKey: (input) => void (keyOf(input, false).isEnabled = false),
    ScheduleKeyDeletion: (input) => void keys.delete(keyOf(input, false).id),
    GetPublicKey(input) {
      const key = keyOf(input)
      return {
        KeyId: key.id,
        PublicKey: key.pair.publicKey.toString('base64'),
        KeySpec: key.spec,
        KeyUsage: 'ENCRYPT_DECRYPT',
      }
    },
    Decrypt(input) {
      const key = keyOf(input)
      if (!key.isEnabled) throw new ServiceError('DisabledException', `${key.id} is disabled.`)
      if (input['EncryptionAlgorithm'] !== 'RSAES_OAEP_SHA_256')
        throw new ServiceError('InvalidCiphertextException', '')
      try {
        const plain = privateDecrypt(
          { key: key.pair.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
          Buffer.from(String(input['CiphertextBlob']), 'base64'),
        )
        return {
          KeyId: key.id,
          Plaintext: plain.toString('base64'),
          EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        }
      } catch {
        throw new ServiceError('InvalidCiphertextException', '')
      }
    },
  })
}
