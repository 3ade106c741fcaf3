import assert from 'node:assert/strict'
import { test } from 'node:test'
import { passes } from '../http/filter-list.ts'
import {
  type CachePolicyConfig,
  cachePolicySchema,
  compileCachePolicy,
  compileOriginRequestPolicy,
  originRequestPolicySchema,
} from './config.ts'
import { compileForwarding } from './forwarding.ts'

/*
 * All cells of the table in DG:understanding-how-origin-request-policies-and-cache-policies-work-together (fact
 * sheet 6.5). Of the names a, b and c the cache policy lists a and b, the origin request policy b and c.
 */
type Setting = 'none' | 'all' | 'allow' | 'deny' | undefined

const NAMES = ['a', 'b', 'c', 'd']

/** Cache policy, origin request policy, which of a, b, c and d travel. */
const lists: readonly (readonly [cachePolicy: Setting, originRequestPolicy: Setting, travels: string])[] = [
  ['none', undefined, ''],
  ['none', 'none', ''],
  ['none', 'all', 'abcd'],
  ['none', 'allow', 'bc'],
  ['none', 'deny', 'ad'],
  ['all', undefined, 'abcd'],
  ['all', 'none', 'abcd'],
  ['all', 'all', 'abcd'],
  ['all', 'allow', 'abcd'],
  ['all', 'deny', 'abcd'],
  ['allow', undefined, 'ab'],
  ['allow', 'none', 'ab'],
  ['allow', 'all', 'abcd'],
  ['allow', 'allow', 'abc'],
  ['allow', 'deny', 'abd'],
  ['deny', undefined, 'cd'],
  ['deny', 'none', 'cd'],
  ['deny', 'all', 'abcd'],
  ['deny', 'allow', 'bcd'],
  ['deny', 'deny', 'd'],
]

for (const [keyed, added, travels] of lists) {
  for (const kind of ['cookieBehavior', 'queryStringBehavior'] as const) {
    test(`${kind} ${keyed} in the cache policy and ${added ?? 'no origin request policy'}: ${travels || 'nothing'} travels`, () => {
      const forwarding = compileForwarding(
        cachePolicy({ [kind]: setting(keyed, ['a', 'b']) }),
        added === undefined ? undefined : originRequestPolicy({ [kind]: setting(added, ['b', 'c']) }),
      )
      const list = kind === 'cookieBehavior' ? forwarding.cookies : forwarding.queryStrings
      assert.equal(NAMES.filter((name) => passes(list, name)).join(''), travels)
      assert.equal(forwarding.cookiesForwarded, kind === 'cookieBehavior' && travels !== '')
    })
  }
}

/** Headers of the cache policy (none or a and b), setting of the origin request policy, what travels. */
const headers: readonly (readonly [keyed: 'none' | 'allow', added: Setting, travels: string])[] = [
  ['none', undefined, ''],
  ['none', 'none', ''],
  ['none', 'all', 'abcd'],
  ['none', 'allow', 'bc'],
  ['none', 'deny', 'ad'],
  ['allow', undefined, 'ab'],
  ['allow', 'none', 'ab'],
  ['allow', 'all', 'abcd'],
  ['allow', 'allow', 'abc'],
  ['allow', 'deny', 'abd'],
]

for (const [keyed, added, travels] of headers) {
  test(`headers ${keyed} in the cache policy and ${added ?? 'no origin request policy'}: ${travels || 'defaults only'}`, () => {
    const { headerMode, headers: names } = compileForwarding(
      cachePolicy({ headerBehavior: keyed === 'none' ? 'none' : { allow: ['A', 'B'] } }),
      added === undefined ? undefined : originRequestPolicy({ headerBehavior: setting(added, ['B', 'C']) }),
    )
    const isForwarded = (name: string) =>
      headerMode === 'all' || names.has(name) !== (headerMode === 'all-except')
    assert.equal(NAMES.filter(isForwarded).join(''), travels)
  })
}

test('CloudFront headers of either policy are added, once, and are no viewer headers', () => {
  const keyed = cachePolicy({ headerBehavior: { allow: ['CloudFront-Viewer-Country', 'Accept'] } })
  const listing = originRequestPolicy({
    headerBehavior: { allow: ['CloudFront-Viewer-Country', 'CloudFront-Viewer-City', 'Referer'] },
  })
  const listed = compileForwarding(keyed, listing)
  assert.deepEqual(listed.cloudFrontHeaders, ['cloudfront-viewer-country', 'cloudfront-viewer-city'])
  assert.deepEqual([...listed.headers], ['accept', 'referer'])
  const all = originRequestPolicy({ headerBehavior: { allViewerAndCloudFront: ['CloudFront-Viewer-TLS'] } })
  const both = compileForwarding(keyed, all)
  assert.equal(both.headerMode, 'all')
  assert.deepEqual(both.cloudFrontHeaders, ['cloudfront-viewer-country', 'cloudfront-viewer-tls'])
  const none = compileForwarding(keyed, originRequestPolicy({ headerBehavior: { deny: ['Host'] } }))
  assert.deepEqual(none.cloudFrontHeaders, ['cloudfront-viewer-country'])
})

function setting(kind: Setting, names: string[]) {
  return kind === 'allow' ? { allow: names } : kind === 'deny' ? { deny: names } : (kind ?? 'none')
}

function cachePolicy(config: Partial<CachePolicyConfig>) {
  return compileCachePolicy(cachePolicySchema.parse(config))
}

function originRequestPolicy(config: object) {
  return compileOriginRequestPolicy(originRequestPolicySchema.parse(config))
}
