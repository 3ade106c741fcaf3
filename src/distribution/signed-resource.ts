import { compileGlob } from '../http/glob.ts'

/** The parts of a URL that a policy's Resource is compared with. */
export interface SignedTarget {
  readonly scheme: 'http' | 'https'
  /** As the viewer sent it, with the port if it sent one. */
  readonly host: string
  /** Raw. */
  readonly path: string
  /** Raw, without the signing parameters; undefined without `?`. */
  readonly query: string | undefined
}

/** The URL a canned policy signs: what the viewer asked for, byte for byte. */
export function targetUrl({ scheme, host, path, query }: SignedTarget): string {
  return `${scheme}://${host}${path}${query === undefined ? '' : `?${query}`}`
}

/**
 * Whether the Resource of a custom policy covers a URL (DG:private-content-creating-signed-url-custom-policy). `*` and
 * `?` are wildcards inside one section of `protocol://domain/path?query`; a `*` at the end of the path or domain covers
 * the rest too, one in front of a Resource without protocol any protocol, a lone one everything. The `?` before a query
 * may be written `?` or, as older documentation wanted, `\?`.
 */
export function coversTarget(resource: string, target: SignedTarget): boolean {
  if (resource === '*') return true
  const mark = resource.indexOf('://')
  const hasProtocol = mark !== -1 && /^[A-Za-z*?]+$/.test(resource.slice(0, mark))
  if (hasProtocol ? !compileGlob(resource.slice(0, mark))(target.scheme) : !resource.startsWith('*'))
    return false
  const rest = hasProtocol ? resource.slice(mark + 3) : resource
  const slash = rest.indexOf('/')
  const domain = (slash === -1 ? rest : rest.slice(0, slash)).toLowerCase()
  // Host names know no case (RFC 3986 section 6.2.2.1).
  if (!compileGlob(domain)(target.host.toLowerCase())) return false
  if (slash === -1) return domain.endsWith('*')
  return coversPath(rest.slice(slash), target.path, target.query)
}

/**
 * Path and query are compared in one walk, because only the URL says where a query begins: the pattern's `?` may be
 * that place or any one character. All ways to read the pattern are followed at once, so the time is at most the
 * product of the two lengths.
 */
function coversPath(pattern: string, path: string, query: string | undefined): boolean {
  if (!/[*?]/.test(pattern)) return query === undefined && pattern === path
  const tokens = tokensOf(pattern)
  const { length } = tokens
  const text = query === undefined ? path : `${path}?${query}`
  // `reached[i]` says that the first `i` tokens can stand for the text read so far.
  let reached = new Uint8Array(length + 1)
  let next = new Uint8Array(length + 1)
  reached[0] = 1
  passStars(tokens, reached)
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    const isBorder = at === path.length
    let isAlive = false
    next.fill(0)
    for (let i = 0; i < length; i++) {
      if (reached[i] === 0) continue
      const token = tokens[i]!
      if (token === STAR) {
        // Only the last star goes on from the path into the query.
        if (isBorder && i !== length - 1) continue
        next[i] = 1
      } else if (token === ANY || token === code) next[i + 1] = 1
      else continue
      isAlive = true
    }
    if (!isAlive) return false
    passStars(tokens, next)
    const swap = reached
    reached = next
    next = swap
  }
  return reached[length] === 1
}

/** A star may also stand for nothing. */
function passStars(tokens: Int32Array, reached: Uint8Array): void {
  for (let i = 0; i < tokens.length; i++) if (reached[i] === 1 && tokens[i] === STAR) reached[i + 1] = 1
}

function tokensOf(pattern: string): Int32Array {
  const tokens = new Int32Array(pattern.length)
  let count = 0
  for (let i = 0; i < pattern.length; i++) {
    const code = pattern.charCodeAt(i)
    const isEscape = code === BACKSLASH && pattern.charCodeAt(i + 1) === QUESTION_MARK
    if (isEscape) i++
    tokens[count++] = isEscape
      ? QUESTION_MARK
      : code === ASTERISK
        ? STAR
        : code === QUESTION_MARK
          ? ANY
          : code
  }
  return tokens.subarray(0, count)
}

const STAR = -1
const ANY = -2
const ASTERISK = 0x2a
const QUESTION_MARK = 0x3f
const BACKSLASH = 0x5c
