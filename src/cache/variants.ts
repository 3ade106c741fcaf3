import type { HeaderList } from '../http/header-list.ts'
import type { Entry } from './entry.ts'

/** Begins a line of a key that names a field the response varies by. */
const VARY = '\nvary:'

/** Lower-case names that a response varies by, sorted; undefined for `*` (RFC 9110 section 12.5.5). */
export function varyNames(headers: HeaderList): readonly string[] | undefined {
  const field = headers.getJoined('vary')
  if (field === undefined) return NONE
  const names = new Set<string>()
  for (const each of field.split(',')) {
    const name = each.trim().toLowerCase()
    if (name === '*') return undefined
    if (name !== '') names.add(name)
  }
  return [...names].sort()
}

const NONE: readonly string[] = []

/** The values that a request has for the fields a response varies by. */
export function varyValues(names: readonly string[], request: HeaderList): Entry['vary'] {
  return names.map((name) => [name, valueOf(name, request)] as const)
}

/** The key of a variant: the base key and a line for each field. Values cannot hold a line break. */
export function variantKey(baseKey: string, vary: Entry['vary']): string {
  let key = baseKey
  for (const [name, value] of vary) key += `${VARY}${name} ${value}`
  return key
}

/** Whether the variant under a key answers a request (RFC 9111 section 4.1). */
export function matchesVariant(key: string, baseKey: string, request: HeaderList): boolean {
  let at = baseKey.length
  if (!key.startsWith(VARY, at)) return false
  while (at < key.length) {
    at += VARY.length
    const space = key.indexOf(' ', at)
    const next = key.indexOf('\n', space)
    const end = next === -1 ? key.length : next
    const name = key.slice(at, space)
    if (key.slice(space + 1, end) !== valueOf(name, request)) return false
    if (next !== -1 && !key.startsWith(VARY, next)) return false
    at = end
  }
  return true
}

/** A field that is not there is told from an empty one. */
function valueOf(name: string, request: HeaderList): string {
  const value = request.getJoined(name)
  return value === undefined ? '!' : `=${normalise(name, value)}`
}

/**
 * A value in a form that equals that of every other with the same meaning (RFC 9111 section 4.1): without blanks
 * around commas and semicolons; the ranges of Accept-Language in lower case and sorted, because their order means
 * nothing (RFC 9110 section 12.5.4).
 */
function normalise(name: string, value: string): string {
  const plain = value.includes('"') ? value : value.replace(BLANKS, '$1').trim()
  if (name !== 'accept-language') return plain
  return plain.toLowerCase().split(',').sort().join(',')
}

const BLANKS = /[ \t]*([,;])[ \t]*/g
