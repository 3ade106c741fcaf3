import { Readable } from 'node:stream'
import { BLOCK_BYTES, checkBlock, CorruptFileError } from './disk-file.ts'
import type { DiskIo } from './disk-io.ts'

/** A file that several may read, closed when the last has let go. */
export interface SharedFile {
  /** Gives the descriptor and counts the caller as a reader; rejects when the file is not there any more. */
  hold(): Promise<number>
  release(): void
}

/** What a reader of a body needs to know of its file. */
export interface BodySource {
  readonly io: DiskIo
  readonly file: SharedFile
  readonly bodyBytes: number
  readonly blockSums: Uint32Array
  /** Told when what was read is not what was written, or could not be read. */
  readonly onFailure: (error: Error) => void
}

/** Blocks read in one go. */
const BLOCKS_AT_ONCE = 4

/**
 * The bytes `first` to `last` of a body on disk. Reads when its reader asks, whole blocks at a time, and gives a block
 * only after its checksum was right.
 */
export class DiskBody extends Readable {
  readonly #source: BodySource
  readonly #last: number
  #position: number
  #fd: number | undefined = undefined
  #isBusy = false

  constructor(source: BodySource, first: number, last: number) {
    super({ highWaterMark: BLOCKS_AT_ONCE * BLOCK_BYTES })
    this.#source = source
    this.#position = first
    this.#last = Math.min(last, source.bodyBytes - 1)
  }

  override _read(): void {
    if (this.#isBusy) return
    if (this.#position > this.#last) {
      this.push(null)
      return
    }
    this.#isBusy = true
    this.#readOn().then(
      (bytes) => {
        this.#isBusy = false
        if (this.destroyed) {
          this.#release()
          return
        }
        this.#position += bytes.length
        this.push(bytes)
      },
      (error: Error) => {
        this.#isBusy = false
        this.#source.onFailure(error)
        if (this.destroyed) this.#release()
        else this.destroy(error)
      },
    )
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    // While a read is under way the descriptor is in use; it is let go when that has ended.
    if (!this.#isBusy) this.#release()
    done(error)
  }

  async #readOn(): Promise<Buffer> {
    const { io, file, bodyBytes, blockSums } = this.#source
    this.#fd ??= await file.hold()
    const firstBlock = Math.floor(this.#position / BLOCK_BYTES)
    const lastBlock = Math.min(Math.floor(this.#last / BLOCK_BYTES), firstBlock + BLOCKS_AT_ONCE - 1)
    const start = firstBlock * BLOCK_BYTES
    const bytes = Buffer.allocUnsafeSlow(Math.min(bodyBytes, (lastBlock + 1) * BLOCK_BYTES) - start)
    const count = await io.read(this.#fd, bytes, start)
    if (count !== bytes.length) throw new CorruptFileError('the file is shorter than it was')
    for (let block = firstBlock; block <= lastBlock; block++) {
      const at = block * BLOCK_BYTES - start
      checkBlock(bytes.subarray(at, at + BLOCK_BYTES), block, blockSums)
    }
    return bytes.subarray(this.#position - start, Math.min(bytes.length, this.#last + 1 - start))
  }

  #release(): void {
    if (this.#fd === undefined) return
    this.#fd = undefined
    this.#source.file.release()
  }
}
