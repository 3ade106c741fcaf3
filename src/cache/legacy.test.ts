import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { z } from 'zod'
import { passes } from '../http/filter-list.ts'
import { forwardedValuesSchema } from './config.ts'
import { compileLegacyCachePolicy, compileLegacyForwarding } from './legacy.ts'

test('legacy settings keep for a day where the origin does not say, without compression in the key', () => {
  const { policy } = compiled({ queryString: false })
  assert.deepEqual(
    [policy.minTtlSeconds, policy.defaultTtlSeconds, policy.maxTtlSeconds],
    [0, 86_400, 31_536_000],
  )
  assert.deepEqual(
    [policy.gzip, policy.brotli, policy.isLegacy, policy.isDisabled],
    [false, false, true, false],
  )
})

test('headers travel as CloudFront forwards them by default, and listed ones as well', () => {
  const { policy, forwarding } = compiled({
    queryString: false,
    headers: ['User-Agent', 'CloudFront-Viewer-Country'],
  })
  assert.equal(forwarding.headerMode, 'all-except')
  assert.equal(forwarding.headers.has('user-agent'), false)
  for (const name of ['host', 'referer', 'authorization', 'accept-language'])
    assert.ok(forwarding.headers.has(name), name)
  assert.deepEqual(forwarding.cloudFrontHeaders, ['cloudfront-viewer-country'])
  assert.deepEqual(policy.headers, ['user-agent', 'cloudfront-viewer-country'])
})

test('all headers means that nothing is kept', () => {
  const { policy, forwarding } = compiled({ queryString: true, headers: ['*'], defaultTtlSeconds: 60 })
  assert.equal(policy.isDisabled, true)
  assert.deepEqual(policy.headers, [])
  assert.equal(forwarding.headerMode, 'all')
})

test('all query strings travel though only some are part of the key', () => {
  const { policy, forwarding } = compiled({ queryString: true, queryStringCacheKeys: ['a'] })
  assert.equal(passes(policy.queryStrings, 'a'), true)
  assert.equal(passes(policy.queryStrings, 'b'), false)
  assert.equal(forwarding.queryStrings.mode, 'all')
  assert.equal(compiled({ queryString: true }).policy.queryStrings.mode, 'all')
  assert.equal(compiled({ queryString: false }).forwarding.queryStrings.mode, 'none')
})

test('cookies are listed by name or by pattern', () => {
  const cookies = { forward: 'whitelist' as const, whitelistedNames: ['user', 'ab-*', 's?d'] }
  const { policy, forwarding } = compiled({ queryString: false, cookies })
  const names = ['user', 'users', 'ab-', 'ab-x', 'xab-', 'sid', 'sd', 'saad']
  assert.deepEqual(
    names.filter((name) => passes(policy.cookies, name)),
    ['user', 'ab-', 'ab-x', 'sid'],
  )
  assert.equal(forwarding.cookiesForwarded, true)
  assert.equal(compiled({ queryString: false, cookies: { forward: 'all' } }).forwarding.cookies.mode, 'all')
  assert.equal(compiled({ queryString: false }).forwarding.cookiesForwarded, false)
})

function compiled(raw: z.input<typeof forwardedValuesSchema>) {
  const config = forwardedValuesSchema.parse(raw)
  return { policy: compileLegacyCachePolicy(config), forwarding: compileLegacyForwarding(config) }
}
