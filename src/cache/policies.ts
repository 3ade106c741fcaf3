import type { PlannedCachePolicy } from '../plan.ts'
import {
  cachePolicySchema,
  compileCachePolicy,
  compileOriginRequestPolicy,
  type CompiledOriginRequestPolicy,
  originRequestPolicySchema,
} from './config.ts'
import type { z } from 'zod'

/** A cache policy that every CloudFront account has. */
export interface ManagedCachePolicy {
  readonly id: string
  readonly policy: PlannedCachePolicy
}

/** An origin request policy that every CloudFront account has. */
export interface ManagedOriginRequestPolicy {
  readonly id: string
  readonly policy: CompiledOriginRequestPolicy
}

const YEAR_SECONDS = 31_536_000
const GZIP = { enableAcceptEncodingGzip: true } as const
const GZIP_AND_BROTLI = { ...GZIP, enableAcceptEncodingBrotli: true } as const
const OVERRIDE_HEADERS = ['Host', 'Origin', 'X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override']
const PREFLIGHT_HEADERS = ['Origin', 'Access-Control-Request-Headers', 'Access-Control-Request-Method']

/** The `CloudFront-*` headers that existed in June 2022 (DG:using-managed-origin-request-policies). */
const CLOUDFRONT_HEADERS_2022_06 = [
  ...['CloudFront-Forwarded-Proto', 'CloudFront-Is-Android-Viewer', 'CloudFront-Is-Desktop-Viewer'],
  ...['CloudFront-Is-IOS-Viewer', 'CloudFront-Is-Mobile-Viewer', 'CloudFront-Is-SmartTV-Viewer'],
  ...['CloudFront-Is-Tablet-Viewer', 'CloudFront-Viewer-Address', 'CloudFront-Viewer-ASN'],
  ...['CloudFront-Viewer-City', 'CloudFront-Viewer-Country', 'CloudFront-Viewer-Country-Name'],
  ...['CloudFront-Viewer-Country-Region', 'CloudFront-Viewer-Country-Region-Name'],
  ...['CloudFront-Viewer-Http-Version', 'CloudFront-Viewer-Latitude', 'CloudFront-Viewer-Longitude'],
  ...['CloudFront-Viewer-Metro-Code', 'CloudFront-Viewer-Postal-Code', 'CloudFront-Viewer-Time-Zone'],
  'CloudFront-Viewer-TLS',
]

/** The managed cache policies by name, with their ids (DG:using-managed-cache-policies). */
export const managedCachePolicies: readonly ManagedCachePolicy[] = [
  cached(
    'CachingOptimized',
    '658327ea-f89d-4fab-a63d-7e88639e58f6',
    1,
    86_400,
    YEAR_SECONDS,
    GZIP_AND_BROTLI,
  ),
  cached(
    'CachingOptimizedForUncompressedObjects',
    'b2884449-e4de-46a7-ac36-70bc7f1ddd6d',
    1,
    86_400,
    YEAR_SECONDS,
    {},
  ),
  cached('CachingDisabled', '4135ea2d-6df8-44a3-9df3-4b5a84be39ad', 0, 0, 0, {}),
  cached('Amplify', '2e54312d-136d-493c-8eb9-b001f22f67d2', 2, 2, 600, {
    ...GZIP_AND_BROTLI,
    headerBehavior: { allow: ['Authorization', 'CloudFront-Viewer-Country', 'Host'] },
    cookieBehavior: 'all',
    queryStringBehavior: 'all',
  }),
  cached('Elemental-MediaPackage', '08627262-05a9-4f76-9ded-b50ca2e3a84f', 0, 86_400, YEAR_SECONDS, {
    ...GZIP,
    headerBehavior: { allow: ['Origin'] },
    queryStringBehavior: { allow: ['aws.manifestfilter', 'start', 'end', 'm'] },
  }),
  cached('UseOriginCacheControlHeaders', '83da9c7e-98b4-4e11-a168-04f0df8e2c65', 0, 0, YEAR_SECONDS, {
    ...GZIP_AND_BROTLI,
    headerBehavior: { allow: OVERRIDE_HEADERS },
    cookieBehavior: 'all',
  }),
  cached(
    'UseOriginCacheControlHeaders-QueryStrings',
    '4cc15a8a-d715-48a4-82b8-cc0b614638fe',
    0,
    0,
    YEAR_SECONDS,
    {
      ...GZIP_AND_BROTLI,
      headerBehavior: { allow: OVERRIDE_HEADERS },
      cookieBehavior: 'all',
      queryStringBehavior: 'all',
    },
  ),
]

/** The managed origin request policies by name, with their ids (DG:using-managed-origin-request-policies). */
export const managedOriginRequestPolicies: readonly ManagedOriginRequestPolicy[] = [
  forwarded('AllViewer', '216adef6-5c7f-47e4-b989-5492eafa07d3', {
    headerBehavior: 'all',
    cookieBehavior: 'all',
    queryStringBehavior: 'all',
  }),
  forwarded('AllViewerExceptHostHeader', 'b689b0a8-53d0-40ab-baf2-68738e2966ac', {
    headerBehavior: { deny: ['Host'] },
    cookieBehavior: 'all',
    queryStringBehavior: 'all',
  }),
  forwarded('AllViewerAndCloudFrontHeaders-2022-06', '33f36d7e-f396-46d9-90e0-52428a34d9dc', {
    headerBehavior: { allViewerAndCloudFront: CLOUDFRONT_HEADERS_2022_06 },
    cookieBehavior: 'all',
    queryStringBehavior: 'all',
  }),
  forwarded('CORS-CustomOrigin', '59781a5b-3903-41f3-afcb-af62929ccde1', {
    headerBehavior: { allow: ['Origin'] },
  }),
  forwarded('CORS-S3Origin', '88a5eaf4-2fd4-4709-b370-b4c650ea3fcf', {
    headerBehavior: { allow: PREFLIGHT_HEADERS },
  }),
  forwarded('Elemental-MediaTailor-PersonalizedManifests', '775133bc-15f2-49f9-abea-afb2e0bf67d2', {
    headerBehavior: { allow: [...PREFLIGHT_HEADERS, 'User-Agent', 'X-Forwarded-For'] },
    queryStringBehavior: 'all',
  }),
  forwarded('HostHeaderOnly', 'bf0718e1-ba1e-49d1-88b1-f726733018ae', {
    headerBehavior: { allow: ['Host'] },
  }),
  forwarded('UserAgentRefererHeaders', 'acba4595-bd28-49b8-b9fe-13317c0390fa', {
    headerBehavior: { allow: ['User-Agent', 'Referer'] },
  }),
]

/** The managed cache policy of a name (with or without the `Managed-` of the AWS API) or id, or undefined. */
export function findManagedCachePolicy(nameOrId: string): PlannedCachePolicy | undefined {
  const name = withoutPrefix(nameOrId)
  return managedCachePolicies.find(({ id, policy }) => policy.name === name || id === nameOrId)?.policy
}

/** The managed origin request policy of a name (with or without `Managed-`) or id, or undefined. */
export function findManagedOriginRequestPolicy(nameOrId: string): CompiledOriginRequestPolicy | undefined {
  const name = withoutPrefix(nameOrId)
  return managedOriginRequestPolicies.find(({ id, policy }) => policy.name === name || id === nameOrId)
    ?.policy
}

function withoutPrefix(name: string): string {
  return name.startsWith('Managed-') ? name.slice('Managed-'.length) : name
}

function cached(
  name: string,
  id: string,
  minTtlSeconds: number,
  defaultTtlSeconds: number,
  maxTtlSeconds: number,
  rest: z.input<typeof cachePolicySchema>,
): ManagedCachePolicy {
  const config = cachePolicySchema.parse({ minTtlSeconds, defaultTtlSeconds, maxTtlSeconds, ...rest })
  return { id, policy: compileCachePolicy(config, name) }
}

function forwarded(
  name: string,
  id: string,
  config: z.input<typeof originRequestPolicySchema>,
): ManagedOriginRequestPolicy {
  return { id, policy: compileOriginRequestPolicy(originRequestPolicySchema.parse(config), name) }
}
