import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { PlannedResponseHeadersPolicy } from '../plan.ts'
import { newCacheFacts, type OriginVisit } from '../visit.ts'
import { compileResponseHeadersPolicy, responseHeadersPolicySchema } from './config.ts'
import { createHeadersPolicy } from './headers-policy.ts'
import { findManagedResponseHeadersPolicy } from './managed-policies.ts'
import { type PassageParts, passageOf, REQUEST_ID, responseOf, standingClock } from './passage.fixture.ts'

type Fields = Readonly<Record<string, string | readonly string[]>>

function policyOf(config: unknown): PlannedResponseHeadersPolicy {
  return compileResponseHeadersPolicy(responseHeadersPolicySchema.parse(config))
}

function managed(name: string): PlannedResponseHeadersPolicy {
  const policy = findManagedResponseHeadersPolicy(name)
  assert.ok(policy, name)
  return policy
}

/** The response headers after the policy, by lower-case name. */
function apply(
  policy: PlannedResponseHeadersPolicy,
  parts: PassageParts,
  originHeaders: Fields = {},
): Record<string, string> {
  const passage = passageOf({ ...parts, behavior: { responseHeadersPolicy: policy } })
  const response = responseOf(200, originHeaders)
  createHeadersPolicy({ clock: standingClock(), random: () => 0.5 })(passage, response)
  return fieldsOf(response.headers)
}

function fieldsOf(headers: Iterable<[string, string]>): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    found[lower] = found[lower] === undefined ? value : `${found[lower]}, ${value}`
  }
  return found
}

const CORS = {
  accessControlAllowOrigins: ['https://app.example.org', 'https://*.example.com'],
  accessControlAllowHeaders: ['X-Token', 'x-amz-*'],
  accessControlAllowMethods: ['GET', 'PUT'],
  accessControlAllowCredentials: true,
  accessControlExposeHeaders: ['X-Total', 'ETag'],
  accessControlMaxAgeSeconds: 600,
  originOverride: false,
}
const APP = { Origin: 'https://app.example.org' }

test('without Origin no CORS header is added and those of the origin stay', () => {
  for (const originOverride of [false, true]) {
    const policy = policyOf({ corsBehavior: { ...CORS, originOverride } })
    assert.deepEqual(apply(policy, {}), {})
    assert.deepEqual(apply(policy, {}, { 'Access-Control-Allow-Origin': '*' }), {
      'access-control-allow-origin': '*',
    })
  }
})

test('a simple request gets origin, credentials and exposed headers', () => {
  assert.deepEqual(apply(policyOf({ corsBehavior: CORS }), { headers: APP }), {
    'access-control-allow-origin': 'https://app.example.org',
    vary: 'Origin',
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-Total, ETag',
  })
})

test('a preflight request gets methods, headers and age too', () => {
  const headers = { ...APP, 'Access-Control-Request-Method': 'PUT' }
  assert.deepEqual(apply(policyOf({ corsBehavior: CORS }), { headers, request: { method: 'OPTIONS' } }), {
    'access-control-allow-origin': 'https://app.example.org',
    vary: 'Origin',
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'X-Total, ETag',
    'access-control-allow-methods': 'GET, PUT',
    'access-control-allow-headers': 'X-Token',
    'access-control-max-age': '600',
  })
})

test('OPTIONS without a requested method is a simple request', () => {
  const found = apply(policyOf({ corsBehavior: CORS }), { headers: APP, request: { method: 'OPTIONS' } })
  assert.equal(found['access-control-allow-methods'], undefined)
})

test('an origin is echoed as it was sent, any origin is a star, another origin gets nothing', () => {
  const cases = [
    [CORS.accessControlAllowOrigins, 'https://a.b.example.com', 'https://a.b.example.com', 'Origin'],
    [CORS.accessControlAllowOrigins, 'https://example.com', undefined, undefined],
    [CORS.accessControlAllowOrigins, 'null', undefined, undefined],
    [['*'], 'https://anybody.test', '*', undefined],
    [['https://app.example.org', '*'], 'null', '*', undefined],
  ] as const
  for (const [accessControlAllowOrigins, Origin, allowed, vary] of cases) {
    const found = apply(policyOf({ corsBehavior: { ...CORS, accessControlAllowOrigins } }), {
      headers: { Origin },
    })
    assert.equal(found['access-control-allow-origin'], allowed, Origin)
    assert.equal(found['vary'], vary, Origin)
  }
})

test('override decides between CORS headers of the origin and of the policy', () => {
  const cases: readonly (readonly [boolean, string, Fields, Record<string, string>])[] = [
    // One CORS header of the origin, whichever, keeps all of the policy away.
    [false, APP.Origin, { 'Access-Control-Max-Age': '5' }, { 'access-control-max-age': '5' }],
    [
      false,
      APP.Origin,
      { 'access-control-allow-origin': 'https://old.test' },
      { 'access-control-allow-origin': 'https://old.test' },
    ],
    [
      true,
      APP.Origin,
      {
        'Access-Control-Allow-Origin': 'https://old.test',
        'Access-Control-Expose-Headers': 'X-Old',
        'Access-Control-Max-Age': '5',
      },
      {
        'access-control-allow-origin': 'https://app.example.org',
        'access-control-allow-credentials': 'true',
        'access-control-expose-headers': 'X-Total, ETag',
        'access-control-max-age': '5',
        vary: 'Origin',
      },
    ],
    // An origin that the policy does not allow is not let in by the origin server either.
    [
      true,
      'https://other.test',
      { 'Access-Control-Allow-Origin': '*', 'Access-Control-Allow-Credentials': 'true' },
      {},
    ],
  ]
  for (const [originOverride, Origin, sent, expected] of cases) {
    const policy = policyOf({ corsBehavior: { ...CORS, originOverride } })
    assert.deepEqual(
      apply(policy, { headers: { Origin } }, sent),
      expected,
      JSON.stringify([originOverride, sent]),
    )
  }
})

test('stars in allowed headers are answered with the names that were asked for', () => {
  const cases = [
    [['x-amz-*'], 'x-amz-date, X-Amz-Id', 'x-amz-date, x-amz-id'],
    [['x-amz-*'], 'x-amz-', undefined],
    [['x-amz-*'], 'x-other', undefined],
    [['x-amz-*'], undefined, undefined],
    [['x-*-amz'], 'x--amz, x-a-amz', 'x--amz, x-a-amz'],
    [['x-*-amz'], 'x-amz', undefined],
    [['auth*'], 'authorization', undefined],
    [['*'], 'authorization, x-any', '*'],
    [['*', 'Authorization'], 'authorization, x-any', '*, Authorization'],
    [['X-Token', 'x-amz-*'], 'x-token, x-amz-date', 'X-Token, x-amz-date'],
    [['x-amz-*'], 'x-amz-a b, x-amz-"c"', undefined],
    [[], 'x-any', undefined],
  ] as const
  for (const [accessControlAllowHeaders, asked, expected] of cases) {
    const headers = {
      ...APP,
      'Access-Control-Request-Method': 'PUT',
      ...(asked === undefined ? {} : { 'Access-Control-Request-Headers': asked }),
    }
    const policy = policyOf({ corsBehavior: { ...CORS, accessControlAllowHeaders } })
    const found = apply(policy, { headers, request: { method: 'OPTIONS' } })
    assert.equal(
      found['access-control-allow-headers'],
      expected,
      `${accessControlAllowHeaders.join()} for ${asked}`,
    )
  }
})

test('override decides between a header of the origin and one of the policy', () => {
  const cases = [
    [true, 'theirs', 'ours'],
    [true, undefined, 'ours'],
    [false, 'theirs', 'theirs'],
    [false, undefined, 'ours'],
  ] as const
  for (const [override, theirs, expected] of cases) {
    const security = { contentSecurityPolicy: { contentSecurityPolicy: 'ours', override } }
    const custom = { customHeaders: [{ header: 'X-Custom', value: 'ours', override }] }
    for (const [name, config] of [
      ['Content-Security-Policy', { securityHeadersBehavior: security }],
      ['X-Custom', { customHeadersBehavior: custom }],
    ] as const) {
      const sent: Fields = theirs === undefined ? {} : { [name]: theirs }
      assert.deepEqual(
        apply(policyOf(config), {}, sent),
        { [name.toLowerCase()]: expected },
        `${name} ${override}`,
      )
    }
  }
})

test('a header that is sent more than once is replaced as a whole', () => {
  const policy = policyOf({
    customHeadersBehavior: { customHeaders: [{ header: 'X-A', value: '', override: true }] },
  })
  assert.deepEqual(apply(policy, {}, { 'x-a': ['1', '2'] }), { 'x-a': '' })
})

test('removal comes first, so a header both removed and set is there', () => {
  const policy = policyOf({
    removeHeaders: ['X-Powered-By', 'Server', 'X-Frame-Options'],
    securityHeadersBehavior: { frameOptions: { frameOption: 'DENY', override: false } },
  })
  const sent = {
    'x-powered-by': ['PHP', 'more'],
    Server: 'Apache',
    'X-Frame-Options': 'SAMEORIGIN',
    'X-Kept': 'yes',
  }
  assert.deepEqual(apply(policy, {}, sent), { 'x-kept': 'yes', 'x-frame-options': 'DENY' })
})

test('removed CORS headers of the origin do not keep the policy away', () => {
  const policy = policyOf({ corsBehavior: CORS, removeHeaders: ['Access-Control-Allow-Origin'] })
  const found = apply(policy, { headers: APP }, { 'Access-Control-Allow-Origin': '*' })
  assert.equal(found['access-control-allow-origin'], 'https://app.example.org')
})

test('the managed policies give what their page says', () => {
  const security = {
    'x-xss-protection': '1; mode=block',
    'x-frame-options': 'SAMEORIGIN',
    'referrer-policy': 'strict-origin-when-cross-origin',
    'x-content-type-options': 'nosniff',
    'strict-transport-security': 'max-age=31536000',
  }
  const star = { 'access-control-allow-origin': '*' }
  const preflight = {
    ...star,
    'access-control-expose-headers': '*',
    'access-control-allow-methods': 'DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT',
  }
  const simple: PassageParts = { headers: APP }
  const asking: PassageParts = {
    headers: { ...APP, 'Access-Control-Request-Method': 'PUT' },
    request: { method: 'OPTIONS' },
  }
  const cases: readonly (readonly [string, string, PassageParts, Record<string, string>])[] = [
    ['SimpleCORS', '60669652-455b-4ae9-85a4-c4c02393f86c', simple, star],
    ['SimpleCORS', '60669652-455b-4ae9-85a4-c4c02393f86c', asking, star],
    ['CORS-With-Preflight', '5cc3b908-e619-4b99-88e5-2cf7f45965bd', simple, star],
    ['CORS-With-Preflight', '5cc3b908-e619-4b99-88e5-2cf7f45965bd', asking, preflight],
    ['SecurityHeadersPolicy', '67f7725c-6f97-4210-82d7-5512b31e9d03', simple, security],
    [
      'CORS-and-SecurityHeadersPolicy',
      'e61eb60c-9c35-4d20-a928-2b84e02af89c',
      simple,
      { ...star, ...security },
    ],
    [
      'CORS-with-preflight-and-SecurityHeadersPolicy',
      'eaab4381-ed33-4a86-88ca-d9558dc6cd63',
      asking,
      { ...preflight, ...security },
    ],
  ]
  for (const [name, id, parts, expected] of cases) {
    assert.deepEqual(apply(managed(name), parts), expected, name)
    assert.equal(managed(id), managed(name))
    assert.equal(managed(`Managed-${name}`), managed(name))
  }
  assert.equal(findManagedResponseHeadersPolicy('NoSuchPolicy'), undefined)
})

const ORIGIN_VISIT: OriginVisit = {
  origin: 'site',
  attempts: 1,
  startedAt: 100,
  dnsMs: 2.4,
  connectMs: undefined,
  firstByteAt: 277,
  lastByteAt: undefined,
  status: 200,
  fault: undefined,
  cause: undefined,
}

function timing(
  rate: number | undefined,
  random: number,
  parts: PassageParts,
  status: string | undefined,
  sent: Fields,
) {
  const policy = policyOf(rate === undefined ? {} : { serverTimingSamplingRate: rate })
  const passage = passageOf({ ...parts, behavior: { responseHeadersPolicy: policy } })
  if (status === 'hit' || status === 'refresh-hit' || status === 'stale' || status === 'miss') {
    passage.visit.cache = newCacheFacts(status, 'fresh', undefined)
  }
  if (status === 'miss') passage.visit.origins.push(ORIGIN_VISIT)
  const response = responseOf(200, sent)
  createHeadersPolicy({ clock: standingClock(0, 436.4), random: () => random })(passage, response)
  return response.headers.getJoined('server-timing')
}

test('Server-Timing is sampled, and forced by Pragma', () => {
  const forced: PassageParts = { headers: { Pragma: 'no-cache, Server-Timing' } }
  const cases = [
    [undefined, 0, {}, false],
    [undefined, 0, forced, false],
    [0, 0, {}, false],
    [0, 0, forced, true],
    [50, 0.49, {}, true],
    [50, 0.5, {}, false],
    [100, 0.999, {}, true],
    [0.0001, 0.0000001, {}, true],
  ] as const
  for (const [rate, random, parts, expected] of cases) {
    const isThere = timing(rate, random, parts, 'hit', {}) !== undefined
    assert.equal(isThere, expected, `${rate} % at ${random}`)
  }
})

test('Server-Timing tells what a module took, in milliseconds with one decimal, before what the origin says', () => {
  const policy = policyOf({ serverTimingSamplingRate: 100 })
  const passage = passageOf({ behavior: { responseHeadersPolicy: policy } })
  passage.visit.timings = [
    { name: 'img-fetch', durationMs: 3 },
    { name: 'img-transform', durationMs: 17.26 },
    { name: 'img-queue', durationMs: -0.01 },
  ]
  const response = responseOf(200, { 'Server-Timing': 'db;dur=53' })
  createHeadersPolicy({ clock: standingClock(0, 436.4), random: () => 0 })(passage, response)
  assert.match(
    response.headers.getJoined('server-timing')!,
    /,cdn-downstream-fbl;dur=436,img-fetch;dur=3\.0,img-transform;dur=17\.3,img-queue;dur=0\.0,db;dur=53$/,
  )
})

test('Server-Timing tells hit, refresh and miss, and keeps what the origin measured only after a miss', () => {
  const where = `cdn-pop;desc="LOCAL1-C1",cdn-rid;desc="${REQUEST_ID}"`
  const end = 'cdn-downstream-fbl;dur=436'
  const hit = `cdn-cache-hit,${where},cdn-hit-layer;desc="EDGE",${end}`
  const miss =
    'cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=2,cdn-upstream-connect;dur=0,cdn-upstream-fbl;dur=177,' +
    `cdn-cache-miss,${where},${end}`
  const cases = [
    ['hit', hit],
    ['stale', hit],
    ['refresh-hit', `cdn-cache-refresh,${where},${end}`],
    ['miss', `${miss},db;dur=53,app;dur=47`],
    [undefined, `cdn-cache-miss,${where},${end},db;dur=53,app;dur=47`],
  ] as const
  for (const [status, expected] of cases) {
    assert.equal(timing(100, 0, {}, status, { 'Server-Timing': 'db;dur=53,app;dur=47' }), expected)
  }
})
