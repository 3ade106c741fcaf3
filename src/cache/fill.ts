import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { randomBytes } from 'node:crypto'
import { Readable } from 'node:stream'
import type { Awaitable } from '../base/promise.ts'
import type { FinishedBody } from './store/store.ts'

export interface FillOptions {
  /** Bodies up to this many bytes stay in memory; longer ones are spooled to a file. */
  readonly memoryBytes: number
  /** Gives where spool files are made. */
  readonly spoolFolder: () => Awaitable<string>
  /** Told when the spool cannot be written; the readers go on, the body is not kept. */
  readonly report: (problem: string) => void
  /** Go on filling when the last reader has left. */
  readonly finishesAlone: boolean
}

/** Bytes that may wait for the disk, or for the slowest reader when nothing is spooled. */
const MAX_WAITING_BYTES = 1 << 20

/**
 * The body of a cacheable response while it arrives: owned by no viewer, read by any number, each at its own pace.
 * A short body grows in memory, a long one in a spool file, so that a slow reader costs nothing. When the last
 * reader leaves, the source is destroyed (unless the fill finishes alone). `whenDone` gives the whole body, once,
 * to whoever stores it, or undefined when it did not arrive whole.
 */
export class Fill {
  readonly length: number | undefined
  readonly whenDone: Promise<FinishedBody | undefined>
  readonly #source: Readable
  readonly #options: FillOptions
  readonly #readers = new Set<FillReader>()
  /** Pieces that are not in the file (or all, while there is none); the first begins at `#piecesAt`. */
  #pieces: Buffer[] = []
  #piecesAt = 0
  #bytes = 0
  #mode: 'memory' | 'spool' | 'pass' = 'memory'
  #file: FileHandle | undefined = undefined
  #path: string | undefined = undefined
  #isWriting = false
  #state: 'filling' | 'whole' | 'broken' = 'filling'
  #error: Error | undefined = undefined
  #finish!: (body: FinishedBody | undefined) => void
  #isClosed = false

  constructor(source: Readable, length: number | undefined, options: FillOptions) {
    this.#source = source
    this.length = length
    this.#options = options
    this.whenDone = new Promise((resolve) => (this.#finish = resolve))
    source.on('data', (piece: Buffer) => this.#take(piece))
    source.on('end', () => this.#end())
    source.on('error', (error: Error) => this.#break(error))
    source.on('close', () => {
      if (this.#state === 'filling' && !source.readableEnded)
        this.#break(new Error('the body ended before it was complete'))
    })
  }

  /** Bytes that have arrived. */
  get bytes(): number {
    return this.#bytes
  }

  get isBroken(): boolean {
    return this.#state === 'broken'
  }

  /** Whether a reader that comes now can still have the first byte. */
  get isOpenToReaders(): boolean {
    return this.#state !== 'broken' && !this.#isClosed && (this.#mode !== 'pass' || this.#piecesAt === 0)
  }

  /** A reader of the bytes from `first` to `last` inclusive; `last` undefined reads to the end. */
  read(first: number, last: number | undefined): Readable {
    const reader = new FillReader(this, first, last, () => {
      this.#readers.delete(reader)
      this.#left()
    })
    this.#readers.add(reader)
    return reader
  }

  /** Nobody wants the body any more, not even the store. */
  abandon(): void {
    if (this.#state === 'filling') this.#source.destroy()
  }

  /** What a reader can have at a position: bytes, a promise of bytes, the end, an error, or nothing yet. */
  at(position: number, limit: number): Buffer | Promise<Buffer> | 'wait' | 'end' | Error {
    if (position >= this.#piecesAt) {
      let at = this.#piecesAt
      for (const piece of this.#pieces) {
        if (position < at + piece.length)
          return piece.subarray(position - at, Math.min(piece.length, position - at + limit))
        at += piece.length
      }
      if (this.#state === 'broken') return this.#error!
      return this.#state === 'whole' ? 'end' : 'wait'
    }
    if (this.#file === undefined) return new Error('a part of the body is not held any more')
    return this.#readFile(position, Math.min(limit, this.#piecesAt - position))
  }

  /** Called by readers as they move on. */
  moved(): void {
    if (this.#mode === 'pass') this.#forgetRead()
    if (this.#source.isPaused() && this.#waiting() < MAX_WAITING_BYTES) this.#source.resume()
  }

  #take(piece: Buffer): void {
    this.#pieces.push(piece)
    this.#bytes += piece.length
    if (this.#mode === 'memory' && this.#bytes > this.#options.memoryBytes) {
      this.#mode = 'spool'
      void this.#spool()
    } else if (this.#mode === 'spool' && !this.#isWriting) void this.#spool()
    for (const reader of this.#readers) reader.wake()
    if (this.#mode === 'pass') this.#forgetRead()
    if (this.#mode !== 'memory' && this.#waiting() >= MAX_WAITING_BYTES) this.#source.pause()
  }

  #waiting(): number {
    return this.#mode === 'memory' ? 0 : this.#bytes - this.#piecesAt
  }

  #end(): void {
    if (this.#state !== 'filling') return
    this.#state = 'whole'
    for (const reader of this.#readers) reader.wake()
    if (this.#mode === 'memory')
      this.#finish({ kind: 'bytes', bytes: Buffer.concat(this.#pieces, this.#bytes) })
    else if (this.#mode === 'pass') {
      this.#finish(undefined)
      void this.#tidy()
    } else if (!this.#isWriting) void this.#spool()
  }

  #break(error: Error): void {
    if (this.#state !== 'filling') return
    this.#state = 'broken'
    this.#error = error
    for (const reader of this.#readers) reader.wake()
    this.#finish(undefined)
    void this.#tidy()
  }

  /** Moves the pieces to the file, in order; what cannot be written stays in memory and is passed on only. */
  async #spool(): Promise<void> {
    if (this.#isWriting) return
    this.#isWriting = true
    try {
      if (this.#file === undefined) {
        const folder = await this.#options.spoolFolder()
        this.#path = join(folder, `fill-${process.pid}-${randomBytes(9).toString('base64url')}`)
        this.#file = await open(this.#path, 'wx+', 0o600)
      }
      while (this.#pieces.length > 0) {
        const count = this.#pieces.length
        const pieces = this.#pieces.slice(0, count)
        const length = pieces.reduce((sum, piece) => sum + piece.length, 0)
        let written = 0
        const all = Buffer.concat(pieces, length)
        while (written < length) {
          const { bytesWritten } = await this.#file.write(
            all,
            written,
            length - written,
            this.#piecesAt + written,
          )
          written += bytesWritten
        }
        this.#pieces.splice(0, count)
        this.#piecesAt += length
        if (this.#state === 'filling' && this.#source.isPaused()) this.#source.resume()
      }
      this.#isWriting = false
      if (this.#state === 'whole') this.#finish({ kind: 'file', path: this.#path!, bytes: this.#bytes })
      if (this.#state !== 'filling') await this.#tidy()
    } catch (error) {
      this.#isWriting = false
      this.#options.report(
        `the spool ${this.#path ?? 'folder'} cannot be written (${String(error)}): a response is passed on without being stored`,
      )
      if (this.#mode === 'spool') this.#mode = 'pass'
      this.#finish(undefined)
      if (this.#state === 'filling') {
        if (this.#source.isPaused()) this.#source.resume()
      } else await this.#tidy()
    }
  }

  async #readFile(position: number, length: number): Promise<Buffer> {
    const bytes = Buffer.allocUnsafe(Math.min(length, 65_536))
    const { bytesRead } = await this.#file!.read(bytes, 0, bytes.length, position)
    if (bytesRead === 0) throw new Error('the spool file is shorter than what was written to it')
    return bytes.subarray(0, bytesRead)
  }

  /** Without a file, pieces are held for the slowest reader only. */
  #forgetRead(): void {
    let lowest = this.#bytes
    for (const reader of this.#readers) lowest = Math.min(lowest, reader.position)
    while (this.#pieces.length > 0 && this.#piecesAt + this.#pieces[0]!.length <= lowest) {
      this.#piecesAt += this.#pieces.shift()!.length
    }
  }

  #left(): void {
    if (this.#readers.size > 0) {
      this.moved()
      return
    }
    if (this.#state === 'filling') {
      if (this.#options.finishesAlone) this.#source.resume()
      else this.#source.destroy()
    } else void this.#tidy()
  }

  /** Closes the file when nobody reads; a body that is not whole is removed, a whole one belongs to the store. */
  async #tidy(): Promise<void> {
    if (this.#readers.size > 0 || this.#isWriting || this.#isClosed || this.#file === undefined) return
    this.#isClosed = true
    await this.#file.close()
    if (this.#state === 'broken' || this.#mode === 'pass') await rm(this.#path!, { force: true })
  }
}

class FillReader extends Readable {
  position: number
  readonly #fill: Fill
  readonly #last: number | undefined
  readonly #left: () => void
  #wants = false
  #isReading = false

  constructor(fill: Fill, first: number, last: number | undefined, left: () => void) {
    super({ highWaterMark: 65_536 })
    this.#fill = fill
    this.position = first
    this.#last = last
    this.#left = left
  }

  wake(): void {
    if (this.#wants) this.#give()
  }

  override _read(): void {
    this.#wants = true
    this.#give()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#left()
    done(error)
  }

  #give(): void {
    if (this.#isReading) return
    while (this.#wants && !this.destroyed) {
      const limit = this.#last === undefined ? Number.POSITIVE_INFINITY : this.#last + 1 - this.position
      if (limit <= 0) {
        this.push(null)
        return
      }
      const found = this.#fill.at(this.position, limit)
      if (found === 'wait') return
      if (found === 'end') {
        this.push(null)
        return
      }
      if (found instanceof Error) {
        this.destroy(found)
        return
      }
      if (found instanceof Promise) {
        this.#isReading = true
        found.then(
          (bytes) => {
            this.#isReading = false
            if (this.destroyed) return
            this.#push(bytes)
            this.#give()
          },
          (error: Error) => this.destroy(error),
        )
        return
      }
      this.#push(found)
    }
  }

  #push(bytes: Buffer): void {
    this.position += bytes.length
    this.#wants = this.push(bytes)
    this.#fill.moved()
  }
}
