import { readFileSync, statSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { extname, resolve } from 'node:path'
import { type Clock, systemClock } from '../../base/clock.ts'
import { diffMessages } from '../../http/message-diff.ts'
import type { FunctionEventName, FunctionKind, PlannedFunction } from '../../planned-functions.ts'
import { attempt, type Attempt, type LogLine, type Runners } from '../attempt.ts'
import { compileFunction, type FunctionConfig, type FunctionFile } from '../config.ts'
import { visitOf } from '../function-visit.ts'
import { readLambdaSources } from '../function-files.ts'
import { createKeyValueStores } from '../key-value-store/stores.ts'
import { locateHandler } from '../lambda-edge/package.ts'
import type { Question } from '../question.ts'
import { Units } from '../units.ts'
import { readEvent } from './event-file.ts'

/** A function outside of any configuration. */
export type TrialFunction = Omit<FunctionConfig, 'keyValueStore'> & {
  /** File in AWS's import format; its store is the one of `cf.kvs()`. */
  readonly keyValueStore?: string | undefined
}

export interface TrialOptions {
  /** Files are relative to it; the current folder if left out. */
  readonly folder?: string
  /** At which of the four events, where the event does not say it or should not. */
  readonly at?: FunctionEventName | undefined
  readonly clock?: Clock
}

/** What a function did with one event. */
export interface Trial {
  readonly kind: FunctionKind
  readonly name: string
  readonly event: FunctionEventName
  /** The request goes on, a response is given (made or changed), or CloudFront would answer with an error. */
  readonly result: 'request' | 'response' | 'failed'
  readonly uri: string | undefined
  readonly querystring: string | undefined
  readonly status: number | undefined
  /** By lower-case name: every line of the field. Of the message as the function leaves it. */
  readonly headers: Readonly<Record<string, readonly string[]>>
  /** A body that the function gave, as text; undefined where it left the body alone. */
  readonly body: string | undefined
  readonly bodyBytes: number | undefined
  /** An origin it chose: the `origin` of Lambda@Edge, or what was given to a helper of `cf`. */
  readonly origin: unknown
  /** One line per change: `+`, `-` or `~`. */
  readonly changes: readonly string[]
  /** Every rule the result broke, in sentences. */
  readonly problems: readonly string[]
  /** What the viewer would be answered when it failed. */
  readonly fault: { readonly status: number; readonly code: string; readonly message: string } | undefined
  readonly trace: string | undefined
  readonly logs: readonly LogLine[]
  readonly durationMs: number
  readonly isColdStart: boolean
  /** 0 to 100, of a CloudFront Function. */
  readonly utilisation: number | undefined
  /** What was filled in to make the event whole. */
  readonly notes: readonly string[]
}

/** A function that is ready to be tried. */
export interface TriedFunction extends AsyncDisposable {
  readonly planned: PlannedFunction
  /** Runs it on an event, given as parsed JSON. Rejects with an EventError for an event that cannot be read. */
  run(event: unknown, at?: FunctionEventName): Promise<Trial>
}

/**
 * Opens a function as `edgeward functions run` does: the same workers, sandbox and rules as on the line, without an
 * edge. Rejects with a sentence when its files cannot be used.
 */
export async function openTrial(given: TrialFunction, options: TrialOptions = {}): Promise<TriedFunction> {
  const folder = resolve(options.folder ?? process.cwd())
  const clock = options.clock ?? systemClock
  const planned = planFunction(given, folder)
  const stores = createKeyValueStores({ clock })
  if (given.keyValueStore !== undefined) {
    const importFile = resolve(folder, given.keyValueStore)
    const [problem] = await stores.use([{ name: STORE, importFile, stateFile: undefined }])
    if (problem !== undefined) throw new Error(problem)
  }
  const stray: LogLine[] = []
  const units = new Units({ clock, stores, onStrayLogs: (_planned, logs) => stray.push(...logs) })
  const runners: Runners = {
    clock,
    invoke: (lambda, eventJson) => units.pool(lambda).invoke(eventJson),
    runner: (cloudFront) => units.runner(cloudFront),
  }
  return {
    planned,
    async run(event, at = options.at) {
      const { question, notes } = readEvent(planned.kind, event, at)
      const done = await attempt(planned, question, runners)
      return trialOf(done, question, [...done.logs, ...stray.splice(0)], notes)
    },
    [Symbol.asyncDispose]: () => units.close(),
  }
}

/**
 * Runs one function on one event and gives what CloudFront would make of it. For tests of one's own functions, with
 * any test runner.
 *
 * @example
 * ```ts
 * import { runFunction } from 'edgeward/functions'
 *
 * const trial = await runFunction({ cloudFront: './rewrite.js' }, { version: '1.0', request: { uri: '/a' } })
 * assert.equal(trial.uri, '/a/index.html')
 * ```
 */
export async function runFunction(
  given: TrialFunction,
  event: unknown,
  options: TrialOptions = {},
): Promise<Trial> {
  await using opened = await openTrial(given, options)
  return await opened.run(event)
}

/** Which kind a file most likely is: CloudFront Functions are single scripts without exports. */
export async function guessKind(file: string): Promise<FunctionKind> {
  if (statSync(file, { throwIfNoEntry: false })?.isDirectory() === true || extname(file) !== '.js')
    return 'lambda-edge'
  const text = await readFile(file, 'utf8')
  return /\bexports\b|^\s*export\s/m.test(text) ? 'lambda-edge' : 'cloudfront'
}

const STORE = 'store'

function planFunction(given: TrialFunction, folder: string): PlannedFunction {
  const { lambdaEdge, cloudFront } = given
  const path = resolve(folder, lambdaEdge ?? cloudFront ?? '')
  if ((lambdaEdge === undefined) === (cloudFront === undefined))
    throw new Error('a function needs exactly one of lambdaEdge and cloudFront')
  const files = new Map<string, FunctionFile>()
  if (lambdaEdge === undefined) {
    const source = readFileSync(path, 'utf8')
    files.set(path, { source, digest: source })
  } else {
    const { file } = locateHandler({ file: path, handler: given.handler ?? 'index.handler' })
    files.set(path, { source: '', digest: readLambdaSources(file, path).digest })
  }
  const config = { ...given, keyValueStore: given.keyValueStore === undefined ? undefined : STORE }
  return compileFunction(undefined, config, { baseFolder: folder, registry: {}, files })
}

function trialOf(
  done: Attempt,
  question: Question,
  logs: readonly LogLine[],
  notes: readonly string[],
): Trial {
  const { change, fault } = done
  const before = shownMessage(question)
  const { before: from, after } = visitOf(done, before)
  const headers = change?.headers ?? question.headers
  const isRequest = change?.kind === 'request'
  return {
    kind: done.function.kind,
    name: done.function.name,
    event: done.event,
    result: change?.kind ?? 'failed',
    uri: isRequest ? (change.uri ?? before.path) : undefined,
    querystring: isRequest ? (change.query ?? before.query ?? '') : undefined,
    status: change?.kind === 'response' ? change.status : undefined,
    headers: change === undefined ? {} : groupHeaders(headers.raw),
    body: change?.body?.toString('utf8'),
    bodyBytes: change?.body?.length,
    origin: isRequest ? (originOf(change.origin) ?? change.wish) : undefined,
    changes: after === undefined ? [] : diffMessages(from, after),
    problems: done.problems.map(({ sentence }) => sentence),
    fault:
      fault === undefined
        ? undefined
        : { status: fault.row.status, code: fault.code, message: fault.message },
    trace: done.trace,
    logs,
    durationMs: done.durationMs,
    isColdStart: done.isColdStart,
    utilisation: done.utilisation,
    notes,
  }
}

function originOf(chosen: { readonly kind: string; readonly origin: unknown } | undefined): unknown {
  return chosen === undefined ? undefined : { [chosen.kind]: chosen.origin }
}

function shownMessage(question: Question) {
  const { headers } = question
  const isLambda = question.kind === 'lambda-edge'
  const { request, response } = question.shown
  if (response !== undefined) {
    const status = 'statusCode' in response ? response.statusCode : Number(response.status)
    return { status, headers }
  }
  const { uri } = request
  const query = isLambda ? question.shown.request.querystring : question.rawQuery
  return { path: uri, query, headers }
}

function groupHeaders(raw: readonly string[]): Record<string, string[]> {
  const groups: Record<string, string[]> = {}
  for (let i = 0; i < raw.length; i += 2) (groups[raw[i]!.toLowerCase()] ??= []).push(raw[i + 1]!)
  return groups
}
