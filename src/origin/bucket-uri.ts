/*
 * Keys and queries as S3 wants them. A storage decodes what it receives and encodes it again to check the signature,
 * so that what is sent must be encoded exactly once, and in exactly one way: everything but letters, digits and `-._~`.
 */

/**
 * The path of a key on the wire. What is percent-encoded is decoded first, so nothing is encoded twice; a percent
 * sign without two hex digits, and `+`, stand for themselves. Slashes, also doubled ones, stay.
 */
export function encodeKey(path: string): string {
  return IS_CANONICAL_PATH.test(path) ? path : reencode(path, true)
}

/** The query on the wire and in the signature: sorted by name, then value; `acl` becomes `acl=`; `+` is a space. */
export function canonicalQuery(query: string | undefined): string {
  if (query === undefined || query === '') return ''
  const pairs: [name: string, value: string][] = []
  for (const part of query.split('&')) {
    if (part === '') continue
    const equals = part.indexOf('=')
    const name = equals === -1 ? part : part.slice(0, equals)
    const value = equals === -1 ? '' : part.slice(equals + 1)
    pairs.push([encodeParameter(name), encodeParameter(value)])
  }
  pairs.sort(comparePairs)
  let text = ''
  for (const [name, value] of pairs) text += text === '' ? `${name}=${value}` : `&${name}=${value}`
  return text
}

/** True if a segment of the encoded path is `..`. */
export function climbs(encodedPath: string): boolean {
  return CLIMBING.test(encodedPath)
}

const IS_CANONICAL_PATH = /^[A-Za-z0-9\-._~/]*$/
const IS_CANONICAL = /^[A-Za-z0-9\-._~]*$/
const CLIMBING = /(?:^|\/)\.\.(?:\/|$)/

function encodeParameter(text: string): string {
  if (IS_CANONICAL.test(text)) return text
  return reencode(text.replaceAll('+', '%20'), false)
}

function comparePairs(a: readonly [string, string], b: readonly [string, string]): number {
  if (a[0] !== b[0]) return a[0] < b[0] ? -1 : 1
  if (a[1] === b[1]) return 0
  return a[1] < b[1] ? -1 : 1
}

function reencode(text: string, keepsSlash: boolean): string {
  const bytes = Buffer.from(text)
  let encoded = ''
  for (let i = 0; i < bytes.length; i++) {
    let byte = bytes[i]!
    if (byte === PERCENT && i + 2 < bytes.length) {
      const high = hexDigit(bytes[i + 1]!)
      const low = hexDigit(bytes[i + 2]!)
      if (high !== -1 && low !== -1) {
        byte = high * 16 + low
        i += 2
      }
    }
    encoded += byte === SLASH && keepsSlash ? '/' : ENCODED[byte]!
  }
  return encoded
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const PERCENT = 0x25
const SLASH = 0x2f

/** Each byte as it stands in a URI: itself if it is unreserved (RFC 3986 section 2.3), else `%` and upper-case hex. */
const ENCODED: readonly string[] = Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  return IS_CANONICAL.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`
})
