import type { Transform } from '../transforms/transforms.ts'
import type { Operator } from './operators.ts'
import { PhraseSet } from './phrase-set.ts'

/** One question about a value, asked by one or more rules. */
export interface Atom {
  readonly operator: Operator
  readonly isNegated: boolean
  /** Rules to run when the answer is yes. */
  readonly steps: number[]
  /** Its number in the prefilter, or -1 where it is always asked. */
  readonly filter: number
}

/** Transformations as a tree: what rules have in common is computed once. */
export interface TransformNode {
  readonly transform: Transform | undefined
  readonly atoms: Atom[]
  readonly children: Map<string, TransformNode>
}

export function rootNode(): TransformNode {
  return { transform: undefined, atoms: [], children: new Map() }
}

/** Texts whose scan is remembered while one value is looked at. */
const SLOTS = 8

/** The literals of all rules of a direction, looked for in one pass per distinct text. */
export class Prefilter {
  readonly #phrases: PhraseSet
  readonly #stamps: readonly Uint32Array[]
  readonly #texts: string[] = Array.from({ length: SLOTS }, () => '')
  #used = 0
  #next = 0
  /** One number per scan, the same for all slots: a stamp that equals the slot's own means found. */
  readonly #marks = new Uint32Array(SLOTS)
  #mark = 0

  constructor(phrases: readonly { readonly text: string; readonly number: number }[], count: number) {
    this.#phrases = new PhraseSet(phrases)
    this.#stamps = Array.from({ length: SLOTS }, () => new Uint32Array(count))
  }

  /** A new value: texts of the one before are forgotten. */
  begin(): void {
    this.#used = 0
    this.#next = 0
  }

  /** Scans a text unless it was just now; gives the slot to ask with. */
  scan(text: string): number {
    for (let slot = 0; slot < this.#used; slot++) if (this.#texts[slot] === text) return slot
    const slot = this.#next
    this.#next = (slot + 1) % SLOTS
    if (this.#used < SLOTS) this.#used++
    this.#texts[slot] = text
    if (++this.#mark === 0xffffffff) {
      for (const stamps of this.#stamps) stamps.fill(0)
      this.#marks.fill(0)
      this.#mark = 1
    }
    this.#marks[slot] = this.#mark
    this.#phrases.scan(text, this.#stamps[slot]!, this.#mark)
    return slot
  }

  has(slot: number, filter: number): boolean {
    return this.#stamps[slot]![filter] === this.#marks[slot]
  }
}

const NO_STEPS: readonly number[] = []
/** Longest value whose answer is remembered, and how many of each half of the memory. */
const MAX_REMEMBERED_LENGTH = 512
const MAX_REMEMBERED = 512

/**
 * Says which rules a value of one kind (say, an argument) gives a reason to run. Answers are remembered: header values
 * and arguments come again and again. The memory is two halves, so that it stays small and what is used stays in it.
 */
export class ValueMatcher {
  readonly #root: TransformNode
  readonly #prefilter: Prefilter
  #young = new Map<string, readonly number[]>()
  #old = new Map<string, readonly number[]>()

  constructor(root: TransformNode, prefilter: Prefilter) {
    this.#root = root
    this.#prefilter = prefilter
  }

  find(value: string): readonly number[] {
    if (value.length > MAX_REMEMBERED_LENGTH) return this.#compute(value)
    const young = this.#young.get(value)
    if (young !== undefined) return young
    const found = this.#old.get(value) ?? this.#compute(value)
    if (this.#young.size >= MAX_REMEMBERED) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(value, found)
    return found
  }

  #compute(value: string): readonly number[] {
    this.#prefilter.begin()
    const found: number[] = []
    this.#walk(this.#root, value, found)
    return found.length === 0 ? NO_STEPS : found
  }

  #walk(node: TransformNode, text: string, found: number[]): void {
    const { atoms } = node
    if (atoms.length > 0) this.#ask(atoms, text, found)
    for (const child of node.children.values()) this.#walk(child, child.transform!(text), found)
  }

  #ask(atoms: readonly Atom[], text: string, found: number[]): void {
    const prefilter = this.#prefilter
    const slot = prefilter.scan(text)
    for (let i = 0; i < atoms.length; i++) {
      const atom = atoms[i]!
      const isPossible = atom.filter === -1 || prefilter.has(slot, atom.filter)
      if ((isPossible && atom.operator.test(text)) !== atom.isNegated) {
        for (const step of atom.steps) found.push(step)
      }
    }
  }
}
