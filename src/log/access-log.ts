import type { Clock, Timer } from '../base/clock.ts'
import type { PlannedAccessLog } from '../plan.ts'
import type { Visit } from '../visit.ts'
import { createComplaint } from './complaint.ts'
import { gzipFile } from './gzip-file.ts'
import { RotatingFile } from './rotating-file.ts'
import { type LineFormat, standardHead } from './standard-format.ts'

const FLUSH_MS = 200
const FLUSH_LINES = 1024
/** Formatting gives way to traffic after so many lines. */
const LINES_AT_ONCE = 256
/** Lines of one write, at most: what piled up behind a slow disk goes out piece by piece. */
const MAX_BATCH_LINES = 8192
/** Characters of one write, at most, so that no file grows far beyond its size. */
const PIECE_LENGTH = 1 << 20
/** The file of requests that met no distribution. */
const NO_DISTRIBUTION = 'none'

export interface AccessLogOptions {
  readonly clock: Clock
  readonly planned: PlannedAccessLog
  readonly format: LineFormat
  /** Told at most once a minute that lines cannot be written. */
  readonly report: (problem: string) => void
}

/**
 * The access log: visits wait in memory, are formatted and written in batches, one write per file and batch, and
 * never hold up a request. When more wait than may, the newest are dropped and counted. Files are named like
 * CloudFront's, `PREFIX DISTRIBUTION.YYYY-MM-DD-HH.UNIQUE`, begin anew by size and time, and are compressed then.
 */
export class AccessLog {
  /** Lines that were not written: too many waited, or the disk refused them. */
  dropped = 0
  /** Lines written. */
  written = 0
  readonly #options: AccessLogOptions
  readonly #complain: (tell: () => string) => void
  readonly #files = new Map<string, RotatingFile>()
  #waiting: Visit[] = []
  /** Lines of the batch that is being written. */
  #underWay = 0
  #timer: Timer | undefined = undefined
  #writing: Promise<void> | undefined = undefined
  #compressing: Promise<void> = Promise.resolve()
  /** Lines written or lost so far, apart from those that were never taken. */
  #settled = 0
  #isClosed = false

  constructor(options: AccessLogOptions) {
    this.#options = options
    this.#complain = createComplaint(options.clock, options.report)
  }

  /** Lines that wait to be written, or are being written. */
  get pending(): number {
    return this.#waiting.length + this.#underWay
  }

  add(visit: Visit): void {
    if (this.#isClosed || this.#waiting.length + this.#underWay >= this.#options.planned.maxPendingLines) {
      this.dropped++
      return
    }
    this.#waiting.push(visit)
    if (this.#writing === undefined) this.#schedule()
  }

  /** Writes what waits; resolves when everything handed over before the call is with the operating system, or lost. */
  async flush(): Promise<void> {
    const until = this.#settled + this.pending
    while (this.#settled < until) await (this.#writing ?? this.#start())
  }

  /** Ends the current files: an operator has moved them away. The next line begins new ones. */
  reopen(): void {
    void this.#endFiles()
  }

  /** Writes everything, ends and compresses the files; what is added later is dropped. */
  async close(): Promise<void> {
    this.#isClosed = true
    await this.flush()
    this.#timer?.cancel()
    await this.#endFiles()
    await this.#compressing
  }

  #schedule(): void {
    if (this.#waiting.length >= FLUSH_LINES) void this.#start()
    // Few lines wait for more: under load a write for each handful would cost more than the lines.
    else if (this.#waiting.length > 0)
      this.#timer ??= this.#options.clock.after(FLUSH_MS, () => void this.#start())
  }

  #start(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    const visits = this.#waiting.splice(0, MAX_BATCH_LINES)
    this.#underWay = visits.length
    this.#writing = this.#write(visits).finally(() => {
      this.#settled += visits.length
      this.#underWay = 0
      this.#writing = undefined
      this.#schedule()
    })
    return this.#writing
  }

  async #write(visits: readonly Visit[]): Promise<void> {
    const byDistribution = new Map<string, string[]>()
    let formatted = 0
    for (const visit of visits) {
      const id = visit.distributionId ?? NO_DISTRIBUTION
      let lines = byDistribution.get(id)
      if (lines === undefined) byDistribution.set(id, (lines = []))
      const line = this.#format(visit)
      if (line !== undefined) lines.push(line)
      if (++formatted % LINES_AT_ONCE === 0) await new Promise((turn) => setImmediate(turn))
    }
    for (const [id, lines] of byDistribution) await this.#append(id, lines)
  }

  #format(visit: Visit): string | undefined {
    try {
      return this.#options.format(visit)
    } catch (error) {
      this.dropped++
      this.#complain(() => `a request cannot be told in a log line: ${String(error)}`)
      return undefined
    }
  }

  async #append(id: string, lines: readonly string[]): Promise<void> {
    let piece = ''
    let count = 0
    for (const line of lines) {
      if (count > 0 && piece.length + line.length > PIECE_LENGTH) {
        await this.#appendPiece(id, piece, count)
        piece = ''
        count = 0
      }
      piece += line
      count++
    }
    if (count > 0) await this.#appendPiece(id, piece, count)
  }

  async #appendPiece(id: string, piece: string, count: number): Promise<void> {
    try {
      await this.#fileOf(id).append(piece)
      this.written += count
    } catch (error) {
      this.dropped += count
      const why = error instanceof Error ? error.message : String(error)
      this.#complain(
        () =>
          `the access log in ${this.#options.planned.folder} cannot be written (${why}); lines are dropped until it can, ${this.dropped} so far`,
      )
    }
  }

  #fileOf(id: string): RotatingFile {
    const known = this.#files.get(id)
    if (known !== undefined) return known
    const { clock, planned, report } = this.#options
    const file = new RotatingFile({
      clock,
      folder: planned.folder,
      name: planned.prefix + id,
      extension: planned.format === 'json' ? '.json' : '.log',
      head: planned.format === 'json' ? '' : standardHead,
      rotateBytes: planned.rotateBytes,
      rotateMs: planned.rotateMs,
      ended: (path) => this.#compress(path),
      report,
    })
    this.#files.set(id, file)
    return file
  }

  async #endFiles(): Promise<void> {
    await Promise.all([...this.#files.values()].map((file) => file.end()))
  }

  /** One file at a time: at the full hour those of all distributions end at once. */
  #compress(path: string): void {
    if (!this.#options.planned.gzip) return
    this.#compressing = this.#compressing
      .then(() => gzipFile(path))
      .catch((error: unknown) =>
        this.#options.report(
          `the log file ${path} could not be compressed and stays as it is: ${String(error)}`,
        ),
      )
  }
}
