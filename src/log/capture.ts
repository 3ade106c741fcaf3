import { appendFile, mkdir, rename, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Clock } from '../base/clock.ts'
import type { PlannedLog } from '../plan.ts'
import type { Visit } from '../visit.ts'
import { createComplaint } from './complaint.ts'
import { publicVisit } from './public-visit.ts'

const MAX_WAITING = 1000
/** Version of the form of a line. */
const VERSION = 1

export interface CaptureOptions {
  readonly clock: Clock
  readonly planned: NonNullable<PlannedLog['capture']>
  /** Told at most once a minute that the file cannot be written. */
  readonly report: (problem: string) => void
  /** What of a visit is written; secrets must be out of it. */
  readonly view?: (visit: Visit) => unknown
}

/**
 * A sampled capture: one line of JSON per chosen request, `{ capture: 1, visit }`, with the heads of request and
 * response in the visit, secrets left out, for replay. Which requests are chosen depends on their id alone. Two files
 * of the given size are kept, `capture.jsonl` and before it `capture.1.jsonl`.
 */
export class CaptureLog {
  /** Chosen requests that were not written. */
  dropped = 0
  readonly #planned: NonNullable<PlannedLog['capture']>
  readonly #view: (visit: Visit) => unknown
  readonly #complain: (tell: () => string) => void
  #waiting: Visit[] = []
  #writing: Promise<void> | undefined = undefined

  constructor({ clock, planned, report, view = publicVisit }: CaptureOptions) {
    this.#planned = planned
    this.#view = view
    this.#complain = createComplaint(clock, report)
  }

  add(visit: Visit): void {
    if (!isSampled(visit.request.id, this.#planned.sample)) return
    if (this.#waiting.length >= MAX_WAITING) {
      this.dropped++
      return
    }
    this.#waiting.push(visit)
    this.#writing ??= this.#write().finally(() => (this.#writing = undefined))
  }

  /** Resolves when everything chosen before is written, or lost. */
  async flush(): Promise<void> {
    while (this.#writing !== undefined) await this.#writing
  }

  async #write(): Promise<void> {
    while (this.#waiting.length > 0) {
      // The response leaves first.
      await new Promise((turn) => setImmediate(turn))
      const visits = this.#waiting
      this.#waiting = []
      try {
        await this.#append(
          visits.map((visit) => `${JSON.stringify({ capture: VERSION, visit: this.#view(visit) })}\n`),
        )
      } catch (error) {
        this.dropped += visits.length
        const why = error instanceof Error ? error.message : String(error)
        this.#complain(
          () =>
            `the capture in ${this.#planned.folder} cannot be written: ${why}; ${this.dropped} requests are lost`,
        )
      }
    }
  }

  async #append(lines: readonly string[]): Promise<void> {
    const { folder, maxFileBytes } = this.#planned
    const file = join(folder, 'capture.jsonl')
    await mkdir(folder, { recursive: true })
    let size = await sizeOf(file)
    let text = ''
    for (const line of lines) {
      const bytes = Buffer.byteLength(line)
      if (size > 0 && size + bytes > maxFileBytes) {
        if (text !== '') await appendFile(file, text, { mode: 0o600 })
        text = ''
        size = 0
        await rename(file, join(folder, 'capture.1.jsonl'))
      }
      text += line
      size += bytes
    }
    await appendFile(file, text, { mode: 0o600 })
  }
}

async function sizeOf(file: string): Promise<number> {
  try {
    return (await stat(file)).size
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return 0
    throw error
  }
}

/** The same answer for the same id on every node: FNV-1a of the id, as a share of all its values. */
export function isSampled(requestId: string, share: number): boolean {
  if (share >= 1) return true
  if (share <= 0) return false
  let hash = 0x811c9dc5
  for (let i = 0; i < requestId.length; i++) hash = Math.imul(hash ^ requestId.charCodeAt(i), 0x01000193)
  return (hash >>> 0) / 2 ** 32 < share
}
