import { createHash, timingSafeEqual } from 'node:crypto'

/** Name of the header unless configured otherwise. */
export const DEFAULT_HEADER = 'X-Origin-Verify'

/**
 * What an origin accepts: digests, so that neither the file it lies in nor the route it is asked at gives a value away.
 * A value has 256 random bits, which is why one round of SHA-256 without salt keeps it.
 */
export interface Accepted {
  /** Name of the header. */
  readonly header: string
  /** SHA-256 of each accepted value, 64 hexadecimal digits. */
  readonly sha256: readonly string[]
}

const FORMAT = 'origin-verify 1'

/** SHA-256 of a value in hexadecimal. */
export function digestOf(value: string): string {
  return createHash('sha256').update(value, 'latin1').digest('hex')
}

/** The text of an accepted document: JSON that middleware reads from a file or an admin route. */
export function writeAccepted({ header, sha256 }: Accepted): string {
  return `${JSON.stringify({ edgeward: FORMAT, header, sha256 }, undefined, 2)}\n`
}

/** Reads what `writeAccepted` wrote. Throws an Error that says what is wrong; it has no schema library to lean on. */
export function readAccepted(text: string): Accepted {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch (error) {
    throw new Error('it is not JSON', { cause: error })
  }
  if (typeof parsed !== 'object' || parsed === null) throw new Error('it is not an object')
  const { edgeward, header, sha256 } = parsed as Record<string, unknown> // an object has string keys
  if (edgeward !== FORMAT) throw new Error(`it does not say "edgeward": "${FORMAT}"`)
  if (typeof header !== 'string' || header === '') throw new Error('"header" is not the name of a header')
  if (!Array.isArray(sha256)) throw new Error('"sha256" is not a list')
  const digests = sha256.map((digest: unknown) => {
    if (typeof digest === 'string' && /^[0-9a-f]{64}$/.test(digest)) return digest
    throw new Error('"sha256" holds something that is not 64 hexadecimal digits')
  })
  return { header, sha256: digests }
}

/** Tells whether a value is accepted. Takes the same time for every wrong one, and for every right one. */
export function createMatcher(sha256: readonly string[]): (value: string) => boolean {
  const accepted = sha256.map((digest) => Buffer.from(digest, 'hex'))
  return (value) => {
    const given = createHash('sha256').update(value, 'latin1').digest()
    let found = false
    for (const digest of accepted) found = timingSafeEqual(given, digest) || found
    return found
  }
}
