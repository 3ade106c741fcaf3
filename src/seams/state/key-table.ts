import { KeyHeap } from './key-heap.ts'

const FIRST_CAPACITY = 64
/** Ranks are scaled back before `exp` leaves the range of a double (about 709). */
const RESCALE_AT_WINDOWS = 300

/**
 * Keys and their additions per slot, in flat arrays: one row per key, one cell per slot and one more for the slot
 * that is leaving the window. Knows slots by number and nothing of time.
 *
 * Bound: a row is given away only when all are taken, and then the one of least rank. Rank is an upper bound of the
 * key's additions, each weighted `exp(slot / slots)`; weighting the new instead of fading the old keeps the order of
 * two rows fixed until one of them counts. By the space-saving argument a key that is not held has been seen, in
 * those weights, at most `all / maxKeys` times; an addition within the window weighs at least `1/e`. So an estimate
 * falls short by at most `e * additions of all keys in a window / maxKeys`.
 */
export class KeyTable {
  readonly #maxKeys: number
  readonly #slots: number
  /** Cells per row. */
  readonly #ring: number
  readonly #rows = new Map<string, number>()
  readonly #keys: string[] = []
  #own: Float64Array
  #ownTotal: Float64Array
  #others: Float64Array | undefined
  #othersTotal: Float64Array | undefined
  /** The slot up to which a row's cells are valid. */
  #newest: Float64Array
  #unreported: Float64Array
  #rank: Float64Array
  #heap: KeyHeap | undefined
  #baseSlot: number | undefined
  #weightSlot = NaN
  #weight = 1

  constructor(maxKeys: number, slots: number) {
    this.#maxKeys = maxKeys
    this.#slots = slots
    this.#ring = slots + 1
    const capacity = Math.min(FIRST_CAPACITY, maxKeys)
    this.#own = new Float64Array(capacity * this.#ring)
    this.#ownTotal = new Float64Array(capacity)
    this.#newest = new Float64Array(capacity)
    this.#unreported = new Float64Array(capacity)
    this.#rank = new Float64Array(capacity)
  }

  get size(): number {
    return this.#keys.length
  }

  find(key: string): number | undefined {
    return this.#rows.get(key)
  }

  keyOf(row: number): string {
    return this.#keys[row]!
  }

  /** Additions of a row that no report has carried. */
  unreported(row: number): number {
    return this.#unreported[row]!
  }

  /** The row of a key; a new one, or that of the key with the least rank, when it has none. */
  rowFor(key: string, slot: number): number {
    const known = this.#rows.get(key)
    if (known !== undefined) return known
    let row = this.#keys.length
    if (row < this.#maxKeys) {
      if (row === this.#ownTotal.length) this.#grow()
    } else {
      this.#heap ??= new KeyHeap(this.#rank)
      row = this.#heap.least()
      this.#rows.delete(this.#keys[row]!)
      this.#clear(row)
    }
    // A copy: a key cut out of a request head would keep the whole head in memory.
    const own = Buffer.from(key, 'utf16le').toString('utf16le')
    this.#keys[row] = own
    this.#rows.set(own, row)
    this.#newest[row] = slot
    return row
  }

  /** Counts, and gives the estimate; `elapsed` is the part of the current slot that is over, 0 to 1. */
  add(row: number, slot: number, amount: number, elapsed: number): number {
    this.#advance(row, slot)
    const cell = row * this.#ring + (this.#newest[row]! % this.#ring)
    this.#own[cell] = this.#own[cell]! + amount
    this.#ownTotal[row] = this.#ownTotal[row]! + amount
    this.#unreported[row] = this.#unreported[row]! + amount
    this.#rank[row] = this.#rank[row]! + amount * this.#weightOf(slot)
    return this.#estimateNow(row, elapsed)
  }

  /** Additions within the window, here and at the others. */
  estimate(row: number, slot: number, elapsed: number): number {
    this.#advance(row, slot)
    return this.#estimateNow(row, elapsed)
  }

  /** Keys whose own additions within the window reach `floor`, newest slot first; they count as reported. */
  report(slot: number, floor: number): [string, number[]][] {
    const keys: [string, number[]][] = []
    for (let row = 0; row < this.#keys.length; row++) {
      this.#advance(row, slot)
      if (this.#ownTotal[row]! === 0 || this.#ownTotal[row]! < floor) continue
      const newest = this.#newest[row]!
      const perSlot: number[] = []
      for (let age = 0; age < this.#ring; age++) {
        perSlot.push(this.#own[row * this.#ring + ((newest - age + this.#ring) % this.#ring)]!)
      }
      while (perSlot.at(-1) === 0) perSlot.pop()
      keys.push([this.#keys[row]!, perSlot])
      this.#unreported[row] = 0
    }
    return keys
  }

  clearOthers(): void {
    this.#others?.fill(0)
    this.#othersTotal?.fill(0)
  }

  /** Adds what another node counted: `perSlot[0]` is `age` slots ago. */
  addOthers(key: string, slot: number, age: number, perSlot: readonly number[]): void {
    let sum = 0
    for (let i = 0; i < perSlot.length && age + i < this.#ring; i++) sum += perSlot[i]!
    if (sum === 0) return
    const isNew = !this.#rows.has(key)
    const row = this.rowFor(key, slot)
    if (isNew) this.#rank[row] = this.#rank[row]! + sum * this.#weightOf(slot)
    this.#advance(row, slot)
    this.#others ??= new Float64Array(this.#own.length)
    this.#othersTotal ??= new Float64Array(this.#ownTotal.length)
    const newest = this.#newest[row]!
    for (let i = 0; i < perSlot.length && age + i < this.#ring; i++) {
      const cell = row * this.#ring + ((newest - age - i + this.#ring) % this.#ring)
      this.#others[cell] = this.#others[cell]! + perSlot[i]!
    }
    this.#othersTotal[row] = this.#othersTotal[row]! + sum
  }

  #estimateNow(row: number, elapsed: number): number {
    const oldest = row * this.#ring + ((this.#newest[row]! + 1) % this.#ring)
    const own = this.#ownTotal[row]! - this.#own[oldest]! * elapsed
    if (this.#others === undefined) return own
    return own + this.#othersTotal![row]! - this.#others[oldest]! * elapsed
  }

  /** Empties the cells of slots that have begun since the row was last looked at. */
  #advance(row: number, slot: number): void {
    const newest = this.#newest[row]!
    if (slot <= newest) return
    this.#newest[row] = slot
    if (slot - newest >= this.#ring) {
      this.#clear(row)
      return
    }
    const base = row * this.#ring
    for (let s = newest + 1; s <= slot; s++) {
      const cell = base + (s % this.#ring)
      this.#ownTotal[row] = this.#ownTotal[row]! - this.#own[cell]!
      this.#own[cell] = 0
      if (this.#others === undefined) continue
      this.#othersTotal![row] = this.#othersTotal![row]! - this.#others[cell]!
      this.#others[cell] = 0
    }
  }

  #clear(row: number): void {
    const base = row * this.#ring
    this.#own.fill(0, base, base + this.#ring)
    this.#ownTotal[row] = 0
    this.#unreported[row] = 0
    this.#others?.fill(0, base, base + this.#ring)
    if (this.#othersTotal !== undefined) this.#othersTotal[row] = 0
  }

  #weightOf(slot: number): number {
    if (slot === this.#weightSlot) return this.#weight
    this.#baseSlot ??= slot
    if ((slot - this.#baseSlot) / this.#slots > RESCALE_AT_WINDOWS) {
      const factor = Math.exp((this.#baseSlot - slot) / this.#slots)
      for (let row = 0; row < this.#keys.length; row++) this.#rank[row] = this.#rank[row]! * factor
      this.#heap?.rebuild()
      this.#baseSlot = slot
    }
    this.#weightSlot = slot
    this.#weight = Math.exp((slot - this.#baseSlot) / this.#slots)
    return this.#weight
  }

  #grow(): void {
    const capacity = Math.min(this.#ownTotal.length * 2, this.#maxKeys)
    this.#own = enlarged(this.#own, capacity * this.#ring)
    this.#ownTotal = enlarged(this.#ownTotal, capacity)
    this.#newest = enlarged(this.#newest, capacity)
    this.#unreported = enlarged(this.#unreported, capacity)
    this.#rank = enlarged(this.#rank, capacity)
    if (this.#others !== undefined) this.#others = enlarged(this.#others, capacity * this.#ring)
    if (this.#othersTotal !== undefined) this.#othersTotal = enlarged(this.#othersTotal, capacity)
  }
}

function enlarged(values: Float64Array, length: number): Float64Array {
  const larger = new Float64Array(length)
  larger.set(values)
  return larger
}
