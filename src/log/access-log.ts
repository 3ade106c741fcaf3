import { createReadStream, createWriteStream } from 'node:fs'
import { type FileHandle, mkdir, open, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { createGzip } from 'node:zlib'
import { randomBytes } from 'node:crypto'
import type { Clock, Timer } from '../base/clock.ts'
import type { PlannedAccessLog } from '../plan.ts'
import type { Visit } from '../visit.ts'
import { type LineFormat, standardHead } from './standard-format.ts'

const FLUSH_MS = 200
const FLUSH_LINES = 1024
const LINES_AT_ONCE = 256
const REPORT_MS = 60_000

export interface AccessLogOptions {
  readonly clock: Clock
  readonly planned: PlannedAccessLog
  readonly format: LineFormat
  /** Told at most once a minute that lines cannot be written. */
  readonly report: (problem: string) => void
}

/** One file that is being written. */
interface OpenFile {
  readonly handle: FileHandle
  readonly path: string
  readonly startedAt: number
  bytes: number
}

/**
 * The access log: visits wait in memory, are formatted and written in batches by one writer, and never hold up a
 * request. When more wait than may, the newest are dropped and counted. Files are named like CloudFront's,
 * `PREFIX DISTRIBUTION.YYYY-MM-DD-HH.UNIQUE`, begin anew by size and time, and are compressed when finished.
 */
export class AccessLog {
  /** Lines that were not written: too many waited, or the disk refused them. */
  dropped = 0
  /** Lines written. */
  written = 0
  readonly #options: AccessLogOptions
  #waiting: Visit[] = []
  readonly #files = new Map<string, OpenFile>()
  #timer: Timer | undefined = undefined
  #writing: Promise<void> | undefined = undefined
  readonly #finishing = new Set<Promise<void>>()
  #reportedAt = Number.NEGATIVE_INFINITY
  #reopens = false

  constructor(options: AccessLogOptions) {
    this.#options = options
  }

  /** Lines that wait to be written. */
  get pending(): number {
    return this.#waiting.length
  }

  add(visit: Visit): void {
    if (this.#waiting.length >= this.#options.planned.maxPendingLines) {
      this.dropped++
      return
    }
    this.#waiting.push(visit)
    if (this.#writing !== undefined) return
    if (this.#waiting.length >= FLUSH_LINES) void this.flush()
    else this.#timer ??= this.#options.clock.after(FLUSH_MS, () => void this.flush())
  }

  /** Writes what waits; resolves when everything handed over before the call is with the operating system. */
  async flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    while (this.#writing !== undefined || this.#waiting.length > 0) {
      this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
      await this.#writing
    }
  }

  /** Ends the current files at the next write: an operator has moved them away. */
  reopen(): void {
    this.#reopens = true
  }

  /** Writes everything, ends and compresses the files. */
  async close(): Promise<void> {
    await this.flush()
    for (const [id, file] of this.#files) this.#end(id, file)
    await Promise.all(this.#finishing)
  }

  async #write(): Promise<void> {
    const visits = this.#waiting
    this.#waiting = []
    if (this.#reopens) {
      this.#reopens = false
      for (const [id, file] of this.#files) this.#end(id, file)
    }
    const byDistribution = new Map<string, string[]>()
    let formatted = 0
    for (const visit of visits) {
      const id = visit.distributionId ?? 'none'
      let lines = byDistribution.get(id)
      if (lines === undefined) byDistribution.set(id, (lines = []))
      lines.push(this.#options.format(visit))
      // Formatting gives way to traffic now and then.
      if (++formatted % LINES_AT_ONCE === 0) await new Promise((turn) => setImmediate(turn))
    }
    for (const [id, lines] of byDistribution) await this.#append(id, lines)
  }

  async #append(id: string, lines: readonly string[]): Promise<void> {
    try {
      const file = await this.#fileFor(id)
      const bytes = Buffer.from(lines.join(''))
      let done = 0
      while (done < bytes.length) done += (await file.handle.write(bytes, done)).bytesWritten
      file.bytes += bytes.length
      this.written += lines.length
    } catch (error) {
      this.dropped += lines.length
      this.#files.delete(id)
      const now = this.#options.clock.monotonic()
      if (now - this.#reportedAt < REPORT_MS) return
      this.#reportedAt = now
      this.#options.report(
        `the access log in ${this.#options.planned.folder} cannot be written (${error instanceof Error ? error.message : String(error)}); lines are dropped and counted until it can`,
      )
    }
  }

  async #fileFor(id: string): Promise<OpenFile> {
    const { clock, planned } = this.#options
    const known = this.#files.get(id)
    if (known !== undefined) {
      if (known.bytes < planned.rotateBytes && clock.now() - known.startedAt < planned.rotateMs) return known
      this.#end(id, known)
    }
    await mkdir(planned.folder, { recursive: true })
    const now = clock.now()
    const hour = new Date(now).toISOString().slice(0, 13).replace('T', '-')
    const path = join(
      planned.folder,
      `${planned.prefix}${id}.${hour}.${randomBytes(4).toString('hex')}${planned.format === 'json' ? '.json' : '.log'}`,
    )
    const handle = await open(path, 'wx', 0o640)
    const file: OpenFile = { handle, path, startedAt: now, bytes: 0 }
    if (planned.format === 'standard') {
      await handle.write(standardHead)
      file.bytes = standardHead.length
    }
    this.#files.set(id, file)
    return file
  }

  #end(id: string, file: OpenFile): void {
    this.#files.delete(id)
    const finishing: Promise<void> = this.#finish(file)
      .catch((error: unknown) =>
        this.#options.report(`the log file ${file.path} could not be finished: ${String(error)}`),
      )
      .finally(() => this.#finishing.delete(finishing))
    this.#finishing.add(finishing)
  }

  async #finish(file: OpenFile): Promise<void> {
    await file.handle.close()
    if (!this.#options.planned.gzip) return
    const compressing = `${file.path}.gz.part`
    await pipeline(createReadStream(file.path), createGzip(), createWriteStream(compressing, { mode: 0o640 }))
    await rename(compressing, `${file.path}.gz`)
    await rm(file.path)
  }
}
