import type { FunctionEventName, FunctionKind } from '../planned-functions.ts'
import type { Attempt, LogLine } from './attempt.ts'

/** What one invocation said, and how it failed if it did. */
export interface FunctionLogEntry {
  /** Undefined for lines that were written after their invocation had ended. */
  readonly requestId: string | undefined
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly function: string
  readonly kind: FunctionKind
  readonly event: FunctionEventName | undefined
  readonly durationMs: number | undefined
  readonly lines: readonly LogLine[]
  /** CloudFront's word, and the sentence for operators. */
  readonly fault: string | undefined
  readonly cause: string | undefined
  readonly trace: string | undefined
}

export interface LogQuestion {
  readonly requestId?: string
  readonly function?: string
  /** Entries at most, newest first. */
  readonly limit: number
}

const MAX_ENTRIES = 2000
const MAX_BYTES = 8 * 1024 * 1024

/**
 * The consoles of all functions in one place, in memory, bounded in number and bytes. CloudFront scatters them over
 * log groups and regions.
 */
export class FunctionLog {
  #entries: FunctionLogEntry[] = []
  #bytes = 0

  /** Keeps a run that wrote or failed; others have nothing to tell. */
  note(requestId: string, at: number, attempt: Attempt): void {
    const { logs, fault } = attempt
    if (logs.length === 0 && fault === undefined) return
    this.add({
      requestId,
      at,
      function: attempt.function.name,
      kind: attempt.function.kind,
      event: attempt.event,
      durationMs: attempt.durationMs,
      lines: logs,
      fault: fault?.code,
      cause: fault?.message,
      trace: attempt.trace,
    })
  }

  add(entry: FunctionLogEntry): void {
    this.#entries.push(entry)
    this.#bytes += sizeOf(entry)
    let gone = 0
    while (this.#entries.length - gone > MAX_ENTRIES || this.#bytes > MAX_BYTES) {
      const oldest = this.#entries[gone]
      if (oldest === undefined) break
      this.#bytes -= sizeOf(oldest)
      gone++
    }
    if (gone > 0) this.#entries = this.#entries.slice(gone)
  }

  find({ requestId, function: name, limit }: LogQuestion): FunctionLogEntry[] {
    const found: FunctionLogEntry[] = []
    for (let i = this.#entries.length - 1; i >= 0 && found.length < limit; i--) {
      const entry = this.#entries[i]!
      if (requestId !== undefined && entry.requestId !== requestId) continue
      if (name !== undefined && entry.function !== name) continue
      found.push(entry)
    }
    return found
  }
}

function sizeOf({ lines, trace, cause }: FunctionLogEntry): number {
  let bytes = 200 + (trace?.length ?? 0) + (cause?.length ?? 0)
  for (const { text } of lines) bytes += 40 + text.length
  return bytes
}
