import { createHash } from 'node:crypto'
import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { PlannedLog } from '../plan.ts'
import type { Visit } from '../visit.ts'
import { publicVisit } from './recent-visits.ts'

const MAX_WAITING = 1000

/**
 * A sampled capture file: one JSON line per chosen request with its visit, secrets left out, for replay. Which
 * requests are chosen depends on the request id alone. At most two files of the given size are kept.
 */
export class CaptureLog {
  dropped = 0
  readonly #planned: NonNullable<PlannedLog['capture']>
  readonly #report: (problem: string) => void
  #waiting: string[] = []
  #writing: Promise<void> | undefined = undefined

  constructor(planned: NonNullable<PlannedLog['capture']>, report: (problem: string) => void) {
    this.#planned = planned
    this.#report = report
  }

  add(visit: Visit): void {
    if (!isSampled(visit.request.id, this.#planned.sample)) return
    if (this.#waiting.length >= MAX_WAITING) {
      this.dropped++
      return
    }
    this.#waiting.push(`${JSON.stringify({ capture: 1, visit: publicVisit(visit) })}\n`)
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
  }

  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #write(): Promise<void> {
    const file = join(this.#planned.folder, 'capture.jsonl')
    while (this.#waiting.length > 0) {
      const lines = this.#waiting
      this.#waiting = []
      try {
        await mkdir(this.#planned.folder, { recursive: true })
        await appendFile(file, lines.join(''), { mode: 0o600 })
        const { size } = await stat(file)
        if (size > this.#planned.maxFileBytes)
          await rename(file, join(this.#planned.folder, 'capture.1.jsonl'))
      } catch (error) {
        this.dropped += lines.length
        this.#report(
          `the capture in ${this.#planned.folder} cannot be written: ${error instanceof Error ? error.message : String(error)}`,
        )
      }
    }
  }
}

/** The same answer for the same id on every node. */
export function isSampled(requestId: string, share: number): boolean {
  if (share >= 1) return true
  if (share <= 0) return false
  return createHash('sha256').update(requestId).digest().readUInt32BE(0) / 2 ** 32 < share
}
