/**
 * Finds the row of least rank. Ranks only grow, so the heap keeps the rank it last saw, which is never too high, and
 * looks again only at rows that come to the top: counting costs the heap nothing.
 */
export class KeyHeap {
  readonly #rank: Float64Array
  readonly #seen: Float64Array
  readonly #rows: Int32Array

  /** Over all of `rank`, which must not be replaced or grow any more. */
  constructor(rank: Float64Array) {
    this.#rank = rank
    this.#seen = new Float64Array(rank.length)
    this.#rows = new Int32Array(rank.length)
    for (let row = 0; row < rank.length; row++) this.#rows[row] = row
    this.rebuild()
  }

  /** Looks at every rank anew, for example after all were scaled. */
  rebuild(): void {
    this.#seen.set(this.#rank)
    for (let place = (this.#rows.length >> 1) - 1; place >= 0; place--) this.#sink(place)
  }

  /** The row whose rank is least. */
  least(): number {
    for (;;) {
      const row = this.#rows[0]!
      if (this.#seen[row] === this.#rank[row]) return row
      this.#seen[row] = this.#rank[row]!
      this.#sink(0)
    }
  }

  #sink(from: number): void {
    const rows = this.#rows
    const row = rows[from]!
    const rank = this.#seen[row]!
    let place = from
    for (;;) {
      let child = place * 2 + 1
      if (child >= rows.length) break
      if (child + 1 < rows.length && this.#seen[rows[child + 1]!]! < this.#seen[rows[child]!]!) child++
      if (this.#seen[rows[child]!]! >= rank) break
      rows[place] = rows[child]!
      place = child
    }
    rows[place] = row
  }
}
