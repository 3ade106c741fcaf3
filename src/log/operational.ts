import { type Logger, pino } from 'pino'

/** What the edge says to its operator, as opposed to what it logs about requests. */
export type OperationalLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

/**
 * Lines of JSON on standard error, one sentence per line on a terminal. The level is `EDGEWARD_LOG_LEVEL`
 * (debug, info, warn, error; info if it is not set). Values of type Secret print as `[secret]` by themselves.
 */
export function createOperationalLogger(environment: NodeJS.ProcessEnv = process.env): OperationalLogger {
  const wanted = environment['EDGEWARD_LOG_LEVEL'] ?? 'info'
  const level = ['debug', 'info', 'warn', 'error'].includes(wanted) ? wanted : 'info'
  if (process.stderr.isTTY === true) return createPlainLogger(level)
  return pino(
    { level, base: { name: 'edgeward', pid: process.pid } },
    pino.destination({ dest: 2, sync: true }),
  )
}

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** For people at a terminal: the level and the sentence. */
function createPlainLogger(level: string): OperationalLogger {
  const lowest = LEVELS.findIndex((each) => each === level)
  const at =
    (index: number) =>
    (...parts: unknown[]) => {
      if (index < lowest) return
      const text = parts.map((part) => (typeof part === 'string' ? part : JSON.stringify(part))).join(' ')
      process.stderr.write(`edgeward ${LEVELS[index]}: ${text}\n`)
    }
  // The four methods of pino's logger in its simplest form: the callers give sentences.
  return { debug: at(0), info: at(1), warn: at(2), error: at(3) } as OperationalLogger
}
