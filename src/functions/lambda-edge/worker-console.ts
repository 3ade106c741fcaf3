import { format, inspect } from 'node:util'
import type { WorkerLog } from './protocol.ts'

export type LogSink = (log: WorkerLog) => void

const MAX_LINE = 64 * 1024

const LEVELS = {
  trace: 'TRACE',
  debug: 'DEBUG',
  log: 'INFO',
  info: 'INFO',
  warn: 'WARN',
  error: 'ERROR',
} as const satisfies Record<string, WorkerLog['level']>

/** Hands everything a handler writes to its console or standard streams to `sink`. */
export function captureConsole(sink: LogSink): void {
  const write = (level: WorkerLog['level'], text: string) =>
    sink({ at: Date.now(), level, text: text.length > MAX_LINE ? `${text.slice(0, MAX_LINE)} [cut]` : text })
  for (const name of Object.keys(LEVELS) as (keyof typeof LEVELS)[]) {
    console[name] = (...values: unknown[]) => write(LEVELS[name], formatSafely(values))
  }
  for (const stream of [process.stdout, process.stderr]) {
    const level = stream === process.stderr ? 'ERROR' : 'INFO'
    stream.write = (chunk: string | Uint8Array, ...rest: unknown[]): boolean => {
      const text = typeof chunk === 'string' ? chunk : Buffer.from(chunk).toString()
      write(level, text.endsWith('\n') ? text.slice(0, -1) : text)
      const done = rest.at(-1)
      if (typeof done === 'function') process.nextTick(done as () => void)
      return true
    }
  }
}

/** `util.format`, also for values whose own `toString` or getters throw. */
function formatSafely(values: readonly unknown[]): string {
  try {
    return format(...values)
  } catch (error) {
    return `[a value that cannot be shown: ${inspect(error, { depth: 0 })}]`
  }
}
