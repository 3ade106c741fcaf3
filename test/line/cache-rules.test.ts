import { test } from 'node:test'
import { type Answer, type Case, type Fields, walk } from '../support/cache-steps.ts'

/** CloudFront's rules as a viewer and an origin see them: what is asked, when, and what comes back. */

const old: Answer = { fields: { 'cache-control': 'max-age=10', etag: '"a"' }, body: 'old' }
const fresh: Answer = { fields: { 'cache-control': 'max-age=10', etag: '"b"' }, body: 'new' }
const down: Answer = { hangUp: true }
const failing: Answer = { status: 503, body: 'sorry' }
const digits: Answer = { fields: { 'cache-control': 'max-age=60', etag: '"d"' }, body: '0123456789' }
const plain = (fields: Fields): Answer => ({ fields, body: 'x' })

const cases: readonly Case[] = [
  ...lifetimes('max-age alone counts', {}, { 'cache-control': 'max-age=10' }, 10),
  ...lifetimes('s-maxage counts before max-age', {}, { 'cache-control': 'max-age=99, s-maxage=10' }, 10),
  ...lifetimes(
    'MaxTTL bounds what the origin says',
    { maxTtlSeconds: 10, defaultTtlSeconds: 5 },
    { 'cache-control': 'max-age=99' },
    10,
  ),
  ...lifetimes(
    'MinTTL lengthens what the origin says',
    { minTtlSeconds: 10 },
    { 'cache-control': 'max-age=1' },
    10,
  ),
  ...lifetimes('DefaultTTL counts where the origin says nothing', { defaultTtlSeconds: 10 }, {}, 10),
  ...lifetimes('no-store is overruled by MinTTL', { minTtlSeconds: 10 }, { 'cache-control': 'no-store' }, 10),
  ...lifetimes('the Age it came with is spent', {}, { 'cache-control': 'max-age=30', age: '20' }, 10),
  {
    name: 'what a viewer says of caching does not count',
    steps: [
      { origin: old, gives: '200 Miss' },
      {
        origin: fresh,
        request: { 'cache-control': 'no-cache', pragma: 'no-cache' },
        gives: '200 Hit',
        body: 'old',
      },
    ],
  },
  {
    name: 'an expired object is served while its origin does not answer, and the origin is left alone for ten seconds',
    steps: [
      { origin: old, gives: '200 Miss' },
      { after: 10, origin: down, gives: '200 Hit', body: 'old' },
      { after: 9, origin: fresh, gives: '200 Hit', body: 'old' },
      { after: 1, origin: fresh, gives: '200 Miss', body: 'new' },
    ],
  },
  {
    name: 'an expired object is served while its origin fails, without any directive',
    steps: [
      { origin: old, gives: '200 Miss' },
      { after: 10, origin: failing, gives: '200 Hit', body: 'old' },
    ],
  },
  {
    name: 'stale-if-error=0 forbids that',
    steps: [
      { origin: { ...old, fields: { 'cache-control': 'max-age=10, stale-if-error=0' } }, gives: '200 Miss' },
      { after: 10, origin: failing, gives: '503 Error' },
    ],
  },
  {
    name: 'stale-if-error ends where it says',
    steps: [
      { origin: { ...old, fields: { 'cache-control': 'max-age=10, stale-if-error=20' } }, gives: '200 Miss' },
      { after: 29, origin: failing, gives: '200 Hit' },
      { after: 1, origin: failing, gives: '503 Error' },
    ],
  },
  {
    name: 'nothing is served stale beyond MaxTTL',
    policy: { maxTtlSeconds: 30, defaultTtlSeconds: 10 },
    steps: [
      { origin: old, gives: '200 Miss' },
      { after: 29, origin: down, gives: '200 Hit' },
      { after: 1, origin: failing, gives: '503 Error' },
    ],
  },
  {
    name: 'the error of an expired object is returned when it is the viewer’s',
    steps: [
      { origin: old, gives: '200 Miss' },
      { after: 10, origin: { status: 404, body: 'gone' }, gives: '404 Error', body: 'gone' },
    ],
  },
  {
    name: 'stale-while-revalidate serves at once and fetches behind the back of the viewer',
    steps: [
      {
        origin: { ...old, fields: { 'cache-control': 'max-age=10, stale-while-revalidate=60' } },
        gives: '200 Miss',
      },
      { after: 15, origin: fresh, gives: '200 Hit', body: 'old' },
      { origin: fresh, gives: '200 Hit', body: 'new' },
    ],
  },
  {
    name: '404 is kept for ten seconds unless told otherwise',
    steps: [
      { origin: { status: 404, body: 'no' }, gives: '404 Error' },
      { after: 9, origin: old, gives: '404 Error', body: 'no' },
      { after: 1, origin: old, gives: '200 Miss' },
    ],
  },
  {
    name: '404 is kept as long as ErrorCachingMinTTL says',
    distribution: { customErrorResponses: [{ errorCode: 404, errorCachingMinTtlSeconds: 60 }] },
    steps: [
      { origin: { status: 404 }, gives: '404 Error' },
      { after: 59, origin: old, gives: '404 Error' },
      { after: 1, origin: old, gives: '200 Miss' },
    ],
  },
  {
    name: '403 is kept only when the origin gives a lifetime',
    steps: [
      { origin: { status: 403 }, gives: '403 Error' },
      { origin: { status: 403, fields: { 'cache-control': 'max-age=30' } }, gives: '403 Error' },
      { after: 29, origin: old, gives: '403 Error' },
      { after: 1, origin: old, gives: '200 Miss' },
    ],
  },
  {
    name: 'an origin that hangs up is left alone for ten seconds',
    steps: [
      { origin: down, gives: '502 Error' },
      { after: 9, origin: old, gives: '502 Error' },
      { after: 1, origin: old, gives: '200 Miss' },
    ],
  },
  {
    name: 'a kept error is answered with its custom page',
    distribution: {
      customErrorResponses: [
        { errorCode: 404, responsePagePath: '/page', responseCode: 200, errorCachingMinTtlSeconds: 60 },
      ],
    },
    steps: [
      { origin: { status: 404, body: 'the page comes from the same origin' }, gives: '404 Error' },
      { after: 30, origin: old, gives: '404 Error' },
    ],
  },
  {
    name: 'Set-Cookie is taken out where no cookies are forwarded',
    steps: [
      { origin: plain({ 'set-cookie': 'a=b' }), gives: '200 Miss', fields: { 'set-cookie': null } },
      { origin: old, gives: '200 Hit', fields: { 'set-cookie': null } },
    ],
  },
  {
    name: 'Set-Cookie is kept and replayed where cookies are forwarded',
    policy: { cookieBehavior: 'all' },
    steps: [
      { origin: plain({ 'set-cookie': 'a=b' }), gives: '200 Miss', fields: { 'set-cookie': 'a=b' } },
      { origin: old, gives: '200 Hit', fields: { 'set-cookie': 'a=b' } },
    ],
  },
  {
    name: 'Set-Cookie is not replayed when no-cache names it',
    policy: { cookieBehavior: 'all', minTtlSeconds: 0 },
    steps: [
      {
        origin: plain({ 'set-cookie': 'a=b', 'cache-control': 'max-age=60, no-cache="Set-Cookie"' }),
        gives: '200 Miss',
        fields: { 'set-cookie': 'a=b' },
      },
      { origin: old, gives: '200 Hit', body: 'x', fields: { 'set-cookie': null } },
    ],
  },
  {
    name: 'a fresh object answers the conditions of viewers',
    steps: [
      { origin: old, gives: '200 Miss' },
      { origin: fresh, request: { 'if-none-match': '"x", W/"a"' }, gives: '304 Hit', body: '' },
      { origin: fresh, request: { 'if-none-match': '"x"' }, gives: '200 Hit' },
    ],
  },
  {
    name: 'conditions are not honoured where cookies are forwarded',
    policy: { cookieBehavior: 'all' },
    steps: [
      { origin: old, gives: '200 Miss' },
      { origin: fresh, request: { 'if-none-match': '"a"' }, gives: '200 Hit' },
    ],
  },
  {
    name: 'ranges are answered out of a complete object',
    steps: [
      { origin: digits, gives: '200 Miss' },
      {
        origin: down,
        request: { range: 'bytes=2-4' },
        gives: '206 Hit',
        body: '234',
        fields: { 'content-range': 'bytes 2-4/10' },
      },
      { origin: down, request: { range: 'bytes=-3' }, gives: '206 Hit', body: '789' },
      { origin: down, request: { range: 'bytes=7-' }, gives: '206 Hit', body: '789' },
      {
        origin: down,
        request: { range: 'bytes=20-' },
        gives: '416 Error',
        body: '',
        fields: { 'content-range': 'bytes */10' },
      },
      {
        origin: down,
        request: { range: 'bytes=2-4', 'if-range': '"other"' },
        gives: '200 Hit',
        body: '0123456789',
      },
      { origin: down, request: { range: 'bytes=4-2' }, gives: '200 Hit' },
    ],
  },
  {
    name: 'a part is kept by itself and answers what lies within it',
    steps: [
      {
        origin: {
          status: 206,
          fields: { 'cache-control': 'max-age=60', 'content-range': 'bytes 2-5/10' },
          body: '2345',
        },
        request: { range: 'bytes=2-5' },
        gives: '206 Miss',
        body: '2345',
      },
      {
        origin: down,
        request: { range: 'bytes=3-4' },
        gives: '206 Hit',
        body: '34',
        fields: { 'content-range': 'bytes 3-4/10' },
      },
      { origin: digits, request: { range: 'bytes=4-7' }, gives: '200 Miss', body: '0123456789' },
      { origin: down, request: { range: 'bytes=4-7' }, gives: '206 Hit', body: '4567' },
    ],
  },
  {
    name: 'a part that is not as long as it says is not kept',
    steps: [
      {
        origin: {
          status: 206,
          fields: { 'cache-control': 'max-age=60', 'content-range': 'bytes 2-9/10' },
          body: '2345',
        },
        request: { range: 'bytes=2-9' },
        gives: '206 Miss',
      },
      { origin: digits, request: { range: 'bytes=2-9' }, gives: '200 Miss' },
    ],
  },
  {
    name: 'HEAD is answered by what GET left, and leaves nothing itself',
    steps: [
      { origin: old, method: 'HEAD', gives: '200 Miss' },
      { origin: old, gives: '200 Miss' },
      { origin: fresh, method: 'HEAD', gives: '200 Hit', fields: { etag: '"a"' } },
    ],
  },
  {
    name: 'OPTIONS has a key of its own where it is cached',
    behavior: { allowedMethods: ['GET', 'HEAD', 'OPTIONS'], cachedMethods: ['GET', 'HEAD', 'OPTIONS'] },
    steps: [
      { origin: old, gives: '200 Miss' },
      { origin: fresh, method: 'OPTIONS', gives: '200 Miss', body: 'new' },
      { origin: down, method: 'OPTIONS', gives: '200 Hit', body: 'new' },
    ],
  },
  {
    name: 'methods that are not cached go past the cache',
    behavior: { allowedMethods: 'all' },
    steps: [
      { origin: old, gives: '200 Miss' },
      { origin: fresh, method: 'POST', gives: '200 Miss', body: 'new' },
      { origin: down, gives: '200 Hit', body: 'old' },
    ],
  },
  {
    name: '307 is kept only when the origin says so',
    steps: [
      { origin: { status: 307, fields: { location: '/a' } }, gives: '307 Miss' },
      {
        origin: { status: 307, fields: { location: '/b', 'cache-control': 'max-age=60' } },
        gives: '307 Miss',
      },
      { origin: down, gives: '307 Hit', fields: { location: '/b' } },
    ],
  },
]

/** A response is a hit until the second before `seconds` have passed, and asked for again then. */
function lifetimes(
  name: string,
  policyPart: Readonly<Record<string, unknown>>,
  fields: Fields,
  seconds: number,
): Case[] {
  return [
    {
      name,
      policy: policyPart,
      steps: [
        { origin: plain(fields), gives: '200 Miss' },
        { after: seconds - 1, origin: plain(fields), gives: '200 Hit' },
        { after: 1, origin: plain(fields), gives: '200 Miss' },
      ],
    },
  ]
}

for (const each of cases) test(each.name, () => walk(each))
