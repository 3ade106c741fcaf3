import type { Clock, Timer } from '../../base/clock.ts'
import { asError } from '../../seams/seam-error.ts'
import type { DiskIo } from './disk-io.ts'
import { encodeLine, FIRST_LINE, type IndexRecord } from './index-record.ts'

const BATCH_MS = 50
const BATCH_BYTES = 256 * 1024
const RETRY_MS = 10_000
const COMPACT_AT_BYTES = 1 << 20

export interface JournalOptions {
  readonly io: DiskIo
  readonly clock: Clock
  readonly path: string
  /** Told when the file cannot be written: it has then been removed, so that the next start is empty, not wrong. */
  readonly onLost: (error: Error) => void
}

/**
 * The index of a disk store: a file to which lines are appended, a batch of them at a time and never by the thread
 * that answers requests, and which is written anew when most of it is history. One process writes it; others may read.
 * `journal-reader.ts` says what a reader makes of it.
 */
export class DiskJournal {
  readonly #options: JournalOptions
  readonly #temporary: string
  #fd: number | undefined = undefined
  #position = 0
  #lines: string[] = []
  #lineBytes = 0
  #timer: Timer | undefined = undefined
  #writing: Promise<void> | undefined = undefined
  /** Lines that came while the file is being written anew: they belong behind the snapshot too. */
  #sinceSnapshot: string[] | undefined = undefined
  #compactAt = COMPACT_AT_BYTES
  #isCompacting = false
  /** Monotonic time before which a file that was given up is not tried again. */
  #retryAt = 0

  constructor(options: JournalOptions) {
    this.#options = options
    this.#temporary = `${options.path}.new`
  }

  /** Bytes of the file, as far as they are written. */
  get bytes(): number {
    return this.#position
  }

  /** Whether most of the file is history, or there is none, so that it should be written anew. */
  get wantsCompaction(): boolean {
    if (this.#isCompacting) return false
    if (this.#fd === undefined) return this.#options.clock.monotonic() >= this.#retryAt
    return this.#position >= this.#compactAt
  }

  /** Goes on with a file that was read up to `end`. Rejects when it cannot be opened for writing. */
  async resume(end: number): Promise<void> {
    const { io, path } = this.#options
    const fd = await io.open(path, 'r+')
    try {
      await io.truncate(fd, end)
    } catch (error) {
      await io.close(fd)
      throw error
    }
    this.#fd = fd
    this.#position = end
    this.#compactAt = Math.max(COMPACT_AT_BYTES, end)
  }

  /** Hands over a record; it is written with others, 50 ms later at most. */
  append(record: IndexRecord): void {
    const line = encodeLine(record)
    this.#sinceSnapshot?.push(line)
    if (this.#fd === undefined) return
    this.#lines.push(line)
    this.#lineBytes += line.length
    if (this.#lineBytes >= BATCH_BYTES) void this.flush()
    else this.#schedule()
  }

  /** Resolves when everything handed over is in the file, or the file was given up. Never rejects. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
    if (this.#lines.length === 0) return
    this.#writing = this.#writeBatch()
    await this.#writing
  }

  /**
   * Writes the file anew with what `snapshot` gives; records handed over meanwhile come behind. When that fails the
   * old file stays and goes on. Never rejects.
   */
  async compact(snapshot: () => Iterable<IndexRecord>): Promise<void> {
    if (this.#isCompacting) return
    this.#isCompacting = true
    this.#sinceSnapshot = []
    try {
      await this.#writeAnew(snapshot)
    } catch (error) {
      this.#compactAt = this.#position + COMPACT_AT_BYTES
      if (this.#fd === undefined) this.#lost(asError(error))
    } finally {
      this.#sinceSnapshot = undefined
      this.#isCompacting = false
    }
  }

  async close(): Promise<void> {
    await this.flush()
    this.#timer?.cancel()
    const fd = this.#fd
    this.#fd = undefined
    if (fd !== undefined) await this.#options.io.close(fd)
  }

  async #writeBatch(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    const batch = Buffer.from(this.#lines.join(''))
    this.#lines = []
    this.#lineBytes = 0
    try {
      if (this.#fd === undefined) return
      await this.#options.io.write(this.#fd, [batch], this.#position)
      this.#position += batch.length
    } catch (error) {
      await this.#giveUp(asError(error))
    } finally {
      this.#writing = undefined
    }
  }

  async #writeAnew(snapshot: () => Iterable<IndexRecord>): Promise<void> {
    const { io } = this.#options
    await io.unlink(this.#temporary).catch(ignore)
    const fd = await io.open(this.#temporary, 'wx')
    let position = 0
    const write = async (lines: readonly string[]): Promise<void> => {
      const chunk = Buffer.from(lines.join(''))
      await io.write(fd, [chunk], position)
      position += chunk.length
    }
    try {
      let lines = [`${FIRST_LINE}\n`]
      let bytes = 0
      for (const record of snapshot()) {
        const line = encodeLine(record)
        lines.push(line)
        bytes += line.length
        if (bytes < BATCH_BYTES) continue
        await write(lines)
        lines = []
        bytes = 0
      }
      await write(lines)
      // Nothing is appended to the old file from here on: what comes meanwhile waits in `#lines`.
      while (this.#writing !== undefined) await this.#writing
      this.#writing = (async () => {
        const tail = this.#sinceSnapshot ?? []
        this.#sinceSnapshot = []
        await write(tail)
        await io.rename(this.#temporary, this.#options.path)
        this.#switchTo(fd, position)
      })().finally(() => (this.#writing = undefined))
      await this.#writing
    } catch (error) {
      await io.close(fd).catch(ignore)
      await io.unlink(this.#temporary).catch(ignore)
      throw error
    }
  }

  /** The file has been exchanged: what waits now is what came since its last line was taken. */
  #switchTo(fd: number, position: number): void {
    const before = this.#fd
    this.#fd = fd
    this.#position = position
    // Four times what is alive: writing anew then costs a third on top of what is appended.
    this.#compactAt = Math.max(COMPACT_AT_BYTES, position * 4)
    this.#lines = this.#sinceSnapshot ?? []
    this.#lineBytes = this.#lines.reduce((sum, line) => sum + line.length, 0)
    if (this.#lines.length > 0) this.#schedule()
    if (before !== undefined) this.#options.io.close(before).catch(ignore)
  }

  #schedule(): void {
    this.#timer ??= this.#options.clock.after(BATCH_MS, () => void this.flush())
  }

  /** A file that lacks lines is worse than none: after a restart it would bring back what was invalidated. */
  async #giveUp(error: Error): Promise<void> {
    const { io, path } = this.#options
    const fd = this.#fd
    this.#fd = undefined
    this.#lines = []
    this.#lineBytes = 0
    await io.unlink(path).catch(ignore)
    if (fd !== undefined) await io.close(fd).catch(ignore)
    this.#lost(error)
  }

  #lost(error: Error): void {
    this.#retryAt = this.#options.clock.monotonic() + RETRY_MS
    this.#options.onLost(error)
  }
}

/** For steps of tidying up, where what led here is what gets told. */
function ignore(): void {}
