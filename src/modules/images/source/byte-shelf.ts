/** Smaller buffers are cheap to make; larger ones are rare, and would stay in memory for nothing. */
const MIN_BYTES = 1 << 16
const MAX_BYTES = 1 << 21
const MAX_KEPT_BYTES = 1 << 22

/**
 * Buffers that are used again. Sources come and go; a buffer for each would have V8 collect the whole heap every few
 * dozen pictures, because it counts what lies outside of it (measured: docs/decisions/0063).
 */
export class ByteShelf {
  /** By size, a power of two. */
  readonly #free = new Map<number, Buffer[]>()
  #bytes = 0

  /** What is kept for the next sources, at most 4 MiB. */
  get bytes(): number {
    return this.#bytes
  }

  /** A buffer of at least so many bytes, with whatever is in it. */
  take(length: number): Buffer {
    const size = sizeFor(length)
    const found = this.#free.get(size)?.pop()
    if (found === undefined) return Buffer.allocUnsafeSlow(size)
    this.#bytes -= size
    return found
  }

  /** Gives back what `take` gave; nobody may hold it any more. */
  give(buffer: Buffer): void {
    const size = buffer.length
    if (size > MAX_BYTES || this.#bytes + size > MAX_KEPT_BYTES) return
    const free = this.#free.get(size)
    if (free === undefined) this.#free.set(size, [buffer])
    else free.push(buffer)
    this.#bytes += size
  }
}

function sizeFor(length: number): number {
  return length > MAX_BYTES ? length : Math.max(MIN_BYTES, 2 ** Math.ceil(Math.log2(length)))
}
