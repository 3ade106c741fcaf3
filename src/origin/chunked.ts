const CR = 13
const LF = 10
const MAX_LINE_BYTES = 4096
const MAX_TRAILER_BYTES = 32_768

const state = {
  size: 0,
  extension: 1,
  sizeLf: 2,
  data: 3,
  dataCr: 4,
  dataLf: 5,
  trailer: 6,
  trailerLf: 7,
  done: 8,
} as const

/**
 * Decodes the chunked transfer coding piece by piece (RFC 9112 section 7.1). Trailers are dropped, as CloudFront
 * does. One decoder reads one body.
 */
export class ChunkedDecoder {
  #state: number = state.size
  #size = 0
  #digits = 0
  #lineBytes = 0
  #trailerBytes = 0
  #trailerLineBytes = 0

  get isDone(): boolean {
    return this.#state === state.done
  }

  /**
   * Reads from `chunk` at `at` and gives every piece of data to `take`. Returns where reading stopped: the end of
   * the chunk, or the first byte after the body. Throws where the coding is broken.
   */
  read(chunk: Buffer, at: number, take: (piece: Buffer) => void): number {
    const end = chunk.length
    while (at < end && this.#state !== state.done) {
      if (this.#state === state.data) {
        const length = Math.min(this.#size, end - at)
        take(at === 0 && length === end ? chunk : chunk.subarray(at, at + length))
        this.#size -= length
        at += length
        if (this.#size === 0) this.#state = state.dataCr
        continue
      }
      this.#step(chunk[at]!)
      at++
    }
    return at
  }

  #step(byte: number): void {
    switch (this.#state) {
      case state.size: {
        const value = hexValue(byte)
        if (value >= 0) {
          if (++this.#digits > 13) throw new Error('a chunk size is too large')
          this.#size = this.#size * 16 + value
        } else if (this.#digits === 0) throw new Error('a chunk has no size')
        else if (byte === CR) this.#state = state.sizeLf
        else if (byte === 59 || byte === 32 || byte === 9) this.#state = state.extension
        else throw new Error('a chunk size has a character that is not hexadecimal')
        return
      }
      case state.extension:
        if (byte === CR) this.#state = state.sizeLf
        else if (byte === LF || ++this.#lineBytes > MAX_LINE_BYTES)
          throw new Error('a chunk extension is not valid')
        return
      case state.sizeLf:
        if (byte !== LF) throw new Error('a chunk size is not followed by CRLF')
        this.#state = this.#size === 0 ? state.trailer : state.data
        this.#digits = 0
        this.#lineBytes = 0
        return
      case state.dataCr:
        if (byte !== CR) throw new Error('a chunk is longer than its size')
        this.#state = state.dataLf
        return
      case state.dataLf:
        if (byte !== LF) throw new Error('a chunk is not followed by CRLF')
        this.#state = state.size
        return
      case state.trailer:
        if (++this.#trailerBytes > MAX_TRAILER_BYTES) throw new Error('the trailers are too large')
        if (byte === CR) this.#state = state.trailerLf
        else if (byte === LF) throw new Error('a trailer line ends without CR')
        else this.#trailerLineBytes++
        return
      case state.trailerLf:
        if (byte !== LF) throw new Error('a trailer line ends without LF')
        this.#state = this.#trailerLineBytes === 0 ? state.done : state.trailer
        this.#trailerLineBytes = 0
        return
    }
  }
}

function hexValue(byte: number): number {
  if (byte >= 48 && byte <= 57) return byte - 48
  const lower = byte | 32
  return lower >= 97 && lower <= 102 ? lower - 87 : -1
}
