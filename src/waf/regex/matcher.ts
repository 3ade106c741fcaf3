import { holds } from './assertion.ts'
import type { Instruction, LookProgram, Program } from './program.ts'

/**
 * Runs a program over latin1 text in time proportional to (instructions x bytes), whatever the pattern is: a state
 * (instruction, position) that has failed once is never tried again, which is sound because nothing here looks back
 * at what a group matched. Memory is one bit per state and kept between runs, so a matcher belongs to one pattern.
 */
export class ProgramMatcher {
  readonly #code: readonly Instruction[]
  readonly #first: Uint8Array
  readonly #canBeEmpty: boolean
  readonly #slots: number
  #visited = new Uint32Array(0)
  #stack = new Int32Array(256)
  readonly #looks = new Map<LookProgram, LookAhead | ProgramMatcher>()

  constructor(program: Program, captures: number) {
    this.#code = program.code
    this.#first = program.first
    this.#canBeEmpty = program.first.every((bit) => bit === 1)
    this.#slots = (captures + 1) * 2
    for (const instruction of program.code) {
      if (instruction.op !== 'look') continue
      for (const each of instruction.programs) {
        this.#looks.set(
          each,
          each.back === undefined ? new LookAhead(each.program) : new ProgramMatcher(each.program, captures),
        )
      }
    }
  }

  /** States a run over `length` bytes may need. */
  states(length: number): number {
    let sum = this.#code.length * (length + 1)
    for (const look of this.#looks.values()) sum += look.states(length)
    return sum
  }

  /**
   * The leftmost match: start and end of the whole and of each group (-1 where a group took no part); undefined when
   * there is none.
   */
  search(text: string): Int32Array | undefined {
    this.reset(text.length)
    for (let start = 0; start <= text.length; start++) {
      if (!this.#canBeEmpty && (start === text.length || this.#first[text.charCodeAt(start)] !== 1)) continue
      const found = this.#run(text, start, -1)
      if (found !== undefined) return found
    }
    return undefined
  }

  /** Forgets the subject before. */
  reset(length: number): void {
    const words = ((this.#code.length * (length + 1)) >>> 5) + 1
    if (this.#visited.length < words) this.#visited = new Uint32Array(words)
    else this.#visited.fill(0, 0, words)
    for (const look of this.#looks.values()) look.reset(length)
  }

  /** Whether the program matches exactly from `from` to `to`; both are near each other, so it is tried afresh. */
  spans(text: string, from: number, to: number): boolean {
    if (from < 0) return false
    const width = text.length + 1
    for (let at = 0; at < this.#code.length; at++) {
      for (let position = from; position <= to; position++) {
        const state = at * width + position
        this.#visited[state >>> 5]! &= ~(1 << (state & 31))
      }
    }
    return this.#run(text, from, to) !== undefined
  }

  /** One attempt at one position; `mustEnd` is where it has to end, or -1. */
  #run(text: string, start: number, mustEnd: number): Int32Array | undefined {
    const code = this.#code
    const visited = this.#visited
    const width = text.length + 1
    const saved = new Int32Array(this.#slots).fill(-1)
    saved[0] = start
    let depth = 0
    let at = 0
    let position = start
    for (;;) {
      const state = at * width + position
      const bit = 1 << (state & 31)
      let isAlive = (visited[state >>> 5]! & bit) === 0
      if (isAlive) {
        visited[state >>> 5]! |= bit
        const instruction = code[at]!
        switch (instruction.op) {
          case 'set':
            isAlive = position < text.length && instruction.set[text.charCodeAt(position)] === 1
            at++
            position++
            break
          case 'split':
            depth = this.#push(depth, instruction.second, position)
            at = instruction.first
            break
          case 'jump':
            at = instruction.to
            break
          case 'save':
            // Undone when a later failure comes back past this point.
            depth = this.#push(depth, -1 - instruction.slot, saved[instruction.slot]!)
            saved[instruction.slot] = position
            at++
            break
          case 'assert':
            isAlive = holds(instruction.what, text, position)
            at++
            break
          case 'look':
            isAlive = this.#looksAt(instruction.programs, text, position) !== instruction.isNegative
            at++
            break
          case 'reference':
            throw new Error('references to groups are for BudgetMatcher')
          case 'match':
            if (mustEnd === -1 || mustEnd === position) {
              saved[1] = position
              return saved
            }
            isAlive = false
            break
        }
      }
      while (!isAlive) {
        if (depth === 0) return undefined
        depth -= 2
        at = this.#stack[depth]!
        position = this.#stack[depth + 1]!
        if (at >= 0) isAlive = true
        else saved[-1 - at] = position
      }
    }
  }

  #looksAt(programs: readonly LookProgram[], text: string, position: number): boolean {
    for (const each of programs) {
      const look = this.#looks.get(each)!
      const isThere =
        look instanceof LookAhead
          ? look.holdsAt(text, position)
          : look.spans(text, position - each.back!, position)
      if (isThere) return true
    }
    return false
  }

  #push(depth: number, at: number, position: number): number {
    if (depth + 2 > this.#stack.length) {
      const grown = new Int32Array(this.#stack.length * 2)
      grown.set(this.#stack)
      this.#stack = grown
    }
    this.#stack[depth] = at
    this.#stack[depth + 1] = position
    return depth + 2
  }
}

/**
 * A look-ahead: for one subject, the positions from which the program can match, computed at once from the end to
 * the beginning. Asking at every position therefore costs no more than asking once.
 */
class LookAhead {
  readonly #code: readonly Instruction[]
  readonly #looks = new Map<LookProgram, LookAhead | ProgramMatcher>()
  #table = new Uint8Array(0)
  #isReady = false

  constructor(program: Program) {
    this.#code = program.code
    for (const instruction of program.code) {
      if (instruction.op !== 'look') continue
      for (const each of instruction.programs) {
        this.#looks.set(
          each,
          each.back === undefined ? new LookAhead(each.program) : new ProgramMatcher(each.program, 0),
        )
      }
    }
  }

  states(length: number): number {
    let sum = this.#code.length * (length + 1)
    for (const look of this.#looks.values()) sum += look.states(length)
    return sum
  }

  reset(length: number): void {
    this.#isReady = false
    for (const look of this.#looks.values()) look.reset(length)
  }

  holdsAt(text: string, position: number): boolean {
    if (!this.#isReady) this.#compute(text)
    return this.#table[position] === 1
  }

  #compute(text: string): void {
    const code = this.#code
    this.#table = new Uint8Array(text.length + 1)
    let next = new Uint8Array(code.length)
    let here = new Uint8Array(code.length)
    for (let position = text.length; position >= 0; position--) {
      here.fill(0)
      // Jumps lead backwards too, so the row is filled until nothing changes: a few rounds at most.
      for (let isChanging = true; isChanging;) {
        isChanging = false
        for (let at = code.length - 1; at >= 0; at--) {
          if (here[at] === 1 || !this.#canMatch(code[at]!, at, text, position, here, next)) continue
          here[at] = 1
          isChanging = true
        }
      }
      this.#table[position] = here[0]!
      const spent = next
      next = here
      here = spent
    }
    this.#isReady = true
  }

  #canMatch(
    instruction: Instruction,
    at: number,
    text: string,
    position: number,
    here: Uint8Array,
    next: Uint8Array,
  ): boolean {
    switch (instruction.op) {
      case 'reference':
        throw new Error('references to groups are for BudgetMatcher')
      case 'match':
        return true
      case 'set':
        return (
          position < text.length && next[at + 1] === 1 && instruction.set[text.charCodeAt(position)] === 1
        )
      case 'split':
        return here[instruction.first] === 1 || here[instruction.second] === 1
      case 'jump':
        return here[instruction.to] === 1
      case 'save':
        return here[at + 1] === 1
      case 'assert':
        return here[at + 1] === 1 && holds(instruction.what, text, position)
      case 'look':
        return (
          here[at + 1] === 1 && this.#looksAt(instruction.programs, text, position) !== instruction.isNegative
        )
    }
  }

  #looksAt(programs: readonly LookProgram[], text: string, position: number): boolean {
    return programs.some((each) => {
      const look = this.#looks.get(each)!
      return look instanceof LookAhead
        ? look.holdsAt(text, position)
        : look.spans(text, position - each.back!, position)
    })
  }
}
