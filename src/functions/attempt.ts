import type { Clock } from '../base/clock.ts'
import { andThen, type Awaitable } from '../base/promise.ts'
import { Fault } from '../faults.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { PlannedRoute } from '../plan.ts'
import type {
  FunctionEventName,
  PlannedCloudFrontFunction,
  PlannedFunction,
  PlannedLambda,
} from '../planned-functions.ts'
import { routeAnew } from './cloudfront-js/origin-change.ts'
import { readFunctionRequestResult, readFunctionResponseResult } from './cloudfront-js/result.ts'
import type { FunctionRun, FunctionRunner, OriginChange } from './cloudfront-js/run.ts'
import type { ChosenOrigin } from './lambda-edge/origin.ts'
import { readRequestResult, readResponseResult } from './lambda-edge/result.ts'
import type { InvocationOutcome } from './lambda-edge/worker.ts'
import { type Problem, Problems } from './problems.ts'
import type { Question } from './question.ts'

/** One line of a function's console. */
export interface LogLine {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly level: string
  readonly text: string
}

/** A request as a function left it; what it did not touch is undefined, and `headers` is the given list then. */
export interface RequestChange {
  readonly kind: 'request'
  readonly uri: string | undefined
  readonly query: string | undefined
  readonly headers: HeaderList
  readonly body: Buffer | undefined
  /** Chosen by a Lambda@Edge function at origin-request. */
  readonly origin: ChosenOrigin | undefined
  /** What a CloudFront Function asked for by a helper of `cf`. */
  readonly wish: OriginChange | undefined
  /** What came of it: where the request goes. */
  readonly route: PlannedRoute | undefined
}

/** A response that a function made or changed; no body means that it stays. */
export interface ResponseChange {
  readonly kind: 'response'
  readonly status: number
  readonly headers: HeaderList
  readonly body: Buffer | undefined
}

/** What one run of a function came to. Nothing has been changed yet. */
export interface Attempt {
  readonly function: PlannedFunction
  readonly event: FunctionEventName
  /** Undefined when the run failed or its result broke a rule. */
  readonly change: RequestChange | ResponseChange | undefined
  readonly fault: Fault | undefined
  /** Every rule that the result broke. */
  readonly problems: readonly Problem[]
  readonly logs: readonly LogLine[]
  readonly durationMs: number
  readonly isColdStart: boolean
  readonly reruns: number
  readonly utilisation: number | undefined
  readonly logData: string | undefined
  /** Stack of an exception. */
  readonly trace: string | undefined
}

/** What functions are run with. */
export interface Runners {
  readonly clock: Clock
  invoke(planned: PlannedLambda, eventJson: string): Promise<InvocationOutcome>
  runner(planned: PlannedCloudFrontFunction): Awaitable<FunctionRunner>
}

/** Runs a function on a question and reads what it returned. Rejects never: what goes wrong is a fault. */
export function attempt(planned: PlannedFunction, question: Question, runners: Runners): Awaitable<Attempt> {
  if (planned.kind === 'lambda-edge') {
    return runners
      .invoke(planned, question.json)
      .then((outcome) => readLambdaOutcome(planned, question, outcome))
  }
  let runner: Awaitable<FunctionRunner>
  try {
    runner = runners.runner(planned)
    if (runner instanceof Promise)
      return runner.then(
        (loaded) => runCloudFront(planned, question, loaded, runners.clock),
        (error: unknown) => unloadable(planned, question, error),
      )
  } catch (error) {
    return unloadable(planned, question, error)
  }
  return runCloudFront(planned, question, runner, runners.clock)
}

function runCloudFront(
  planned: PlannedCloudFrontFunction,
  question: Question,
  runner: FunctionRunner,
  clock: Clock,
): Awaitable<Attempt> {
  const startedAt = clock.monotonic()
  const run = runner.run({
    eventJson: question.json,
    now: clock.now(),
    rawQuery: question.kind === 'cloudfront' ? question.rawQuery : undefined,
    edgeLocation: question.event === 'viewer-request' ? locationOf(question) : undefined,
  })
  return andThen(run, (done) =>
    readCloudFrontRun(planned, question, done, clock.monotonic() - startedAt, clock),
  )
}

/** The IATA code at the beginning of a location such as `EDG50-E1`. */
function locationOf({ passage }: Question): string {
  return (passage?.plan.identity.pop ?? 'EDG').slice(0, 3)
}

function readCloudFrontRun(
  planned: PlannedCloudFrontFunction,
  question: Question,
  run: FunctionRun,
  durationMs: number,
  clock: Clock,
): Attempt {
  const logs = run.logs.length === 0 ? NO_LINES : linesOf(run.logs, clock.now())
  const base = {
    function: planned,
    event: question.event,
    logs,
    durationMs,
    isColdStart: false,
    reruns: 0,
    utilisation: run.utilisation,
    trace: undefined,
  }
  if (run.kind === 'failed') {
    const at =
      run.place === undefined ? planned.file : `${planned.file}:${run.place.line}:${run.place.column}`
    const fault = new Fault(
      'FunctionExecutionError',
      `the function ${planned.name} failed: ${run.message} (${at})`,
    )
    return { ...base, change: undefined, fault, problems: NO_PROBLEMS, logData: undefined }
  }
  const problems = new Problems('cloudfront', question.event)
  const change = readCloudFrontResult(question, parseResult(run.resultJson), run, problems)
  const fault = problems.fault()
  return {
    ...base,
    change: fault === undefined ? change : undefined,
    fault,
    problems: problems.list,
    logData: run.logData,
  }
}

function readCloudFrontResult(
  question: Question,
  returned: unknown,
  run: Extract<FunctionRun, { kind: 'returned' }>,
  problems: Problems,
): RequestChange | ResponseChange | undefined {
  if (question.kind !== 'cloudfront') return undefined
  const { shown, headers, rawQuery, passage } = question
  if (shown.response !== undefined)
    return readFunctionResponseResult(returned, shown.response, headers, problems)
  const result = readFunctionRequestResult(returned, shown.request, headers, rawQuery, problems)
  if (result.kind === 'response') return result
  const { origin: wish } = run
  const route = wish === undefined || passage === undefined ? undefined : routeAnew(passage, wish, problems)
  return { ...result, body: undefined, origin: undefined, wish, route }
}

/** What is not JSON, for example of a function that tampered with it, is as good as nothing. */
function parseResult(json: string): unknown {
  if (json === '') return undefined
  try {
    return JSON.parse(json)
  } catch {
    // The reader of the result says what was expected instead.
    return undefined
  }
}

function readLambdaOutcome(planned: PlannedLambda, question: Question, outcome: InvocationOutcome): Attempt {
  const base = {
    function: planned,
    event: question.event,
    logs: outcome.logs,
    durationMs: outcome.durationMs,
    isColdStart: outcome.coldStart,
    reruns: outcome.reruns,
    utilisation: undefined,
    logData: undefined,
  }
  if (outcome.kind === 'failed') {
    const code =
      outcome.failure === 'throttled'
        ? 'LambdaLimitExceeded'
        : outcome.failure === 'oversize'
          ? 'LambdaValidationError'
          : 'LambdaExecutionError'
    const fault = new Fault(code, `the function ${planned.name} failed: ${outcome.message}`)
    return { ...base, change: undefined, fault, problems: NO_PROBLEMS, trace: outcome.trace }
  }
  const problems = new Problems('lambda-edge', question.event)
  const change = readLambdaResult(question, outcome.value, problems)
  const fault = problems.fault()
  return {
    ...base,
    change: fault === undefined ? change : undefined,
    fault,
    problems: problems.list,
    trace: undefined,
  }
}

function readLambdaResult(
  question: Question,
  returned: unknown,
  problems: Problems,
): RequestChange | ResponseChange | undefined {
  if (question.kind !== 'lambda-edge') return undefined
  const { shown, headers } = question
  if (shown.response !== undefined) return readResponseResult(returned, shown.response, headers, problems)
  const result = readRequestResult(returned, shown.request, headers, problems)
  return result.kind === 'response' ? result : { ...result, wish: undefined, route: undefined }
}

function unloadable(planned: PlannedCloudFrontFunction, question: Question, error: unknown): Attempt {
  const message = error instanceof Error ? error.message : String(error)
  return {
    function: planned,
    event: question.event,
    change: undefined,
    fault: new Fault(
      'FunctionExecutionError',
      `the function ${planned.name} could not be loaded: ${message}`,
      {
        cause: error,
      },
    ),
    problems: NO_PROBLEMS,
    logs: NO_LINES,
    durationMs: 0,
    isColdStart: false,
    reruns: 0,
    utilisation: undefined,
    logData: undefined,
    trace: undefined,
  }
}

const NO_LINES: readonly LogLine[] = []
const NO_PROBLEMS: readonly Problem[] = []

function linesOf(texts: readonly string[], at: number): LogLine[] {
  return texts.map((text) => ({ at, level: 'INFO', text }))
}
