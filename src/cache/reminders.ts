/** Remembers something of a key until a moment. Bounded: the oldest goes when there are too many. */
export class Reminders<T> {
  readonly #items = new Map<string, { readonly until: number; readonly value: T }>()
  readonly #most: number

  constructor(most = 10_000) {
    this.#most = most
  }

  get size(): number {
    return this.#items.size
  }

  note(key: string, value: T, until: number): void {
    // Deleted first, so that it counts as the newest.
    this.#items.delete(key)
    this.#items.set(key, { value, until })
    if (this.#items.size > this.#most) this.#items.delete(this.#items.keys().next().value!)
  }

  /** What is remembered of a key at `now`, or undefined. */
  find(key: string, now: number): T | undefined {
    // Nothing is wrong almost always.
    if (this.#items.size === 0) return undefined
    const item = this.#items.get(key)
    if (item === undefined) return undefined
    if (item.until > now) return item.value
    this.#items.delete(key)
    return undefined
  }

  forget(key: string): void {
    if (this.#items.size > 0) this.#items.delete(key)
  }

  clear(): void {
    this.#items.clear()
  }
}
