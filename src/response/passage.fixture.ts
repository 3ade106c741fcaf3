import type { Clock } from '../base/clock.ts'
import { Body } from '../http/body.ts'
import { keepNone } from '../http/filter-list.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Identity, PlannedBehavior, PlannedCachePolicy, PlannedDistribution } from '../plan.ts'
import { distributionOf, planOf } from '../plan.fixture.ts'
import { type EdgeResponse, Passage, Visit, type ViewerRequest } from '../visit.ts'

/** For the tests of this room: passages, responses and a clock that stands still. */

export const edgeward: Identity = {
  name: 'edgeward',
  server: 'edgeward',
  xCacheSuffix: 'edgeward',
  pop: 'LOCAL1-C1',
  userAgent: 'edgeward',
}

export const cloudfront: Identity = {
  name: 'cloudfront',
  server: 'CloudFront',
  xCacheSuffix: 'cloudfront',
  pop: 'SEA19-C1',
  userAgent: 'Amazon CloudFront',
}

export const REQUEST_ID = `${'a'.repeat(54)}==`

export interface PassageParts {
  readonly request?: Partial<ViewerRequest>
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly behavior?: Partial<PlannedBehavior>
  readonly cachePolicy?: Partial<PlannedCachePolicy>
  readonly forwarding?: Partial<PlannedBehavior['forwarding']>
  readonly customErrorResponses?: PlannedDistribution['customErrorResponses']
  readonly identity?: Identity
  /** False for a request that is turned away before it meets a distribution. */
  readonly isMatched?: boolean
}

/** A passage that has met a distribution and a behavior, with what the test says instead of the defaults. */
export function passageOf(parts: PassageParts = {}): Passage {
  const request: ViewerRequest = {
    id: REQUEST_ID,
    method: 'GET',
    path: '/',
    query: undefined,
    httpVersion: '1.1',
    scheme: 'https',
    host: 'www.example.org',
    headers: HeaderList.of(parts.headers ?? {}),
    body: Body.none(),
    connection: {
      id: 1,
      local: { address: '127.0.0.1', port: 8080 },
      remote: { address: '192.0.2.1', port: 50_000 },
      tls: undefined,
    },
    client: { address: '192.0.2.1', port: 50_000 },
    headBytes: 100,
    ...parts.request,
  }
  const passage = new Passage(
    planOf({ identity: parts.identity ?? edgeward }),
    request,
    new Visit(request, 0, 0),
  )
  if (parts.isMatched === false) return passage
  passage.behavior = behaviorOf(parts)
  passage.distribution = distributionOf({
    behaviors: [passage.behavior],
    ...(parts.customErrorResponses === undefined ? {} : { customErrorResponses: parts.customErrorResponses }),
  })
  // As after an answer of the origin.
  passage.visit.exit = 'send'
  return passage
}

function behaviorOf(parts: PassageParts): PlannedBehavior {
  return {
    pattern: '*',
    matches: () => true,
    origins: [],
    failoverStatuses: new Set(),
    viewerProtocolPolicy: 'allow-all',
    allowedMethods: new Set(['GET', 'HEAD', 'OPTIONS']),
    cachedMethods: new Set(['GET', 'HEAD']),
    compress: true,
    cachePolicy: {
      name: 'CachingOptimized',
      minTtlSeconds: 1,
      defaultTtlSeconds: 86_400,
      maxTtlSeconds: 31_536_000,
      gzip: true,
      brotli: true,
      headers: [],
      cookies: keepNone,
      queryStrings: keepNone,
      isDisabled: false,
      isLegacy: false,
      ...parts.cachePolicy,
    },
    cacheProfile: 'cloudfront',
    forwarding: {
      headerMode: 'listed',
      headers: new Set(),
      cloudFrontHeaders: [],
      cookies: keepNone,
      queryStrings: keepNone,
      cookiesForwarded: false,
      ...parts.forwarding,
    },
    responseHeadersPolicy: undefined,
    trustedKeys: undefined,
    redirect: undefined,
    rewrite: undefined,
    functions: undefined,
    modules: {},
    ...parts.behavior,
  }
}

/** A response with the given fields and body. */
export function responseOf(
  status: number,
  headers: Readonly<Record<string, string | readonly string[]>> = {},
  body: Body = Body.none(),
): EdgeResponse {
  return { status, headers: HeaderList.of(headers), body }
}

/** A clock that stands at a time, in milliseconds since the epoch; `monotonicMs` is its other hand. */
export function standingClock(nowMs = Date.UTC(2026, 10, 24, 12, 0, 0), monotonicMs = 0): Clock {
  return {
    now: () => nowMs,
    monotonic: () => monotonicMs,
    after() {
      throw new Error('a standing clock runs no timers')
    },
  }
}
