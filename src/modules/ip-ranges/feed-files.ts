import { appendFile, mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { FileLock } from '../../seams/file-lock.ts'
import { replaceFile } from '../../seams/replace-file.ts'
import { systemCode } from '../../seams/seam-error.ts'

const MODE = 0o600

const alarmSchema = z.object({ since: z.number(), why: z.string(), message: z.string() })

/** What is kept of a feed between runs. */
const feedStateSchema = z.object({
  /** The document that was taken last. */
  publishedAt: z.number().optional(),
  md5: z.string().optional(),
  etag: z.string().optional(),
  /** What was selected from it, and by which settings. */
  ranges: z.array(z.string()).optional(),
  selection: z.string().optional(),
  takenAt: z.number().optional(),
  /** When every target was last found equal, or made so. */
  equalAt: z.number().optional(),
  alarm: alarmSchema.optional(),
})
export type FeedState = z.output<typeof feedStateSchema>
export type Alarm = z.output<typeof alarmSchema>

/** One line of the audit. */
export interface AuditEntry {
  readonly feed: string
  readonly event: 'taken' | 'refused' | 'change' | 'done' | 'failed' | 'subscribed'
  readonly by: string
  readonly target?: string
  readonly message?: string
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
}

/** The files of a feed: its state, the audit of all feeds, and the lock that keeps two processes from applying at once. */
export interface FeedFiles {
  read(): Promise<FeedState>
  write(state: FeedState): Promise<void>
  /** Rejects when the entry could not be kept: what cannot be audited does not happen. */
  audit(entry: AuditEntry, now: number): Promise<void>
  hold<T>(work: () => Promise<T>): Promise<T>
  close(): Promise<void>
}

export function auditPathOf(dataFolder: string): string {
  return join(dataFolder, 'ip-ranges', 'audit.jsonl')
}

export function createFeedFiles(dataFolder: string, feed: string): FeedFiles {
  const folder = join(dataFolder, 'ip-ranges')
  const path = join(folder, `${feed}.json`)
  let lock: FileLock | undefined
  return {
    async read() {
      let text: string
      try {
        text = await readFile(path, 'utf8')
      } catch (error) {
        if (systemCode(error) === 'ENOENT') return {}
        throw error
      }
      try {
        return feedStateSchema.parse(JSON.parse(text))
      } catch (error) {
        throw new Error(`${path} is damaged: remove it, and the next document is taken as the first`, {
          cause: error,
        })
      }
    },
    async write(state) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      await replaceFile(path, `${JSON.stringify(state, undefined, 1)}\n`, MODE)
    },
    async audit(entry, now) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      const line = JSON.stringify({ time: new Date(now).toISOString(), ...entry })
      await appendFile(auditPathOf(dataFolder), `${line}\n`, { mode: MODE })
    },
    async hold(work) {
      await mkdir(folder, { recursive: true, mode: 0o700 })
      lock ??= FileLock.open(join(folder, `${feed}.lock`))
      return await lock.hold(work)
    },
    async close() {
      await lock?.[Symbol.asyncDispose]()
    },
  }
}
