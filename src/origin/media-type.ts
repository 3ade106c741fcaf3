import { mimes } from 'mrmime'

/** What the table of mrmime does not have, or has in a form that browsers do not run. */
const OURS: ReadonlyMap<string, string> = new Map([
  ['br', 'application/x-brotli'],
  // RFC 9239 section 6: all JavaScript is text/javascript.
  ['cjs', 'text/javascript'],
  ['ico', 'image/vnd.microsoft.icon'],
  ['m3u8', 'application/vnd.apple.mpegurl'],
  ['zst', 'application/zstd'],
])

/**
 * The Content-Type of a file, told by the end of its name: `text/*` says it is UTF-8, the rest has no charset (JSON
 * is UTF-8 by RFC 8259 section 8.1, XML names its own). A name without an ending, or with one nobody knows, is
 * `application/octet-stream`.
 */
export function mediaTypeOf(fileName: string): string {
  const dot = fileName.lastIndexOf('.')
  // A name like `.profile` or `html` has no ending.
  if (dot <= fileName.lastIndexOf('/') + 1) return UNKNOWN
  const ending = fileName.slice(dot + 1).toLowerCase()
  // Own properties only: `lookup` of mrmime would give a function for a file called `x.constructor`.
  const type = OURS.get(ending) ?? (Object.hasOwn(mimes, ending) ? mimes[ending] : undefined)
  if (type === undefined) return UNKNOWN
  return type.startsWith('text/') ? `${type}; charset=utf-8` : type
}

const UNKNOWN = 'application/octet-stream'
