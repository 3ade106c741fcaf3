/** Where a phrase was found. */
export interface FoundPhrase {
  readonly start: number
  readonly end: number
}

const CASE_FOLDED = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte >= 0x41 && byte <= 0x5a ? byte + 0x20 : byte,
)

/**
 * Finds any of many phrases in one pass over a text, whatever their number (Aho and Corasick, 1975). ASCII case does
 * not matter. Each phrase carries a number; `scan` tells the numbers, `find` the place of the first phrase.
 */
export class PhraseSet {
  /** Class of each byte: bytes that no phrase has share class 0. */
  readonly #classes = new Uint8Array(256)
  readonly #width: number
  /** Where a state goes on a class; states are multiples of the width. */
  readonly #next: Int32Array
  /** Per state: 0, or 1 + index into the lists of what ends there. */
  readonly #ends: Int32Array
  readonly #numbers: (readonly number[])[] = []
  readonly #lengths: number[] = []

  constructor(phrases: readonly { readonly text: string; readonly number: number }[]) {
    let width = 1
    for (const { text } of phrases) {
      for (let i = 0; i < text.length; i++) {
        const byte = CASE_FOLDED[text.charCodeAt(i) & 0xff]!
        if (this.#classes[byte] === 0) this.#classes[byte] = width++
      }
    }
    for (let byte = 0x41; byte <= 0x5a; byte++) this.#classes[byte] = this.#classes[byte + 0x20]!
    this.#width = width

    const children: Map<number, number>[] = [new Map()]
    const own: number[][] = [[]]
    const longest: number[] = [0]
    for (const { text, number } of phrases) {
      if (text === '') continue
      let node = 0
      for (let i = 0; i < text.length; i++) {
        const byteClass = this.#classes[text.charCodeAt(i) & 0xff]!
        let child = children[node]!.get(byteClass)
        if (child === undefined) {
          child = children.length
          children.push(new Map())
          own.push([])
          longest.push(0)
          children[node]!.set(byteClass, child)
        }
        node = child
      }
      own[node]!.push(number)
      longest[node] = text.length
    }

    const count = children.length
    this.#next = new Int32Array(count * width)
    this.#ends = new Int32Array(count)
    const fallback = new Int32Array(count)
    const order: number[] = []
    for (const [byteClass, child] of children[0]!) {
      this.#next[byteClass] = child * width
      order.push(child)
    }
    this.#noteEnd(0, own[0]!, longest[0]!)
    for (let i = 0; i < order.length; i++) {
      const node = order[i]!
      const fall = fallback[node]!
      // What ends in the longest proper suffix ends here as well.
      const inherited = this.#ends[fall]! === 0 ? [] : this.#numbers[this.#ends[fall]! - 1]!
      const length =
        longest[node]! > 0
          ? longest[node]!
          : this.#ends[fall]! === 0
            ? 0
            : this.#lengths[this.#ends[fall]! - 1]!
      this.#noteEnd(node, [...new Set([...own[node]!, ...inherited])], length)
      for (let byteClass = 0; byteClass < width; byteClass++) {
        const child = children[node]!.get(byteClass)
        const through = this.#next[fall * width + byteClass]!
        if (child === undefined) this.#next[node * width + byteClass] = through
        else {
          this.#next[node * width + byteClass] = child * width
          fallback[child] = through / width
          order.push(child)
        }
      }
    }
  }

  #noteEnd(node: number, numbers: readonly number[], length: number): void {
    if (numbers.length === 0) return
    this.#numbers.push(numbers)
    this.#lengths.push(length)
    this.#ends[node] = this.#numbers.length
  }

  /** Writes `stamp` at the number of every phrase that is in the text. */
  scan(text: string, stamps: Uint32Array, stamp: number): void {
    const next = this.#next
    const classes = this.#classes
    const ends = this.#ends
    const width = this.#width
    let state = 0
    for (let i = 0; i < text.length; i++) {
      state = next[state + classes[text.charCodeAt(i) & 0xff]!]!
      if (state === 0) continue
      const end = ends[state / width]!
      if (end === 0) continue
      const numbers = this.#numbers[end - 1]!
      for (let k = 0; k < numbers.length; k++) stamps[numbers[k]!] = stamp
    }
  }

  /** The phrase that ends first, the longest of those that end there. */
  find(text: string): FoundPhrase | undefined {
    const next = this.#next
    const classes = this.#classes
    const width = this.#width
    let state = 0
    for (let i = 0; i < text.length; i++) {
      state = next[state + classes[text.charCodeAt(i) & 0xff]!]!
      if (state === 0) continue
      const end = this.#ends[state / width]!
      if (end !== 0) return { start: i + 1 - this.#lengths[end - 1]!, end: i + 1 }
    }
    return undefined
  }
}
