import {
  addAll,
  ANY,
  type ByteSet,
  DIGIT,
  emptySet,
  foldCase,
  HORIZONTAL_SPACE,
  negate,
  NOT_NEWLINE,
  POSIX,
  SPACE,
  singleSet,
  VERTICAL_SPACE,
  WORD,
} from './byte-set.ts'
import { fixedLength, type RegexNode, type RegexOptions, RegexSyntaxError } from './syntax.ts'

export interface ParsedPattern {
  readonly root: RegexNode
  /** Capturing groups, without the whole match. */
  readonly captures: number
  /** It refers to what a group matched, which no linear-time engine can. */
  readonly hasReferences: boolean
}

const EMPTY: RegexNode = { kind: 'empty' }
/** PCRE's own bound for a count in braces. */
const MAX_COUNT = 65_535
const MAX_DEPTH = 250

const LETTER_SETS: Readonly<Record<string, ByteSet>> = {
  d: DIGIT,
  D: negate(DIGIT),
  w: WORD,
  W: negate(WORD),
  s: SPACE,
  S: negate(SPACE),
  h: HORIZONTAL_SPACE,
  H: negate(HORIZONTAL_SPACE),
  v: VERTICAL_SPACE,
  V: negate(VERTICAL_SPACE),
  N: NOT_NEWLINE,
}

const LETTER_BYTES: Readonly<Record<string, number>> = { a: 7, e: 27, f: 12, n: 10, r: 13, t: 9 }

/** What AWS WAF refuses of PCRE, and what no linear-time engine can do (DG:waf-regex-pattern-support). */
const REFUSED_ESCAPES: Readonly<Record<string, string>> = {
  C: '\\C is not supported',
  R: '\\R is not supported; write (?:\\r\\n|\\n|\\r)',
  K: '\\K is not supported',
  X: '\\X is not supported',
  G: '\\G is not supported',
  g: 'references to groups are not supported',
  k: 'references to groups are not supported',
  p: 'Unicode properties are not supported: values are matched byte by byte',
  P: 'Unicode properties are not supported: values are matched byte by byte',
}

/**
 * Parses the PCRE dialect that AWS WAF and the Core Rule Set use into a tree over bytes. `source` is latin1 text: one
 * character is one byte. Throws RegexSyntaxError for bad syntax, and for back-references, recursion, conditions, verbs,
 * atomic groups and possessive quantifiers, which AWS WAF refuses too.
 */
export function parsePattern(source: string, options: RegexOptions): ParsedPattern {
  let at = 0
  let captures = 0
  let depth = 0
  let hasReferences = false

  const fail = (message: string, position = at): never => {
    throw new RegexSyntaxError(message, position)
  }

  function parseChoice(initial: RegexOptions): RegexNode {
    if (++depth > MAX_DEPTH) fail(`groups are nested more than ${MAX_DEPTH} deep`)
    const scope = { ...initial }
    const branches: RegexNode[] = []
    let items: RegexNode[] = []
    while (at < source.length && source[at] !== ')') {
      if (source[at] === '|') {
        at++
        branches.push(sequenceOf(items))
        items = []
        continue
      }
      const atom = parseAtom(scope)
      if (atom !== undefined) items.push(parseQuantifier(atom, scope))
    }
    branches.push(sequenceOf(items))
    depth--
    return branches.length === 1 ? branches[0]! : { kind: 'choice', options: branches }
  }

  /** One atom; undefined for what stands for nothing: options, comments, white space of extended patterns. */
  function parseAtom(scope: Scope): RegexNode | undefined {
    const char = source[at]!
    if (scope.extended && skipExtended(char)) return undefined
    switch (char) {
      case '(':
        return parseGroup(scope)
      case '[':
        return { kind: 'set', set: parseClass(scope) }
      case '\\':
        return parseEscape(scope)
      case '.':
        at++
        return { kind: 'set', set: scope.dotAll ? ANY : NOT_NEWLINE }
      case '^':
        at++
        return { kind: 'assert', what: scope.multiline ? 'line-start' : 'start' }
      case '$':
        at++
        if (scope.multiline) return { kind: 'assert', what: 'line-end' }
        return { kind: 'assert', what: scope.dollarEndOnly ? 'end' : 'end-or-newline' }
      case '*':
      case '+':
      case '?':
        return fail(`"${char}" has nothing before it to repeat; write \\${char} for the character itself`)
      default:
        at++
        return literal(char.charCodeAt(0), scope)
    }
  }

  function skipExtended(char: string): boolean {
    if (char === '#') {
      const end = source.indexOf('\n', at)
      at = end === -1 ? source.length : end + 1
      return true
    }
    if (SPACE[char.charCodeAt(0)] !== 1) return false
    at++
    return true
  }

  function literal(byte: number, scope: Scope): RegexNode {
    if (byte > 255) fail('a character beyond one byte; patterns are matched byte by byte')
    return { kind: 'set', set: cased(singleSet(byte), scope) }
  }

  function parseGroup(scope: Scope): RegexNode | undefined {
    const start = at++
    if (source[at] === '*') fail('backtracking verbs such as (*COMMIT) are not supported', start)
    if (source[at] !== '?') return closeGroup(start, capture(scope))
    at++
    const char = source[at]
    if (char === ':') return closeGroup(start, plain(1, scope))
    if (char === '=' || char === '!') {
      const isNegative = char === '!'
      at++
      return closeGroup(start, { kind: 'look', node: parseChoice(scope), isBehind: false, isNegative })
    }
    if (char === '#') {
      const end = source.indexOf(')', at)
      if (end === -1) fail('a comment (?# has no closing parenthesis', start)
      at = end + 1
      return undefined
    }
    if (char === '<' && (source[at + 1] === '=' || source[at + 1] === '!'))
      return parseLookBehind(start, scope)
    if (char === '>' && scope.takesBacktracking === true) return closeGroup(start, plain(1, scope))
    if (char === '>') fail('atomic groups (?> are not supported; write (?:', start)
    if (char === '(') fail('conditional groups are not supported', start)
    if (char === '|') fail('(?| is not supported; write (?:', start)
    if (char === 'P' || char === '<' || char === "'") return parseNamed(start, scope)
    if (char === 'R' || char === '&' || char === 'C' || (char !== undefined && /[0-9+]/.test(char))) {
      fail('recursion, subroutine calls and callouts are not supported', start)
    }
    return parseOptions(start, scope)
  }

  function capture(scope: Scope): RegexNode {
    const index = ++captures
    return { kind: 'capture', index, node: parseChoice(scope) }
  }

  function plain(skip: number, scope: Scope): RegexNode {
    at += skip
    return parseChoice(scope)
  }

  function closeGroup(start: number, node: RegexNode): RegexNode {
    if (source[at] !== ')') fail('a group has no closing parenthesis', start)
    at++
    return node
  }

  function parseLookBehind(start: number, scope: Scope): RegexNode {
    const isNegative = source[at + 1] === '!'
    at += 2
    const node = parseChoice(scope)
    const branches = node.kind === 'choice' ? node.options : [node]
    if (branches.some((branch) => fixedLength(branch) === undefined)) {
      fail('what a look-behind looks for must have a fixed length', start)
    }
    return closeGroup(start, { kind: 'look', node, isBehind: true, isNegative })
  }

  function parseNamed(start: number, scope: Scope): RegexNode {
    if (source[at] === 'P') at++
    const close = source[at] === "'" ? "'" : '>'
    const end = source.indexOf(close, at + 1)
    const name = end === -1 ? '' : source.slice(at + 1, end)
    if (!/^[A-Za-z_]\w{0,31}$/.test(name))
      fail('a group name is not valid, or it is a reference to a group', start)
    at = end + 1
    return closeGroup(start, capture(scope))
  }

  /** `(?i)` for the rest of the group, `(?i:…)` for itself, `(?-i)` to end it. */
  function parseOptions(start: number, scope: Scope): RegexNode | undefined {
    const end = source.slice(at).search(/[:)]/)
    const letters = end === -1 ? '' : source.slice(at, at + end)
    if (end === -1 || !/^\^?[imsxJUn]*(?:-[imsx]*)?$/.test(letters)) {
      fail('what follows (? is not known', start)
    }
    if (/[JUn]/.test(letters)) fail('of the options only i, m, s and x are supported', start)
    const changed = { ...scope }
    let value = true
    for (const letter of letters) {
      if (letter === '-') value = false
      else if (letter === 'i') changed.ignoreCase = value
      else if (letter === 'm') changed.multiline = value
      else if (letter === 's') changed.dotAll = value
      else if (letter === 'x') changed.extended = value
      else Object.assign(changed, { ignoreCase: false, multiline: false, dotAll: false, extended: false })
    }
    at += end
    if (source[at] === ':') return closeGroup(start, plain(1, changed))
    at++
    Object.assign(scope, changed)
    return undefined
  }

  function parseQuantifier(node: RegexNode, scope: Scope): RegexNode {
    let current = node
    for (;;) {
      while (scope.extended && at < source.length && skipExtended(source[at]!)) {
        // White space may stand between an atom and its quantifier.
      }
      const bounds = readBounds()
      if (bounds === undefined) return current
      let isGreedy = true
      if (source[at] === '?') {
        isGreedy = false
        at++
      } else if (source[at] === '+' && scope.takesBacktracking === true) at++
      else if (source[at] === '+') fail('possessive quantifiers are not supported; leave out the second "+"')
      if (current.kind === 'assert' || current.kind === 'look') {
        // Repeating what has no width changes nothing, except that it may be left out.
        current = bounds.min === 0 ? EMPTY : current
      } else current = { kind: 'repeat', node: current, ...bounds, isGreedy }
    }
  }

  function readBounds(): { readonly min: number; readonly max: number } | undefined {
    const char = source[at]
    if (char === '*' || char === '+' || char === '?') {
      at++
      return { min: char === '+' ? 1 : 0, max: char === '?' ? 1 : Infinity }
    }
    if (char !== '{') return undefined
    // A brace that begins no count stands for itself, as in PCRE.
    const count = /^\{(\d{1,6})(,(\d{0,6}))?\}/.exec(source.slice(at, at + 20))
    if (count === null) return undefined
    const min = Number(count[1])
    const max = count[2] === undefined ? min : count[3] === '' ? Infinity : Number(count[3])
    if (min > max) fail(`the count ${count[0]} is out of order`)
    if (min > MAX_COUNT || (max !== Infinity && max > MAX_COUNT)) fail(`a count is larger than ${MAX_COUNT}`)
    at += count[0].length
    return { min, max }
  }

  function parseEscape(scope: Scope): RegexNode | undefined {
    const start = at
    const char = source[at + 1]
    if (char === undefined) return fail('a backslash at the end escapes nothing')
    at += 2
    switch (char) {
      case 'b':
        return { kind: 'assert', what: 'word-boundary' }
      case 'B':
        return { kind: 'assert', what: 'not-word-boundary' }
      case 'A':
        return { kind: 'assert', what: 'start' }
      case 'z':
        return { kind: 'assert', what: 'end' }
      case 'Z':
        return { kind: 'assert', what: 'end-or-newline' }
      case 'Q':
        return parseQuoted(scope)
      case 'E':
        return undefined
    }
    const set = LETTER_SETS[char]
    if (set !== undefined) return { kind: 'set', set }
    if (/[1-9]/.test(char)) return parseDigits(start, scope)
    return literal(escapedByte(char, start), scope)
  }

  /** `\12` is a reference to a group, unless there are too few of them and the digits are octal (PCRE). */
  function parseDigits(start: number, scope: Scope): RegexNode {
    const reference = /^[1-9]\d?/.exec(source.slice(start + 1, start + 3))
    if (scope.takesBacktracking === true && reference !== null && Number(reference[0]) <= captures) {
      at = start + 1 + reference[0].length
      hasReferences = true
      return { kind: 'reference', index: Number(reference[0]), ignoreCase: scope.ignoreCase }
    }
    const octal = /^[0-3]?[0-7]{2}/.exec(source.slice(start + 1, start + 4))
    if (octal === null) return fail('references to groups are not supported', start)
    at = start + 1 + octal[0].length
    return literal(Number.parseInt(octal[0], 8), scope)
  }

  function parseQuoted(scope: Scope): RegexNode {
    const end = source.indexOf('\\E', at)
    const text = source.slice(at, end === -1 ? source.length : end)
    at = end === -1 ? source.length : end + 2
    const items: RegexNode[] = []
    for (let i = 0; i < text.length; i++) items.push(literal(text.charCodeAt(i), scope))
    return sequenceOf(items)
  }

  /** The byte of an escape that stands for one; `at` is behind the letter. */
  function escapedByte(char: string, start: number): number {
    const byte = LETTER_BYTES[char]
    if (byte !== undefined) return byte
    if (char === 'x') return hexEscape(start)
    if (char === 'c') {
      const control = source.charCodeAt(at++)
      return Number.isNaN(control) ? fail('\\c needs a character behind it', start) : (control & 0xdf) ^ 0x40
    }
    if (char === 'o') return bracedNumber(/^\{([0-7]{1,4})\}/, 8, start)
    if (char === '0') {
      const octal = /^[0-7]{0,2}/.exec(source.slice(at, at + 2))![0]
      at += octal.length
      return Number.parseInt(`0${octal}`, 8)
    }
    const refused = REFUSED_ESCAPES[char]
    if (refused !== undefined) fail(refused, start)
    if (/[A-Za-z]/.test(char)) fail(`the escape \\${char} is not known`, start)
    return char.charCodeAt(0)
  }

  function hexEscape(start: number): number {
    if (source[at] === '{') return bracedNumber(/^\{([0-9A-Fa-f]{1,6})\}/, 16, start)
    const hex = /^[0-9A-Fa-f]{0,2}/.exec(source.slice(at, at + 2))![0]
    at += hex.length
    return hex === '' ? 0 : Number.parseInt(hex, 16)
  }

  function bracedNumber(form: RegExp, base: number, start: number): number {
    const found = form.exec(source.slice(at, at + 10))
    if (found === null) return fail('a number in braces is not valid', start)
    at += found[0].length
    const value = Number.parseInt(found[1]!, base)
    return value > 255 ? fail('a character beyond one byte; patterns are matched byte by byte', start) : value
  }

  function parseClass(scope: Scope): ByteSet {
    const start = at++
    const isNegated = source[at] === '^'
    if (isNegated) at++
    const set = emptySet()
    let isFirst = true
    for (;;) {
      if (at >= source.length) fail('a class has no closing bracket', start)
      if (source[at] === ']' && !isFirst) break
      isFirst = false
      const low = classItem(set)
      if (low === undefined) continue
      if (source[at] !== '-' || source[at + 1] === ']' || at + 1 >= source.length) {
        set[low] = 1
        continue
      }
      const dash = at++
      const high = classItem(set)
      if (high === undefined) {
        // A range that ends in a class is none: its parts stand for themselves.
        set[low] = set[0x2d] = 1
      } else if (high < low) fail('a range in a class is out of order', dash)
      else set.fill(1, low, high + 1)
    }
    at++
    // Case is folded before the class is turned round: [^a] must not match A.
    const folded = cased(set, scope)
    return isNegated ? negate(folded) : folded
  }

  /** One byte of a class, or undefined where a whole set was added. */
  function classItem(set: ByteSet): number | undefined {
    const start = at
    const char = source[at++]!
    if (char === '[' && /[:.=]/.test(source[at] ?? '')) {
      const posix = /^:(\^?)([a-z]+):\]/.exec(source.slice(at, at + 12))
      if (posix !== null) {
        const named = POSIX.get(posix[2]!)
        if (named === undefined) return fail(`the class [:${posix[2]}:] is not known`, start)
        at += posix[0].length
        addAll(set, posix[1] === '^' ? negate(named) : named)
        return undefined
      }
    }
    if (char !== '\\') {
      const byte = char.charCodeAt(0)
      return byte > 255 ? fail('a character beyond one byte; patterns are matched byte by byte', start) : byte
    }
    const escaped = source[at++]
    if (escaped === undefined) return fail('a backslash at the end escapes nothing', start)
    const letters = LETTER_SETS[escaped]
    if (letters !== undefined) {
      addAll(set, letters)
      return undefined
    }
    if (escaped === 'b') return 8
    if (escaped === 'E') return undefined
    if (/[1-7]/.test(escaped)) {
      const octal = /^[0-7]{1,3}/.exec(source.slice(at - 1, at + 2))![0]
      at += octal.length - 1
      return Number.parseInt(octal, 8) & 0xff
    }
    return escapedByte(escaped, start)
  }

  const root = parseChoice(options)
  if (at < source.length) fail('a closing parenthesis has no opening one')
  return { root, captures, hasReferences }
}

type Scope = { -readonly [Key in keyof RegexOptions]: RegexOptions[Key] }

function cased(set: ByteSet, scope: Scope): ByteSet {
  return scope.ignoreCase ? foldCase(set) : set
}

function sequenceOf(items: RegexNode[]): RegexNode {
  if (items.length === 0) return EMPTY
  return items.length === 1 ? items[0]! : { kind: 'sequence', items }
}
