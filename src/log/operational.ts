import { type DestinationStream, type Logger, pino } from 'pino'

/** What the edge says to its operator, as opposed to what it logs about requests. */
export type OperationalLogger = Pick<Logger, 'debug' | 'info' | 'warn' | 'error'>

const LEVELS = ['debug', 'info', 'warn', 'error'] as const

/** Where an operational log goes. */
export interface OperationalOutput {
  /** A person reads along: sentences instead of JSON. */
  readonly isTerminal: boolean
  readonly stream: DestinationStream
}

/**
 * Lines of JSON on standard error, one sentence per line on a terminal. The level is `EDGEWARD_LOG_LEVEL`
 * (debug, info, warn, error; info if it is not set). Values of type Secret print as `[secret]` by themselves.
 */
export function createOperationalLogger(
  environment: Readonly<Record<string, string | undefined>> = process.env,
  output: OperationalOutput = standardError(),
): OperationalLogger {
  const wanted = environment['EDGEWARD_LOG_LEVEL']?.toLowerCase()
  const level = LEVELS.find((each) => each === wanted) ?? 'info'
  return pino(
    { level, base: { name: 'edgeward', pid: process.pid } },
    output.isTerminal ? { write: (line) => output.stream.write(sentenceOf(line)) } : output.stream,
  )
}

function standardError(): OperationalOutput {
  // Synchronous, so that what is said last before the process ends is said.
  return { isTerminal: process.stderr.isTTY === true, stream: pino.destination({ dest: 2, sync: true }) }
}

/** Fields every record has; the others were given along with the sentence. */
const OWN_FIELDS: ReadonlySet<string> = new Set(['level', 'time', 'name', 'pid', 'msg'])

/** A record as a person reads it: the level, the sentence, and what was given along. */
function sentenceOf(line: string): string {
  // Our own logger wrote the line, as one object.
  const record = JSON.parse(line) as Readonly<Record<string, unknown>>
  const more = Object.entries(record)
    .filter(([name]) => !OWN_FIELDS.has(name))
    .map(([name, value]) => `${name}=${name === 'err' ? messageOf(value) : JSON.stringify(value)}`)
  const text = [record['msg'] ?? '', ...more].join(' ').trim()
  return `edgeward ${pino.levels.labels[Number(record['level'])] ?? 'info'}: ${visible(text)}\n`
}

function messageOf(error: unknown): string {
  return typeof error === 'object' && error !== null && 'message' in error
    ? JSON.stringify(error.message)
    : JSON.stringify(error)
}

/** A sentence may quote what a viewer sent, which must not write on the terminal; line breaks are ours. */
function visible(text: string): string {
  return text.replace(
    /(?!\n)\p{Cc}/gu,
    (character) => `\\x${character.charCodeAt(0).toString(16).padStart(2, '0')}`,
  )
}
