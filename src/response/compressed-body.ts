import { pipeline, Readable, type Transform } from 'node:stream'
import { brotliCompress, constants, createBrotliCompress, createGzip, gzip } from 'node:zlib'
import type { Body } from '../http/body.ts'

/** Names of Content-Encoding that the edge itself can produce. */
export type Coding = 'br' | 'gzip'

/** Bodies of bytes up to this size are compressed in one go, which costs less than an encoder with a stream. */
const IN_ONE_GO_BYTES = 65_536
const GZIP_LEVEL = 6
/** Brotli's own default of 11 is made for files that are compressed once and takes tens of times longer. */
const BROTLI_QUALITY = 5
/** 512 KB. */
const BROTLI_MAX_WINDOW_BITS = 19

/**
 * A body, compressed while it is read. Nothing is compressed before the first byte is asked for. The reader's pace
 * holds back the source; when the reader goes away the source is destroyed, and when the source breaks so
 * does this. Takes the body it is given.
 */
export class CompressedBody extends Readable {
  readonly #source: Buffer | Readable
  readonly #coding: Coding
  readonly #sizeBytes: number
  #encoder: Transform | undefined
  #isStarted = false
  #failure: Error | undefined

  /** `sizeBytes` is what the source will probably give; it sets how much memory the encoder takes. */
  constructor(source: Body, coding: Coding, sizeBytes: number) {
    super()
    this.#source = source.take()
    this.#coding = coding
    this.#sizeBytes = sizeBytes
    // The source may break before anybody reads; who reads then must learn of it.
    if (!Buffer.isBuffer(this.#source)) this.#source.on('error', this.#onSourceError)
  }

  readonly #onSourceError = (error: Error): void => {
    this.#failure = error
    if (this.#isStarted) this.destroy(error)
  }

  override _read(): void {
    if (this.#isStarted) {
      this.#encoder?.resume()
      return
    }
    this.#isStarted = true
    if (this.#failure !== undefined) this.destroy(this.#failure)
    else if (Buffer.isBuffer(this.#source) && this.#source.length <= IN_ONE_GO_BYTES)
      this.#encodeBytes(this.#source)
    else this.#encodeStream()
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#encoder?.destroy()
    if (!Buffer.isBuffer(this.#source)) this.#source.destroy()
    done(error)
  }

  #encodeBytes(bytes: Buffer): void {
    const give = (error: Error | null, encoded: Buffer) => {
      if (this.destroyed) return
      if (error !== null) {
        this.destroy(error)
        return
      }
      this.push(encoded)
      this.push(null)
    }
    if (this.#coding === 'br') brotliCompress(bytes, brotliOptions(bytes.length), give)
    else gzip(bytes, { level: GZIP_LEVEL }, give)
  }

  #encodeStream(): void {
    const encoder =
      this.#coding === 'br'
        ? createBrotliCompress(brotliOptions(this.#sizeBytes))
        : createGzip({ level: GZIP_LEVEL })
    this.#encoder = encoder
    encoder.on('data', (chunk: Buffer) => {
      if (!this.push(chunk)) encoder.pause()
    })
    encoder.on('end', () => this.push(null))
    const source = Buffer.isBuffer(this.#source) ? Readable.from([this.#source]) : this.#source
    pipeline(source, encoder, (error) => {
      if (error) this.destroy(this.#failure ?? error)
    })
  }
}

function brotliOptions(sizeBytes: number): { params: Record<number, number> } {
  // A window no larger than the body, and small: an encoder holds some multiples of it for as long as its viewer reads.
  const needed = Math.ceil(Math.log2(sizeBytes + 16))
  const window = Math.min(BROTLI_MAX_WINDOW_BITS, Math.max(constants.BROTLI_MIN_WINDOW_BITS, needed))
  return {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: BROTLI_QUALITY,
      [constants.BROTLI_PARAM_LGWIN]: window,
      [constants.BROTLI_PARAM_SIZE_HINT]: sizeBytes,
    },
  }
}
