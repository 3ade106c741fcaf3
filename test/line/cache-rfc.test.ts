import { test } from 'node:test'
import { type Answer, type Case, type Fields, walk } from '../support/cache-steps.ts'

/** RFC 9111 and its neighbours as a viewer and an origin see them, where the public suite does not look. */

const rfc = { cacheProfile: 'rfc', allowedMethods: 'all', originRequestPolicy: 'AllViewer' }
const answer = (fields: Fields, body = 'x'): Answer => ({ fields, body })
const hour = answer({ 'cache-control': 'max-age=3600', etag: '"a"' })
const down: Answer = { hangUp: true }

/** Kept or not, as a second request shows. */
function kept(name: string, fields: Fields, isKept: boolean, request: Fields = {}): Case {
  return {
    name: `${name} is ${isKept ? '' : 'not '}kept`,
    behavior: rfc,
    steps: [
      { origin: answer(fields), request, gives: '200 Miss' },
      { origin: answer(fields), gives: isKept ? '200 Hit' : '200 Miss' },
    ],
  }
}

/** What becomes of a stored response that is 20 seconds old and fresh for 40 more, when a viewer asks so. */
function asked(directives: string, gives: string, why: string): Case {
  return {
    name: `a viewer that asks for ${directives} is given a ${why} response`,
    behavior: rfc,
    steps: [
      { origin: answer({ 'cache-control': 'max-age=60', etag: '"a"' }), gives: '200 Miss' },
      {
        after: 20,
        origin: answer({ 'cache-control': 'max-age=60', etag: '"a"' }),
        request: { 'cache-control': directives },
        gives,
        why,
      },
    ],
  }
}

const cases: readonly Case[] = [
  kept('CDN-Cache-Control with max-age', { 'cdn-cache-control': 'max-age=60' }, true),
  kept(
    'CDN-Cache-Control over no-store',
    { 'cdn-cache-control': 'max-age=60', 'cache-control': 'no-store' },
    true,
  ),
  kept(
    'CDN-Cache-Control with no-store',
    { 'cdn-cache-control': 'no-store', 'cache-control': 'max-age=60' },
    false,
  ),
  kept(
    'CDN-Cache-Control with private',
    { 'cdn-cache-control': 'private', 'cache-control': 'max-age=60' },
    false,
  ),
  kept(
    'CDN-Cache-Control that is not valid',
    { 'cdn-cache-control': 'max-age=60, &&', 'cache-control': 'no-store' },
    false,
  ),
  kept(
    'CDN-Cache-Control with a number as text',
    { 'cdn-cache-control': 'max-age="60"', 'cache-control': 'no-store' },
    false,
  ),
  kept('CDN-Cache-Control with an Age beyond it', { 'cdn-cache-control': 'max-age=60', age: '61' }, false),
  kept('CDN-Cache-Control with a past Expires', { 'cdn-cache-control': 'max-age=60', expires: '0' }, true),
  kept('Surrogate-Control, which is no standard,', { 'surrogate-control': 'max-age=60' }, false),
  kept('an answer to Authorization', { 'cache-control': 'max-age=60' }, false, { authorization: 'a' }),
  kept('a public answer to Authorization', { 'cache-control': 'max-age=60, public' }, true, {
    authorization: 'a',
  }),
  kept('an answer to a request with no-store', { 'cache-control': 'max-age=60' }, false, {
    'cache-control': 'no-store',
  }),
  kept(
    'no-store with must-understand and a status that is understood',
    { 'cache-control': 'max-age=60, no-store, must-understand' },
    true,
  ),
  kept('an Age that is no number', { 'cache-control': 'max-age=60', age: 'abc' }, true),
  kept('the first of two Ages', { 'cache-control': 'max-age=60', age: '0, 7200' }, true),
  kept(
    'an Age with more digits than a lifetime can have',
    { 'cache-control': 'max-age=60', age: '99999999999' },
    false,
  ),
  asked('max-age=19', '200 RefreshHit', 'revalidated'),
  asked('max-age=20', '200 Hit', 'fresh'),
  asked('min-fresh=41', '200 RefreshHit', 'revalidated'),
  asked('min-fresh=40', '200 Hit', 'fresh'),
  asked('no-cache', '200 RefreshHit', 'revalidated'),
  {
    name: 'a malformed Age can be taken for old',
    behavior: rfc,
    cache: { malformedAge: 'stale' },
    steps: [
      { origin: answer({ 'cache-control': 'max-age=60', age: 'abc' }), gives: '200 Miss' },
      { origin: answer({ 'cache-control': 'max-age=60', age: '0, 0' }), gives: '200 Miss' },
      { origin: hour, gives: '200 Miss' },
    ],
  },
  {
    name: 'max-stale takes what is not too stale',
    behavior: rfc,
    steps: [
      { origin: answer({ 'cache-control': 'max-age=10', etag: '"a"' }), gives: '200 Miss' },
      {
        after: 15,
        origin: down,
        request: { 'cache-control': 'max-stale=10' },
        gives: '200 Hit',
        why: 'stale-by-request',
      },
      { after: 10, origin: hour, request: { 'cache-control': 'max-stale=10' }, gives: '200 RefreshHit' },
    ],
  },
  {
    name: 'only-if-cached is answered by the cache alone',
    behavior: rfc,
    steps: [
      { origin: hour, request: { 'cache-control': 'only-if-cached' }, gives: '504 Error', asks: 0 },
      { origin: hour, gives: '200 Miss', asks: 1 },
      { origin: hour, request: { 'cache-control': 'only-if-cached' }, gives: '200 Hit', asks: 1 },
    ],
  },
  {
    name: 'variants live beside each other, each for what it was asked with',
    behavior: rfc,
    steps: [
      {
        origin: answer({ 'cache-control': 'max-age=60', vary: 'X-A, X-B' }, '1'),
        request: { 'x-a': '1' },
        gives: '200 Miss',
      },
      {
        origin: answer({ 'cache-control': 'max-age=60', vary: 'x-b,x-a' }, '2'),
        request: { 'x-a': '2' },
        gives: '200 Miss',
        why: 'vary-differs',
      },
      { origin: down, request: { 'x-a': '1' }, gives: '200 Hit', body: '1' },
      { origin: down, request: { 'x-a': '2', 'x-c': 'no matter' }, gives: '200 Hit', body: '2' },
      {
        origin: answer({ 'cache-control': 'max-age=60' }, 'all'),
        request: { 'x-a': '1', 'x-b': '' },
        gives: '200 Miss',
      },
      // From here on it does not vary any more.
      { origin: down, request: { 'x-a': '1' }, gives: '200 Hit', body: 'all' },
    ],
  },
  {
    name: 'a stale response bridges an origin that is away, and not when it must be validated',
    behavior: rfc,
    steps: [
      { origin: answer({ 'cache-control': 'max-age=10' }, 'old'), gives: '200 Miss' },
      { after: 11, origin: down, gives: '200 Hit', why: 'stale-on-error' },
      { origin: answer({ 'cache-control': 'max-age=10, must-revalidate' }), gives: '200 Miss' },
      { after: 11, origin: down, gives: '502 Error' },
      // Failures are not kept in this profile.
      { origin: hour, gives: '200 Miss' },
    ],
  },
  {
    name: 'a failing origin is bridged only as long as stale-if-error says',
    behavior: rfc,
    steps: [
      { origin: answer({ 'cache-control': 'max-age=10, stale-if-error=10' }, 'old'), gives: '200 Miss' },
      { after: 15, origin: { status: 503 }, gives: '200 Hit', body: 'old' },
      { after: 10, origin: { status: 503 }, gives: '503 Error' },
    ],
  },
  {
    name: 'stale-while-revalidate',
    behavior: rfc,
    steps: [
      {
        origin: answer({ 'cache-control': 'max-age=10, stale-while-revalidate=10', etag: '"a"' }, 'old'),
        gives: '200 Miss',
      },
      { after: 15, origin: hour, gives: '200 Hit', why: 'stale-while-revalidate', asks: 2 },
      { origin: down, gives: '200 Hit', why: 'fresh' },
      { origin: down, after: 3599, gives: '200 Hit', why: 'fresh' },
    ],
  },
  {
    name: 'the policy’s lifetimes do not count in this profile',
    behavior: rfc,
    policy: { minTtlSeconds: 100, defaultTtlSeconds: 100, maxTtlSeconds: 100 },
    steps: [
      { origin: answer({}), gives: '200 Miss' },
      { origin: answer({ 'cache-control': 'max-age=200' }), gives: '200 Miss' },
      { after: 199, origin: down, gives: '200 Hit' },
    ],
  },
]

for (const each of cases) test(each.name, () => walk(each))
