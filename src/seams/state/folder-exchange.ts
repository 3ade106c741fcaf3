import { mkdir, readFile, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { Clock } from '../../base/clock.ts'
import { removeFile, replaceFile } from '../replace-file.ts'
import { SeamError, systemCode } from '../seam-error.ts'
import type { Report } from '../seam-error.ts'
import type { CounterExchange, NodeReport } from './rate-counters.ts'

const EXTENSION = '.json'
/** Kept beyond the longest window it reports, for clocks that were set. */
const SLACK_MS = 60_000

const reportSchema: z.ZodType<NodeReport> = z.strictObject({
  node: z.string(),
  at: z.number(),
  counters: z.array(
    z.strictObject({
      name: z.string(),
      windowMs: z.number().positive(),
      slotStartedAt: z.number(),
      keys: z.array(z.tuple([z.string(), z.array(z.number().nonnegative()).max(1_000)])),
    }),
  ),
})

/**
 * Nodes of one machine leave their counts in a folder, one file each, replaced in one step. The file of a node that
 * is gone still counts until its windows are over, so a restart forgets nothing; then whoever reads it deletes it.
 */
export async function openFolderExchange(
  folder: string,
  node: string,
  clock: Clock,
  report: Report,
): Promise<CounterExchange> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const ownName = node + EXTENSION
  /** Parsed reports by file name; `stamp` tells whether the file is still the same. */
  const known = new Map<string, { stamp: string; report: NodeReport | undefined }>()

  async function read(name: string): Promise<NodeReport | undefined> {
    const path = join(folder, name)
    const { ino, mtimeMs, size } = await stat(path)
    const stamp = `${ino}:${mtimeMs}:${size}`
    const before = known.get(name)
    if (before?.stamp === stamp) return before.report
    const parsed = parseReport(await readFile(path, 'utf8'))
    if (parsed === undefined) {
      // Counts are approximate anyway: say it once and count without.
      report(
        new SeamError('corrupt', `${path} is not a report of rate counters and is passed over: delete it`),
      )
    }
    known.set(name, { stamp, report: parsed })
    return parsed
  }

  return {
    async publish(own) {
      await replaceFile(join(folder, ownName), JSON.stringify(own), 0o600)
    },
    async collect() {
      const reports: NodeReport[] = []
      const names = (await readdir(folder)).filter((name) => name.endsWith(EXTENSION) && name !== ownName)
      for (const name of known.keys()) if (!names.includes(name)) known.delete(name)
      for (const name of names) {
        try {
          const found = await read(name)
          if (found === undefined) continue
          if (isOver(found, clock.now())) await removeFile(join(folder, name))
          else reports.push(found)
        } catch (error) {
          // Deleted by another node between the listing and the reading.
          if (systemCode(error) !== 'ENOENT') throw error
        }
      }
      return reports
    },
  }
}

function parseReport(text: string): NodeReport | undefined {
  try {
    return reportSchema.parse(JSON.parse(text))
  } catch {
    return undefined
  }
}

function isOver(report: NodeReport, now: number): boolean {
  let longest = 0
  for (const { windowMs } of report.counters) longest = Math.max(longest, windowMs)
  return now - report.at > longest + SLACK_MS
}
