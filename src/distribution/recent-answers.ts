/**
 * A bounded memory of answers by text, for what is asked again and again by the same viewers. It keeps at most
 * `limit` answers in two generations: when the young one holds half of them it becomes the old one, and what is still
 * asked for moves back. That is close to least-recently-used, at the cost of a plain map.
 */
export class RecentAnswers<T> {
  readonly #limit: number
  #young = new Map<string, T>()
  #old = new Map<string, T>()

  /** `limit` is at least 2. */
  constructor(limit: number) {
    this.#limit = Math.max(1, limit >> 1)
  }

  get size(): number {
    return this.#young.size + this.#old.size
  }

  /** The answer kept for a text, or undefined. */
  get(text: string): T | undefined {
    const young = this.#young.get(text)
    if (young !== undefined) return young
    const old = this.#old.get(text)
    if (old !== undefined) this.#keep(text, old)
    return old
  }

  /** Keeps an answer. The text is copied, because it may be a slice that holds a whole request head in memory. */
  set(text: string, answer: T): void {
    this.#keep(Buffer.from(text, 'utf16le').toString('utf16le'), answer)
  }

  #keep(text: string, answer: T): void {
    if (this.#young.size >= this.#limit) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(text, answer)
  }
}
