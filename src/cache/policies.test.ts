import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileForwarding } from './forwarding.ts'
import {
  findManagedCachePolicy,
  findManagedOriginRequestPolicy,
  managedCachePolicies,
  managedOriginRequestPolicies,
} from './policies.ts'

/** Name, id, TTLs, codings, headers, cookies, query strings (DG:using-managed-cache-policies; fact sheet 8.5). */
const cachePolicies: readonly string[] = [
  'CachingOptimized 658327ea-f89d-4fab-a63d-7e88639e58f6 1/86400/31536000 gzip+br - none none',
  'CachingOptimizedForUncompressedObjects b2884449-e4de-46a7-ac36-70bc7f1ddd6d 1/86400/31536000 - - none none',
  'CachingDisabled 4135ea2d-6df8-44a3-9df3-4b5a84be39ad 0/0/0 - - none none',
  'Amplify 2e54312d-136d-493c-8eb9-b001f22f67d2 2/2/600 gzip+br authorization,cloudfront-viewer-country,host all all',
  'Elemental-MediaPackage 08627262-05a9-4f76-9ded-b50ca2e3a84f 0/86400/31536000 gzip origin none aws.manifestfilter,start,end,m',
  'UseOriginCacheControlHeaders 83da9c7e-98b4-4e11-a168-04f0df8e2c65 0/0/31536000 gzip+br host,origin,x-http-method-override,x-http-method,x-method-override all none',
  'UseOriginCacheControlHeaders-QueryStrings 4cc15a8a-d715-48a4-82b8-cc0b614638fe 0/0/31536000 gzip+br host,origin,x-http-method-override,x-http-method,x-method-override all all',
]

test('the managed cache policies are those of AWS', () => {
  const told = managedCachePolicies.map(({ id, policy }) => {
    const codings = [policy.gzip ? 'gzip' : '', policy.brotli ? 'br' : '']
      .filter((each) => each !== '')
      .join('+')
    const { minTtlSeconds, defaultTtlSeconds, maxTtlSeconds, cookies, queryStrings } = policy
    const ttl = `${minTtlSeconds}/${defaultTtlSeconds}/${maxTtlSeconds}`
    const queries = queryStrings.mode === 'allow' ? [...queryStrings.names].join(',') : queryStrings.mode
    return `${policy.name} ${id} ${ttl} ${codings || '-'} ${policy.headers.join(',') || '-'} ${cookies.mode} ${queries}`
  })
  assert.deepEqual(told, cachePolicies)
})

test('only CachingDisabled keeps nothing', () => {
  const disabled = managedCachePolicies.filter(({ policy }) => policy.isDisabled)
  assert.deepEqual(
    disabled.map(({ policy }) => policy.name),
    ['CachingDisabled'],
  )
})

/** Name, id, headers, cookies, query strings (DG:using-managed-origin-request-policies; fact sheet 8.6). */
const originRequestPolicies: readonly string[] = [
  'AllViewer 216adef6-5c7f-47e4-b989-5492eafa07d3 all all all',
  'AllViewerExceptHostHeader b689b0a8-53d0-40ab-baf2-68738e2966ac all-except(host) all all',
  'AllViewerAndCloudFrontHeaders-2022-06 33f36d7e-f396-46d9-90e0-52428a34d9dc all+21 all all',
  'CORS-CustomOrigin 59781a5b-3903-41f3-afcb-af62929ccde1 listed(origin) none none',
  'CORS-S3Origin 88a5eaf4-2fd4-4709-b370-b4c650ea3fcf listed(origin,access-control-request-headers,access-control-request-method) none none',
  'Elemental-MediaTailor-PersonalizedManifests 775133bc-15f2-49f9-abea-afb2e0bf67d2 listed(origin,access-control-request-headers,access-control-request-method,user-agent,x-forwarded-for) none all',
  'HostHeaderOnly bf0718e1-ba1e-49d1-88b1-f726733018ae listed(host) none none',
  'UserAgentRefererHeaders acba4595-bd28-49b8-b9fe-13317c0390fa listed(user-agent,referer) none none',
]

test('the managed origin request policies are those of AWS', () => {
  const nothing = findManagedCachePolicy('CachingDisabled')
  assert.ok(nothing !== undefined)
  const told = managedOriginRequestPolicies.map(({ id, policy }) => {
    const { headerMode, headers, cloudFrontHeaders, cookies, queryStrings } = compileForwarding(
      nothing,
      policy,
    )
    const listed = headers.size === 0 ? '' : `(${[...headers].join(',')})`
    const added = cloudFrontHeaders.length === 0 ? '' : `+${cloudFrontHeaders.length}`
    return `${policy.name} ${id} ${headerMode}${listed}${added} ${cookies.mode} ${queryStrings.mode}`
  })
  assert.deepEqual(told, originRequestPolicies)
})

test('a managed policy is found by its name, its name in the API, and its id', () => {
  for (const { id, policy } of managedCachePolicies) {
    for (const by of [id, policy.name, `Managed-${policy.name}`])
      assert.equal(findManagedCachePolicy(by), policy)
  }
  for (const { id, policy } of managedOriginRequestPolicies) {
    for (const by of [id, policy.name, `Managed-${policy.name}`])
      assert.equal(findManagedOriginRequestPolicy(by), policy)
  }
  assert.equal(findManagedCachePolicy('AllViewer'), undefined)
  assert.equal(findManagedOriginRequestPolicy('constructor'), undefined)
})
