import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'

/** One client address and one operation. */
export interface ClientRow {
  readonly client: string
  readonly operation: string
  readonly calls: number
  /** Calls of the busiest minute. */
  readonly peakPerMinute: number
  readonly errors: number
  /** 0 to 1. */
  readonly errorRate: number
}

const MINUTE_MS = 60_000
/** Rows kept while reading; beyond it those with the fewest calls are forgotten. */
const MAX_ROWS = 200_000
const NOTE = /(?:^|[ ])cognito (\w+)(?: (\w+))?$/

interface Row {
  calls: number
  errors: number
  minute: number
  inMinute: number
  peak: number
}

/** Calls of the user pool API in access logs of the format `json`, by client and operation. */
export async function readCalls(
  folder: string,
  sinceMs = 0,
): Promise<{ rows: ClientRow[]; lines: number; calls: number; hasStandard: boolean }> {
  const rows = new Map<string, Row>()
  let lines = 0
  let calls = 0
  let hasStandard = false
  const names = (await readdir(folder))
    .filter((name) => /\.(?:log|json|jsonl|txt)?(?:\.gz)?$/.test(name))
    .sort()
  for (const name of names) {
    const file = createReadStream(join(folder, name))
    const input = name.endsWith('.gz') ? file.pipe(createGunzip()) : file
    for await (const text of createInterface({ input, crlfDelay: Infinity })) {
      if (!text.startsWith('{')) {
        if (text !== '' && (text.startsWith('#Fields') || /^\d{4}-\d\d-\d\d\t/.test(text))) hasStandard = true
        continue
      }
      lines++
      const call = callOf(text)
      if (call === undefined || call.at < sinceMs) continue
      calls++
      add(rows, call)
    }
  }
  return { rows: [...rows].map(([key, row]) => rowOf(key, row)), lines, calls, hasStandard }
}

interface Call {
  readonly client: string
  readonly operation: string
  readonly at: number
  readonly isError: boolean
}

function callOf(text: string): Call | undefined {
  if (!text.includes('cognito ')) return undefined
  let line: Readonly<Record<string, unknown>>
  try {
    // A line of the log is an object of texts; each is looked at below.
    line = JSON.parse(text) as Record<string, unknown>
  } catch {
    // The last line may be half written.
    return undefined
  }
  const found = NOTE.exec(String(line['viewer-request-log-data']))
  if (found === null) return undefined
  const status = Number(line['sc-status'])
  return {
    client: String(line['c-ip']),
    operation: found[1]!,
    at: Number(line['timestamp(ms)']),
    isError: found[2] !== undefined || status >= 400 || status === 0,
  }
}

function add(rows: Map<string, Row>, { client, operation, at, isError }: Call): void {
  const key = `${client} ${operation}`
  let row = rows.get(key)
  if (row === undefined) {
    if (rows.size >= MAX_ROWS) forgetSmall(rows)
    rows.set(key, (row = { calls: 0, errors: 0, minute: -1, inMinute: 0, peak: 0 }))
  }
  const minute = Math.floor(at / MINUTE_MS)
  row.inMinute = minute === row.minute ? row.inMinute + 1 : 1
  row.minute = minute
  row.peak = Math.max(row.peak, row.inMinute)
  row.calls++
  if (isError) row.errors++
}

function forgetSmall(rows: Map<string, Row>): void {
  const counts = [...rows.values()].map(({ calls }) => calls).sort((a, b) => a - b)
  const bound = counts[counts.length >> 1]!
  for (const [key, { calls }] of rows) if (calls <= bound) rows.delete(key)
}

function rowOf(key: string, { calls, errors, peak }: Row): ClientRow {
  const [client = '', operation = ''] = key.split(' ')
  return { client, operation, calls, peakPerMinute: peak, errors, errorRate: errors / calls }
}

/** Clients with the highest rate per operation. */
export function byRate(rows: readonly ClientRow[], limit: number): ClientRow[] {
  return rows.toSorted((a, b) => b.peakPerMinute - a.peakPerMinute || b.calls - a.calls).slice(0, limit)
}

/** Clients with the highest error rate, of those that called often enough to have one. */
export function byErrors(rows: readonly ClientRow[], limit: number, minimumCalls: number): ClientRow[] {
  return rows
    .filter(({ calls, errors }) => calls >= minimumCalls && errors > 0)
    .sort((a, b) => b.errorRate - a.errorRate || b.errors - a.errors)
    .slice(0, limit)
}
