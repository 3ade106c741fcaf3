import type { HeaderList } from './header-list.ts'
import { type FilterList, keepListed, passes } from './filter-list.ts'
import { compileGlob } from './glob.ts'

/** One cookie of a Cookie field. */
export interface Cookie {
  readonly name: string
  /** As received, quotes included. */
  readonly value: string
}

/**
 * The cookies of a Cookie field in the order received; several lines of the field are joined by `; ` before
 * (RFC 9113 section 8.2.3). Null when it is not a list of `name=value`, because CloudFront then forwards nothing of it
 * (DG:RequestAndResponseBehaviorCustomOrigin). Names that begin with `$` are left out: they are no cookies but
 * attributes of RFC 2965.
 */
export function parseCookies(field: string): readonly Cookie[] | null {
  const cookies: Cookie[] = []
  let start = 0
  while (start < field.length) {
    const end = endOfPart(field, start)
    const from = skipBlanks(field, start, end)
    if (from < end) {
      const equals = field.indexOf('=', from)
      if (equals === -1 || equals >= end || equals === from) return null
      const nameEnd = skipBlanksBack(field, from, equals)
      if (field.charCodeAt(from) !== DOLLAR) {
        const valueStart = skipBlanks(field, equals + 1, end)
        const value = field.slice(valueStart, skipBlanksBack(field, valueStart, end))
        cookies.push({ name: field.slice(from, nameEnd), value })
      }
    }
    start = end + 1
  }
  return cookies
}

/** The value of the first cookie of a name, or undefined; looks past anything that is not well-formed. */
export function cookieValue(field: string, name: string): string | undefined {
  let found = field.indexOf(name)
  while (found !== -1) {
    const after = skipBlanks(field, found + name.length, field.length)
    if (field.charCodeAt(after) === EQUALS && beginsPart(field, found)) {
      const start = skipBlanks(field, after + 1, field.length)
      return field.slice(start, skipBlanksBack(field, start, endOfPart(field, start)))
    }
    found = field.indexOf(name, found + 1)
  }
  return undefined
}

/**
 * A Cookie field as CloudFront forwards and keys it (DG:cookies): the cookies the filter lets through, sorted by name
 * (cookies of one name keep their order) and joined by `; `. The same string when it already is that; undefined when
 * nothing is left, also when the field is malformed.
 */
export function filterCookies(field: string, filter: FilterList): string | undefined {
  if (filter.mode === 'none') return undefined
  const cookies = parseCookies(field)
  if (cookies === null) return undefined
  let kept = ''
  let previous = ''
  let isSorted = true
  for (const { name, value } of cookies) {
    if (!passes(filter, name)) continue
    if (name < previous) isSorted = false
    previous = name
    kept += kept === '' ? `${name}=${value}` : `; ${name}=${value}`
  }
  if (kept === '') return undefined
  if (!isSorted) return serialiseSorted(cookies.filter(({ name }) => passes(filter, name)))
  return kept === field ? field : kept
}

/**
 * Compiles a list of cookie names in which `*` and `?` are wildcards, as only legacy ForwardedValues know them
 * (`WhitelistedNames`); in the policies of today they are ordinary characters.
 */
export function keepCookiesLike(names: Iterable<string>): FilterList {
  const exact: string[] = []
  const patterns: { readonly test: (name: string) => boolean }[] = []
  for (const name of names) {
    if (name.includes('*') || name.includes('?')) patterns.push({ test: compileGlob(name) })
    else exact.push(name)
  }
  return keepListed(exact, patterns)
}

function serialiseSorted(cookies: Cookie[]): string {
  // By code units, as a sort of bytes would have it; `sort` is stable.
  cookies.sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0))
  return cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
}

function endOfPart(field: string, start: number): number {
  const semicolon = field.indexOf(';', start)
  return semicolon === -1 ? field.length : semicolon
}

function beginsPart(field: string, at: number): boolean {
  const before = skipBlanksBack(field, 0, at)
  return before === 0 || field.charCodeAt(before - 1) === SEMICOLON
}

function skipBlanks(field: string, start: number, end: number): number {
  let at = start
  while (at < end && isBlank(field.charCodeAt(at))) at++
  return at
}

function skipBlanksBack(field: string, start: number, end: number): number {
  let at = end
  while (at > start && isBlank(field.charCodeAt(at - 1))) at--
  return at
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

const DOLLAR = 0x24
const SEMICOLON = 0x3b
const EQUALS = 0x3d

/** The Cookie field of a message: several lines of it are one list (RFC 6265 section 5.4, RFC 9113 section 8.2.3). */
export function cookieField(headers: HeaderList): string | undefined {
  const first = headers.get('cookie')
  if (first === undefined || headers.count('cookie') === 1) return first
  return headers.getAll('cookie').join('; ')
}
