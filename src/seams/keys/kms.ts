import { createPublicKey, type KeyObject } from 'node:crypto'
import {
  type AliasListEntry,
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GetPublicKeyCommand,
  type KeyMetadata,
  KMSClient,
  type KMSClientConfig,
  paginateListAliases,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms'
import { SeamError } from '../seam-error.ts'
import type { CreateKeyOptions, KeyInfo, Keys } from './keys.ts'

export interface KmsKeysOptions {
  readonly region: string | undefined
  readonly endpoint: string | undefined
  /** The key `cards.2` has the alias `alias/PREFIX/cards/2`: an alias cannot hold a point. */
  readonly aliasPrefix: string
  /** Those of the environment unless given. */
  readonly credentials?: KMSClientConfig['credentials']
}

const ID = /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/
const SPECS = { 2048: 'RSA_2048', 3072: 'RSA_3072', 4096: 'RSA_4096' } as const

/**
 * RSA keys in AWS KMS, named by aliases. Private halves never leave it: every value is opened by a Decrypt call with
 * RSAES_OAEP_SHA_256. Needs kms:CreateKey, CreateAlias, ListAliases, DescribeKey, EnableKey, DisableKey, GetPublicKey, Decrypt
 * and ScheduleKeyDeletion (for a key whose alias was taken meanwhile).
 */
export function openKmsKeys(options: KmsKeysOptions): Keys {
  const { region, endpoint, aliasPrefix, credentials } = options
  const client = new KMSClient({
    ...(region === undefined ? {} : { region }),
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(credentials === undefined ? {} : { credentials }),
  })
  const prefix = `alias/${aliasPrefix}/`
  const publicKeys = new Map<string, KeyObject>()
  let isClosed = false

  function aliasOf(id: string): string {
    if (!ID.test(id))
      throw new SeamError(
        'invalid',
        `"${id.slice(0, 80)}" is no id for a key: expected 1 to 128 letters, digits, "_", "-" and ".", beginning with a letter or digit`,
      )
    return prefix + id.replaceAll('.', '/')
  }

  /** Calls the service; its failures become errors of the seam, in words that name the key. */
  async function call<T>(id: string, work: () => Promise<T>): Promise<T> {
    if (isClosed) throw new SeamError('closed', `the keys in AWS KMS were used after they had been closed`)
    try {
      return await work()
    } catch (error) {
      throw seamErrorOf(error, id)
    }
  }

  async function describe(id: string): Promise<KeyInfo> {
    const alias = aliasOf(id)
    const { KeyMetadata: metadata } = await call(id, () =>
      client.send(new DescribeKeyCommand({ KeyId: alias })),
    )
    return infoOf(id, metadata!)
  }

  async function list(): Promise<readonly KeyInfo[]> {
    const aliases: AliasListEntry[] = []
    await call('', async () => {
      for await (const page of paginateListAliases({ client }, {})) aliases.push(...(page.Aliases ?? []))
    })
    const ids = aliases
      .flatMap(({ AliasName }) =>
        AliasName?.startsWith(prefix) === true ? [AliasName.slice(prefix.length).replaceAll('/', '.')] : [],
      )
      .filter((id) => ID.test(id))
      .sort()
    return Promise.all(ids.map(describe))
  }

  async function exportPublicPem(id: string): Promise<string> {
    const key = await publicKey(id)
    return key.export({ type: 'spki', format: 'pem' }).toString()
  }

  async function publicKey(id: string): Promise<KeyObject> {
    const known = publicKeys.get(id)
    if (known !== undefined && !isClosed) return known
    const alias = aliasOf(id)
    const { PublicKey: der } = await call(id, () => client.send(new GetPublicKeyCommand({ KeyId: alias })))
    const key = createPublicKey({ key: Buffer.from(der!), format: 'der', type: 'spki' })
    publicKeys.set(id, key)
    return key
  }

  return {
    list,
    describe,
    publicKey,
    exportPublicPem,
    async create(id: string, { bits = 2048, description = '' }: CreateKeyOptions = {}) {
      const alias = aliasOf(id)
      const spec = SPECS[bits]
      if (spec === undefined)
        throw new SeamError(
          'invalid',
          `the key "${id}" cannot have ${String(bits)} bits: expected 2048, 3072 or 4096`,
        )
      if (description.length > 8_192)
        throw new SeamError('invalid', `the description of "${id}" is longer than 8192 characters`)
      const taken = (await list()).some((info) => info.id.toLowerCase() === id.toLowerCase())
      if (taken)
        throw new SeamError('exists', `there is a key "${id}" already: rotate it, or take another name`)
      const { KeyMetadata: metadata } = await call(id, () =>
        client.send(
          new CreateKeyCommand({ KeyUsage: 'ENCRYPT_DECRYPT', KeySpec: spec, Description: description }),
        ),
      )
      const keyId = metadata!.KeyId!
      try {
        await call(id, () => client.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: keyId })))
      } catch (error) {
        // Without its alias nobody would find the key, and it would cost money for ever.
        await client.send(new ScheduleKeyDeletionCommand({ KeyId: keyId, PendingWindowInDays: 7 }))
        throw error
      }
      return infoOf(id, metadata!)
    },
    async setStatus(id, status) {
      const { KeyId } = await keyOf(id)
      await call(id, async () =>
        status === 'enabled'
          ? await client.send(new EnableKeyCommand({ KeyId }))
          : await client.send(new DisableKeyCommand({ KeyId })),
      )
      return describe(id)
    },
    async decryptOaepSha256(id, bytes) {
      const alias = aliasOf(id)
      const { Plaintext } = await call(id, () =>
        client.send(
          new DecryptCommand({
            KeyId: alias,
            CiphertextBlob: bytes,
            EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
          }),
        ),
      )
      return Buffer.from(Plaintext ?? new Uint8Array())
    },
    close,
    [Symbol.asyncDispose]: close,
  }

  /** Enabling and disabling take no alias. */
  async function keyOf(id: string): Promise<{ KeyId: string }> {
    const alias = aliasOf(id)
    const { KeyMetadata: metadata } = await call(id, () =>
      client.send(new DescribeKeyCommand({ KeyId: alias })),
    )
    return { KeyId: metadata!.KeyId! }
  }

  async function close(): Promise<void> {
    isClosed = true
    publicKeys.clear()
    client.destroy()
  }
}

function infoOf(id: string, metadata: KeyMetadata): KeyInfo {
  return {
    id,
    description: metadata.Description ?? '',
    status: metadata.KeyState === 'Enabled' ? 'enabled' : 'disabled',
    createdAt: metadata.CreationDate?.getTime() ?? 0,
    modulusBits: Number(metadata.KeySpec?.replace('RSA_', '') ?? 0),
  }
}

function seamErrorOf(error: unknown, id: string): SeamError {
  if (error instanceof SeamError) return error
  const name = error instanceof Error ? error.name : ''
  switch (name) {
    case 'NotFoundException':
      return new SeamError('not-found', `there is no key "${id}" in AWS KMS: create it first`)
    case 'AlreadyExistsException':
      return new SeamError('exists', `there is a key "${id}" already: rotate it, or take another name`)
    case 'DisabledException':
    case 'KMSInvalidStateException':
      return new SeamError(
        'conflict',
        `the key "${id}" is disabled: enable it, or use the key the data was encrypted for`,
      )
    case 'InvalidCiphertextException':
    case 'IncorrectKeyException':
      // No cause: telling failures apart is an oracle (RFC 8017 section 7.1.2).
      return new SeamError(
        'invalid',
        `the bytes cannot be decrypted with the key "${id}": they were not encrypted for it`,
      )
    default: {
      const why = error instanceof Error ? error.message : String(error)
      return new SeamError('unavailable', `AWS KMS does not answer for the key "${id}": ${why}`, {
        cause: error,
      })
    }
  }
}
