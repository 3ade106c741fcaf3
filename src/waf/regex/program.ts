import { ANY, type ByteSet, rangesSet } from './byte-set.ts'
import { type Assertion, fixedLength, type RegexNode } from './syntax.ts'

/** Instructions of the matcher. Addresses are indexes into the program. */
export type Instruction =
  | { readonly op: 'set'; readonly set: ByteSet }
  | { readonly op: 'split'; readonly first: number; readonly second: number }
  | { readonly op: 'jump'; readonly to: number }
  | { readonly op: 'save'; readonly slot: number }
  | { readonly op: 'assert'; readonly what: Assertion }
  /** Only for BudgetMatcher. */
  | { readonly op: 'reference'; readonly index: number; readonly ignoreCase: boolean }
  | {
      readonly op: 'look'
      readonly programs: readonly LookProgram[]
      readonly isNegative: boolean
    }
  | { readonly op: 'match' }

/** One branch of a look-around; `back` bytes before the position for a look-behind. */
export interface LookProgram {
  readonly program: Program
  readonly back: number | undefined
}

export interface Program {
  readonly code: readonly Instruction[]
  /** Bytes a match can begin with, or all of them when it may be empty. */
  readonly first: ByteSet
}

/** A pattern that becomes too many instructions, mostly by counts inside counts. */
export class ProgramTooLargeError extends Error {
  constructor(max: number) {
    super(`the pattern needs more than ${max} steps; make its counts smaller`)
    this.name = 'ProgramTooLargeError'
  }
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] }
type Split = Mutable<Extract<Instruction, { op: 'split' }>>
type Jump = Mutable<Extract<Instruction, { op: 'jump' }>>

/** Compiles a tree to a program of at most `maxSteps` instructions; throws ProgramTooLargeError beyond. */
export function compileProgram(root: RegexNode, maxSteps: number): Program {
  const code: Instruction[] = []

  function push<I extends Instruction>(instruction: I): I {
    if (code.length >= maxSteps) throw new ProgramTooLargeError(maxSteps)
    code.push(instruction)
    return instruction
  }

  function emit(node: RegexNode): void {
    switch (node.kind) {
      case 'empty':
        return
      case 'set':
        push({ op: 'set', set: node.set })
        return
      case 'sequence':
        for (const item of node.items) emit(item)
        return
      case 'choice':
        emitChoice(node.options)
        return
      case 'capture':
        push({ op: 'save', slot: node.index * 2 })
        emit(node.node)
        push({ op: 'save', slot: node.index * 2 + 1 })
        return
      case 'reference':
        push({ op: 'reference', index: node.index, ignoreCase: node.ignoreCase })
        return
      case 'assert':
        push({ op: 'assert', what: node.what })
        return
      case 'look':
        push({ op: 'look', programs: lookPrograms(node.node, node.isBehind), isNegative: node.isNegative })
        return
      case 'repeat':
        emitRepeat(node)
        return
    }
  }

  function emitChoice(options: readonly RegexNode[]): void {
    const ends: Jump[] = []
    for (let i = 0; i < options.length; i++) {
      const isLast = i === options.length - 1
      const split = isLast ? undefined : push<Split>({ op: 'split', first: code.length + 1, second: 0 })
      emit(options[i]!)
      if (split === undefined) break
      ends.push(push<Jump>({ op: 'jump', to: 0 }))
      split.second = code.length
    }
    for (const end of ends) end.to = code.length
  }

  function emitRepeat(node: Extract<RegexNode, { kind: 'repeat' }>): void {
    for (let i = 0; i < node.min; i++) emit(node.node)
    if (node.max === Infinity) {
      const loop = code.length
      const split = push<Split>({ op: 'split', first: 0, second: 0 })
      emit(node.node)
      push({ op: 'jump', to: loop })
      aim(split, loop + 1, code.length, node.isGreedy)
      return
    }
    const splits: Split[] = []
    for (let i = node.min; i < node.max; i++) {
      splits.push(push<Split>({ op: 'split', first: code.length + 1, second: 0 }))
      emit(node.node)
    }
    for (const split of splits) aim(split, split.first, code.length, node.isGreedy)
  }

  function lookPrograms(node: RegexNode, isBehind: boolean): LookProgram[] {
    const branches = isBehind && node.kind === 'choice' ? node.options : [node]
    return branches.map((branch) => ({
      program: compileProgram(branch, maxSteps),
      back: isBehind ? (fixedLength(branch) ?? 0) : undefined,
    }))
  }

  emit(root)
  push({ op: 'match' })
  return { code, first: firstBytes(code) }
}

function aim(split: Split, body: number, exit: number, isGreedy: boolean): void {
  split.first = isGreedy ? body : exit
  split.second = isGreedy ? exit : body
}

/** What the first byte of a match can be, so that a search skips positions where nothing can begin. */
function firstBytes(code: readonly Instruction[]): ByteSet {
  const set = rangesSet()
  const seen = new Set<number>()
  const waiting = [0]
  for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
    if (seen.has(at)) continue
    seen.add(at)
    const instruction = code[at]!
    if (instruction.op === 'match' || instruction.op === 'reference') return ANY
    if (instruction.op === 'set') for (let i = 0; i < 256; i++) set[i]! |= instruction.set[i]!
    else if (instruction.op === 'split') waiting.push(instruction.first, instruction.second)
    else if (instruction.op === 'jump') waiting.push(instruction.to)
    else waiting.push(at + 1)
  }
  return set
}
