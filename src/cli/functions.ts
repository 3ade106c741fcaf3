import { readdir, readFile } from 'node:fs/promises'
import { basename, dirname, join, relative, resolve } from 'node:path'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import type { FunctionLogEntry } from '../functions/function-log.ts'
import { caseSchema, compareTrial, type FunctionCase } from '../functions/trial/case.ts'
import { EventError } from '../functions/trial/event-file.ts'
import {
  guessKind,
  openTrial,
  runFunction,
  type Trial,
  type TrialFunction,
  type TriedFunction,
} from '../functions/trial/trial.ts'
import type { FunctionEventName, FunctionKind } from '../planned-functions.ts'
import { errorOf, openAdminClient } from './admin-client.ts'

export interface RunOptions {
  readonly event: string
  readonly at?: FunctionEventName | undefined
  readonly kind?: FunctionKind | undefined
  readonly handler?: string | undefined
  readonly runtime?: '1.0' | '2.0' | undefined
  readonly run?: 'sandbox' | 'inline' | undefined
  readonly kvs?: string | undefined
  readonly timeout?: number | undefined
  readonly json: boolean
}

const KINDS = { 'lambda-edge': 'Lambda@Edge', cloudfront: 'CloudFront Function' } as const
const COLUMNS = { done: 4, name: 2 } as const

/** `edgeward functions run`: one function, one event. Exit code 1 when CloudFront would answer with an error. */
export async function runOne(file: string, options: RunOptions, output: Output): Promise<ExitCode> {
  try {
    const event: unknown = await readJson(options.event)
    const kind = options.kind ?? (await guessKind(file))
    const given: TrialFunction =
      kind === 'lambda-edge'
        ? { lambdaEdge: file, handler: options.handler, timeoutMs: options.timeout }
        : { cloudFront: file, runtime: options.runtime, run: options.run, keyValueStore: options.kvs }
    const trial = await runFunction(given, event, { at: options.at })
    output.out(options.json ? JSON.stringify(trial, undefined, 2) : describe(trial))
    return trial.result === 'failed' ? exitCodes.failed : exitCodes.ok
  } catch (error) {
    output.error(messageOf(error))
    return exitCodes.badConfig
  }
}

/** A run as a person reads it. */
export function describe(trial: Trial): string {
  const facts = [`${trial.durationMs.toFixed(1)} ms`]
  if (trial.isColdStart) facts.push('cold start')
  if (trial.utilisation !== undefined) facts.push(`compute utilisation ${trial.utilisation} of 100`)
  const lines = [`${KINDS[trial.kind]} ${trial.name} at ${trial.event}: ${facts.join(', ')}`]
  for (const note of trial.notes) lines.push(`  (${note})`)
  lines.push('')
  if (trial.fault !== undefined) {
    lines.push(`FAILED: viewers would be answered ${trial.fault.status}, X-Cache ${trial.fault.code}`)
    if (trial.problems.length === 0) lines.push(`  ${trial.fault.message}`)
    else for (const problem of trial.problems) lines.push(`  ${problem}`)
    if (trial.trace !== undefined) lines.push('', ...trial.trace.split('\n').map((line) => `  ${line}`))
  } else if (trial.result === 'request') {
    lines.push(trial.changes.length === 0 ? 'the request goes on as it is' : 'the request goes on, changed:')
  } else if (trial.event.endsWith('-request')) lines.push(`answered at once: ${trial.status}`)
  else
    lines.push(
      trial.changes.length === 0 ? 'the response goes on as it is' : 'the response goes on, changed:',
    )
  for (const change of trial.changes) lines.push(`  ${change}`)
  if (trial.origin !== undefined) lines.push(`  ~ origin: ${JSON.stringify(trial.origin)}`)
  if (trial.body !== undefined && trial.body !== '') lines.push('', 'body', ...indent(cut(trial.body)))
  if (trial.logs.length > 0) {
    lines.push('', 'console')
    for (const { level, text } of trial.logs) lines.push(`  ${level.padEnd(5)} ${text}`)
  }
  return lines.join('\n')
}

interface CaseResult {
  readonly name: string
  readonly trial: Trial | undefined
  /** What was not as expected; empty for a case that passed. */
  readonly wrong: readonly string[]
}

/**
 * `edgeward functions test`: a folder of cases, `*.case.json` with one case or a list of them. Prints a table. Exit
 * code 1 when a case is not as expected, 2 when there is none or one cannot be read.
 */
export async function testFolder(
  folder: string,
  options: { readonly json: boolean },
  output: Output,
): Promise<ExitCode> {
  const results: CaseResult[] = []
  const openFunctions: OpenFunctions = new Map()
  try {
    const files = await findCases(resolve(folder))
    if (files.length === 0) {
      output.error(
        `there are no cases in ${folder}; a case is a file *.case.json (see docs/guide/functions.md)`,
      )
      return exitCodes.badConfig
    }
    for (const file of files) {
      for (const each of await readCases(file))
        results.push(await runCase(each, file, resolve(folder), openFunctions))
    }
  } catch (error) {
    output.error(messageOf(error))
    return exitCodes.badConfig
  } finally {
    for (const opened of openFunctions.values()) await (await opened)[Symbol.asyncDispose]()
  }
  if (options.json) output.out(JSON.stringify(results, undefined, 2))
  else output.out(table(results))
  return results.every(({ wrong }) => wrong.length === 0) ? exitCodes.ok : exitCodes.failed
}

export interface LogsOptions {
  readonly config?: string | undefined
  readonly request?: string | undefined
  readonly function?: string | undefined
  readonly limit: number
  readonly json: boolean
}

/** `edgeward functions logs`: the consoles of the functions of a running edge, oldest first. */
export async function printLogs(options: LogsOptions, output: Output): Promise<ExitCode> {
  const client = await openAdminClient(options.config, output)
  if (client === undefined) return exitCodes.badConfig
  const query = new URLSearchParams({ limit: String(options.limit) })
  if (options.request !== undefined) query.set('request', options.request)
  if (options.function !== undefined) query.set('function', options.function)
  const reply = await client.ask('GET', `/functions/logs?${query.toString()}`)
  if (reply.status !== 200) {
    output.error(errorOf(reply))
    return exitCodes.failed
  }
  const entries = (reply.body as FunctionLogEntry[]).toReversed()
  if (options.json) output.out(JSON.stringify(entries, undefined, 2))
  else for (const entry of entries) for (const line of logLines(entry)) output.out(line)
  return exitCodes.ok
}

/** `edgeward functions list`: what the functions of a running edge have done. */
export async function printFigures(
  options: { readonly config?: string | undefined },
  output: Output,
): Promise<ExitCode> {
  const client = await openAdminClient(options.config, output)
  if (client === undefined) return exitCodes.badConfig
  const reply = await client.ask('GET', '/functions')
  if (reply.status === 200) {
    output.out(JSON.stringify(reply.body, undefined, 2))
    return exitCodes.ok
  }
  output.error(errorOf(reply))
  return exitCodes.failed
}

function logLines(entry: FunctionLogEntry): string[] {
  const head = `${entry.function} ${entry.event ?? 'after its end'} ${entry.requestId ?? '-'}`
  const lines = entry.lines.map(
    ({ at, level, text }) => `${new Date(at).toISOString()} ${head} ${level} ${text}`,
  )
  if (entry.fault !== undefined)
    lines.push(`${new Date(entry.at).toISOString()} ${head} ${entry.fault} ${entry.cause ?? ''}`)
  return lines
}

async function findCases(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true })
  return entries
    .filter((name) => name.endsWith('.case.json') && !name.includes('node_modules'))
    .sort()
    .map((name) => join(folder, name))
}

async function readCases(file: string): Promise<FunctionCase[]> {
  const json = await readJson(file)
  return (Array.isArray(json) ? json : [json]).map((each: unknown, index) => {
    const parsed = caseSchema.safeParse(each)
    if (parsed.success) return parsed.data
    const at = Array.isArray(json) ? `${file}[${index}]` : file
    const problems = parsed.error.issues.map(
      ({ path, message }) => `  ${path.join('.') || '(the case)'}: ${message}`,
    )
    throw new Error(`${at} is no case:\n${problems.join('\n')}`)
  })
}

/** Functions that cases have in common, opened once. */
type OpenFunctions = Map<string, Promise<TriedFunction>>

async function runCase(
  each: FunctionCase,
  file: string,
  folder: string,
  openFunctions: OpenFunctions,
): Promise<CaseResult> {
  const { name, event, at, expect, ...given } = each
  const shown = name ?? relative(folder, file).replace(/\.case\.json$/, '')
  const from = dirname(file)
  const key = JSON.stringify([from, given])
  let opened = openFunctions.get(key)
  if (opened === undefined) {
    opened = openTrial(given, { folder: from })
    openFunctions.set(key, opened)
  }
  try {
    const json: unknown = typeof event === 'string' ? await readJson(resolve(from, event)) : event
    const trial = await (await opened).run(json, at)
    return { name: shown, trial, wrong: compareTrial(trial, expect) }
  } catch (error) {
    if (!(error instanceof EventError)) openFunctions.delete(key)
    return { name: shown, trial: undefined, wrong: [messageOf(error)] }
  }
}

/** One line per case, and what was wrong below it. */
function table(results: readonly CaseResult[]): string {
  const width = Math.max(...results.map(({ name }) => name.length)) + COLUMNS.name
  const lines: string[] = []
  for (const { name, trial, wrong } of results) {
    const facts =
      trial === undefined
        ? ''
        : `${trial.event.padEnd(16)}${trial.result.padEnd(9)}${trial.durationMs.toFixed(1).padStart(8)} ms`
    lines.push(
      `${(wrong.length === 0 ? 'ok' : 'FAIL').padEnd(COLUMNS.done + 2)}${name.padEnd(width)}${facts}`,
    )
    for (const says of wrong) lines.push(`      ${says}`)
  }
  const failed = results.filter(({ wrong }) => wrong.length > 0).length
  lines.push('', `${results.length} cases, ${failed === 0 ? 'all as expected' : `${failed} not as expected`}`)
  return lines.join('\n')
}

async function readJson(file: string): Promise<unknown> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    throw new Error(`${basename(file)} cannot be read: ${messageOf(error)}`, { cause: error })
  }
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new Error(`${file} is not JSON: ${messageOf(error)}`, { cause: error })
  }
}

const MAX_SHOWN = 2000

function cut(text: string): string {
  return text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}… (${text.length} characters)`
}

function indent(text: string): string[] {
  return text.split('\n').map((line) => `  ${line}`)
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
