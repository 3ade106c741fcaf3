import { systemCode } from '../../seams/seam-error.ts'
import type { DiskIo } from './disk-io.ts'
import { decodeLine, FIRST_LINE, type IndexRecord } from './index-record.ts'

const CHUNK_BYTES = 1 << 20
const NEWLINE = 0x0a
/** No line of ours is longer; a file with such a line is not one of ours. */
const MAX_LINE_BYTES = 16 << 20

/** Who is told what stands in an index. */
export interface JournalSink {
  /** What was told before is void: another file has taken the place of the one that was read, or a line is damaged. */
  readonly reset: () => void
  readonly apply: (record: IndexRecord) => void
}

/**
 * Reads an index, whole at first and then what has been appended. A last line without its newline is what a kill
 * leaves of a batch, or what is being written: it is passed over. A line in the middle that is damaged may have been
 * an invalidation, so what stood before it is void.
 */
export class JournalReader {
  readonly #io: DiskIo
  readonly #path: string
  readonly #sink: JournalSink
  #inode: number | undefined = undefined
  /** Behind the last whole line that was read. */
  end = 0
  damagedLines = 0

  constructor(io: DiskIo, path: string, sink: JournalSink) {
    this.#io = io
    this.#path = path
    this.#sink = sink
  }

  /** Reads on. Gives false when there is no index, or it is not one of ours; rejects when it cannot be read. */
  async read(): Promise<boolean> {
    const fd = await this.#open()
    if (fd === undefined) return false
    try {
      const { bytes, inode } = await this.#io.stat(fd)
      if (inode !== this.#inode || bytes < this.end) {
        this.#inode = inode
        this.end = 0
        this.damagedLines = 0
        this.#sink.reset()
      }
      return await this.#readLines(fd, bytes)
    } finally {
      await this.#io.close(fd)
    }
  }

  async #open(): Promise<number | undefined> {
    try {
      return await this.#io.open(this.#path, 'r')
    } catch (error) {
      if (systemCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  async #readLines(fd: number, size: number): Promise<boolean> {
    let rest: Buffer = Buffer.alloc(0)
    let position = this.end
    while (position < size) {
      const chunk = Buffer.allocUnsafe(Math.min(CHUNK_BYTES, size - position))
      const count = await this.#io.read(fd, chunk, position)
      if (count === 0) break
      position += count
      rest = Buffer.concat([rest, chunk.subarray(0, count)])
      let start = 0
      for (let newline = rest.indexOf(NEWLINE); newline !== -1; newline = rest.indexOf(NEWLINE, start)) {
        const line = rest.toString('utf8', start, newline)
        const isFirst = this.end === 0
        if (isFirst && line !== FIRST_LINE) return false
        this.end += newline + 1 - start
        start = newline + 1
        if (!isFirst) this.#take(line)
      }
      rest = rest.subarray(start)
      if (rest.length > MAX_LINE_BYTES) return false
    }
    return this.end > 0
  }

  #take(line: string): void {
    const record = decodeLine(line)
    if (record !== undefined) this.#sink.apply(record)
    else {
      this.damagedLines++
      this.#sink.reset()
    }
  }
}
