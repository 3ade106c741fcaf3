import { cacheKey, keyParts } from './cache/key.ts'
import { decideTtl } from './cache/ttl.ts'
import type { Geo } from './distribution/geo.ts'
import type { Awaitable } from './base/promise.ts'
import { newRequestId } from './base/ids.ts'
import type { Clock } from './base/clock.ts'
import { asFault, type Fault } from './faults.ts'
import { Body } from './http/body.ts'
import { HeaderList } from './http/header-list.ts'
import { headBytes, hostOf, parseTarget, refuseSize } from './listener/hygiene.ts'
import { fateOf, type HeaderFate, prepareOriginRequest, type ViewerHeaderSource } from './origin/prepare.ts'
import { changesOf } from './log/public-visit.ts'
import { createRedaction } from './log/redact.ts'
import type { PlannedEventFunction } from './planned-functions.ts'
import type { Plan, PlannedBehavior, PlannedOrigin } from './plan.ts'
import type { FunctionResult, Rooms } from './rooms.ts'
import type { StageName } from './stages.ts'
import { Passage, type TrailEntry, Visit, type ViewerRequest } from './visit.ts'
import { Secret } from './base/secret.ts'
import { tellEvaluation, tellVerdict } from './waf/tell-evaluation.ts'
import { withInserted } from './waf/verdict.ts'
import type { Waf } from './waf/waf.ts'

/** What is asked of explain: a request as a viewer would send it. */
export interface ExplainQuestion {
  readonly url: string
  readonly method: string
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly clientAddress?: string
}

export interface Explanation {
  readonly stages: readonly { readonly stage: StageName; readonly says: readonly string[] }[]
  /** Where the line would be left, and with what. */
  readonly outcome: string
}

export interface ExplainRooms {
  readonly clock: Clock
  readonly distribution: Rooms['distribution']
  readonly viewerHeader: ViewerHeaderSource
  readonly geo: Pick<Geo, 'lookup'>
  readonly waf: Pick<Waf, 'explain'>
  /** What modules add; they are not open offline. */
  readonly modules?: {
    hooksOf(behavior: PlannedBehavior):
      | {
          explain?(passage: Passage): Awaitable<readonly TrailEntry[]>
          cacheKey?(passage: Passage): string | undefined
        }
      | undefined
  }
  /** Runs the viewer-request function without counting or logging it. */
  readonly rehearse: (passage: Passage) => Awaitable<FunctionResult>
  /** What the cache would answer, without counting or moving anything. */
  readonly cachePeek: (passage: Passage) => Awaitable<readonly string[]>
}

const FATES: Record<HeaderFate, string> = {
  'forwarded-by-policy': 'sent, listed by the cache policy or the origin request policy',
  'forwarded-by-default': 'sent, CloudFront forwards it by default',
  rewritten: 'written anew by the edge',
  'dropped-hop-by-hop': 'dropped, it belongs to one connection only or is reserved',
  'dropped-not-listed': 'dropped, neither policy lists it',
  'dropped-by-policy': 'dropped, the origin request policy excludes it',
  'dropped-reserved': 'dropped, CloudFront-* names are set by the edge alone',
}

/**
 * Walks a request down the line of a plan and says, stage by stage, what is decided and why. Nothing is sent, stored
 * or counted; origins are not asked.
 */
export async function explain(
  plan: Plan,
  question: ExplainQuestion,
  rooms: ExplainRooms,
): Promise<Explanation> {
  const stages: { stage: StageName; says: string[] }[] = []
  let added: readonly TrailEntry[] = []
  const tell = (stage: StageName, ...says: string[]) =>
    stages.push({
      stage,
      says: [...says, ...added.filter((line) => line.stage === stage).map((line) => line.says)],
    })
  const stop = (fault: Fault): Explanation => {
    stages.at(-1)?.says.push(`refused: ${fault.message}`)
    return { stages, outcome: `${fault.row.status} ${fault.code}: ${fault.row.sentence}` }
  }

  const request = requestOf(question)
  if (typeof request === 'string') {
    tell('accept', request)
    return { stages, outcome: `400 BadRequest: ${request}` }
  }
  const bytes = headBytes(request.method, request.path, request.headers.raw)
  tell(
    'accept',
    `${request.method} ${request.path}, ${request.headers.size} headers, ${bytes} of 32768 bytes`,
  )
  const oversize = refuseSize(request.path.length + (request.query?.length ?? 0), bytes)
  if (oversize !== undefined) return { stages, outcome: `${oversize.code}: ${oversize.why}` }

  const visit = new Visit(request, rooms.clock.now(), rooms.clock.monotonic())
  const passage = new Passage(plan, request, visit)
  const unmatched = rooms.distribution.match(passage)
  const { distribution } = passage
  if (distribution === undefined) {
    tell('match', `host ${request.host}`)
    return stop(unmatched ?? asFault(new Error('no distribution')))
  }
  const tried: string[] = []
  for (const behavior of distribution.behaviors) {
    if (behavior === passage.behavior) {
      tried.push(`${behavior.pattern} matches`)
      break
    }
    tried.push(`${behavior.pattern} does not`)
  }
  tell(
    'match',
    `host ${request.host} is answered by distribution ${distribution.name} (${distribution.id})`,
    ...(passage.request.path === request.path
      ? []
      : [`default root object: / becomes ${passage.request.path}`]),
    ...(passage.normalisedPath === passage.request.path
      ? []
      : [`matched as ${passage.normalisedPath}; the path travels on as it is`]),
    `patterns tried on ${passage.normalisedPath}: ${tried.join(', ')}`,
    `behavior ${passage.behavior.pattern}`,
  )
  if (unmatched !== undefined) return stop(unmatched)
  const { behavior } = passage
  const hooks = rooms.modules?.hooksOf(behavior)
  added = (await hooks?.explain?.(passage)) ?? []
  const evaluation = await rooms.waf.explain(passage)
  if (evaluation === undefined) tell('waf', 'no web ACL')
  else {
    tell('waf', ...tellEvaluation(evaluation, distribution.webAcl))
    const verdict = tellVerdict(evaluation)
    if (verdict !== undefined) return { stages, outcome: verdict }
    passage.request = withInserted(passage.request, evaluation)
  }
  const enforced = await rooms.distribution.enforce(passage)
  const place = rooms.geo.lookup(request.client.address)
  tell(
    'behavior',
    `viewer protocol policy ${behavior.viewerProtocolPolicy}, the request came over ${request.scheme}`,
    `method ${request.method}, allowed: ${[...behavior.allowedMethods].join(' ')}`,
    `client ${request.client.address}, country ${place.country ?? 'unknown'}${distribution.geoRestriction === undefined ? '' : `, geo restriction: ${distribution.geoRestriction.type} ${[...distribution.geoRestriction.countries].join(' ')}`}`,
    behavior.trustedKeys === undefined
      ? 'no signature is asked for'
      : `a signature by one of ${[...behavior.trustedKeys.keys()].join(', ')} is asked for`,
  )
  if (enforced.kind === 'refused') return stop(enforced.fault)
  if (enforced.kind === 'answered') {
    return {
      stages,
      outcome: `${enforced.response.status} to ${enforced.response.headers.get('location') ?? '-'}`,
    }
  }
  const ran = await rehearse(passage, rooms)
  tell('viewer-request', ...ran.says)
  if (ran.result.kind === 'failed') return stop(ran.result.fault)
  if (ran.result.kind === 'answered')
    return { stages, outcome: `${ran.result.response.status}, made by the viewer-request function` }

  const policy = behavior.cachePolicy
  passage.moduleKey = hooks?.cacheKey?.(passage)
  const parts = keyParts(cacheKey(passage, rooms.viewerHeader))
  const stored = behavior.cachedMethods.has(request.method)
    ? policy.isDisabled
      ? ['bypass: caching is disabled by the policy']
      : await rooms.cachePeek(passage)
    : [`bypass: ${request.method} is not cached`]
  const isHit = /^(?:stale )?hit:/.test(stored[0] ?? '')
  tell(
    'lookup',
    `cache policy ${policy.name}`,
    `cache key: ${Object.entries(parts)
      .map(([name, value]) => `${name} ${value}`)
      .join(' | ')}`,
    ...stored,
    ...(isHit ? ['so no origin is asked now; what it would be asked for is below'] : []),
  )

  const { origins, failoverStatuses } = passage.route ?? behavior
  const [origin] = origins
  const prepared = prepareOriginRequest(passage, origin!, rooms.viewerHeader)
  tell('origin-request', named(behavior.functions?.originRequest, 'explain runs no origin functions'))
  tell(
    'send',
    `origin ${origin!.name}: ${prepared.method} ${targetOf(origin!, passage, prepared.path, prepared.query)}`,
    ...(origins.length > 1
      ? [`fails over to ${origins[1]!.name} on ${[...failoverStatuses].join(' ')}`]
      : []),
    ...fatesOf(passage),
    ...(request.query === prepared.query
      ? []
      : [`query string: ${request.query ?? 'none'} becomes ${prepared.query ?? 'none'}`]),
    ...prepared.headers.toJSON().map(([name, value]) => `> ${name}: ${value}`),
    ...origin!.customHeaders.map(
      ({ name, value }) =>
        `> ${name}: ${value instanceof Secret ? '[secret]' : value} (custom header of the origin)`,
    ),
  )
  tell('origin-response', named(behavior.functions?.originResponse, 'explain runs no origin functions'))
  const pages = [...distribution.customErrorResponses.values()].filter((rule) => rule.pagePath !== undefined)
  tell(
    'settle',
    pages.length === 0
      ? 'no custom error pages'
      : `custom error pages: ${pages.map((rule) => `${rule.status} gets ${rule.pagePath} as ${rule.responseStatus}`).join(', ')}`,
  )
  tell('store', ...lifetimes(passage, rooms.clock.now()))
  tell(
    'shape',
    behavior.responseHeadersPolicy === undefined
      ? 'no response headers policy'
      : `response headers policy ${behavior.responseHeadersPolicy.name}`,
    compressionOf(passage),
  )
  tell(
    'inspect-response',
    evaluation === undefined || evaluation.responseRuns.length === 0
      ? 'no response rules'
      : `the response is inspected by ${evaluation.responseRuns.map(({ group }) => group.group.name).join(', ')}`,
  )
  tell('viewer-response', named(behavior.functions?.viewerResponse, 'there is no response to run it on'))
  tell('finish', `X-Cache: ${isHit ? 'Hit' : 'Miss'} from ${plan.identity.xCacheSuffix}`)
  return { stages, outcome: isHit ? 'the stored response' : `the answer of origin ${origin!.name}` }
}

/** Runs the viewer-request function, because all that follows depends on what it makes of the request. */
async function rehearse(
  passage: Passage,
  rooms: ExplainRooms,
): Promise<{ readonly says: readonly string[]; readonly result: FunctionResult }> {
  const slot = passage.behavior.functions?.viewerRequest
  if (slot === undefined) return { says: ['no function'], result: { kind: 'continue' } }
  const result = await rooms.rehearse(passage)
  const { live, candidate } = slot
  const [run] = passage.visit.functions ?? []
  const says = [
    `${KINDS[live.kind]} ${live.name} was run for this explanation: ${run?.outcome ?? 'not run'}${run === undefined ? '' : `, ${run.durationMs.toFixed(1)} ms`}`,
    ...changesOf(run?.before, run?.after, REDACTION),
  ]
  if (candidate !== undefined)
    says.push(
      `candidate ${candidate.function.name}: ${candidate.mode} ${candidate.weight} %, not run by explain`,
    )
  return { says, result }
}

function named(slot: PlannedEventFunction | undefined, why: string): string {
  return slot === undefined ? 'no function' : `${KINDS[slot.live.kind]} ${slot.live.name}; ${why}`
}

const KINDS = { 'lambda-edge': 'Lambda@Edge function', cloudfront: 'CloudFront Function' } as const
const REDACTION = createRedaction()

/** The request of a question, or what is wrong with it. */
export function requestOf(question: ExplainQuestion): ViewerRequest | string {
  let url: URL
  try {
    url = new URL(question.url)
  } catch {
    return `${question.url} is not a URL; give one with scheme and host, such as http://localhost:8080/path`
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    return `the scheme ${url.protocol} is neither http: nor https:`
  const headers = new HeaderList(['Host', url.host])
  for (const [name, value] of question.headers) {
    if (name.toLowerCase() === 'host') headers.set('Host', value)
    else headers.append(name, value)
  }
  // The URL as typed: `new URL` would resolve dot segments, which travel on in a request.
  const typed = question.url
    .slice(question.url.indexOf('://') + 3)
    .replace(/^[^/?#]*/, '')
    .replace(/#.*$/, '')
  const target = parseTarget(typed.startsWith('/') ? typed : `/${typed}`, question.method)
  if (typeof target === 'string') return target
  const host = hostOf(headers, '1.1', undefined)
  if (typeof host !== 'string') return host.why
  const client = { address: question.clientAddress ?? '127.0.0.1', port: 40_000 }
  return {
    id: newRequestId(),
    method: question.method,
    path: target.path,
    query: target.query,
    httpVersion: '1.1',
    scheme: url.protocol === 'https:' ? 'https' : 'http',
    host,
    headers,
    body: Body.none(),
    connection: { id: 0, local: { address: '127.0.0.1', port: 0 }, remote: client, tls: undefined },
    client,
    headBytes: 0,
  }
}

function fatesOf(passage: Passage): string[] {
  const { request, behavior } = passage
  return request.headers.toJSON().map(([name]) => {
    const lower = name.toLowerCase()
    if (lower === 'cookie' && behavior.forwarding.cookies.mode === 'none')
      return `${name}: dropped, no policy forwards cookies`
    return `${name}: ${FATES[fateOf(lower, request.method, behavior)]}`
  })
}

function targetOf(origin: PlannedOrigin, passage: Passage, path: string, query: string | undefined): string {
  const rewritten = origin.originPath + (passage.behavior.rewrite?.toOrigin(path) ?? path)
  const withQuery = query === undefined || query === '' ? rewritten : `${rewritten}?${query}`
  if (origin.kind === 'folder') return `${origin.folder}${rewritten}`
  if (origin.kind === 'bucket') return `s3://${origin.bucket}${rewritten}`
  const scheme = origin.protocol === 'match-viewer' ? passage.request.scheme : origin.protocol
  return `${scheme}://${origin.hostname}:${scheme === 'https' ? origin.httpsPort : origin.httpPort}${withQuery}`
}

function lifetimes(passage: Passage, nowMs: number): string[] {
  const policy = passage.behavior.cachePolicy
  const show = (fields: Record<string, string>) => {
    const ttl = decideTtl(200, HeaderList.of(fields), policy, 10, nowMs)
    return ttl.kind === 'keep' ? `${ttl.seconds} s` : `not kept (${ttl.why})`
  }
  return [
    `TTL ${policy.minTtlSeconds} / ${policy.defaultTtlSeconds} / ${policy.maxTtlSeconds} s (min / default / max)`,
    `if the origin says nothing: ${show({})}; max-age=60: ${show({ 'cache-control': 'max-age=60' })}; no-store: ${show({ 'cache-control': 'no-store' })}`,
  ]
}

function compressionOf(passage: Passage): string {
  const { behavior } = passage
  const policy = behavior.cachePolicy
  if (!behavior.compress) return 'compression is off for this behavior'
  if (!policy.gzip && !policy.brotli)
    return 'not compressed: the cache policy enables neither gzip nor brotli'
  const accepted = passage.request.headers.getJoined('accept-encoding')
  if (accepted === undefined) return 'not compressed: the viewer sent no Accept-Encoding'
  return `compressed by ${[policy.brotli ? 'brotli' : '', policy.gzip ? 'gzip' : ''].filter(Boolean).join(' or ')} where type, size and status allow it`
}
