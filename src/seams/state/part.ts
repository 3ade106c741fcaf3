import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../base/clock.ts'
import type { FileLock } from '../file-lock.ts'
import { Journal } from '../journal.ts'
import { SeamError } from '../seam-error.ts'
import type { Report } from '../seam-error.ts'

/** What the persisted parts of the embedded state have in common. */
export interface PartOptions {
  readonly folder: string
  readonly lock: FileLock
  readonly clock: Clock
  readonly report: Report
  /** Size from which a part's file may be rewritten; see Journal. */
  readonly compactAtBytes?: number
}

/** How one part keeps its records. */
export interface PartRecords<R> {
  /** File name without its extension, and the name in the file's first line. */
  readonly name: string
  readonly schema: z.ZodType<R>
  readonly apply: (records: readonly R[], fromScratch: boolean) => void
  readonly snapshot: () => Iterable<R>
}

/** Opens the journal of one part: `<folder>/<name>.ndjson`. */
export async function openPart<R>(options: PartOptions, part: PartRecords<R>): Promise<Journal<R>> {
  return await Journal.open<R>({
    path: join(options.folder, `${part.name}.ndjson`),
    part: `state/${part.name}`,
    lock: options.lock,
    report: options.report,
    parse: (value) => {
      const parsed = part.schema.safeParse(value)
      if (!parsed.success) throw new Error(z.prettifyError(parsed.error), { cause: parsed.error })
      return parsed.data
    },
    apply: part.apply,
    snapshot: part.snapshot,
    ...(options.compactAtBytes === undefined ? {} : { compactAtBytes: options.compactAtBytes }),
  })
}

/** Throws `invalid` unless `text` has 1 to `max` characters. */
export function checkText(what: string, text: string, max: number): void {
  if (text.length >= 1 && text.length <= max) return
  throw new SeamError('invalid', `${what} has ${text.length} characters; expected 1 to ${max}`)
}
