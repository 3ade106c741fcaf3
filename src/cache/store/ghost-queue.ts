const SMALLEST = 64

/**
 * Remembers the hashes of keys that were evicted lately, oldest forgotten first: 4 bytes in a ring and about 16 in a
 * set for each. A key that comes back while it is remembered has shown that it is worth keeping.
 */
export class GhostQueue {
  #ring = new Int32Array(SMALLEST)
  #start = 0
  #length = 0
  readonly #known = new Set<number>()

  get size(): number {
    return this.#length
  }

  /** Remembers `hash`, then forgets the oldest until no more than `limit` are left. */
  add(hash: number, limit: number): void {
    if (this.#length === this.#ring.length) this.#grow()
    this.#ring[(this.#start + this.#length) & (this.#ring.length - 1)] = hash
    this.#length++
    this.#known.add(hash)
    while (this.#length > limit) this.#forgetOldest()
  }

  /** Whether `hash` was remembered; it no longer is. Its place in the ring is given back in its turn. */
  take(hash: number): boolean {
    return this.#known.delete(hash)
  }

  #forgetOldest(): void {
    this.#known.delete(this.#ring[this.#start]!)
    this.#start = (this.#start + 1) & (this.#ring.length - 1)
    this.#length--
  }

  #grow(): void {
    const larger = new Int32Array(this.#ring.length * 2)
    const tail = this.#ring.subarray(this.#start)
    larger.set(tail)
    larger.set(this.#ring.subarray(0, this.#start), tail.length)
    this.#ring = larger
    this.#start = 0
  }
}
