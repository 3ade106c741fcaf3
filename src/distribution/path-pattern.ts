import { captureGlob, compileGlob } from '../http/glob.ts'

const MAX_PATTERN_LENGTH = 255
// DG:DownloadDistValuesCacheBehavior, "Path pattern".
const NOT_ALLOWED = /[^A-Za-z0-9_\-.*$/~"'@:+&?]/u

/**
 * Compiles a CloudFront path pattern to a matcher of normalised paths (DG:DownloadDistValuesCacheBehavior): `*` is any
 * text with slashes in it, `?` one character, the leading `/` is implied, both ends are anchored and case matters.
 */
export function compilePathPattern(pattern: string): (normalisedPath: string) => boolean {
  // The default behavior answers to whatever comes, even to the `*` of `OPTIONS *`.
  if (pattern === '*' || pattern === '/*') return () => true
  return compileGlob(withSlash(pattern))
}

/**
 * What each `*` of a pattern matched in a normalised path, the first stars as little as they can: of the path `/a-b-c`
 * the pattern `/*-*` captures `['a', 'b-c']`. Null when the path does not match.
 */
export function capturePathPattern(pattern: string, normalisedPath: string): string[] | null {
  return captureGlob(withSlash(pattern), normalisedPath)
}

/** What is wrong with a path pattern, as a sentence that says what to write instead; null when nothing is. */
export function problemOfPathPattern(pattern: string): string | null {
  if (pattern === '') return 'a path pattern cannot be empty; write * for every path'
  if (pattern.length > MAX_PATTERN_LENGTH) {
    return `a path pattern has at most ${MAX_PATTERN_LENGTH} characters, this one has ${pattern.length}; put * for a part of it`
  }
  const character = NOT_ALLOWED.exec(pattern)?.[0]
  if (character === undefined) return null
  const instead =
    character === '%' ? 'percent-encoded characters can only be met by * and ?' : 'put ? or * in its place'
  return `${JSON.stringify(character)} is not allowed in a path pattern (letters, digits and _-.*$/~"'@:+&? are); ${instead}`
}

/**
 * The path on which behaviors are matched, the same string when there is nothing to do. The cache and the origin still
 * get the raw path (DG:DownloadDistValuesCacheBehavior: `/a/b/..` matches `/a*` and not `/a/b*`). What RFC 3986 section 6.2.2 calls
 * equivalent becomes equal: percent-encoded unreserved characters (letters, digits, `-._~`) are decoded, because
 * origins decode them and `/%61dmin` must not slip past `/admin*`; other encodings stay as they are, `%2F` is no slash.
 * Then slashes in a row become one, as file systems read them, and dot segments are resolved, never above the root.
 */
export function normalisePath(rawPath: string): string {
  const isEncoded = rawPath.includes('%')
  if (!isEncoded && !rawPath.includes('//') && !rawPath.includes('/.')) return rawPath
  // `OPTIONS *` has no path.
  if (rawPath.charCodeAt(0) !== SLASH) return rawPath
  const path = isEncoded ? decodeUnreserved(rawPath) : rawPath
  const segments: string[] = []
  let endsInSlash = false
  for (const segment of path.split('/')) {
    endsInSlash = segment === '' || segment === '.' || segment === '..'
    if (segment === '..') segments.pop()
    else if (!endsInSlash) segments.push(segment)
  }
  if (segments.length === 0) return '/'
  const resolved = `/${segments.join('/')}${endsInSlash ? '/' : ''}`
  return resolved === rawPath ? rawPath : resolved
}

/** Decodes each `%XX` that stands for an unreserved character (RFC 3986 section 2.3), once. */
function decodeUnreserved(path: string): string {
  let decoded = ''
  let start = 0
  for (let at = path.indexOf('%'); at !== -1; at = path.indexOf('%', at + 1)) {
    const code = hexDigit(path.charCodeAt(at + 1)) * 16 + hexDigit(path.charCodeAt(at + 2))
    if (!isUnreserved(code)) continue
    decoded += path.slice(start, at) + String.fromCharCode(code)
    start = at + 3
  }
  return start === 0 ? path : decoded + path.slice(start)
}

/** The value of a hexadecimal digit, or NaN. */
function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : NaN
}

function isUnreserved(code: number): boolean {
  const lower = code | 0x20
  if (lower >= 0x61 && lower <= 0x7a) return code >= 0x41
  return (code >= 0x30 && code <= 0x39) || code === 0x2d || code === 0x2e || code === 0x5f || code === 0x7e
}

function withSlash(pattern: string): string {
  return pattern.startsWith('/') ? pattern : `/${pattern}`
}

const SLASH = 0x2f
