import { randomBytes } from 'node:crypto'
import { type FileHandle, mkdir, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock, Timer } from '../base/clock.ts'

/** Log lines name addresses and paths: they are for their owner and its group. */
const MODE = 0o640

export interface RotatingFileOptions {
  readonly clock: Clock
  readonly folder: string
  /** Beginning of every file name, before `.YYYY-MM-DD-HH.UNIQUE`. */
  readonly name: string
  /** End of every file name, with its dot. */
  readonly extension: string
  /** First lines of every file, with their line ends. */
  readonly head: string
  /** A new file begins before this size is passed. */
  readonly rotateBytes: number
  /** A new file begins at every multiple of this time in UTC, so that an hour's file holds that hour. */
  readonly rotateMs: number
  /** Told the path of every file that is complete. */
  readonly ended: (path: string) => void
  readonly report: (problem: string) => void
  /** Opens a file that must not be there yet; that of `node:fs` unless given. */
  readonly open?: (path: string, flags: 'ax', mode: number) => Promise<LogHandle>
}

/** What of an open file is needed. */
export type LogHandle = Pick<FileHandle, 'write' | 'writeFile' | 'stat' | 'truncate' | 'close'>

interface OpenFile {
  readonly handle: LogHandle
  readonly path: string
  readonly timer: Timer
  bytes: number
}

/**
 * A log in a sequence of files, `NAME.YYYY-MM-DD-HH.UNIQUE`, of which one is open. A file ends by size, by time
 * (without traffic too), when it was deleted under us, or when it is told to. Calls take turns.
 */
export class RotatingFile {
  readonly #options: RotatingFileOptions
  #file: OpenFile | undefined = undefined
  #last: Promise<void> = Promise.resolve()

  constructor(options: RotatingFileOptions) {
    this.#options = options
  }

  /** Appends whole lines. Rejects when they cannot be written; then nothing of them is in the file. */
  append(text: string): Promise<void> {
    return this.#inTurn(() => this.#append(Buffer.from(text)))
  }

  /** Ends the file that is open, if one is; the next line begins another. Never rejects. */
  end(): Promise<void> {
    return this.#inTurn(() => this.#end())
  }

  #inTurn(act: () => Promise<void>): Promise<void> {
    const turn = this.#last.then(act)
    // Who asked is told of a failure; the next in line only waits for the end.
    this.#last = turn.catch(() => undefined)
    return turn
  }

  async #append(bytes: Buffer): Promise<void> {
    const file = await this.#fileFor(bytes.length)
    try {
      let done = 0
      while (done < bytes.length) done += (await file.handle.write(bytes, done)).bytesWritten
    } catch (error) {
      await this.#undo(file)
      throw error
    }
    file.bytes += bytes.length
  }

  async #fileFor(length: number): Promise<OpenFile> {
    const known = this.#file
    if (known !== undefined) {
      const isFull =
        known.bytes > this.#options.head.length && known.bytes + length > this.#options.rotateBytes
      // Whoever removes the folder would otherwise have us write into a file that no longer has a name.
      if (!isFull && (await known.handle.stat()).nlink > 0) return known
      await this.#end()
    }
    return (this.#file = await this.#open())
  }

  async #open(): Promise<OpenFile> {
    const { clock, folder, name, extension, head, rotateMs } = this.#options
    await mkdir(folder, { recursive: true })
    const now = clock.now()
    const hour = new Date(now).toISOString().slice(0, 13).replace('T', '-')
    const path = join(folder, `${name}.${hour}.${randomBytes(4).toString('hex')}${extension}`)
    const handle = await (this.#options.open ?? open)(path, 'ax', MODE)
    try {
      await handle.writeFile(head)
    } catch (error) {
      // On a full disk every try would leave an empty file.
      await handle.close()
      await rm(path, { force: true })
      throw error
    }
    const timer = clock.after(rotateMs - (now % rotateMs), () => void this.end())
    return { handle, path, timer, bytes: head.length }
  }

  /** Takes back what a failed write left, because half a line would spoil the next. */
  async #undo(file: OpenFile): Promise<void> {
    try {
      await file.handle.truncate(file.bytes)
    } catch (error) {
      this.#options.report(`the log file ${file.path} may end in half a line: ${String(error)}`)
      await this.#end()
    }
  }

  async #end(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    file.timer.cancel()
    try {
      await file.handle.close()
      this.#options.ended(file.path)
    } catch (error) {
      this.#options.report(`the log file ${file.path} could not be closed: ${String(error)}`)
    }
  }
}
