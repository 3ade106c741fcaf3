/**
 * Bounds the bytes of long bodies that are in memory at once: who comes when it is full waits for its turn, in order. So
 * memory stays flat however many long bodies arrive together.
 */
export class MemoryGate {
  readonly #limit: number
  #used = 0
  readonly #waiting: { readonly bytes: number; readonly go: () => void }[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Resolves when so many bytes may be used; call the result when they are free again. */
  async enter(bytes: number): Promise<() => void> {
    // One that is larger than the gate goes through alone.
    const cost = Math.min(bytes, this.#limit)
    if (this.#waiting.length > 0 || this.#used + cost > this.#limit)
      await new Promise<void>((go) => this.#waiting.push({ bytes: cost, go }))
    else this.#used += cost
    let isFree = false
    return () => {
      if (isFree) return
      isFree = true
      this.#used -= cost
      this.#admit()
    }
  }

  #admit(): void {
    for (let next = this.#waiting[0]; next !== undefined; next = this.#waiting[0]) {
      if (this.#used + next.bytes > this.#limit) return
      this.#used += next.bytes
      this.#waiting.shift()
      next.go()
    }
  }
}
