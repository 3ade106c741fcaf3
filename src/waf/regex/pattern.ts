import { emitSource } from './emit.ts'
import { linearRegExp } from './linear-engine.ts'
import { ProgramMatcher } from './matcher.ts'
import { type ParsedPattern, parsePattern } from './parse.ts'
import { compileProgram } from './program.ts'
import type { RegexNode, RegexOptions } from './syntax.ts'

/** Instructions of one pattern at most; RE2 and AWS WAF have bounds of the same kind. */
const MAX_STEPS = 50_000
/** States (instructions x bytes) of one run at most: 8 MB of memory and some tens of milliseconds. */
const MAX_STATES = 64 * 1024 * 1024
/**
 * Up to this length V8's backtracking engine is asked first: after 1,000 backtracks it changes to the linear one by
 * itself, so the worst of it is 1,000 runs over the value, about a millisecond.
 */
const MAX_BACKTRACKED_LENGTH = 2_048

/** AWS WAF: `.` leaves out newlines, `$` matches before a last newline (PCRE without options). */
export const AWS_OPTIONS: RegexOptions = {
  ignoreCase: false,
  dotAll: false,
  multiline: false,
  dollarEndOnly: false,
  extended: false,
}

/** A compiled pattern: a search, not a full match, over latin1 text in linear time. */
export interface Pattern {
  readonly source: string
  /** Which engines run it: V8 alone, V8 and its linear engine for long values, or the engine of this folder. */
  readonly engine: 'v8' | 'v8-linear' | 'own'
  /** Bytes of a value it looks at; longer values are cut. Infinity for all but huge patterns. */
  readonly maxLength: number
  test(text: string): boolean
  /** Start and end of the leftmost match and of its groups, -1 for a group that took no part. */
  exec(text: string): Int32Array | undefined
}

/**
 * Compiles a pattern of the PCRE dialect of AWS WAF and SecLang. Throws RegexSyntaxError or ProgramTooLargeError for
 * what cannot be run. `source` is latin1 text; give UTF-8 patterns as their bytes.
 */
export function compilePattern(source: string, options: RegexOptions = AWS_OPTIONS): Pattern {
  const parsed = parsePattern(source, options)
  const { root, captures } = parsed
  const plainSource = emitSource(root, false)
  if (plainSource !== undefined) {
    if (isBounded(root)) return v8Pattern(source, parsed, plainSource, undefined)
    const linear = linearRegExp(plainSource)
    if (linear !== undefined) return v8Pattern(source, parsed, plainSource, linear)
  }
  const program = compileProgram(root, MAX_STEPS)
  const matcher = new ProgramMatcher(program, captures)
  const maxLength = Math.floor(MAX_STATES / matcher.states(0)) - 1
  const search = (text: string) => matcher.search(text.length > maxLength ? text.slice(0, maxLength) : text)
  return { source, engine: 'own', maxLength, test: (text) => search(text) !== undefined, exec: search }
}

function v8Pattern(
  source: string,
  parsed: ParsedPattern,
  plainSource: string,
  linear: RegExp | undefined,
): Pattern {
  const plain = new RegExp(plainSource)
  const capturing = new RegExp(emitSource(parsed.root, true)!, 'd')
  let own: ProgramMatcher | undefined
  return {
    source,
    engine: linear === undefined ? 'v8' : 'v8-linear',
    maxLength: Infinity,
    test: (text) =>
      linear === undefined || text.length <= MAX_BACKTRACKED_LENGTH ? plain.test(text) : linear.test(text),
    exec: (text) => {
      if (linear === undefined || text.length <= MAX_BACKTRACKED_LENGTH)
        return positions(capturing.exec(text))
      // V8's linear engine cannot say where groups are; this happens once per match of a long value.
      own ??= new ProgramMatcher(compileProgram(parsed.root, MAX_STEPS), parsed.captures)
      return own.states(text.length) <= MAX_STATES ? own.search(text) : positions(linear.exec(text))
    },
  }
}

function positions(found: RegExpExecArray | null): Int32Array | undefined {
  if (found === null) return undefined
  const { indices } = found
  const saved = new Int32Array(found.length * 2).fill(-1)
  saved[0] = found.index
  saved[1] = found.index + found[0].length
  for (let i = 1; i < found.length; i++) {
    const pair = indices?.[i]
    if (pair === undefined) continue
    saved[i * 2] = pair[0]
    saved[i * 2 + 1] = pair[1]
  }
  return saved
}

/**
 * Whether one attempt at one position has so few ways to go that backtracking costs nothing: no unbounded repetition,
 * and at most 64 ways in all.
 */
function isBounded(root: RegexNode): boolean {
  return ways(root) <= 64
}

function ways(node: RegexNode): number {
  switch (node.kind) {
    case 'empty':
    case 'set':
    case 'assert':
      return 1
    case 'capture':
    case 'look':
      return ways(node.node)
    case 'sequence':
      return node.items.reduce((product, item) => product * ways(item), 1)
    case 'choice':
      return node.options.reduce((sum, option) => sum + ways(option), 0)
    case 'repeat': {
      if (node.max === Infinity) return Infinity
      const each = ways(node.node)
      const most = each === 1 ? 1 : each ** node.max
      return most * (node.max - node.min + 1)
    }
  }
}
