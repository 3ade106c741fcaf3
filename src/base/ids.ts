import { createHash, randomFillSync } from 'node:crypto'

const REQUEST_ID_BYTES = 40
const pool = Buffer.allocUnsafe(REQUEST_ID_BYTES * 256)
let used = pool.length

/**
 * A new request id in the form of `X-Amz-Cf-Id`: 56 characters of URL-safe base64 ending in `==`.
 * Random bytes are drawn from the system 256 ids at a time, because one draw per request is slow.
 */
export function newRequestId(): string {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const id = pool.toString('base64url', used, used + REQUEST_ID_BYTES)
  used += REQUEST_ID_BYTES
  return `${id}==`
}

const ID_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'

/**
 * A CloudFront-shaped id (`E` and 13 characters of A-Z0-9) derived from a name, so that
 * every node of an installation gives the same distribution the same id.
 */
export function distributionIdFor(name: string): string {
  return 'E' + derive(`distribution:${name}`, 13)
}

/** The `d….cloudfront.net`-shaped label derived from a name: `d` and 13 lower-case characters. */
export function domainLabelFor(name: string): string {
  return 'd' + derive(`domain:${name}`, 13).toLowerCase()
}

function derive(text: string, length: number): string {
  const digest = createHash('sha256').update(text).digest()
  let out = ''
  for (let i = 0; i < length; i++) out += ID_ALPHABET[digest[i]! % ID_ALPHABET.length]
  return out
}
