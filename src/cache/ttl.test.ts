import assert from 'node:assert/strict'
import { test } from 'node:test'
import { HeaderList } from '../http/header-list.ts'
import { keepNone } from '../http/filter-list.ts'
import { decideTtl } from './ttl.ts'

const NOW = Date.UTC(2026, 10, 24, 12, 0, 0)
const IN_AN_HOUR = 'Tue, 24 Nov 2026 13:00:00 GMT'

function policy(min: number, normal: number, max: number) {
  return {
    name: 'test',
    minTtlSeconds: min,
    defaultTtlSeconds: normal,
    maxTtlSeconds: max,
    gzip: false,
    brotli: false,
    headers: [],
    cookies: keepNone,
    queryStrings: keepNone,
    isDisabled: max === 0,
    isLegacy: false,
  } as const
}

const open = policy(0, 86_400, 31_536_000)
const floored = policy(60, 120, 1000)

/** Status, fields of the origin, policy, what comes of it (DG:Expiration; fact sheet 9.1, 10.1). */
const grid: [string, number, Record<string, string>, ReturnType<typeof policy>, string][] = [
  ['nothing', 200, {}, open, '86400 default'],
  ['max-age', 200, { 'cache-control': 'max-age=30' }, open, '30 max-age'],
  ['s-maxage before max-age', 200, { 'cache-control': 'max-age=30, s-maxage=7' }, open, '7 s-maxage'],
  ['Expires', 200, { expires: IN_AN_HOUR }, open, '3600 expires'],
  ['max-age before Expires', 200, { expires: IN_AN_HOUR, 'cache-control': 'max-age=5' }, open, '5 max-age'],
  ['an Expires that is no date is in the past', 200, { expires: '0' }, open, 'never zero'],
  ['no-store', 200, { 'cache-control': 'no-store' }, open, 'never no-store'],
  ['private beside max-age', 200, { 'cache-control': 'private, max-age=60' }, open, 'never private'],
  ['no-cache', 200, { 'cache-control': 'no-cache' }, open, 'never no-cache'],
  [
    'no-cache of a field only',
    200,
    { 'cache-control': 'no-cache="Set-Cookie", max-age=9' },
    open,
    '9 max-age',
  ],
  ['max-age=0', 200, { 'cache-control': 'max-age=0' }, open, 'never zero'],
  ['nothing under a floor', 200, {}, floored, '120 default'],
  ['a default below the floor', 200, {}, policy(60, 10, 1000), '60 default'],
  ['max-age below the floor', 200, { 'cache-control': 'max-age=5' }, floored, '60 max-age'],
  ['max-age above the ceiling', 200, { 'cache-control': 'max-age=5000' }, floored, '1000 max-age'],
  ['Expires above the ceiling', 200, { expires: IN_AN_HOUR }, floored, '1000 expires'],
  ['no-store under a floor', 200, { 'cache-control': 'no-store' }, floored, '60 min-ttl-over-no-store'],
  [
    'private under a floor',
    200,
    { 'cache-control': 'private, max-age=600' },
    floored,
    '60 min-ttl-over-no-store',
  ],
  [
    'anything when caching is off',
    200,
    { 'cache-control': 'max-age=600' },
    policy(0, 0, 0),
    'never caching-disabled',
  ],
  ['307 without a lifetime', 307, {}, open, 'never zero'],
  ['307 with one', 307, { 'cache-control': 'max-age=9' }, open, '9 max-age'],
  ['301', 301, {}, open, '86400 default'],
  ['404', 404, {}, open, '10 error-caching-min-ttl'],
  ['404 with a longer lifetime', 404, { 'cache-control': 'max-age=99' }, open, '99 max-age'],
  ['404 with a shorter lifetime', 404, { 'cache-control': 'max-age=3' }, open, '10 error-caching-min-ttl'],
  ['404 capped by MaxTTL', 404, { 'cache-control': 'max-age=5000' }, floored, '1000 max-age'],
  ['404 no-store', 404, { 'cache-control': 'no-store' }, open, 'never no-store'],
  ['500 no-store', 500, { 'cache-control': 'no-store' }, open, '10 error-caching-min-ttl'],
  ['403 without a lifetime', 403, {}, open, 'never error-not-cached'],
  ['403 with one', 403, { 'cache-control': 'max-age=30' }, open, '30 max-age'],
  ['416 even with one', 416, { 'cache-control': 'max-age=30' }, open, 'never error-not-cached'],
  [
    'a hundred years at most',
    200,
    { 'cache-control': 'max-age=99999999999' },
    policy(0, 0, 99_999_999_999),
    '2147483648 max-age',
  ],
]

for (const [name, status, fields, under, expected] of grid) {
  test(`the lifetime of ${status} with ${name}`, () => {
    const ttl = decideTtl(status, HeaderList.of(fields), under, 10, NOW)
    assert.equal(ttl.kind === 'keep' ? `${ttl.seconds} ${ttl.from}` : `never ${ttl.why}`, expected)
  })
}

test('an ErrorCachingMinTTL of zero keeps no error', () => {
  assert.equal(decideTtl(404, new HeaderList(), open, 0, NOW).kind, 'never')
})
