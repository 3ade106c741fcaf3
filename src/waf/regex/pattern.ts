import { BudgetMatcher } from './budget-matcher.ts'
import { DfaMatcher } from './dfa-matcher.ts'
import { emitSource } from './emit.ts'
import { linearRegExp } from './linear-engine.ts'
import { ProgramMatcher } from './matcher.ts'
import { type ParsedPattern, parsePattern } from './parse.ts'
import { compileProgram, ProgramTooLargeError } from './program.ts'
import { requiredLiterals } from './required-literals.ts'
import type { RegexNode, RegexOptions } from './syntax.ts'

/** Instructions of one pattern at most; RE2 and AWS WAF have bounds of the same kind. */
const MAX_STEPS = 50_000
/** States (instructions x bytes) of one run at most: 1 MB of memory and some milliseconds. */
const MAX_STATES = 8 * 1024 * 1024
/**
 * Up to this length V8's backtracking engine is asked first: after 1,000 backtracks it changes to the linear one by
 * itself, so the worst of it is 1,000 runs over the value, about a millisecond.
 */
const MAX_BACKTRACKED_LENGTH = 2_048
/** Up to this length V8's own engine is faster than the automaton, and its backtracking is bounded well enough. */
const MAX_V8_LENGTH = 128
/** Instructions of a pattern that the automaton takes. */
const MAX_DFA_STEPS = 8_000
/** Longest text in which V8 looks for groups. */
const MAX_GROUPS_LENGTH = 512
/** A pattern with look-arounds sees a long value through so many windows of so many bytes. */
const MAX_WINDOWS = 8
const MAX_WINDOW = 1_024
/** Bytes a pattern with references to groups looks at: only backtracking can run it. */
const MAX_REFERENCE_LENGTH = 512

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
  /**
   * Which engines run it: V8 alone, V8 and its linear engine for long values, the engine of this folder, or, where only
   * backtracking can do it, an engine that looks at a short beginning of the value and gives up after a while.
   */
  readonly engine: 'v8' | 'v8-linear' | 'own' | 'backtracking'
  /** Bytes of a value it looks at; Infinity for all but patterns with look-arounds or references. */
  readonly maxLength: number
  test(text: string): boolean
  /** See `requiredLiterals`. */
  literals(): readonly string[] | undefined
  /** Start and end of the leftmost match. */
  exec(text: string): Int32Array | undefined
  /** The leftmost match and its groups, undefined for a group that took no part. */
  groups(text: string): readonly (string | undefined)[] | undefined
}

/**
 * Compiles a pattern of the PCRE dialect of AWS WAF and SecLang. Throws RegexSyntaxError or ProgramTooLargeError for
 * what cannot be run. `source` is latin1 text; give UTF-8 patterns as their bytes.
 */
export function compilePattern(source: string, options: RegexOptions = AWS_OPTIONS): Pattern {
  const parsed = parsePattern(source, options)
  const { root } = parsed
  if (parsed.hasReferences) return backtrackingPattern(source, parsed)
  const plainSource = emitSource(root, false)
  if (plainSource !== undefined) {
    if (isBounded(root)) return v8Pattern(source, parsed, plainSource, undefined)
    const linear = linearRegExp(plainSource)
    if (linear !== undefined) return v8Pattern(source, parsed, plainSource, linear)
  }
  return ownPattern(source, parsed)
}

/** What V8's linear engine does not take: look-arounds. */
function ownPattern(source: string, parsed: ParsedPattern): Pattern {
  const matcher = new ProgramMatcher(compileProgram(parsed.root, MAX_STEPS), parsed.captures)
  const longest = Math.max(64, Math.floor(MAX_STATES / matcher.states(0)) - 1)
  const window = Math.min(longest, MAX_WINDOW)
  // The same pattern without its look-arounds matches at least as much: where it does not, nothing is asked.
  let made: DfaMatcher | false | undefined
  const search = (text: string): { readonly text: string; readonly saved: Int32Array } | undefined => {
    const relaxed =
      text.length <= window
        ? false
        : (made ??= makeDfa({ ...parsed, root: withoutLooks(parsed.root) }) ?? false)
    if (relaxed === false) {
      const whole = text.length > longest ? text.slice(0, longest) : text
      const saved = matcher.search(whole)
      return saved === undefined ? undefined : { text: whole, saved }
    }
    let from = 0
    for (let tries = 0; tries < MAX_WINDOWS; tries++) {
      const end = relaxed.findEnd(text, from)
      if (end === -1) return undefined
      const start = Math.max(0, end - (window >> 1))
      const part = text.slice(start, start + window)
      const saved = matcher.search(part)
      if (saved !== undefined) return { text: part, saved }
      from = start + window
      if (from >= text.length) return undefined
    }
    return undefined
  }
  return {
    source,
    engine: 'own',
    literals: () => requiredLiterals(parsed.root),
    maxLength: MAX_WINDOWS * window,
    test: (text) => search(text) !== undefined,
    exec: (text) => {
      const found = search(text)
      if (found === undefined) return undefined
      const at = text === found.text ? 0 : text.indexOf(found.text)
      return Int32Array.of(found.saved[0]! + at, found.saved[1]! + at)
    },
    groups: (text) => {
      const found = search(text)
      return found === undefined ? undefined : groupsAt(found.saved, found.text)
    },
  }
}

function withoutLooks(node: RegexNode): RegexNode {
  switch (node.kind) {
    case 'look':
      return { kind: 'empty' }
    case 'capture':
    case 'repeat':
      return { ...node, node: withoutLooks(node.node) }
    case 'sequence':
      return { ...node, items: node.items.map(withoutLooks) }
    case 'choice':
      return { ...node, options: node.options.map(withoutLooks) }
    default:
      return node
  }
}

function backtrackingPattern(source: string, { root, captures }: ParsedPattern): Pattern {
  const matcher = new BudgetMatcher(compileProgram(root, MAX_STEPS), captures)
  const search = (text: string): Int32Array | undefined =>
    matcher.search(text.length > MAX_REFERENCE_LENGTH ? text.slice(0, MAX_REFERENCE_LENGTH) : text)
  return {
    source,
    engine: 'backtracking',
    literals: () => requiredLiterals(root),
    maxLength: MAX_REFERENCE_LENGTH,
    test: (text) => search(text) !== undefined,
    exec: (text) => search(text)?.subarray(0, 2),
    groups: (text) => groupsAt(search(text), text),
  }
}

function v8Pattern(
  source: string,
  parsed: ParsedPattern,
  plainSource: string,
  linear: RegExp | undefined,
): Pattern {
  // Flags such as `d` would switch off V8's change to the linear engine, so positions of groups are not asked for.
  const plain = new RegExp(plainSource)
  const engineFor = (text: string): RegExp =>
    linear === undefined || text.length <= MAX_BACKTRACKED_LENGTH ? plain : linear
  let dfa: DfaMatcher | false | undefined
  let capturing: RegExp | undefined
  return {
    source,
    engine: linear === undefined ? 'v8' : 'v8-linear',
    literals: () => requiredLiterals(parsed.root),
    maxLength: Infinity,
    test: (text) => {
      if (linear === undefined || text.length <= MAX_V8_LENGTH) return plain.test(text)
      dfa ??= makeDfa(parsed) ?? false
      return dfa === false ? engineFor(text).test(text) : dfa.test(text)
    },
    exec: (text) => {
      const found = engineFor(text).exec(text)
      return found === null ? undefined : Int32Array.of(found.index, found.index + found[0].length)
    },
    groups: (text) => {
      // Groups are wanted only where something matched, and of most patterns never.
      capturing ??= new RegExp(emitSource(parsed.root, true) ?? plainSource)
      if (linear === undefined || text.length <= MAX_GROUPS_LENGTH) return capturing.exec(text) ?? undefined
      dfa ??= makeDfa(parsed) ?? false
      if (dfa === false) return linear.exec(text) ?? undefined
      // In long values groups are looked for around the place where a match is complete.
      const end = dfa.findEnd(text, 0)
      if (end === -1) return undefined
      const part = text.slice(Math.max(0, end - MAX_GROUPS_LENGTH + 64), end + 64)
      return capturing.exec(part) ?? [part]
    },
  }
}

/** The automaton of a pattern, or undefined where it would be too large or cannot be. */
function makeDfa({ root }: ParsedPattern): DfaMatcher | undefined {
  try {
    const program = compileProgram(root, MAX_DFA_STEPS)
    return DfaMatcher.canRun(program) ? new DfaMatcher(program) : undefined
  } catch (error) {
    if (error instanceof ProgramTooLargeError) return undefined
    throw error
  }
}

function groupsAt(saved: Int32Array | undefined, text: string): readonly (string | undefined)[] | undefined {
  if (saved === undefined) return undefined
  const groups: (string | undefined)[] = []
  for (let i = 0; i < saved.length; i += 2) {
    groups.push(saved[i]! < 0 ? undefined : text.slice(saved[i], saved[i + 1]))
  }
  return groups
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
    case 'reference':
      return Infinity
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
