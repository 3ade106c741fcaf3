import type { HeaderList } from '../http/header-list.ts'
import type { ViewerRequest } from '../visit.ts'
import type { Evaluation, GroupOutcome, RuleHit } from './evaluation.ts'
import type { ActionKind } from './plan.ts'
import { statusSent } from './verdict.ts'

/** Samples kept per rule, and for how long (WAFV2 GetSampledRequests). */
const MAX_SAMPLES = 100
const MAX_PER_SECOND = 20
const KEEP_MS = 3 * 60 * 60 * 1000
/** Names of labels counted at most; beyond it labels made of request data would fill the memory. */
const MAX_LABELS = 10_000

/** One sampled request: what GetSampledRequests tells of it. It holds no body and no evidence, only what is small. */
export interface SampledRequest {
  readonly atMs: number
  readonly clientIp: string
  readonly method: string
  readonly path: string
  readonly query: string | undefined
  readonly httpVersion: string
  readonly headers: HeaderList
  readonly action: ActionKind
  /** The rule inside a group, as AWS names it (`group#rule`); undefined otherwise. */
  readonly ruleWithinGroup: string | undefined
  readonly overridden: ActionKind | undefined
  readonly labels: readonly string[]
  readonly inserted: Evaluation['inserted']
  readonly status: number | undefined
}

/** Requests by outcome, under the names of the metrics of AWS WAF. */
export interface RuleCounts {
  AllowedRequests: number
  BlockedRequests: number
  CountedRequests: number
  CaptchaRequests: number
  RequestsWithValidCaptchaToken: number
  ChallengeRequests: number
  RequestsWithValidChallengeToken: number
  /** Of a group: it was evaluated and nothing in it matched. */
  PassedRequests: number
}

/** Samples and metrics of one web ACL, under the metric names of its rules; `Default_Action` for requests no rule decided. */
export class WafRecords {
  readonly webAcl: string
  readonly #samples = new Map<string, Ring>()
  readonly #counts = new Map<string, RuleCounts>()
  readonly #labels = new Map<string, number>()
  /** Metric names whose visibility configuration asks for no metrics. */
  readonly #hidden = new Set<string>()

  constructor(webAcl: string) {
    this.webAcl = webAcl
  }

  add(request: ViewerRequest, evaluation: Evaluation, atMs: number): void {
    const { hit, terminating, action } = evaluation
    const name = terminating?.visibility.metricName ?? 'Default_Action'
    if (terminating?.visibility.hasMetrics === false) this.#hidden.add(name)
    if (terminating?.visibility.isSampled !== false)
      this.#sample(name, request, evaluation, hit, action, undefined, atMs)
    this.#countsOf(name)[METRICS[action]]++
    this.#countsOf('ALL')[METRICS[action]]++
    for (const counted of evaluation.counted)
      this.#addCounted(counted, counted.metricName, request, evaluation, undefined, atMs)
    for (const outcome of evaluation.groups) this.#addGroup(outcome, request, evaluation, atMs)
    for (const label of evaluation.labels) {
      const before = this.#labels.get(label)
      if (before !== undefined || this.#labels.size < MAX_LABELS) this.#labels.set(label, (before ?? 0) + 1)
    }
  }

  /** Requests sampled under a metric name between two moments, newest first, and how many there were in all. */
  sampled(
    metricName: string,
    fromMs: number,
    toMs: number,
    max: number,
  ): { readonly samples: readonly SampledRequest[]; readonly population: number } {
    const ring = this.#samples.get(metricName)
    if (ring === undefined) return { samples: [], population: 0 }
    const oldest = Math.max(fromMs, toMs - KEEP_MS)
    const samples = ring.newest().filter(({ atMs }) => atMs >= oldest && atMs <= toMs)
    return { samples: samples.slice(0, max), population: ring.population }
  }

  /** Requests by rule and outcome since the start. */
  get counts(): ReadonlyMap<string, Readonly<RuleCounts>> {
    return this.#counts
  }

  /** Whether a metric name asks for metrics. */
  hasMetrics(name: string): boolean {
    return !this.#hidden.has(name)
  }

  /** Requests by label since the start. */
  get labels(): ReadonlyMap<string, number> {
    return this.#labels
  }

  #addGroup(outcome: GroupOutcome, request: ViewerRequest, evaluation: Evaluation, atMs: number): void {
    const { group, counted, excluded, terminating } = outcome
    for (const each of [...counted, ...excluded])
      this.#addCounted(each, `${group.name}/${each.metricName}`, request, evaluation, group.id, atMs)
    if (terminating !== undefined) {
      const name = `${group.name}/${terminating.metricName}`
      if (!terminating.hasMetrics) this.#hidden.add(name)
      this.#countsOf(name)[METRICS[terminating.action]]++
    }
    if (terminating === undefined && counted.length + excluded.length === 0)
      this.#countsOf(group.name).PassedRequests++
  }

  #addCounted(
    hit: RuleHit,
    name: string,
    request: ViewerRequest,
    evaluation: Evaluation,
    group: string | undefined,
    atMs: number,
  ): void {
    const counts = this.#countsOf(name)
    if (!hit.hasMetrics) this.#hidden.add(name)
    // With a valid token Captcha and Challenge are counted by metrics of their own.
    if (hit.action === 'captcha') counts.RequestsWithValidCaptchaToken++
    else if (hit.action === 'challenge') counts.RequestsWithValidChallengeToken++
    else counts.CountedRequests++
    if (hit.isSampled) this.#sample(name, request, evaluation, hit, hit.action, group, atMs)
  }

  #sample(
    name: string,
    request: ViewerRequest,
    evaluation: Evaluation,
    hit: RuleHit | undefined,
    action: ActionKind,
    group: string | undefined,
    atMs: number,
  ): void {
    let ring = this.#samples.get(name)
    if (ring === undefined) this.#samples.set(name, (ring = new Ring()))
    if (!ring.takes(atMs)) return
    ring.add({
      atMs,
      clientIp: request.client.address,
      method: request.method,
      path: request.path,
      query: request.query,
      httpVersion: request.httpVersion,
      headers: request.headers,
      action,
      ruleWithinGroup: group === undefined ? undefined : `${group}#${hit?.rule ?? ''}`,
      overridden: hit?.overridden,
      labels: evaluation.labels,
      inserted: evaluation.inserted,
      status: action === evaluation.action ? statusSent(evaluation) : undefined,
    })
  }

  #countsOf(name: string): RuleCounts {
    let counts = this.#counts.get(name)
    if (counts === undefined) {
      counts = { ...NOTHING }
      this.#counts.set(name, counts)
    }
    return counts
  }
}

const METRICS = {
  allow: 'AllowedRequests',
  block: 'BlockedRequests',
  monetize: 'BlockedRequests',
  count: 'CountedRequests',
  captcha: 'CaptchaRequests',
  challenge: 'ChallengeRequests',
} as const satisfies Record<ActionKind, keyof RuleCounts>

const NOTHING: RuleCounts = {
  AllowedRequests: 0,
  BlockedRequests: 0,
  CountedRequests: 0,
  CaptchaRequests: 0,
  RequestsWithValidCaptchaToken: 0,
  ChallengeRequests: 0,
  RequestsWithValidChallengeToken: 0,
  PassedRequests: 0,
}

/** The last hundred of something, in a fixed place. */
class Ring {
  readonly #items: SampledRequest[] = []
  #next = 0
  population = 0
  #second = 0
  #taken = 0

  /** Counts a request and says whether it is sampled: no more than twenty a second, so that a flood leaves others in. */
  takes(atMs: number): boolean {
    this.population++
    const second = Math.floor(atMs / 1000)
    if (second !== this.#second) {
      this.#second = second
      this.#taken = 0
    }
    return ++this.#taken <= MAX_PER_SECOND
  }

  add(item: SampledRequest): void {
    this.#items[this.#next] = item
    this.#next = (this.#next + 1) % MAX_SAMPLES
  }

  newest(): SampledRequest[] {
    return [...this.#items.slice(this.#next), ...this.#items.slice(0, this.#next)].toReversed()
  }
}
