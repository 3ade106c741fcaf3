import type { Clock, Timer } from '../base/clock.ts'
import type { ViewerRequest } from '../visit.ts'
import type { Evaluation } from './evaluation.ts'
import { isKept, type LogContext, toLogRecord } from './log-record.ts'
import type { PlannedWafLog, PlannedWebAcl } from './plan.ts'

/** A file of lines that begins anew by itself. */
export interface LineFile {
  /** Appends whole lines; rejects when they cannot be written. */
  append(text: string): Promise<void>
  /** Ends the current file. */
  end(): Promise<void>
}

export interface WafLogOptions {
  readonly clock: Clock
  /** Opens the log of a web ACL; called once per folder and name. */
  readonly openFile: (log: PlannedWafLog, name: string) => LineFile
  /** Told when lines are lost. */
  readonly report: (problem: string) => void
}

const FLUSH_MS = 200
const MAX_WAITING = 20_000
/** Records formatted before other work gets its turn. */
const RECORDS_AT_ONCE = 128

interface Waiting {
  readonly evaluation: Evaluation
  readonly request: ViewerRequest
  readonly context: LogContext
  readonly log: PlannedWafLog
}

/**
 * The log of the WAF: decisions wait in memory and are formatted and written in batches, so that no request waits for
 * them. Beyond 20,000 waiting ones, new ones are dropped and counted.
 */
export class WafLog {
  dropped = 0
  readonly #options: WafLogOptions
  readonly #files = new Map<string, LineFile>()
  #waiting: Waiting[] = []
  #timer: Timer | undefined = undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(options: WafLogOptions) {
    this.#options = options
  }

  /** Takes a decision in, where its web ACL has a log and its filter keeps it. */
  add(
    acl: PlannedWebAcl,
    evaluation: Evaluation,
    request: ViewerRequest,
    facts: Omit<LogContext, 'acl' | 'redaction'>,
  ): void {
    const { log } = acl
    if (log === undefined || !isKept(evaluation, log.filter)) return
    if (this.#waiting.length >= MAX_WAITING) {
      this.dropped++
      return
    }
    this.#waiting.push({ evaluation, request, log, context: { ...facts, acl, redaction: log.redaction } })
    this.#timer ??= this.#options.clock.after(FLUSH_MS, () => void this.flush())
  }

  /** Writes what waits; resolves when it is written or lost. */
  flush(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = undefined
    const batch = this.#waiting
    this.#waiting = []
    if (batch.length > 0) this.#writing = this.#writing.then(() => this.#write(batch))
    return this.#writing
  }

  /** Ends the current files, after an operator has moved them away. */
  async reopen(): Promise<void> {
    for (const file of this.#files.values()) await file.end()
  }

  async close(): Promise<void> {
    await this.flush()
    await this.reopen()
  }

  async #write(batch: readonly Waiting[]): Promise<void> {
    for (let start = 0; start < batch.length; start += RECORDS_AT_ONCE) {
      const texts = new Map<LineFile, string>()
      for (const { evaluation, request, context, log } of batch.slice(start, start + RECORDS_AT_ONCE)) {
        const file = this.#fileFor(log, context.acl.name)
        const line = JSON.stringify(toLogRecord(evaluation, request, context))
        texts.set(file, `${texts.get(file) ?? ''}${line}\n`)
      }
      for (const [file, text] of texts) await this.#append(file, text)
      await new Promise((turn) => setImmediate(turn))
    }
  }

  async #append(file: LineFile, text: string): Promise<void> {
    try {
      await file.append(text)
    } catch (error) {
      const lost = text.split('\n').length - 1
      this.dropped += lost
      this.#options.report(
        `${lost} lines of the WAF's log were not written: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  #fileFor(log: PlannedWafLog, name: string): LineFile {
    const key = `${log.folder}\n${name}`
    let file = this.#files.get(key)
    if (file === undefined) this.#files.set(key, (file = this.#options.openFile(log, name)))
    return file
  }
}
