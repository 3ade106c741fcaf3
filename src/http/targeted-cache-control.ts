import type { CacheDirectives } from './cache-control.ts'

const KEY = /[a-z*][a-z0-9_\-.*]*/y
const INTEGER = /-?\d{1,15}/y
const DECIMAL = /-?\d{1,12}\.\d{1,3}/y
const STRING = /"((?:[\x20-\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"/y
const TOKEN = /[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*/y
const BYTES = /:[A-Za-z0-9+/=]*:/y
const BOOLEAN = /\?[01]/y

/**
 * Parses a targeted cache control field (RFC 9213 section 2.1) such as CDN-Cache-Control: a structured dictionary
 * (RFC 9651 section 3.2). A field that is absent, empty or not valid counts as not there: undefined. Members that are
 * false are left out; parameters are ignored; of a repeated member the last counts.
 */
export function parseTargetedCacheControl(field: string | undefined): CacheDirectives | undefined {
  if (field === undefined) return undefined
  const text = field.trim()
  if (text === '') return undefined
  const directives = new Map<string, string | undefined>()
  let at = 0
  const read = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const found = pattern.exec(text)
    if (found !== null) at += found[0].length
    return found
  }
  const readItem = (): { readonly value: string | undefined; readonly isFalse: boolean } | null => {
    const decimal = read(DECIMAL)
    // A decimal is no delta-seconds: it stands for a value that makes the response stale.
    if (decimal !== null) return { value: decimal[0], isFalse: false }
    const integer = read(INTEGER)
    if (integer !== null) return { value: integer[0], isFalse: false }
    const string = read(STRING)
    if (string !== null) return { value: `"${string[1]!}"`, isFalse: false }
    const boolean = read(BOOLEAN)
    if (boolean !== null) return { value: undefined, isFalse: boolean[0] === '?0' }
    const other = read(TOKEN) ?? read(BYTES)
    return other === null ? null : { value: other[0], isFalse: false }
  }
  const readParameters = (): boolean => {
    while (text[at] === ';') {
      at++
      while (text[at] === ' ') at++
      if (read(KEY) === null) return false
      if (text[at] === '=') {
        at++
        if (readItem() === null) return false
      }
    }
    return true
  }
  for (;;) {
    const key = read(KEY)
    if (key === null) return undefined
    let member: { readonly value: string | undefined; readonly isFalse: boolean } = {
      value: undefined,
      isFalse: false,
    }
    if (text[at] === '=') {
      at++
      if (text[at] === '(') {
        at++
        for (;;) {
          while (text[at] === ' ') at++
          if (text[at] === ')') break
          if (readItem() === null || !readParameters()) return undefined
          if (text[at] !== ' ' && text[at] !== ')') return undefined
        }
        at++
      } else {
        const item = readItem()
        if (item === null) return undefined
        member = item
      }
    }
    if (!readParameters()) return undefined
    directives.delete(key[0])
    if (!member.isFalse) directives.set(key[0], member.value)
    while (text[at] === ' ' || text[at] === '\t') at++
    if (at === text.length) return directives
    if (text[at] !== ',') return undefined
    at++
    while (text[at] === ' ' || text[at] === '\t') at++
    if (at === text.length) return undefined
  }
}
