import { constants, createPrivateKey, type KeyObject, privateDecrypt } from 'node:crypto'
import { promisify } from 'node:util'
import { contentKindOf } from './formats/format.ts'
import { openDocument, openText } from './unprotect.ts'
import { createSealFinder, defaultWrap, type OpenBlock, type Wrap } from './wire.ts'

/** RSA private keys by id, as PEM or as keys; or whoever opens one block, such as AWS KMS. */
export type PrivateKeys =
  | Readonly<Record<string, string | KeyObject>>
  | { readonly blockBytes: (keyId: string) => number | undefined; readonly open: OpenBlock }

export interface UnprotectOptions {
  /** How the text is written; JSON unless given. Values are written back as this format writes them. */
  readonly contentType?: string
  /** As `prefix` and `suffix` of the configuration. */
  readonly wrap?: Wrap
  /** Values that are opened at most; 10,000 unless given. */
  readonly maxFields?: number
}

export interface Unprotected {
  readonly text: string
  readonly opened: number
  /** Values that stayed as they are: no key for them, or not made for their key. */
  readonly left: number
}

const decrypt = promisify(
  (key: KeyObject, block: Buffer, done: (error: Error | null, value: Buffer) => void): void => {
    let value: Buffer
    try {
      value = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }, block)
    } catch (error) {
      done(error as Error, Buffer.alloc(0)) // node:crypto throws Errors.
      return
    }
    done(null, value)
  },
)

/**
 * Opens the fields that `fieldEncryption` has encrypted, in an application that has the private keys. What was encrypted comes
 * back byte for byte. Throws where the text is not what `contentType` says.
 *
 * @example
 * ```ts
 * import { unprotectFields } from 'edgeward/field-encryption'
 *
 * const { text } = await unprotectFields(body, { cards: privateKeyPem })
 * ```
 */
export async function unprotectFields(
  text: string,
  keys: PrivateKeys,
  options: UnprotectOptions = {},
): Promise<Unprotected> {
  const { contentType = 'application/json', wrap = defaultWrap, maxFields = 10_000 } = options
  const opener = { finder: createSealFinder(wrap), maxFields, ...openerOf(keys) }
  const kind = contentKindOf(contentType)
  if (kind.kind === 'malformed') throw new Error(kind.why)
  const { pieces, opened, left } =
    kind.kind === 'format'
      ? await openDocument(Buffer.from(text), kind.format, kind.boundary, opener)
      : await openText(text, opener)
  return { text: Buffer.concat(pieces).toString(), opened, left }
}

function openerOf(keys: PrivateKeys): { blockBytes: (keyId: string) => number | undefined; open: OpenBlock } {
  if (typeof keys['open'] === 'function' && typeof keys['blockBytes'] === 'function')
    return keys as { blockBytes: (keyId: string) => number | undefined; open: OpenBlock } // Just looked at.
  const byId = new Map(
    Object.entries(keys).map(([id, key]) => [
      id,
      typeof key === 'string' ? createPrivateKey(key) : (key as KeyObject),
    ]), // The other form was just taken.
  )
  return {
    blockBytes: (id) => {
      const bits = byId.get(id)?.asymmetricKeyDetails?.modulusLength
      return bits === undefined ? undefined : bits / 8
    },
    open: (id, block) => decrypt(byId.get(id)!, block),
  }
}
