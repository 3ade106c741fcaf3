import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { z } from 'zod'
import { cachePolicySchema, compileCachePolicy, originRequestPolicySchema } from './config.ts'

/** What is configured of MinTTL, DefaultTTL and MaxTTL, and what holds (CachePolicyConfig of the API). */
const ttls: readonly (readonly [given: z.input<typeof cachePolicySchema>, holds: string])[] = [
  [{}, '0/86400/31536000'],
  [{ minTtlSeconds: 90_000 }, '90000/90000/31536000'],
  [{ minTtlSeconds: 40_000_000 }, '40000000/40000000/40000000'],
  [{ defaultTtlSeconds: 40_000_000 }, '0/40000000/40000000'],
  [{ maxTtlSeconds: 60 }, '0/60/60'],
  [{ maxTtlSeconds: 0 }, '0/0/0'],
  [{ minTtlSeconds: 1, defaultTtlSeconds: 2, maxTtlSeconds: 3 }, '1/2/3'],
  [{ defaultTtlSeconds: 0 }, '0/0/31536000'],
]

for (const [given, holds] of ttls) {
  test(`the lifetimes of ${JSON.stringify(given)} are ${holds}`, () => {
    const policy = compileCachePolicy(cachePolicySchema.parse(given))
    assert.equal(`${policy.minTtlSeconds}/${policy.defaultTtlSeconds}/${policy.maxTtlSeconds}`, holds)
    assert.equal(policy.isDisabled, holds === '0/0/0')
  })
}

test('header names are in lower case and once, query strings and cookies as written', () => {
  const policy = compileCachePolicy(
    cachePolicySchema.parse({
      headerBehavior: { allow: ['Accept', 'ACCEPT', 'X-Own'] },
      queryStringBehavior: { allow: ['Page', 'page'] },
    }),
  )
  assert.deepEqual(policy.headers, ['accept', 'x-own'])
  assert.deepEqual([...policy.queryStrings.names], ['Page', 'page'])
})

test('listing Accept-Encoding turns the handling of encodings off', () => {
  const flags = { enableAcceptEncodingGzip: true, enableAcceptEncodingBrotli: true }
  const handled = compileCachePolicy(cachePolicySchema.parse(flags))
  assert.deepEqual([handled.gzip, handled.brotli], [true, true])
  const listed = compileCachePolicy(
    cachePolicySchema.parse({ ...flags, headerBehavior: { allow: ['Accept-Encoding'] } }),
  )
  assert.deepEqual([listed.gzip, listed.brotli], [false, false])
})

for (const name of [
  'Connection',
  'cookie',
  'Proxy-Authorization',
  'TE',
  'Upgrade',
  'X-Edge-Location',
  'no space',
  'CloudFront-Viewer-TLS',
]) {
  test(`${name} cannot be part of a cache key`, () => {
    assert.equal(cachePolicySchema.safeParse({ headerBehavior: { allow: [name] } }).success, false)
  })
}

for (const name of ['Authorization', 'Cookie', 'Connection']) {
  test(`${name} cannot be listed in an origin request policy`, () => {
    assert.equal(originRequestPolicySchema.safeParse({ headerBehavior: { allow: [name] } }).success, false)
  })
}
