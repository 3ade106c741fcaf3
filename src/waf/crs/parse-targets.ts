import { compilePattern, type Pattern } from '../regex/pattern.ts'
import type { RegexOptions } from '../regex/syntax.ts'
import { type CollectionName, collections, isCollection } from './collections.ts'

/** What a rule looks at, or leaves out. */
export interface Target {
  readonly collection: CollectionName
  /** A key in lower case, because the case of keys does not matter, a pattern of keys, or undefined for all. */
  readonly key: string | undefined
  readonly keyPattern: Pattern | undefined
  /** `&`: how many there are. */
  readonly isCount: boolean
  /** `!`: left out. */
  readonly isExcluded: boolean
}

/** Keys are matched as ModSecurity 3 does it: in any case. */
const KEY_OPTIONS: RegexOptions = {
  ignoreCase: true,
  dotAll: true,
  multiline: false,
  dollarEndOnly: true,
  extended: false,
}

/** Parses `ARGS|!ARGS:foo|&REQUEST_HEADERS:/^x-/`. Throws Error for what is not known. */
export function parseTargets(text: string): Target[] {
  return splitTargets(text).map(parseTarget)
}

function parseTarget(text: string): Target {
  let rest = text.trim()
  const isExcluded = rest.startsWith('!')
  if (isExcluded) rest = rest.slice(1)
  const isCount = rest.startsWith('&')
  if (isCount) rest = rest.slice(1)
  const colon = rest.indexOf(':')
  const name = (colon === -1 ? rest : rest.slice(0, colon)).toUpperCase()
  if (!isCollection(name)) throw new Error(`the variable ${name || '(empty)'} is not known`)
  if (colon === -1) return { collection: name, key: undefined, keyPattern: undefined, isCount, isExcluded }
  if (!collections[name].isList)
    throw new Error(`the variable ${name} has one value and takes no name behind a colon`)
  let selector = rest.slice(colon + 1)
  if (selector.length > 1 && selector.startsWith("'") && selector.endsWith("'"))
    selector = selector.slice(1, -1)
  if (selector === '') throw new Error(`a name is missing behind ${name}:`)
  if (name !== 'XML' && selector.length > 1 && selector.startsWith('/') && selector.endsWith('/')) {
    const keyPattern = compilePattern(selector.slice(1, -1).replaceAll('\\/', '/'), KEY_OPTIONS)
    return { collection: name, key: undefined, keyPattern, isCount, isExcluded }
  }
  return { collection: name, key: selector.toLowerCase(), keyPattern: undefined, isCount, isExcluded }
}

/** Splits at `|`, but not inside quotes or a pattern between slashes. */
function splitTargets(text: string): string[] {
  const parts: string[] = []
  let start = 0
  let closing = ''
  for (let at = 0; at < text.length; at++) {
    const char = text[at]!
    if (closing !== '') {
      if (char === closing && text[at - 1] !== '\\') closing = ''
    } else if (char === "'" && text[at - 1] === ':') closing = "'"
    else if (char === '/' && text[at - 1] === ':' && !isXml(text, start)) closing = '/'
    else if (char === '|' || char === ',') {
      parts.push(text.slice(start, at))
      start = at + 1
    }
  }
  parts.push(text.slice(start))
  return parts
}

/** What stands behind `XML:` is an XPath expression, which begins with a slash and ends in none. */
function isXml(text: string, start: number): boolean {
  return /^[!&\s]*XML:/i.test(text.slice(start, start + 12))
}
