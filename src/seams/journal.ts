import { randomUUID } from 'node:crypto'
import { open, stat } from 'node:fs/promises'
import type { FileHandle } from 'node:fs/promises'
import type { FileLock } from './file-lock.ts'
import { removeFile, replaceFile, temporaryPathOf } from './replace-file.ts'
import { SeamError, asError, systemCode } from './seam-error.ts'
import type { Report } from './seam-error.ts'

const FORMAT = 1
const NEWLINE = 0x0a
const COMPACT_AT_BYTES = 1024 * 1024
const MODE = 0o600

/** How a journal is told what it holds. `R` is one record as it stands in the file. */
export interface JournalOptions<R> {
  readonly path: string
  /** What the file is for, written into its first line: `state/blocks`. */
  readonly part: string
  readonly lock: FileLock
  /** A record from its JSON value; throws where it is not one. */
  readonly parse: (value: unknown) => R
  /** Takes records in; `fromScratch` means that they are everything there is and what was known is void. */
  readonly apply: (records: readonly R[], fromScratch: boolean) => void
  /** The records that would rebuild what is known now; asked for when the file has grown. */
  readonly snapshot: () => Iterable<R>
  readonly report: Report
  /** Size from which the file may be rewritten from its snapshot; 1 MiB unless told. */
  readonly compactAtBytes?: number
}

/**
 * An append-only file of JSON lines that several processes of one machine share. Whoever writes holds the lock,
 * first reads what others appended, decides, then appends one line, so that a decision never rests on old state.
 *
 * The first line names the file and its epoch; every other line is an array of records that count together or not
 * at all. A last line without its newline is what a kill -9 leaves of a write nobody was told had succeeded: it is
 * passed over and cut off by the next writer. Anything else that cannot be read is an error, and nothing is written.
 */
export class Journal<R> {
  readonly #options: JournalOptions<R>
  #file: FileHandle
  /** End of the last whole line we know. */
  #offset = 0
  #epoch = ''
  #compactAt: number

  private constructor(options: JournalOptions<R>, file: FileHandle) {
    this.#options = options
    this.#file = file
    this.#compactAt = options.compactAtBytes ?? COMPACT_AT_BYTES
  }

  /** Opens the file, creating it where missing, and applies all of it. Throws `corrupt` when it cannot be read. */
  static async open<R>(options: JournalOptions<R>): Promise<Journal<R>> {
    return await options.lock.hold(async () => {
      await removeFile(temporaryPathOf(options.path))
      let file = await openExisting(options.path)
      if (file === undefined) {
        await replaceFile(options.path, headerLine(options.part, randomUUID()), MODE)
        file = await open(options.path, 'r+')
      }
      const journal = new Journal(options, file)
      try {
        await journal.#readFromStart()
      } catch (error) {
        await file.close()
        throw error
      }
      return journal
    })
  }

  /** Random, made with the file: another epoch means that positions remembered from before mean nothing. */
  get epoch(): string {
    return this.#epoch
  }

  /**
   * Runs `decide` on state that is up to date, appends the records it gives and applies them, then resolves to its
   * result. What `decide` throws rejects, and nothing is written.
   */
  async transact<T>(decide: () => { readonly records: readonly R[]; readonly result: T }): Promise<T> {
    return await this.#options.lock.hold(async () => {
      await this.#catchUp()
      const { records, result } = decide()
      if (records.length === 0) return result
      await this.#append(Buffer.from(JSON.stringify(records) + '\n'))
      this.#options.apply(records, false)
      if (this.#offset >= this.#compactAt) await this.#compactOrReport()
      return result
    })
  }

  /** Applies what other processes have written since. Cheap when there is nothing. */
  async refresh(): Promise<void> {
    const now = await this.#statPath()
    const ours = await this.#file.stat()
    if (now.ino === ours.ino && now.dev === ours.dev && now.size === this.#offset) return
    await this.#options.lock.hold(() => this.#catchUp())
  }

  async close(): Promise<void> {
    await this.#options.lock.hold(() => this.#file.close())
  }

  async #catchUp(): Promise<void> {
    const now = await this.#statPath()
    const ours = await this.#file.stat()
    // Our open file keeps its inode number from being used again, so a different file has a different number.
    if (now.ino !== ours.ino || now.dev !== ours.dev) {
      const before = this.#file
      this.#file = await open(this.#options.path, 'r+')
      try {
        await this.#readFromStart()
      } catch (error) {
        await this.#file.close()
        this.#file = before
        throw error
      }
      await before.close()
      return
    }
    if (now.size === this.#offset) return
    if (now.size < this.#offset) throw this.#corrupt(`it was cut to ${now.size} bytes while in use`)
    const { lines, end } = wholeLines(await this.#readRange(this.#offset, now.size))
    if (lines.length > 0) this.#options.apply(this.#parseLines(lines, undefined), false)
    this.#offset += end
  }

  async #readFromStart(): Promise<void> {
    const { size } = await this.#file.stat()
    const { lines, end } = wholeLines(await this.#readRange(0, size))
    const epoch = this.#parseHeader(lines[0])
    const records = this.#parseLines(lines.slice(1), 2)
    this.#epoch = epoch
    this.#offset = end
    this.#options.apply(records, true)
  }

  #parseHeader(line: string | undefined): string {
    if (line === undefined) throw this.#corrupt('its first line is missing')
    const header = this.#json(line, 'line 1')
    if (
      typeof header !== 'object' ||
      header === null ||
      !('edgeward' in header) ||
      header.edgeward !== this.#options.part
    ) {
      throw this.#corrupt(`line 1 does not say that this is "${this.#options.part}"`)
    }
    if (!('format' in header) || header.format !== FORMAT) {
      throw this.#corrupt(
        `line 1 names another format than ${FORMAT}; it may come from a newer version of edgeward`,
      )
    }
    if (!('epoch' in header) || typeof header.epoch !== 'string') throw this.#corrupt('line 1 has no epoch')
    return header.epoch
  }

  #parseLines(lines: readonly string[], firstNumber: number | undefined): R[] {
    const records: R[] = []
    for (const [index, line] of lines.entries()) {
      const place =
        firstNumber === undefined ? `a line after byte ${this.#offset}` : `line ${firstNumber + index}`
      const values = this.#json(line, place)
      if (!Array.isArray(values)) throw this.#corrupt(`${place} is not an array`)
      for (const value of values) {
        try {
          records.push(this.#options.parse(value))
        } catch (error) {
          throw this.#corrupt(`${place}: ${asError(error).message}`, error)
        }
      }
    }
    return records
  }

  #json(line: string, place: string): unknown {
    try {
      return JSON.parse(line)
    } catch (error) {
      throw this.#corrupt(`${place} is not JSON`, error)
    }
  }

  async #append(line: Buffer): Promise<void> {
    try {
      // What lies behind the last whole line is the leftover of a write that was cut short.
      await this.#file.truncate(this.#offset)
      let written = 0
      while (written < line.length) {
        const { bytesWritten } = await this.#file.write(
          line,
          written,
          line.length - written,
          this.#offset + written,
        )
        written += bytesWritten
      }
    } catch (error) {
      throw new SeamError(
        'unavailable',
        `${this.#options.path} cannot be written: ${asError(error).message}`,
        {
          cause: error,
        },
      )
    }
    this.#offset += line.length
  }

  async #compactOrReport(): Promise<void> {
    try {
      await this.#compact()
    } catch (error) {
      // What was asked for is written already; only the file stays longer than it need be.
      this.#options.report(
        new SeamError(
          'unavailable',
          `${this.#options.path} could not be compacted: ${asError(error).message}`,
          {
            cause: error,
          },
        ),
      )
    }
  }

  async #compact(): Promise<void> {
    const { path, part, snapshot } = this.#options
    const parts = [headerLine(part, this.#epoch)]
    for (const record of snapshot()) parts.push(JSON.stringify([record]) + '\n')
    const bytes = Buffer.from(parts.join(''))
    await replaceFile(path, bytes, MODE)
    const before = this.#file
    this.#file = await open(path, 'r+')
    this.#offset = bytes.length
    await before.close()
    // Four times what is alive: rewriting then costs at most a third on top of what is appended.
    this.#compactAt = Math.max(this.#options.compactAtBytes ?? COMPACT_AT_BYTES, bytes.length * 4)
  }

  async #readRange(from: number, to: number): Promise<Buffer> {
    const bytes = Buffer.alloc(to - from)
    let filled = 0
    while (filled < bytes.length) {
      const { bytesRead } = await this.#file.read(bytes, filled, bytes.length - filled, from + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return bytes.subarray(0, filled)
  }

  async #statPath(): Promise<{ ino: number; dev: number; size: number }> {
    try {
      return await stat(this.#options.path)
    } catch (error) {
      throw this.#corrupt(`it was there and is not any more (${systemCode(error) ?? 'unknown'})`, error)
    }
  }

  #corrupt(what: string, cause?: unknown): SeamError {
    return new SeamError(
      'corrupt',
      `${this.#options.path} (${this.#options.part}) cannot be read: ${what}. Nothing was changed. ` +
        'Put a good copy in its place, or move it away to start empty',
      cause === undefined ? undefined : { cause },
    )
  }
}

async function openExisting(path: string): Promise<FileHandle | undefined> {
  try {
    return await open(path, 'r+')
  } catch (error) {
    const code = systemCode(error)
    if (code === 'ENOENT') return undefined
    throw new SeamError(
      'permission',
      `${path} cannot be opened for reading and writing (${code ?? 'unknown'})`,
      {
        cause: error,
      },
    )
  }
}

function headerLine(part: string, epoch: string): string {
  return JSON.stringify({ edgeward: part, format: FORMAT, epoch }) + '\n'
}

/** The lines that end in a newline, and the number of bytes they take. */
function wholeLines(bytes: Buffer): { lines: string[]; end: number } {
  const end = bytes.lastIndexOf(NEWLINE) + 1
  if (end === 0) return { lines: [], end: 0 }
  return { lines: bytes.toString('utf8', 0, end - 1).split('\n'), end }
}
