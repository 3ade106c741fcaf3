import type { Clock } from '../base/clock.ts'
import { type Awaitable, isPromise } from '../base/promise.ts'
import { Fault } from '../faults.ts'
import type { Handle } from '../plan.ts'
import type { Rooms, WafVerdict } from '../rooms.ts'
import type { IpSet, RateCounter, RateCounters } from '../seams/state/state.ts'
import type { EdgeResponse, Passage, ViewerRequest } from '../visit.ts'
import { compileAcl, type CompiledAcl } from './compile-acl.ts'
import { type CheckToken, Evaluator } from './evaluate.ts'
import type { Evaluation, TokenState } from './evaluation.ts'
import { Inspection, type WafPlace } from './inspection.ts'
import { inspectResponse } from './inspect-response.ts'
import { LiveIpSet } from './live-ip-set.ts'
import type { PlannedAction, PlannedWebAcl, RateNode } from './plan.ts'
import { WafRecords } from './records.ts'
import { customResponse, bareInterstitial, type Interstitial, toVerdict, withInserted } from './verdict.ts'

const PASS: WafVerdict = { kind: 'pass' }
const MISSING: TokenState = { kind: 'TOKEN_MISSING' }

/** Tokens of Captcha and Challenge: checked, and handed out with the page that earns them. */
export interface TokenDesk {
  check(
    kind: 'captcha' | 'challenge',
    request: ViewerRequest,
    immunitySeconds: number,
    tokenDomains: readonly string[],
  ): TokenState
  readonly interstitial: Interstitial
  /** Answers what the pages of `interstitial` ask for; undefined for every other request. */
  answer(request: ViewerRequest, acl: PlannedWebAcl): Awaitable<EdgeResponse> | undefined
}

/** What the WAF needs of the running edge. */
export interface WafOptions {
  readonly clock: Clock
  /** The web ACL of a request; that of its distribution unless given. */
  readonly aclOf?: (passage: Passage) => PlannedWebAcl | undefined
  /** Where an address is; called once per request and address. */
  readonly lookup: (address: string) => WafPlace
  /** The state seam's counters and IP sets. */
  readonly counters: Pick<RateCounters, 'open'>
  readonly ipSet: (name: string) => Handle<IpSet | undefined> | undefined
  readonly tokens?: TokenDesk
  /** The page for a response that a rule refuses. */
  readonly errorPage: (passage: Passage, fault: Fault) => EdgeResponse
  /** Told of every evaluation, before the answer; what it does must be quick. */
  readonly onEvaluated?: (passage: Passage, acl: PlannedWebAcl, evaluation: Evaluation) => void
}

/** A rate-based rule of a compiled web ACL, for people who ask whom it limits. */
export interface LimitedKeys {
  readonly rule: string
  readonly aggregate: RateNode['aggregate']
  readonly limit: number
  readonly windowSeconds: number
  /** Keys above the limit, highest first. */
  readonly keys: readonly { readonly key: string; readonly estimate: number }[]
}

/** The WAF room, and what admin and explain ask it. */
export interface Waf {
  readonly inspect: Rooms['waf']['inspect']
  readonly inspectResponse: Rooms['waf']['inspectResponse']
  /** Compiles web ACLs before the first request needs them. */
  prepare(acls: Iterable<PlannedWebAcl>): void
  /** Evaluates without counting, logging or answering, with every rule visited; undefined without a web ACL. */
  explain(passage: Passage): Awaitable<Evaluation | undefined>
  /** Samples and metrics of a web ACL, by its ARN. */
  records(arn: string): WafRecords | undefined
  allRecords(): ReadonlyMap<string, WafRecords>
  /** Whom the rate-based rules of a web ACL limit at this moment. */
  limited(acl: PlannedWebAcl, max: number): readonly LimitedKeys[]
}

/** The web ACL of a request's distribution. */
export function plannedAclOf(passage: Passage): PlannedWebAcl | undefined {
  // The compiled configuration puts nothing else there; the shared plan shows only a summary of it.
  return passage.distribution.webAcl as PlannedWebAcl | undefined
}

/** The WAF room: evaluates the web ACL of a request's distribution. */
export function createWaf(options: WafOptions): Waf {
  return new WafRoom(options)
}

interface OpenCounter {
  readonly rule: string
  readonly node: RateNode
  readonly counter: RateCounter
}

class WafRoom implements Waf {
  readonly #options: WafOptions
  readonly #aclOf: (passage: Passage) => PlannedWebAcl | undefined
  readonly #compiled = new WeakMap<PlannedWebAcl, CompiledAcl>()
  readonly #counters = new WeakMap<PlannedWebAcl, OpenCounter[]>()
  readonly #records = new Map<string, WafRecords>()
  /** Requests whose response is to be inspected. */
  readonly #waiting = new WeakMap<Passage, Evaluation>()
  /** Stored responses in which the response rules found nothing, and the web ACL they were inspected under. */
  readonly #inspected = new WeakMap<object, PlannedWebAcl>()
  readonly #interstitial: Interstitial

  constructor(options: WafOptions) {
    this.#options = options
    this.#aclOf = options.aclOf ?? plannedAclOf
    this.#interstitial = options.tokens?.interstitial ?? bareInterstitial
  }

  readonly inspect = (passage: Passage): Awaitable<WafVerdict> => {
    const planned = this.#aclOf(passage)
    if (planned === undefined) return PASS
    const answer = this.#options.tokens?.answer(passage.visit.request, planned)
    if (answer !== undefined) {
      if (isPromise(answer)) return answer.then((response) => ({ kind: 'answered', response }))
      return { kind: 'answered', response: answer }
    }
    const evaluation = this.#evaluate(passage, this.#compile(planned), false)
    if (isPromise(evaluation)) return evaluation.then((done) => this.#conclude(passage, planned, done))
    return this.#conclude(passage, planned, evaluation)
  }

  readonly inspectResponse = (passage: Passage, response: EdgeResponse): Awaitable<EdgeResponse> => {
    const evaluation = this.#waiting.get(passage)
    if (evaluation === undefined) return response
    this.#waiting.delete(passage)
    const { stored } = response
    const acl = this.#aclOf(passage)
    // What a rule of this web ACL has let through once, it lets through again (a new plan has web ACLs of its own).
    if (stored !== undefined && acl !== undefined && this.#inspected.get(stored) === acl) return response
    const judged = inspectResponse(evaluation, response)
    const settle = (changed: Evaluation | undefined): EdgeResponse => {
      if (changed !== undefined) return this.#settleResponse(passage, response, changed)
      if (stored !== undefined && acl !== undefined) this.#inspected.set(stored, acl)
      return response
    }
    return isPromise(judged) ? judged.then(settle) : settle(judged)
  }

  prepare(acls: Iterable<PlannedWebAcl>): void {
    for (const acl of acls) this.#compile(acl)
  }

  explain(passage: Passage): Awaitable<Evaluation | undefined> {
    const planned = this.#aclOf(passage)
    return planned === undefined ? undefined : this.#evaluate(passage, this.#compile(planned), true)
  }

  records(arn: string): WafRecords | undefined {
    return this.#records.get(arn)
  }

  allRecords(): ReadonlyMap<string, WafRecords> {
    return this.#records
  }

  limited(acl: PlannedWebAcl, max: number): readonly LimitedKeys[] {
    this.#compile(acl)
    return (this.#counters.get(acl) ?? []).map(({ rule, node, counter }) => ({
      rule,
      aggregate: node.aggregate,
      limit: node.limit,
      windowSeconds: node.windowSeconds,
      keys: counter.top(max).filter(({ estimate }) => estimate > node.limit),
    }))
  }

  #evaluate(passage: Passage, acl: CompiledAcl, isPeek: boolean): Awaitable<Evaluation> {
    // As the viewer sent it: `match` may have put the default root object into the passage's own.
    const { request } = passage.visit
    const inspection = new Inspection(request, acl.values, this.#options.lookup, isPeek)
    const traces = isPeek || passage.visit.trail !== undefined
    const evaluator = new Evaluator(acl, inspection, this.#checkToken(acl.planned), traces)
    const decided = evaluator.run()
    if (decided !== undefined) return decided
    // One byte more than is inspected tells whether the body goes on behind.
    const peeked = request.body.peek(acl.bodyLimitBytes + 1)
    if (isPromise(peeked)) return peeked.then((bytes) => resume(evaluator, inspection, bytes, acl))
    return resume(evaluator, inspection, peeked, acl)
  }

  #conclude(passage: Passage, planned: PlannedWebAcl, evaluation: Evaluation): WafVerdict {
    this.#note(passage, planned, evaluation)
    if (evaluation.action !== 'allow') return toVerdict(evaluation, passage.request, this.#interstitial)
    passage.request = withInserted(passage.request, evaluation)
    if (evaluation.responseRuns.length > 0) this.#waiting.set(passage, evaluation)
    return PASS
  }

  #settleResponse(passage: Passage, response: EdgeResponse, evaluation: Evaluation): EdgeResponse {
    const planned = this.#aclOf(passage)
    if (planned !== undefined) this.#note(passage, planned, evaluation)
    if (evaluation.action === 'allow') return response
    response.body.discard()
    if (evaluation.planned.response !== undefined) return customResponse(evaluation.planned.response)
    const rule = evaluation.hit?.rule ?? evaluation.terminating?.name ?? ''
    return this.#options.errorPage(
      passage,
      new Fault('RequestBlocked', `the response was refused by ${rule} of the web ACL`),
    )
  }

  #note(passage: Passage, planned: PlannedWebAcl, evaluation: Evaluation): void {
    const { clock, onEvaluated } = this.#options
    this.#recordsOf(planned).add(passage.visit.request, evaluation, clock.now())
    onEvaluated?.(passage, planned, evaluation)
  }

  #recordsOf(planned: PlannedWebAcl): WafRecords {
    let records = this.#records.get(planned.arn)
    if (records === undefined) this.#records.set(planned.arn, (records = new WafRecords(planned.name)))
    return records
  }

  #checkToken(acl: PlannedWebAcl): CheckToken {
    const { tokens } = this.#options
    if (tokens === undefined) return noToken
    return (action: PlannedAction, { request }) => {
      const kind = action.kind === 'captcha' ? 'captcha' : 'challenge'
      const general = kind === 'captcha' ? acl.captchaImmunitySeconds : acl.challengeImmunitySeconds
      return tokens.check(kind, request, action.immunitySeconds ?? general, acl.tokenDomains)
    }
  }

  #compile(planned: PlannedWebAcl): CompiledAcl {
    const known = this.#compiled.get(planned)
    if (known !== undefined) return known
    const { counters, ipSet } = this.#options
    const sets = new Map<string, LiveIpSet>()
    const opened: OpenCounter[] = []
    const compiled = compileAcl(planned, {
      ipSet: (set) => {
        let live = sets.get(set.name)
        if (live === undefined) sets.set(set.name, (live = new LiveIpSet(set, ipSet(set.name))))
        return live
      },
      counter: (name, node) => {
        const counter = counters.open(rateSpec(name, node))
        opened.push({ rule: name.slice(name.indexOf('/') + 1), node, counter })
        return counter
      },
    })
    this.#compiled.set(planned, compiled)
    this.#counters.set(planned, opened)
    return compiled
  }
}

function noToken(): TokenState {
  return MISSING
}

/**
 * A counter per rule instance. Changed settings reset it, as AWS documents: the aggregation is part of the name, limit
 * and window the seam compares itself.
 */
function rateSpec(name: string, node: RateNode): { name: string; limit: number; windowSeconds: number } {
  const keys = node.keys.map((key) => ('name' in key ? `${key.kind}=${key.name}` : key.kind)).join('+')
  return {
    name: `waf/${name}/${node.aggregate}${keys === '' ? '' : `:${keys}`}`,
    limit: node.limit,
    windowSeconds: node.windowSeconds,
  }
}

function resume(evaluator: Evaluator, inspection: Inspection, bytes: Buffer, acl: CompiledAcl): Evaluation {
  const limit = acl.planned.bodyLimitBytes
  const isOversize = bytes.length > limit
  inspection.body = {
    text: bytes.toString('latin1', 0, Math.min(bytes.length, limit)),
    isOversize,
    length: inspection.request.body.length ?? (bytes.length > acl.bodyLimitBytes ? undefined : bytes.length),
  }
  inspection.isPeekedCut = bytes.length > acl.bodyLimitBytes
  inspection.peeked = inspection.isPeekedCut ? bytes.subarray(0, acl.bodyLimitBytes) : bytes
  inspection.isBodyRead = true
  const decided = evaluator.run()
  if (decided === undefined) throw new Error('the web ACL asked for the body twice')
  return decided
}
