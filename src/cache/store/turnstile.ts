/** Lets so many in at a time, the others in the order in which they came. */
export class Turnstile {
  readonly #places: number
  readonly #waiting: (() => void)[] = []
  #inside = 0

  constructor(places: number) {
    this.#places = places
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length
  }

  async enter(): Promise<void> {
    if (this.#inside < this.#places) this.#inside++
    else await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#inside--
    else next()
  }
}
