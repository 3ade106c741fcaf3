import type { ByteSet } from './byte-set.ts'

/** A pattern as a tree, over bytes. Case and newline options are resolved: nothing below depends on a flag. */
export type RegexNode =
  | { readonly kind: 'empty' }
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly options: readonly RegexNode[] }
  | {
      readonly kind: 'repeat'
      readonly node: RegexNode
      readonly min: number
      /** Infinity for no upper bound. */
      readonly max: number
      readonly isGreedy: boolean
    }
  | { readonly kind: 'capture'; readonly node: RegexNode; readonly index: number }
  | { readonly kind: 'reference'; readonly index: number; readonly ignoreCase: boolean }
  | { readonly kind: 'assert'; readonly what: Assertion }
  | {
      readonly kind: 'look'
      readonly node: RegexNode
      readonly isBehind: boolean
      readonly isNegative: boolean
    }

/** Positions: start and end of the subject, of a line, the end or before a last newline, and word boundaries. */
export type Assertion =
  | 'start'
  | 'end'
  | 'end-or-newline'
  | 'line-start'
  | 'line-end'
  | 'word-boundary'
  | 'not-word-boundary'

/** Options in force where a pattern begins; `(?i)` and its like change them. */
export interface RegexOptions {
  readonly ignoreCase: boolean
  /** `.` matches a newline too. */
  readonly dotAll: boolean
  /** `^` and `$` match at lines. */
  readonly multiline: boolean
  /** `$` matches at the very end only, not before a last newline. */
  readonly dollarEndOnly: boolean
  /** White space and `#` comments are not part of the pattern. */
  readonly extended: boolean
  /**
   * Takes what only a backtracking engine has: references to groups, and possessive quantifiers and atomic groups,
   * which are read as their plain forms and so match more, never less. SecLang only: AWS WAF refuses all of them.
   */
  readonly takesBacktracking?: boolean
}

/** A pattern that cannot be used: what is wrong, and where (a character position). */
export class RegexSyntaxError extends Error {
  readonly position: number

  constructor(message: string, position: number) {
    super(message)
    this.name = 'RegexSyntaxError'
    this.position = position
  }
}

/** Bytes a match of the node has, or undefined where that differs from match to match. */
export function fixedLength(node: RegexNode): number | undefined {
  switch (node.kind) {
    case 'empty':
    case 'assert':
    case 'look':
      return 0
    case 'set':
      return 1
    case 'reference':
      return undefined
    case 'capture':
      return fixedLength(node.node)
    case 'repeat': {
      const length = fixedLength(node.node)
      return length !== undefined && node.min === node.max ? length * node.min : undefined
    }
    case 'sequence': {
      let sum = 0
      for (const item of node.items) {
        const length = fixedLength(item)
        if (length === undefined) return undefined
        sum += length
      }
      return sum
    }
    case 'choice': {
      const length = fixedLength(node.options[0]!)
      return node.options.every((option) => fixedLength(option) === length) ? length : undefined
    }
  }
}
