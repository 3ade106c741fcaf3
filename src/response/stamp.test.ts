import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { FaultCode } from '../faults.ts'
import { newCacheFacts, type CacheStatus, type Visit } from '../visit.ts'
import type { StageName } from '../stages.ts'
import { createHttpDate } from './http-date.ts'
import { cloudfront, edgeward, passageOf, REQUEST_ID, responseOf, standingClock } from './passage.fixture.ts'
import { createStamp } from './stamp.ts'

const DATE = 'Tue, 24 Nov 2026 12:00:00 GMT'
const stamp = createStamp(createHttpDate(standingClock()))

test('the headers of the edge come in the order of CloudFront', () => {
  const origin = { 'Content-Type': 'text/html', Age: '12', 'X-Kept': 'yes' }
  const response = stamp(passageOf({ identity: cloudfront }), responseOf(200, origin))
  const via = response.headers.get('via') ?? ''
  assert.match(via, /^1\.1 [0-9a-f]{32}\.cloudfront\.net \(CloudFront\)$/)
  assert.deepEqual(
    [...response.headers],
    [
      ['Content-Type', 'text/html'],
      ['X-Kept', 'yes'],
      ['Server', 'CloudFront'],
      ['Date', DATE],
      ['X-Cache', 'Miss from cloudfront'],
      ['Via', via],
      ['X-Amz-Cf-Pop', 'SEA19-C1'],
      ['X-Amz-Cf-Id', REQUEST_ID],
      ['Age', '12'],
    ],
  )
})

test('edgeward names itself', () => {
  const { headers } = stamp(passageOf(), responseOf(200))
  assert.equal(headers.get('server'), 'edgeward')
  assert.equal(headers.get('x-cache'), 'Miss from edgeward')
  assert.equal(headers.get('via'), '1.1 d1234567890abc.cloudfront.net (edgeward)')
  assert.equal(headers.get('x-amz-cf-pop'), 'LOCAL1-C1')
})

test('Server and Date of the origin stay, its identity headers do not', () => {
  const sent = {
    server: 'nginx',
    date: 'Mon, 01 Jan 2024 00:00:00 GMT',
    via: ['1.1 varnish', '1.1 other.cloudfront.net (CloudFront)'],
    'x-cache': 'HIT',
    'X-AMZ-CF-POP': 'X1',
    'x-amz-cf-id': 'other',
  }
  const { headers } = stamp(passageOf(), responseOf(200, sent))
  assert.deepEqual(
    [...headers],
    [
      ['server', 'nginx'],
      ['date', 'Mon, 01 Jan 2024 00:00:00 GMT'],
      ['X-Cache', 'Miss from edgeward'],
      ['Via', '1.1 d1234567890abc.cloudfront.net (edgeward)'],
      ['X-Amz-Cf-Pop', 'LOCAL1-C1'],
      ['X-Amz-Cf-Id', REQUEST_ID],
    ],
  )
})

test('Via carries the version of the viewer and the name of the distribution', () => {
  const cases = [
    [edgeward, '1.0', /^1\.1 d1234567890abc\.cloudfront\.net \(edgeward\)$/],
    [edgeward, '1.1', /^1\.1 d/],
    [edgeward, '2.0', /^2\.0 d/],
    [cloudfront, '2.0', /^2\.0 [0-9a-f]{32}\.cloudfront\.net \(CloudFront\)$/],
  ] as const
  for (const [identity, httpVersion, expected] of cases) {
    const { headers } = stamp(passageOf({ identity, request: { httpVersion } }), responseOf(200))
    assert.match(headers.get('via') ?? '', expected)
  }
})

test('Via follows the identity when a plan with another one has the same distribution', () => {
  const first = passageOf()
  const second = passageOf({ identity: cloudfront })
  second.distribution = first.distribution
  assert.match(stamp(first, responseOf(200)).headers.get('via') ?? '', /\(edgeward\)$/)
  assert.match(stamp(second, responseOf(200)).headers.get('via') ?? '', /\(CloudFront\)$/)
  assert.match(stamp(first, responseOf(200)).headers.get('via') ?? '', /\(edgeward\)$/)
})

test('a request that met no distribution is stamped too', () => {
  const cases = [
    [edgeward, /^1\.1 edgeward \(edgeward\)$/],
    [cloudfront, /^1\.1 [0-9a-f]{32}\.cloudfront\.net \(CloudFront\)$/],
  ] as const
  for (const [identity, expected] of cases) {
    const { headers } = stamp(passageOf({ identity, isMatched: false }), responseOf(400))
    assert.match(headers.get('via') ?? '', expected)
    assert.equal(headers.get('x-amz-cf-id'), REQUEST_ID)
  }
})

interface Case {
  readonly exit?: StageName
  readonly cache?: CacheStatus
  readonly fault?: FaultCode
  readonly errorPageFor?: number
  readonly resultType?: string
  readonly detailedResultType?: string
  readonly status?: number
  readonly gives: readonly [result: string, detail: string]
}

function prepare(visit: Visit, given: Case): void {
  if (given.exit !== undefined) visit.exit = given.exit
  if (given.cache !== undefined) visit.cache = newCacheFacts(given.cache, 'fresh', undefined)
  visit.fault = given.fault
  visit.errorPageFor = given.errorPageFor
  visit.resultType = given.resultType ?? 'Miss'
  visit.detailedResultType = given.detailedResultType ?? 'Miss'
}

test('X-Cache and the result types tell what happened', () => {
  const cases: readonly Case[] = [
    { cache: 'hit', exit: 'lookup', gives: ['Hit', 'Hit'] },
    { cache: 'stale', exit: 'lookup', gives: ['Hit', 'Hit'] },
    { cache: 'refresh-hit', gives: ['RefreshHit', 'RefreshHit'] },
    { cache: 'miss', gives: ['Miss', 'Miss'] },
    { cache: 'bypass', gives: ['Miss', 'Miss'] },
    { cache: 'miss', status: 301, gives: ['Miss', 'Miss'] },
    { cache: 'miss', status: 404, gives: ['Error', 'Error'] },
    { cache: 'hit', exit: 'lookup', status: 404, gives: ['Error', 'Error'] },
    { cache: 'miss', detailedResultType: 'MissGeneratedResponse', gives: ['Miss', 'MissGeneratedResponse'] },
    { exit: 'behavior', status: 301, gives: ['Redirect', 'Redirect'] },
    { exit: 'behavior', status: 307, gives: ['Redirect', 'Redirect'] },
    { exit: 'viewer-request', gives: ['FunctionGeneratedResponse', 'FunctionGeneratedResponse'] },
    {
      exit: 'viewer-request',
      status: 401,
      gives: ['FunctionGeneratedResponse', 'FunctionGeneratedResponse'],
    },
    {
      exit: 'viewer-request',
      resultType: 'LambdaGeneratedResponse',
      gives: ['LambdaGeneratedResponse', 'LambdaGeneratedResponse'],
    },
    { exit: 'waf', status: 202, gives: ['Error', 'InvalidRequestBlocked'] },
    { exit: 'waf', status: 403, fault: 'RequestBlocked', gives: ['Error', 'InvalidRequestBlocked'] },
    { exit: 'behavior', status: 403, fault: 'ClientGeoBlocked', gives: ['Error', 'ClientGeoBlocked'] },
    { status: 502, fault: 'OriginDnsError', gives: ['Error', 'OriginDnsError'] },
    { status: 503, fault: 'LambdaExecutionError', gives: ['LambdaExecutionError', 'LambdaExecutionError'] },
    {
      status: 502,
      fault: 'FunctionValidationError',
      gives: ['FunctionValidationError', 'FunctionValidationError'],
    },
    {
      exit: 'accept',
      status: 503,
      fault: 'TooManyConnections',
      gives: ['CapacityExceeded', 'CapacityExceeded'],
    },
    // A custom error page stays an error, also as 200.
    { status: 200, errorPageFor: 404, cache: 'miss', gives: ['Error', 'Error'] },
    { status: 200, errorPageFor: 502, fault: 'OriginDnsError', gives: ['Error', 'OriginDnsError'] },
  ]
  for (const each of cases) {
    const passage = passageOf({ identity: cloudfront })
    prepare(passage.visit, each)
    const { headers } = stamp(passage, responseOf(each.status ?? 200))
    const { visit } = passage
    const [result, detail] = each.gives
    const note = JSON.stringify(each)
    assert.equal(headers.get('x-cache'), `${result} from cloudfront`, note)
    assert.equal(visit.resultType, result, note)
    assert.equal(visit.responseResultType, result, note)
    assert.equal(visit.detailedResultType, detail, note)
  }
})

test('the connection is closed after broken requests and some replaced errors', () => {
  const cases = [
    [undefined, undefined, '1.1', undefined],
    ['AccessDenied', undefined, '1.1', undefined],
    ['BadRequest', undefined, '1.1', 'close'],
    ['UriTooLong', undefined, '1.0', 'close'],
    ['GetWithBody', undefined, '1.1', 'close'],
    ['BadRequest', undefined, '2.0', undefined],
    ...[400, 405, 414, 416, 500, 501].map((status) => [undefined, status, '1.1', 'close'] as const),
    ...[403, 404, 502, 503, 504].map((status) => [undefined, status, '1.1', undefined] as const),
    [undefined, 500, '2.0', undefined],
  ] as const
  for (const [fault, errorPageFor, httpVersion, expected] of cases) {
    const passage = passageOf({ request: { httpVersion } })
    passage.visit.fault = fault
    passage.visit.errorPageFor = errorPageFor
    const { headers } = stamp(passage, responseOf(400))
    assert.equal(headers.get('connection'), expected, `${fault} ${errorPageFor} ${httpVersion}`)
  }
})

test('the date is formatted anew when the second changes, and only then', () => {
  let nowMs = Date.UTC(2026, 10, 24, 12, 0, 0, 1)
  const httpDate = createHttpDate({ ...standingClock(), now: () => nowMs })
  const first = httpDate()
  assert.equal(first, DATE)
  nowMs += 998
  assert.equal(httpDate(), first)
  nowMs += 1
  assert.equal(httpDate(), 'Tue, 24 Nov 2026 12:00:01 GMT')
  nowMs -= 60_000
  assert.equal(httpDate(), 'Tue, 24 Nov 2026 11:59:01 GMT')
})
