import { urlDecode } from '../transforms/url-decode.ts'
import type { Entry } from './entry.ts'

/** Arguments that are looked at; a request with more is an attack on the server, and rule 920380 may bound them. */
const MAX_PAIRS = 2_000

/** Arguments of a query string or form body, decoded as ModSecurity does it. */
export function parsePairs(text: string): readonly Entry[] {
  const entries: Entry[] = []
  let start = 0
  while (start < text.length && entries.length < MAX_PAIRS) {
    const ampersand = text.indexOf('&', start)
    // The last pair that fits holds the rest, so that nothing is left unseen.
    const end = ampersand === -1 || entries.length === MAX_PAIRS - 1 ? text.length : ampersand
    if (end > start) {
      const equals = text.indexOf('=', start)
      const nameEnd = equals === -1 || equals > end ? end : equals
      const name = urlDecode(text.slice(start, nameEnd))
      entries.push({
        key: name.toLowerCase(),
        name,
        value: urlDecode(text.slice(Math.min(nameEnd + 1, end), end)),
      })
    }
    start = end + 1
  }
  return entries
}

/** Cookies of one Cookie field: split at `;`, nothing decoded. */
export function parseCookiePairs(field: string, entries: Entry[]): void {
  let start = 0
  while (start < field.length) {
    const semicolon = field.indexOf(';', start)
    const end = semicolon === -1 ? field.length : semicolon
    let from = start
    while (from < end && (field.charCodeAt(from) === 0x20 || field.charCodeAt(from) === 0x09)) from++
    if (from < end) {
      const equals = field.indexOf('=', from)
      const nameEnd = equals === -1 || equals > end ? end : equals
      const name = field.slice(from, nameEnd)
      entries.push({ key: name.toLowerCase(), name, value: field.slice(Math.min(nameEnd + 1, end), end) })
    }
    start = end + 1
  }
}
