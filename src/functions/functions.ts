import type { Clock } from '../base/clock.ts'
import { andThen, type Awaitable, isPromise } from '../base/promise.ts'
import { Fault } from '../faults.ts'
import type { Plan } from '../plan.ts'
import type {
  FunctionEventName,
  PlannedEventFunction,
  PlannedFunction,
  PlannedFunctions,
} from '../planned-functions.ts'
import type { FunctionResult, OriginFunctionResult, Rooms } from '../rooms.ts'
import type { EdgeResponse, OriginRequest, Passage } from '../visit.ts'
import { applyToOriginRequest, applyToResponse, applyToViewerRequest, generated } from './apply.ts'
import { attempt, type Attempt, type Runners } from './attempt.ts'
import { Candidates, type CandidateState, isChosen, partsOf } from './candidates.ts'
import type { ViewerHeader } from './cloudfront-js/event.ts'
import { FunctionLog } from './function-log.ts'
import { createKeyValueStores, type KeyValueStores } from './key-value-store/stores.ts'
import { ask, type Moment, type Question } from './question.ts'
import { type FunctionFigures, functionMetrics, Tally } from './tally.ts'
import { Units } from './units.ts'
import { visitOf } from './function-visit.ts'

export interface FunctionsOptions {
  readonly clock: Clock
  /** Gives the value of a `CloudFront-*` header. */
  readonly viewerHeader: ViewerHeader
  /** Told what operators should know. */
  readonly report: (says: string) => void
  /** From 0 up to 1, without 1: decides which requests a shadow sees. */
  readonly random: () => number
  /** Another process of this edge changes the key-value stores. */
  readonly followsStores?: boolean
}

/** The functions room. */
export interface Functions {
  readonly room: Rooms['functions']
  readonly stores: KeyValueStores
  readonly log: FunctionLog
  /** Takes up a plan: opens stores and starts what it names. Runs of the plan before go on. */
  use(plan: Plan): Promise<void>
  /**
   * Runs the viewer-request function of a behavior as the line would, for explain: its visit is kept in the passage,
   * and nothing is counted or logged.
   */
  rehearse(passage: Passage): Awaitable<FunctionResult>
  /** What functions have done since the start, and how candidates do. */
  figures(): {
    readonly functions: readonly FunctionFigures[]
    readonly candidates: readonly CandidateState[]
  }
  /** Counters in the text format of Prometheus. */
  metricsText(): string
  close(): Promise<void>
}

const CONTINUE: FunctionResult = { kind: 'continue' }

/** Runs users' code at the four events of CloudFront, under CloudFront's rules. */
export function createFunctions(options: FunctionsOptions): Functions {
  const { clock, viewerHeader, report } = options
  const stores = createKeyValueStores({ clock, follows: options.followsStores === true, report })
  const log = new FunctionLog()
  const tally = new Tally()
  const candidates = new Candidates(report)
  const units = new Units({
    clock,
    stores,
    onStrayLogs: (planned, lines) =>
      log.add({
        requestId: undefined,
        at: clock.now(),
        function: planned.name,
        kind: planned.kind,
        event: undefined,
        durationMs: undefined,
        lines,
        fault: undefined,
        cause: undefined,
        trace: undefined,
      }),
  })
  const runners: Runners = {
    clock,
    invoke: (planned, eventJson) => units.pool(planned).invoke(eventJson),
    runner: (planned) => units.runner(planned),
  }

  function viewerRequest(passage: Passage): Awaitable<FunctionResult> {
    const slot = passage.behavior.functions?.viewerRequest
    if (slot === undefined) return CONTINUE
    return andThen(run(slot, { event: 'viewer-request', passage }), (done): FunctionResult => {
      if (done instanceof Fault) return { kind: 'failed', fault: done }
      note(passage, done, viewerRequestBefore(passage))
      return goOn(passage, done)
    })
  }

  /** The passage after its viewer-request function. */
  function goOn(passage: Passage, done: Attempt): FunctionResult {
    const { change } = done
    if (change === undefined) return { kind: 'failed', fault: faultOf(done) }
    if (done.logData !== undefined) passage.visit.viewerRequestLogData = done.logData
    if (change.kind === 'response') {
      const isLambda = done.function.kind === 'lambda-edge'
      passage.visit.resultType = isLambda ? 'LambdaGeneratedResponse' : 'FunctionGeneratedResponse'
      return { kind: 'answered', response: generated(change) }
    }
    applyToViewerRequest(passage, change)
    return CONTINUE
  }

  async function rehearse(passage: Passage): Promise<FunctionResult> {
    const slot = passage.behavior.functions?.viewerRequest
    if (slot === undefined) return CONTINUE
    const { live } = slot
    const includeBody = live.kind === 'lambda-edge' && live.includeBody
    const question = await ask(live.kind, { event: 'viewer-request', passage }, includeBody, viewerHeader)
    const done = await attempt(live, question, runners)
    passage.visit.functions = [visitOf(done, viewerRequestBefore(passage))]
    return goOn(passage, done)
  }

  function originRequest(passage: Passage, request: OriginRequest): Awaitable<OriginFunctionResult> {
    const slot = passage.behavior.functions?.originRequest
    // A WebSocket handshake leads to a tunnel; functions see it all the same.
    if (slot === undefined) return { kind: 'continue', request }
    return andThen(run(slot, { event: 'origin-request', passage, request }), (done): OriginFunctionResult => {
      if (done instanceof Fault) {
        passage.visit.exit = 'origin-request'
        return { kind: 'failed', fault: done }
      }
      const { change } = done
      note(passage, done, request)
      if (change === undefined || change.kind === 'response') passage.visit.exit = 'origin-request'
      if (change === undefined) {
        request.body.discard()
        return { kind: 'failed', fault: faultOf(done) }
      }
      if (change.kind === 'response') {
        request.body.discard()
        passage.visit.detailedResultType = 'MissGeneratedResponse'
        return { kind: 'answered', response: generated(change) }
      }
      return { kind: 'continue', request: applyToOriginRequest(request, change) }
    })
  }

  function originResponse(
    passage: Passage,
    request: OriginRequest,
    response: EdgeResponse,
  ): Awaitable<EdgeResponse | Fault> {
    const slot = passage.behavior.functions?.originResponse
    // What comes after a switch of protocols is no response that could be changed.
    if (slot === undefined || response.tunnel !== undefined) return response
    return changeResponse(passage, slot, { event: 'origin-response', passage, request, response }, response)
  }

  function viewerResponse(passage: Passage, response: EdgeResponse): Awaitable<EdgeResponse | Fault> {
    const slot = passage.behavior.functions?.viewerResponse
    if (slot === undefined || response.tunnel !== undefined) return response
    return changeResponse(passage, slot, { event: 'viewer-response', passage, response }, response)
  }

  function changeResponse(
    passage: Passage,
    slot: PlannedEventFunction,
    moment: Moment,
    response: EdgeResponse,
  ): Awaitable<EdgeResponse | Fault> {
    return andThen(run(slot, moment), (done) => {
      if (done instanceof Fault) return done
      const { change } = done
      note(passage, done, response)
      if (change === undefined) {
        passage.visit.exit = moment.event
        if (moment.event === 'origin-response') response.body.discard()
        return faultOf(done)
      }
      if (done.logData !== undefined) passage.visit.viewerResponseLogData = done.logData
      if (change.kind === 'response') applyToResponse(response, change)
      return response
    })
  }

  /** Asks the live function, and the candidate where there is one. A Fault when there was nothing to ask with. */
  function run(slot: PlannedEventFunction, moment: Moment): Awaitable<Attempt | Fault> {
    const { live, candidate } = slot
    const includeBody =
      (live.kind === 'lambda-edge' && live.includeBody) ||
      (candidate?.function.kind === 'lambda-edge' && candidate.function.includeBody)
    const question = ask(live.kind, moment, includeBody, viewerHeader)
    if (!isPromise(question)) return answer(slot, question, moment.passage)
    return question.then(
      (asked) => answer(slot, asked, moment.passage),
      (error: unknown) =>
        new Fault('ClientCommError', 'the request body that a function was to see did not arrive whole', {
          cause: error,
        }),
    )
  }

  function answer(slot: PlannedEventFunction, question: Question, passage: Passage): Awaitable<Attempt> {
    const { live, candidate } = slot
    if (candidate === undefined) return attempt(live, question, runners)
    const state = candidates.stateOf(slot, candidate, question.event)
    if (state.off !== undefined) return attempt(live, question, runners)
    const { id, client } = passage.request
    if (candidate.mode === 'weight') {
      if (!isChosen(client.address, candidate.function.identity, candidate.weight))
        return attempt(live, question, runners)
      return andThen(attempt(candidate.function, question, runners), (tried) => {
        candidates.judge(candidate, state, id, tried)
        // A viewer does not pay for a candidate that fails.
        if (tried.fault === undefined) return tried
        log.note(id, clock.now(), tried)
        tally.count(tried)
        return attempt(live, question, runners)
      })
    }
    return andThen(attempt(live, question, runners), (served) => {
      if (options.random() * 100 < candidate.weight) {
        const parts = partsOf(served)
        const same = { ...question, headers: question.headers.clone() }
        // Once the response is on its way: a shadow costs no viewer any time.
        setImmediate(() => {
          void shadow(candidate.function, same, served, (tried) => {
            candidates.judge(candidate, state, id, tried)
            candidates.compare(state, id, parts, tried)
          })
        })
      }
      return served
    })
  }

  async function shadow(
    planned: PlannedFunction,
    question: Question,
    served: Attempt,
    judge: (tried: Attempt) => void,
  ): Promise<void> {
    try {
      judge(await attempt(planned, question, runners))
    } catch (error) {
      report(
        `the shadow ${planned.name} of ${served.function.name} could not be judged: ${error instanceof Error ? error.message : String(error)}`,
      )
    }
  }

  function note(passage: Passage, done: Attempt, before: Parameters<typeof visitOf>[1]): void {
    const { visit } = passage
    ;(visit.functions ??= []).push(visitOf(done, before))
    log.note(visit.request.id, clock.now(), done)
    tally.count(done)
  }

  return {
    room: { viewerRequest, originRequest, originResponse, viewerResponse },
    stores,
    log,
    rehearse,
    async use(plan) {
      for (const problem of await stores.use(plan.keyValueStores)) report(problem)
      units.use(functionsIn(plan))
    },
    figures: () => ({ functions: tally.figures(units.counters()), candidates: candidates.all }),
    metricsText: () => functionMetrics(tally.figures([])),
    async close() {
      await stores.close()
      await units.close()
    },
  }
}

function viewerRequestBefore(passage: Passage): {
  readonly path: string
  readonly query: string | undefined
  readonly headers: Passage['request']['headers']
  readonly origin: { readonly domainName: string }
} {
  const { path, query, headers } = passage.request
  return { path, query, headers, origin: passage.behavior.origins[0]! }
}

function faultOf({ fault, event }: Attempt): Fault {
  return fault ?? new Fault('InternalError', `the function at ${event} gave neither a result nor a fault`)
}

/** Every function that a plan names, candidates too, each once. */
function functionsIn(plan: Plan): PlannedFunction[] {
  const found = new Map<string, PlannedFunction>()
  for (const { behaviors } of plan.distributions) {
    for (const { functions } of behaviors) {
      if (functions === undefined) continue
      for (const slot of slotsOf(functions)) {
        found.set(slot.live.identity, slot.live)
        if (slot.candidate !== undefined) found.set(slot.candidate.function.identity, slot.candidate.function)
      }
    }
  }
  return [...found.values()]
}

function slotsOf(functions: PlannedFunctions): PlannedEventFunction[] {
  const { viewerRequest, originRequest, originResponse, viewerResponse } = functions
  return [viewerRequest, originRequest, originResponse, viewerResponse].filter((slot) => slot !== undefined)
}

/** The key of a function in a behavior, by its event. */
export const slotOfEvent = {
  'viewer-request': 'viewerRequest',
  'origin-request': 'originRequest',
  'origin-response': 'originResponse',
  'viewer-response': 'viewerResponse',
} as const satisfies Record<FunctionEventName, keyof PlannedFunctions>
