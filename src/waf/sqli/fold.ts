import type { Tokens } from './tokenize.ts'
import { words } from './words.ts'

/** Tokens of a fingerprint at most. */
export const FINGERPRINT_LENGTH = 6
/** Folding stops when this many tokens stand that nothing can fold any more. */
const MAX_STACK = 12

/** A fingerprint, and the tokens behind each of its characters. */
export interface Folded {
  readonly fingerprint: string
  /** Positions in the token list. */
  readonly at: readonly number[]
}

/** `b` is a comparison that was folded: a condition. */
const VALUES = '1nsvfb'

/**
 * Folds tokens to what matters about them: signs before values go, calculations, lists, calls and brackets around one
 * value become that value, comments inside vanish, runs of the same become one. What remains of the beginning is the
 * fingerprint.
 */
export function fold(tokens: Tokens, text: string): Folded {
  const kinds: string[] = []
  const at: number[] = []
  const count = tokens.kinds.length
  for (let i = 0; i < count; i++) {
    const kind = kindOf(tokens, text, i, kinds.at(-1))
    if (kind === undefined) continue
    kinds.push(kind)
    at.push(i)
    // A call is one value only when its bracket has closed.
    if (isValue(kind) && tokens.kinds[i + 1] === '(') continue
    while (reduce(kinds, at)) {
      // Each fold may make the next one possible.
    }
    if (kinds.length >= MAX_STACK) break
  }
  while (kinds.length > FINGERPRINT_LENGTH) {
    kinds.pop()
    at.pop()
  }
  return { fingerprint: kinds.join(''), at }
}

/** The kind a token takes in its place; undefined where it says nothing. */
function kindOf(tokens: Tokens, text: string, i: number, before: string | undefined): string | undefined {
  const kind = tokens.kinds[i]!
  const next = tokens.kinds[i + 1]
  switch (kind) {
    case 'c':
      // Only a comment that cuts off the rest of a query counts.
      if (next !== undefined) return undefined
      // Text has # for numbers and names of channels, but hardly two dashes behind a quote.
      return text[tokens.starts[i]!] === '#' ? 'c' : 'd'
    case 'f':
      // Without a call, the name of a function is a name.
      return next === '(' || next === 'X' ? 'f' : 'n'
    case 'k':
      // left(…), if(…), char(…): keywords that are functions when they are called.
      return next === '(' && CALLED.has(wordAt(tokens, text, i)) ? 'f' : 'k'
    case 'o':
      if (isSign(tokens, text, i) && (before === undefined || '(,o=&EUk;B'.includes(before))) return undefined
      return isComparison(tokens, text, i) ? '=' : 'o'
    case 'B':
      // order by, group by: one keyword.
      return before === 'B' ? undefined : 'B'
    case 't':
      return 'n'
    default:
      return kind
  }
}

const CALLED = new Set([
  'left',
  'right',
  'if',
  'user',
  'replace',
  'insert',
  'case',
  'exists',
  'database',
  'schema',
  'values',
  'default',
])

function wordAt(tokens: Tokens, text: string, i: number): string {
  return text.slice(tokens.starts[i], tokens.ends[i]).toLowerCase()
}

/** Signs that stand before a value and change nothing about the shape of a query. */
function isSign(tokens: Tokens, text: string, i: number): boolean {
  const length = tokens.ends[i]! - tokens.starts[i]!
  if (length === 1) return '+-~!'.includes(text[tokens.starts[i]!]!)
  const word = wordAt(tokens, text, i)
  return (word === 'not' || word === 'binary') && words.has(word)
}

/** Comparisons that plain text does not have; like, in, is and between are words of sentences too. */
const COMPARISONS = new Set([
  ...[
    '=',
    '==',
    '<',
    '>',
    '<=',
    '>=',
    '<>',
    '!=',
    '<=>',
    'rlike',
    'regexp',
    'glob',
    'ilike',
    'similar',
    'sounds',
  ],
  ...['isnull', 'notnull'],
])

function isComparison(tokens: Tokens, text: string, i: number): boolean {
  return COMPARISONS.has(wordAt(tokens, text, i))
}

function isValue(kind: string | undefined): boolean {
  return kind !== undefined && VALUES.includes(kind)
}

/** One fold at the end of the list; false when there is none. */
function reduce(kinds: string[], at: number[]): boolean {
  const size = kinds.length
  const last = kinds[size - 1]
  const second = kinds[size - 2]
  const third = kinds[size - 3]
  if (second === undefined) return false
  // Runs of the same say no more than one.
  if (last === second && 'nso=(;&,XU'.includes(last!)) return drop(kinds, at, size - 1, 1)
  if (third === undefined) return false
  if (isValue(last) && isValue(third)) {
    // Calculations, lists and qualified names become their first value, a comparison becomes a condition.
    if (second === 'o' || second === ',' || second === '.') return drop(kinds, at, size - 2, 2)
    if (second === '=') {
      kinds[size - 3] = 'b'
      return drop(kinds, at, size - 2, 2)
    }
    // a and b and c: conditions beyond the first pair say nothing new.
    if (second === '&' && kinds[size - 4] === '&' && isValue(kinds[size - 5]))
      return drop(kinds, at, size - 2, 2)
  }
  // not like, is not, sounds like: one comparison.
  if (
    (last === 'o' || last === '=') &&
    (second === 'o' || second === '=') &&
    (isValue(third) || third === 'q')
  ) {
    kinds[size - 2] = last === '=' || second === '=' ? '=' : 'o'
    return drop(kinds, at, size - 1, 1)
  }
  if (last === 'o' && second === '.' && third === 'n') return drop(kinds, at, size - 2, 2)
  if (last === ')' && isValue(second) && third === '(') {
    const isCall = kinds[size - 4] === 'f' || kinds[size - 4] === 'n'
    if (isCall) return drop(kinds, at, size - 3, 3)
    kinds.splice(size - 3, 3, second)
    at.splice(size - 3, 3, at[size - 2]!)
    return true
  }
  if (last === ')' && second === '(' && (third === 'f' || third === 'n')) return drop(kinds, at, size - 2, 2)
  if (last === ')' && second === 'o' && third === '(') return drop(kinds, at, size - 2, 1)
  return false
}

function drop(kinds: string[], at: number[], from: number, count: number): true {
  kinds.splice(from, count)
  at.splice(from, count)
  return true
}
