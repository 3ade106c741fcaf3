/** What a request path means inside a folder. */
export type FolderPath =
  /** A path relative to the folder: starts with `/`, percent-decoded once, no dot segments, no hidden names. */
  | { readonly kind: 'path'; readonly path: string }
  /** A well-formed path that no file may answer to. */
  | { readonly kind: 'missing' }
  | { readonly kind: 'malformed' }

/**
 * Reads a request path as the path of a file. Nothing is resolved or corrected: like a key of a bucket, a path with a
 * dot segment, an empty segment, a backslash, NUL or an encoded slash names nothing. Names that begin with a dot are
 * hidden, except `.well-known` (RFC 8615).
 */
export function readFolderPath(path: string): FolderPath {
  if (path.charCodeAt(0) !== SLASH) return MALFORMED
  let decoded = path
  if (path.includes('%')) {
    const text = decode(path)
    if (text === undefined) return MALFORMED
    // An encoded slash is part of a name (RFC 3986 section 2.2), and no file has such a name.
    if (path.includes('%2F') || path.includes('%2f')) return MISSING
    decoded = text
  }
  // A backslash separates folders on Windows: it is refused everywhere, so that a site behaves the same everywhere.
  if (decoded.includes('\\') || decoded.includes('\0')) return MISSING
  for (let start = 1; start < decoded.length;) {
    let end = decoded.indexOf('/', start)
    if (end === -1) end = decoded.length
    if (end === start) return MISSING
    // `.` and `..` are caught here too.
    if (decoded.charCodeAt(start) === DOT && !isWellKnown(decoded, start, end)) return MISSING
    start = end + 1
  }
  return { kind: 'path', path: decoded }
}

const MALFORMED: FolderPath = { kind: 'malformed' }
const MISSING: FolderPath = { kind: 'missing' }

function decode(path: string): string | undefined {
  try {
    return decodeURIComponent(path)
  } catch {
    // Neither a percent sign without two hex digits nor bytes that are not UTF-8 (overlong forms among them) decode.
    return undefined
  }
}

function isWellKnown(path: string, start: number, end: number): boolean {
  return end - start === WELL_KNOWN.length && path.startsWith(WELL_KNOWN, start)
}

/**
 * A reference from `/a/dir` to `/a/dir/`, with the query kept. It is relative, so that it stays right when the viewer
 * knows the folder under another prefix; `./` keeps a colon in the name from being read as a scheme (RFC 3986
 * section 4.2). What a function may have put there unencoded is encoded.
 */
export function referenceToFolder(path: string, query: string | undefined): string {
  const name = path
    .slice(path.lastIndexOf('/') + 1)
    .toWellFormed()
    .replace(NOT_IN_PATH, encodeURIComponent)
  if (query === undefined) return `./${name}/`
  return `./${name}/?${query.toWellFormed().replace(NOT_IN_QUERY, encodeURIComponent)}`
}

const NOT_IN_PATH = /[^\x21-\x7e]|[?#]/gu
const NOT_IN_QUERY = /[^\x21-\x7e]|#/gu
const WELL_KNOWN = '.well-known'
const SLASH = 0x2f
const DOT = 0x2e
