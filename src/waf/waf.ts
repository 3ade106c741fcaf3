import type { Clock } from '../base/clock.ts'
import { type Awaitable, isPromise } from '../base/promise.ts'
import type { Rooms, WafVerdict } from '../rooms.ts'
import type { IpSet, RateCounters } from '../seams/state/state.ts'
import type { Handle } from '../plan.ts'
import type { Passage, ViewerRequest } from '../visit.ts'
import { compileAcl, type CompiledAcl, type ExternalGroup } from './compile-acl.ts'
import { type CheckToken, Evaluator } from './evaluate.ts'
import type { Evaluation, TokenState } from './evaluation.ts'
import { Inspection, type WafPlace } from './inspection.ts'
import { LiveIpSet } from './live-ip-set.ts'
import type { PlannedAction, PlannedWebAcl, RateNode } from './plan.ts'
import { WafRecords } from './records.ts'
import { bareInterstitial, type Interstitial, toVerdict, withInserted } from './verdict.ts'

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
}

/** What the WAF needs of the running edge. */
export interface WafOptions {
  readonly clock: Clock
  /** The web ACL of a request's distribution. */
  readonly aclOf: (passage: Passage) => PlannedWebAcl | undefined
  /** Where an address is; called once per request and address. */
  readonly lookup: (address: string) => WafPlace
  /** The state seam's counters and IP sets. */
  readonly counters: Pick<RateCounters, 'open'>
  readonly ipSet: (name: string) => Handle<IpSet | undefined> | undefined
  /** Groups that are not made of AWS rules, such as the Core Rule Set, by `vendor/name`. */
  readonly external?: (key: string, config: unknown) => ExternalGroup | undefined
  readonly tokens?: TokenDesk
  /** Counts IPv6 clients by their /64 network, which AWS WAF does not. */
  readonly ipv6Networks?: boolean
  /** Told of every evaluation, before the answer; what it does must be quick. */
  readonly onEvaluated?: (passage: Passage, acl: PlannedWebAcl, evaluation: Evaluation) => void
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
}

/** The WAF room: evaluates the web ACL of a request's distribution. Without options everything passes. */
export function createWaf(options?: WafOptions): Waf {
  if (options === undefined) {
    return {
      inspect: () => PASS,
      inspectResponse: (_passage, response) => response,
      prepare: () => undefined,
      explain: () => undefined,
      records: () => undefined,
    }
  }
  return new WafRoom(options)
}

class WafRoom implements Waf {
  readonly #options: WafOptions
  readonly #compiled = new WeakMap<PlannedWebAcl, CompiledAcl>()
  readonly #records = new Map<string, WafRecords>()
  readonly #interstitial: Interstitial

  constructor(options: WafOptions) {
    this.#options = options
    this.#interstitial = options.tokens?.interstitial ?? bareInterstitial
  }

  readonly inspect = (passage: Passage): Awaitable<WafVerdict> => {
    const planned = this.#options.aclOf(passage)
    if (planned === undefined) return PASS
    const evaluation = this.#evaluate(passage, this.#compile(planned), false)
    if (isPromise(evaluation)) return evaluation.then((done) => this.#conclude(passage, planned, done))
    return this.#conclude(passage, planned, evaluation)
  }

  readonly inspectResponse: Rooms['waf']['inspectResponse'] = (_passage, response) => response

  prepare(acls: Iterable<PlannedWebAcl>): void {
    for (const acl of acls) this.#compile(acl)
  }

  explain(passage: Passage): Awaitable<Evaluation | undefined> {
    const planned = this.#options.aclOf(passage)
    return planned === undefined ? undefined : this.#evaluate(passage, this.#compile(planned), true)
  }

  records(arn: string): WafRecords | undefined {
    return this.#records.get(arn)
  }

  #evaluate(passage: Passage, acl: CompiledAcl, isPeek: boolean): Awaitable<Evaluation> {
    const { request } = passage
    const inspection = new Inspection(request, acl.values, this.#options.lookup, isPeek)
    const traces = isPeek || passage.visit.trail !== undefined
    const evaluator = new Evaluator(acl, inspection, this.#checkToken(acl.planned), traces)
    const decided = evaluator.run()
    if (decided !== undefined) return decided
    const limit = acl.planned.bodyLimitBytes
    // One byte more than is inspected tells whether the body goes on behind.
    const peeked = request.body.peek(limit + 1)
    if (isPromise(peeked)) return peeked.then((bytes) => resume(evaluator, inspection, bytes, limit))
    return resume(evaluator, inspection, peeked, limit)
  }

  #conclude(passage: Passage, planned: PlannedWebAcl, evaluation: Evaluation): WafVerdict {
    const { clock, onEvaluated } = this.#options
    this.#recordsOf(planned).add(passage.request, evaluation, clock.now())
    onEvaluated?.(passage, planned, evaluation)
    passage.request = withInserted(passage.request, evaluation)
    return toVerdict(evaluation, passage.request, this.#interstitial)
  }

  #recordsOf(planned: PlannedWebAcl): WafRecords {
    let records = this.#records.get(planned.arn)
    if (records === undefined) this.#records.set(planned.arn, (records = new WafRecords()))
    return records
  }

  #checkToken(acl: PlannedWebAcl): CheckToken {
    const { tokens } = this.#options
    if (tokens === undefined) return () => MISSING
    return (action: PlannedAction, { request }) => {
      const kind = action.kind === 'captcha' ? 'captcha' : 'challenge'
      const general = kind === 'captcha' ? acl.captchaImmunitySeconds : acl.challengeImmunitySeconds
      return tokens.check(kind, request, action.immunitySeconds ?? general, acl.tokenDomains)
    }
  }

  #compile(planned: PlannedWebAcl): CompiledAcl {
    const known = this.#compiled.get(planned)
    if (known !== undefined) return known
    const { counters, external, ipSet, ipv6Networks = false } = this.#options
    const sets = new Map<string, LiveIpSet>()
    const compiled = compileAcl(planned, {
      ipSet: (set) => {
        let live = sets.get(set.name)
        if (live === undefined) sets.set(set.name, (live = new LiveIpSet(set, ipSet(set.name))))
        return live
      },
      counter: (name, node) => counters.open(rateSpec(name, node)),
      external: (key, config) => external?.(key, config),
      ipv6Networks,
    })
    this.#compiled.set(planned, compiled)
    return compiled
  }
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

function resume(evaluator: Evaluator, inspection: Inspection, bytes: Buffer, limit: number): Evaluation {
  const isOversize = bytes.length > limit
  inspection.body = {
    text: bytes.toString('latin1', 0, Math.min(bytes.length, limit)),
    isOversize,
    length: inspection.request.body.length ?? (isOversize ? undefined : bytes.length),
  }
  inspection.isBodyRead = true
  const decided = evaluator.run()
  if (decided === undefined) throw new Error('the web ACL asked for the body twice')
  return decided
}
