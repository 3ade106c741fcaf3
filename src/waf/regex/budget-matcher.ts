import { holds } from './assertion.ts'
import type { Program } from './program.ts'

/** Steps of one search at most: about a millisecond. */
const MAX_STEPS = 200_000

/**
 * Runs programs with references to groups. Only backtracking can, and backtracking may take for ever, so a search ends
 * after a number of steps and counts as no match, as PCRE's match limit does for ModSecurity.
 */
export class BudgetMatcher {
  readonly #program: Program
  readonly #slots: number
  #left = 0

  constructor(program: Program, captures: number) {
    this.#program = program
    this.#slots = (captures + 1) * 2
  }

  /** Start and end of the leftmost match and of its groups; undefined when there is none. */
  search(text: string): Int32Array | undefined {
    this.#left = MAX_STEPS
    const { first } = this.#program
    const canBeEmpty = first.every((bit) => bit === 1)
    for (let start = 0; start <= text.length && this.#left > 0; start++) {
      if (!canBeEmpty && (start === text.length || first[text.charCodeAt(start)] !== 1)) continue
      const saved = new Int32Array(this.#slots).fill(-1)
      saved[0] = start
      const end = this.#run(this.#program, text, start, saved)
      if (end === -1) continue
      saved[1] = end
      return saved
    }
    return undefined
  }

  /** Where a match that begins here ends, or -1. */
  #run({ code }: Program, text: string, start: number, saved: Int32Array): number {
    /** Places to go back to: an address and a position, or -1 - slot and what the slot held before. */
    const stack: number[] = []
    let at = 0
    let position = start
    for (;;) {
      if (--this.#left <= 0) return -1
      const instruction = code[at]!
      let isAlive = true
      switch (instruction.op) {
        case 'set':
          isAlive = position < text.length && instruction.set[text.charCodeAt(position)] === 1
          at++
          position++
          break
        case 'split':
          stack.push(instruction.second, position)
          at = instruction.first
          break
        case 'jump':
          at = instruction.to
          break
        case 'save':
          stack.push(-1 - instruction.slot, saved[instruction.slot]!)
          saved[instruction.slot] = position
          at++
          break
        case 'assert':
          isAlive = holds(instruction.what, text, position)
          at++
          break
        case 'reference': {
          const from = saved[instruction.index * 2]!
          const group = from === -1 ? undefined : text.slice(from, saved[instruction.index * 2 + 1])
          const length = group?.length ?? 0
          isAlive =
            group !== undefined &&
            isSame(text.slice(position, position + length), group, instruction.ignoreCase)
          at++
          position += length
          break
        }
        case 'look': {
          const isThere = instruction.programs.some(({ program, back = 0 }) => {
            const from = position - back
            return from >= 0 && this.#run(program, text, from, saved.slice()) !== -1
          })
          isAlive = isThere !== instruction.isNegative
          at++
          break
        }
        case 'match':
          return position
      }
      while (!isAlive) {
        if (stack.length === 0) return -1
        position = stack.pop()!
        at = stack.pop()!
        if (at >= 0) isAlive = true
        else saved[-1 - at] = position
      }
    }
  }
}

function isSame(a: string, b: string, ignoreCase: boolean): boolean {
  return a === b || (ignoreCase && a.toLowerCase() === b.toLowerCase())
}
