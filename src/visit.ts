import type { Duplex } from 'node:stream'
import type { Body } from './http/body.ts'
import type { HeaderList } from './http/header-list.ts'
import type { MessageView } from './http/message-diff.ts'
import type { FaultCode } from './faults.ts'
import type { PlannedBehavior, PlannedDistribution, PlannedOrigin, Plan, PlannedRoute } from './plan.ts'
import type { FunctionEventName, FunctionKind } from './planned-functions.ts'
import type { StageName } from './stages.ts'

/** One end of a connection: an IP address in its plain form (never `::ffff:…`) and a port. */
export interface Endpoint {
  readonly address: string
  readonly port: number
}

/** What TLS said; `ja3` and `ja4` are read off the ClientHello before Node sees it. */
export interface TlsFacts {
  readonly version: string
  /** The name OpenSSL gives the cipher, as CloudFront logs it. */
  readonly cipher: string
  readonly resumed: boolean
  readonly sni: string | undefined
  readonly ja3: string | undefined
  readonly ja4: string | undefined
}

export interface ViewerConnection {
  readonly id: number
  readonly local: Endpoint
  /** The TCP peer, or what the PROXY protocol said it is. */
  readonly remote: Endpoint
  readonly tls: TlsFacts | undefined
}

/** A request as the viewer sent it. Plain data, independent of `node:http`; functions make changed copies. */
export interface ViewerRequest {
  /** The request id: `X-Amz-Cf-Id`, `x-edge-request-id`, `requestId` in events. */
  readonly id: string
  readonly method: string
  /** As received, with its percent-encoding. */
  readonly path: string
  /** Without `?`; undefined when there was no `?`. */
  readonly query: string | undefined
  readonly httpVersion: '1.0' | '1.1' | '2.0'
  readonly scheme: 'http' | 'https'
  /** Host header or `:authority` as received, perhaps with a port. */
  readonly host: string
  readonly headers: HeaderList
  readonly body: Body
  readonly connection: ViewerConnection
  /** After PROXY protocol and trusted proxies: the one client address (`c-ip`, `clientIp`, WAF). */
  readonly client: Endpoint
  /** Bytes of request line and headers. */
  readonly headBytes: number
}

/** A request on its way to an origin. Functions may replace it; its body is the viewer's, by reference. */
export interface OriginRequest {
  readonly method: string
  /** Without the origin path; starts with `/`. */
  readonly path: string
  readonly query: string | undefined
  readonly headers: HeaderList
  readonly body: Body
  readonly origin: PlannedOrigin
  readonly isUpgrade: boolean
}

/** A response on its way to the viewer. */
export interface EdgeResponse {
  status: number
  headers: HeaderList
  body: Body
  /** After 101: the origin's side of the connection, whose owner is whoever sends the response. */
  tunnel?: Duplex
  /** Out of the cache: what belongs to one connection or to cookies nobody forwards is taken out already. */
  isTrimmed?: true
  /** The stored entry of which this is the whole, unchanged: what was found out about one response holds for the next. */
  stored?: object | undefined
}

/** What became of the cache on this request. */
export type CacheStatus = 'hit' | 'stale' | 'refresh-hit' | 'miss' | 'bypass'

/** Why a request went past the cache: a closed list. */
export type BypassReason =
  | 'method-not-cached'
  | 'caching-disabled'
  | 'upgrade'
  | 'cookies-not-collapsed'
  | 'vary-not-collapsed'
  | 'released'

/** Why the cache had no answer of its own: a closed list. */
export type MissReason =
  /** Nothing was ever stored under this path. */
  | 'never-stored'
  /** Something of this path is stored, under a key that differs; `detail` names the parts. */
  | 'key-differs'
  | 'vary-differs'
  | 'range-not-stored'
  | 'evicted'
  | 'invalidated'
  | 'expired'
  | 'corrupted'
  /** The request asks for it (`rfc` profile: no-cache, max-age, min-fresh). */
  | 'asked-by-viewer'
  | 'must-revalidate'

/** Why the cache answered: a closed list. */
export type HitReason =
  | 'fresh'
  /** Another request was fetching it. */
  | 'collapsed'
  | 'stale-while-revalidate'
  | 'stale-on-error'
  | 'stale-by-request'
  | 'revalidated'
  /** The origin failed a moment ago and is left alone until ErrorCachingMinTTL is over. */
  | 'error-cached'

export type CacheReason = BypassReason | MissReason | HitReason

export interface CacheFacts {
  status: CacheStatus
  why: CacheReason
  /** The key, when one was computed. */
  key: string | undefined
  /** Seconds, as `Age` gives it. */
  ageSeconds: number | undefined
  /** What else there is to say of `why`, for people. */
  detail: string | undefined
  /** Seconds the answer stays fresh, negative when it is stale already. */
  ttlSeconds: number | undefined
  /** After an origin was asked: `stored`, or why the answer was not kept. */
  stored: string | undefined
  /** Status of the origin when it was asked. */
  originStatus: number | undefined
  /** Whether `Cache-Status` was asked for. */
  isTold: boolean
}

/** Facts of a request of which no more is known yet. */
export function newCacheFacts(
  status: CacheStatus,
  why: CacheReason,
  key: string | undefined,
  isTold = false,
): CacheFacts {
  return {
    status,
    why,
    key,
    ageSeconds: undefined,
    detail: undefined,
    ttlSeconds: undefined,
    stored: undefined,
    originStatus: undefined,
    isTold,
  }
}

/** One attempt at one origin. Times are milliseconds of the monotonic clock. */
export interface OriginVisit {
  readonly origin: string
  attempts: number
  readonly startedAt: number
  dnsMs: number | undefined
  connectMs: number | undefined
  firstByteAt: number | undefined
  lastByteAt: number | undefined
  status: number | undefined
  fault: FaultCode | undefined
  /** For operators: what exactly was found. */
  cause: string | undefined
}

/** One run of an edge function. What it changed is kept as it was before and after; who shows a visit makes the diff. */
export interface FunctionVisit {
  readonly event: FunctionEventName
  readonly kind: FunctionKind
  readonly name: string
  readonly outcome: 'unchanged' | 'changed' | 'answered' | 'failed'
  readonly durationMs: number
  readonly isColdStart: boolean
  /** Runs that were lost with their worker and done again. */
  readonly reruns: number
  /** 0 to 100, of CloudFront Functions. */
  readonly utilisation: number | undefined
  readonly fault: FaultCode | undefined
  /** For operators: which rule was broken, or how it failed. */
  readonly cause: string | undefined
  /** Lines it wrote to its console; the function log has them. */
  readonly logLines: number
  readonly before: MessageView | undefined
  readonly after: MessageView | undefined
}

/** What the web ACL decided. */
export interface WafFacts {
  readonly webAcl: string
  readonly action: 'allow' | 'block' | 'captcha' | 'challenge' | 'monetize'
  /** The rule that decided; undefined for the default action. */
  readonly rule: string | undefined
  readonly labels: readonly string[]
}

/** What a part of a module's answer took. */
export interface Timing {
  /** A token (RFC 9110 section 5.6.2), as Server-Timing names it. */
  readonly name: string
  readonly durationMs: number
}

/** One line of the explain trace. */
export interface TrailEntry {
  readonly stage: StageName
  readonly says: string
}

/**
 * What was learned about one request, stage by stage. Logs, metrics, captures, explain and replay are views of it.
 * Values that only a log needs are taken from `request` and `response` when the line is written, not before.
 */
export class Visit {
  readonly request: ViewerRequest
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  /** Milliseconds of the monotonic clock. */
  readonly startedMonotonic: number
  distribution: string | undefined = undefined
  distributionId: string | undefined = undefined
  distributionDomain: string | undefined = undefined
  /** The behavior's path pattern. */
  behavior: string | undefined = undefined
  country: string | undefined = undefined
  asn: number | undefined = undefined
  /** The stage at which it was decided what the viewer receives. */
  exit: StageName = 'finish'
  /** `x-edge-result-type` before and after the last byte, and the detail. */
  resultType = 'Miss'
  responseResultType = 'Miss'
  detailedResultType = 'Miss'
  fault: FaultCode | undefined = undefined
  /** For operators: why it failed. */
  cause: string | undefined = undefined
  waf: WafFacts | undefined = undefined
  cache: CacheFacts | undefined = undefined
  readonly origins: OriginVisit[] = []
  /** A custom error page took the place of this status. */
  errorPageFor: number | undefined = undefined
  /** Fields the viewer was sent; undefined until then. */
  responseHeaders: HeaderList | undefined = undefined
  status = 0
  headerBytes = 0
  bodyBytes = 0
  requestBodyBytes = 0
  firstByteAt: number | undefined = undefined
  finishedAt: number | undefined = undefined
  /** `ws` or `wss` in the log's protocol field. */
  isTunnel = false
  /** The query string as logs may show it, where that is not the viewer's. */
  shownQuery: string | undefined = undefined
  fleStatus: string | undefined = undefined
  fleFields: number | undefined = undefined
  rangeStart: number | undefined = undefined
  rangeEnd: number | undefined = undefined
  viewerRequestLogData: string | undefined = undefined
  viewerResponseLogData: string | undefined = undefined
  trail: TrailEntry[] | undefined = undefined
  /** What a module that answered in the place of the origin took for it; never of what came out of the cache. */
  timings: readonly Timing[] | undefined = undefined
  /** Runs of edge functions, in order. */
  functions: FunctionVisit[] | undefined = undefined

  constructor(request: ViewerRequest, startedAt: number, startedMonotonic: number) {
    this.request = request
    this.startedAt = startedAt
    this.startedMonotonic = startedMonotonic
  }
}

/**
 * One request on its way down the line: the plan it runs under, what was resolved so far, and its visit.
 * Internal fetches (custom error pages, refreshes, warming) have a passage of their own without a viewer.
 */
export class Passage {
  readonly plan: Plan
  readonly visit: Visit
  /** As the viewer sent it, then as the viewer-request function left it. */
  request: ViewerRequest
  /** Set by `match`; the line does not go on without them. */
  distribution!: PlannedDistribution
  behavior!: PlannedBehavior
  /** Origins that a viewer-request function chose in the place of the behavior's. */
  route: PlannedRoute | undefined = undefined
  /** The path on which behaviors are matched: dot segments resolved, slashes merged. */
  normalisedPath = ''
  /** An internal fetch: no viewer functions, no custom error pages. */
  readonly isInternal: boolean
  /** Original URI and query of the request that a custom error page answers. */
  errorUri: string | undefined = undefined
  errorArgs: string | undefined = undefined
  /** Lines that modules add to the cache key; undefined for none. */
  moduleKey: string | undefined = undefined
  /** Tags by which modules can invalidate what is fetched on this passage, beside those that the origin gives it. */
  tags: readonly string[] | undefined = undefined
  /** The status from which the viewer response stands; viewer-response is skipped for origin errors. */
  skipsViewerResponse = false
  /** Passes an interim response on; set by the listener when its viewer can take one. */
  interim: ((status: number, headers: HeaderList) => void) | undefined = undefined
  /** The passage of the viewer for whom this one fetches, where it does. */
  viewer: Passage | undefined = undefined
  #departed = false
  #onDepart: (() => void) | undefined = undefined

  constructor(plan: Plan, request: ViewerRequest, visit: Visit, isInternal = false) {
    this.plan = plan
    this.request = request
    this.visit = visit
    this.isInternal = isInternal
  }

  /** An origin sent an interim response (RFC 9110 section 15.2). CloudFront knows none, so the `cloudfront` profile drops it. */
  tellInterim(status: number, headers: HeaderList): void {
    if (this.behavior.cacheProfile !== 'rfc' || this.departed) return
    const { interim } = this.viewer ?? this
    interim?.(status, headers)
  }

  /** True once the viewer has gone away before the end of its response. */
  get departed(): boolean {
    return this.#departed
  }

  /** The viewer went away: whoever works for it alone is told to stop. */
  depart(): void {
    if (this.#departed) return
    this.#departed = true
    const tell = this.#onDepart
    this.#onDepart = undefined
    tell?.()
  }

  /** Who is to be told when the viewer goes away: one at a time, the latest. Told at once if it is gone already. */
  onDepart(tell: (() => void) | undefined): void {
    if (this.#departed) tell?.()
    else this.#onDepart = tell
  }
}

/** What the listener learned after the response left, for the last stage. */
export interface Outcome {
  /** True when the whole response reached the socket. */
  readonly complete: boolean
  /** Why not, otherwise. */
  readonly failure: 'viewer-left' | 'origin-broke' | 'timeout' | undefined
  readonly cause: string | undefined
}
