import { isUtf8 } from 'node:buffer'
import type { PathMatcher, PathSegment, PathState } from '../path-pattern.ts'
import { type FoundField, MalformedError, type Scanner, type Syntax } from './found-field.ts'

/** One object or list that is open. */
interface Frame {
  readonly isList: boolean
  readonly state: PathState
  /** Of a list: the index of the member that comes next. Of an object: its key. */
  member: PathSegment
  memberState: PathState
}

/** What may come next. */
type Expecting = 'value' | 'first-value' | 'first-key' | 'key' | 'colon' | 'comma' | 'end'

export interface JsonScannerOptions {
  readonly matcher: PathMatcher
  /** Tell every text, not only what fits a pattern. */
  readonly everyText: boolean
  /** Containers that fit a pattern are told as a whole; otherwise they are looked into. */
  readonly takesContainers: boolean
  /** Several documents, one after the other (NDJSON, RFC 7464 without its separators). */
  readonly isSequence?: boolean
}

const MAX_DEPTH = 100_000
const NEED_MORE = -1
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/

/** Stands for a name that no pattern has. */
const OTHER_NAME = '\0'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/** How JSON texts are written by JSON.stringify, by Python (ASCII only), by PHP, and by Go. */
export const jsonSyntax: Syntax = {
  id: 0,
  read: readLiteral,
  writers: [
    (text) => JSON.stringify(text),
    (text) => asciiOnly(JSON.stringify(text)),
    (text) => asciiOnly(JSON.stringify(text)).replaceAll('/', '\\/'),
    (text) => JSON.stringify(text).replace(/[<>&\u2028\u2029]/g, (each) => unicodeEscape(each.charCodeAt(0))),
  ],
}

function readLiteral(literal: string): string | undefined {
  try {
    const value: unknown = JSON.parse(literal)
    return typeof value === 'string' ? value : undefined
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}

function asciiOnly(text: string): string {
  return text.replace(/[\u007f-\uffff]/g, (each) => unicodeEscape(each.charCodeAt(0)))
}

function unicodeEscape(code: number): string {
  return `\\u${code.toString(16).padStart(4, '0')}`
}

/** Reads JSON (RFC 8259), strictly and without recursion, and tells the values whose paths fit. */
export class JsonScanner implements Scanner {
  readonly #options: JsonScannerOptions
  readonly #frames: Frame[] = []
  #expecting: Expecting = 'value'
  /** Where reading goes on in the window. */
  #at = 0
  /** Bytes before the window. */
  #before = 0
  /** A container that is told as a whole: where it begins in the window, and the depth at which it ends. */
  #capture:
    | { start: number; readonly depth: number; readonly pattern: number; readonly path: () => PathSegment[] }
    | undefined = undefined

  constructor(options: JsonScannerOptions) {
    this.#options = options
  }

  scan(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number {
    if (
      this.#before === 0 &&
      this.#at === 0 &&
      window[0] === 0xef &&
      window[1] === 0xbb &&
      window[2] === 0xbf
    )
      this.#at = 3
    for (;;) {
      this.#skipSpace(window)
      if (this.#at >= window.length) break
      const next = this.#token(window, isLast, found)
      if (next === NEED_MORE) break
      this.#at = next
    }
    if (isLast) {
      if (this.#at < window.length) throw this.#malformed('the text breaks off')
      const isDone =
        this.#frames.length === 0 && this.#expecting === (this.#options.isSequence === true ? 'value' : 'end')
      if (!isDone) throw this.#malformed('the document breaks off')
    }
    const used = this.#capture?.start ?? this.#at
    this.#before += used
    this.#at -= used
    if (this.#capture !== undefined) this.#capture.start = 0
    return used
  }

  /** Reads one token at `#at`; gives where it ends, or NEED_MORE. */
  #token(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number {
    const at = this.#at
    const byte = window[at]!
    switch (this.#expecting) {
      case 'end':
        throw this.#malformed('something stands behind the document')
      case 'colon':
        if (byte !== 0x3a) throw this.#malformed('a colon was expected')
        this.#expecting = 'value'
        return at + 1
      case 'comma':
        return this.#commaOrEnd(byte, window, found)
      case 'first-key':
        if (byte === 0x7d) return this.#close(window, found)
        return this.#key(window)
      case 'key':
        return this.#key(window)
      case 'first-value':
        if (byte === 0x5d) return this.#close(window, found)
        return this.#value(window, isLast, found)
      case 'value':
        return this.#value(window, isLast, found)
    }
  }

  #commaOrEnd(byte: number, window: Buffer, found: (field: FoundField) => void): number {
    const frame = this.#frames.at(-1)!
    if (byte === 0x2c) {
      if (frame.isList) {
        this.#enter(frame, Number(frame.member) + 1)
        this.#expecting = 'value'
      } else this.#expecting = 'key'
      return this.#at + 1
    }
    if (byte === (frame.isList ? 0x5d : 0x7d)) return this.#close(window, found)
    throw this.#malformed(`a comma or the end of the ${frame.isList ? 'list' : 'object'} was expected`)
  }

  #key(window: Buffer): number {
    if (window[this.#at] !== QUOTE) throw this.#malformed('a name in quotes was expected')
    const end = this.#endOfString(window)
    if (end === NEED_MORE) return NEED_MORE
    const frame = this.#frames.at(-1)!
    const start = this.#at + 1
    // A name that no pattern has is not even read; for people it is a star.
    const isOther =
      isPlain(window, start, end - 1) && !this.#options.matcher.mayName(end - 1 - start, window[start]!)
    this.#enter(frame, isOther ? OTHER_NAME : this.#decode(window, end))
    this.#expecting = 'colon'
    return end
  }

  #enter(frame: Frame, member: PathSegment): void {
    frame.member = member
    if (this.#capture === undefined) frame.memberState = this.#options.matcher.step(frame.state, member)
  }

  #value(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number {
    const at = this.#at
    const byte = window[at]!
    const state = this.#frames.at(-1)?.memberState ?? this.#options.matcher.start
    const pattern = this.#capture === undefined ? state.accepted : -1
    if (byte === 0x7b || byte === 0x5b) {
      if (this.#frames.length >= MAX_DEPTH) throw this.#malformed(`more than ${MAX_DEPTH} levels`)
      if (pattern !== -1 && this.#options.takesContainers)
        this.#capture = { start: at, depth: this.#frames.length, pattern, path: this.#pathGetter() }
      const isList = byte === 0x5b
      const frame: Frame = { isList, state, member: 0, memberState: state }
      this.#frames.push(frame)
      if (isList) this.#enter(frame, 0)
      this.#expecting = isList ? 'first-value' : 'first-key'
      return at + 1
    }
    if (byte === QUOTE) {
      const end = this.#endOfString(window)
      if (end === NEED_MORE) return NEED_MORE
      if (pattern !== -1 || (this.#options.everyText && this.#capture === undefined))
        this.#tell(at, end, pattern, 's', this.#decode(window, end), found)
      else this.#verify(window, end)
      return this.#done(end)
    }
    const end = this.#endOfWord(window)
    if (end === window.length && !isLast) return NEED_MORE
    // Most numbers are short and plain, and nobody asks for them.
    if (
      pattern === -1 &&
      (!this.#options.everyText || this.#capture !== undefined) &&
      isDigits(window, at, end)
    )
      return this.#done(end)
    const word = window.toString('latin1', at, end)
    const type = typeOf(word)
    if (type === undefined) throw this.#malformed('a value was expected')
    // Numbers may be what a detector looks for: a card number needs no quotes.
    const isAsked = this.#options.everyText && type === 'n' && this.#capture === undefined
    if (pattern !== -1 || isAsked) this.#tell(at, end, pattern, type, word, found)
    return this.#done(end)
  }

  #close(window: Buffer, found: (field: FoundField) => void): number {
    const end = this.#at + 1
    this.#frames.pop()
    const capture = this.#capture
    if (capture !== undefined && capture.depth === this.#frames.length) {
      this.#capture = undefined
      found({
        start: capture.start,
        end,
        pattern: capture.pattern,
        path: capture.path,
        type: 'j',
        text: window.toString('utf8', capture.start, end),
        syntax: jsonSyntax,
      })
    }
    return this.#done(end)
  }

  #done(end: number): number {
    this.#expecting = this.#frames.length > 0 ? 'comma' : this.#options.isSequence === true ? 'value' : 'end'
    return end
  }

  #tell(
    start: number,
    end: number,
    pattern: number,
    type: FoundField['type'],
    text: string,
    found: (field: FoundField) => void,
  ): void {
    // Without escapes every byte is a character, and JSON.stringify adds none.
    const isCanonical = type === 's' && text.length + 2 === end - start
    found({ start, end, pattern, path: this.#pathGetter(), type, text, syntax: jsonSyntax, isCanonical })
  }

  #pathGetter(): () => PathSegment[] {
    // Nobody reads a path of a thousand names.
    return () => (this.#frames.length > 64 ? ['…'] : this.#frames.map((frame) => frame.member))
  }

  #skipSpace(window: Buffer): void {
    let at = this.#at
    for (; at < window.length; at++) {
      const byte = window[at]!
      if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) break
    }
    this.#at = at
  }

  /** Behind the closing quote of the text at `#at`, or NEED_MORE. */
  #endOfString(window: Buffer): number {
    for (let at = this.#at + 1; ;) {
      const quote = window.indexOf(QUOTE, at)
      if (quote === -1) return NEED_MORE
      let slashes = 0
      for (let back = quote - 1; back > this.#at && window[back] === BACKSLASH; back--) slashes++
      if (slashes % 2 === 0) return quote + 1
      at = quote + 1
    }
  }

  #endOfWord(window: Buffer): number {
    let at = this.#at
    for (; at < window.length; at++) {
      const byte = window[at]!
      const isWord =
        (byte >= 0x30 && byte <= 0x39) ||
        (byte >= 0x61 && byte <= 0x7a) ||
        (byte >= 0x41 && byte <= 0x5a) ||
        byte === 0x2b ||
        byte === 0x2d ||
        byte === 0x2e
      if (!isWord) break
    }
    if (at === this.#at) throw this.#malformed('a value was expected')
    return at
  }

  #decode(window: Buffer, end: number): string {
    if (isPlain(window, this.#at + 1, end - 1)) return window.toString('latin1', this.#at + 1, end - 1)
    const literal = window.subarray(this.#at, end)
    if (!isUtf8(literal)) throw this.#malformed('the text is not UTF-8')
    try {
      // The language has the fastest and strictest reader of one text there is.
      return JSON.parse(literal.toString()) as string // What begins with a quote is a text.
    } catch {
      throw this.#malformed('the text holds an escape or a control character that JSON does not know')
    }
  }

  /** Whether a text that nobody asks for is well-formed. */
  #verify(window: Buffer, end: number): void {
    if (!isPlain(window, this.#at + 1, end - 1)) this.#decode(window, end)
  }

  #malformed(problem: string): MalformedError {
    return new MalformedError('JSON', this.#before + this.#at, problem)
  }
}

/** Whether a word is a whole number without a sign, as JSON has them. */
function isDigits(window: Buffer, start: number, end: number): boolean {
  if (end - start > 1 && window[start] === 0x30) return false
  for (let at = start; at < end; at++) if (window[at]! < 0x30 || window[at]! > 0x39) return false
  return true
}

/** Whether a text stands in its quotes as it is: ASCII without escapes. */
function isPlain(window: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = window[at]!
    if (byte < 0x20 || byte === BACKSLASH || byte > 0x7e) return false
  }
  return true
}

function typeOf(word: string): 'n' | 'b' | 'z' | undefined {
  if (word === 'true' || word === 'false') return 'b'
  if (word === 'null') return 'z'
  return NUMBER.test(word) ? 'n' : undefined
}
