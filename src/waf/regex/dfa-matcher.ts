import { WORD } from './byte-set.ts'
import type { Instruction, Program } from './program.ts'

/** States kept at most; then all are forgotten and built anew, as far as the text needs them. */
const MAX_STATES = 2_000
/** Cells of the table at most: 4 MB. */
const MAX_CELLS = 1 << 20
const UNKNOWN = 0
/** Cells hold a state's number plus two: 0 is unknown, 1 is a match. */
const MATCH = 1

/** What stood before a state, as assertions ask for it. */
const AT_START = 1
const AFTER_WORD = 2
const AFTER_NEWLINE = 4

interface State {
  /** Instructions to go on from, before assertions and jumps are followed. */
  readonly from: readonly number[]
  readonly before: number
}

/**
 * Says whether a pattern matches anywhere in a text, in one pass: a few nanoseconds a byte whatever the pattern is. The
 * deterministic automaton is built while texts ask for it, and its size is bounded. It cannot do look-arounds or
 * references, and knows nothing of groups.
 */
export class DfaMatcher {
  readonly #code: readonly Instruction[]
  /** Bytes that all sets of the pattern treat alike share a class; the last class is the end of the text. */
  readonly #classes = new Uint8Array(256)
  readonly #samples: number[] = []
  readonly #width: number
  readonly #maxStates: number
  #table: Int32Array
  #states: State[] = []
  #numbers = new Map<string, number>()
  readonly #marks: Uint32Array
  #mark = 0

  constructor(program: Program) {
    this.#code = program.code
    this.#marks = new Uint32Array(program.code.length)
    const sets = new Set<Uint8Array>()
    for (const instruction of program.code) if (instruction.op === 'set') sets.add(instruction.set)
    // Assertions tell words and newlines apart.
    sets.add(WORD)
    const classOf = new Map<string, number>()
    for (let byte = 0; byte < 256; byte++) {
      let signature = byte === 0x0a ? 'n' : ''
      for (const set of sets) signature += set[byte]
      let number = classOf.get(signature)
      if (number === undefined) {
        number = classOf.size
        classOf.set(signature, number)
        this.#samples.push(byte)
      }
      this.#classes[byte] = number
    }
    this.#width = classOf.size + 1
    this.#maxStates = Math.max(16, Math.min(MAX_STATES, Math.floor(MAX_CELLS / this.#width)))
    this.#table = new Int32Array(this.#width * 32)
    this.#intern([], AT_START)
  }

  /** Whether a program is of the kind this engine runs. */
  static canRun(program: Program): boolean {
    return program.code.every(
      (instruction) =>
        instruction.op !== 'look' &&
        instruction.op !== 'reference' &&
        !(instruction.op === 'assert' && instruction.what === 'end-or-newline'),
    )
  }

  test(text: string): boolean {
    return this.findEnd(text, 0) !== -1
  }

  /** Where the first match at or behind a position is complete, or -1. */
  findEnd(text: string, from: number): number {
    const classes = this.#classes
    const width = this.#width
    let state = from === 0 ? 0 : this.#stateAfter(text.charCodeAt(from - 1))
    for (let i = from; i < text.length; i++) {
      const byteClass = classes[text.charCodeAt(i)]!
      let next = this.#table[state * width + byteClass]!
      if (next === UNKNOWN) next = this.#build(state, byteClass)
      if (next === MATCH) return i
      state = next - 2
    }
    let last = this.#table[state * width + width - 1]!
    if (last === UNKNOWN) last = this.#build(state, width - 1)
    return last === MATCH ? text.length : -1
  }

  /** The state of a search that begins behind a byte. */
  #stateAfter(byte: number): number {
    const before = (WORD[byte] === 1 ? AFTER_WORD : 0) | (byte === 0x0a ? AFTER_NEWLINE : 0)
    return this.#numbers.get(keyOf([], before)) ?? this.#intern([], before)
  }

  /** Where a state goes on a class, computed once and kept. */
  #build(number: number, byteClass: number): number {
    const { from, before } = this.#states[number]!
    const byte = byteClass === this.#width - 1 ? -1 : this.#samples[byteClass]!
    const reached: number[] = []
    this.#mark++
    // A match may begin at every position.
    if (this.#reaches(0, before, byte, reached)) return this.#keep(number, byteClass, MATCH)
    for (const at of from) {
      if (this.#reaches(at, before, byte, reached)) return this.#keep(number, byteClass, MATCH)
    }
    const after = byte === -1 ? 0 : (WORD[byte] === 1 ? AFTER_WORD : 0) | (byte === 0x0a ? AFTER_NEWLINE : 0)
    reached.sort((a, b) => a - b)
    const known = this.#numbers.get(keyOf(reached, after))
    if (known === undefined && this.#states.length >= this.#maxStates) {
      this.#forget()
      return this.#intern(reached, after) + 2
    }
    return this.#keep(number, byteClass, (known ?? this.#intern(reached, after)) + 2)
  }

  #keep(number: number, byteClass: number, value: number): number {
    this.#table[number * this.#width + byteClass] = value
    return value
  }

  /** Follows jumps and assertions, then the byte; adds what comes behind it. Gives true when a match is reached. */
  #reaches(start: number, before: number, byte: number, reached: number[]): boolean {
    const code = this.#code
    const marks = this.#marks
    const waiting = [start]
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      if (marks[at] === this.#mark) continue
      marks[at] = this.#mark
      const instruction = code[at]!
      switch (instruction.op) {
        case 'match':
          return true
        case 'set':
          if (byte !== -1 && instruction.set[byte] === 1) reached.push(at + 1)
          break
        case 'split':
          waiting.push(instruction.first, instruction.second)
          break
        case 'jump':
          waiting.push(instruction.to)
          break
        case 'save':
          waiting.push(at + 1)
          break
        case 'assert':
          if (holdsHere(instruction.what, before, byte)) waiting.push(at + 1)
          break
        case 'look':
        case 'reference':
          throw new Error('look-arounds and references are for other engines')
      }
    }
    return false
  }

  #intern(from: readonly number[], before: number): number {
    const number = this.#states.length
    this.#states.push({ from, before })
    this.#numbers.set(keyOf(from, before), number)
    const needed = (number + 1) * this.#width
    if (needed > this.#table.length) {
      const grown = new Int32Array(Math.max(needed, this.#table.length * 2))
      grown.set(this.#table)
      this.#table = grown
    }
    return number
  }

  #forget(): void {
    this.#states = []
    this.#numbers = new Map()
    this.#table = new Int32Array(this.#width * 32)
    this.#intern([], AT_START)
  }
}

function keyOf(from: readonly number[], before: number): string {
  return `${before}:${from.join(',')}`
}

type Assertion = Extract<Instruction, { op: 'assert' }>['what']

function holdsHere(what: Assertion, before: number, byte: number): boolean {
  switch (what) {
    case 'start':
      return (before & AT_START) !== 0
    case 'end':
      return byte === -1
    case 'line-start':
      return (before & (AT_START | AFTER_NEWLINE)) !== 0
    case 'line-end':
      return byte === -1 || byte === 0x0a
    case 'word-boundary':
      return isAtWordEdge(before, byte)
    case 'not-word-boundary':
      return !isAtWordEdge(before, byte)
    case 'end-or-newline':
      throw new Error('a pattern with this assertion is for other engines')
  }
}

function isAtWordEdge(before: number, byte: number): boolean {
  return ((before & AFTER_WORD) !== 0) !== (byte !== -1 && WORD[byte] === 1)
}
