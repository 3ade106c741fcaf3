import { join, resolve } from 'node:path'
import { z } from 'zod'
import { type FilterList, keepAll, keepAllExcept, keepListed, keepNone } from '../http/filter-list.ts'
import type { PlannedCache, PlannedCachePolicy } from '../plan.ts'

/** Field names as RFC 9110 section 5.6.2 allows them. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

/** What can never be part of a cache key (DG:cache-key-understand-cache-policy). */
const NOT_IN_KEY = new Set([
  ...['cache-control', 'connection', 'content-length', 'cookie', 'expect', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-range', 'if-unmodified-since', 'max-forwards', 'pragma', 'proxy-authenticate'],
  ...[
    'proxy-authorization',
    'proxy-connection',
    'range',
    'request-range',
    'te',
    'trailer',
    'transfer-encoding',
  ],
  ...['upgrade', 'via', 'x-amz-cf-id', 'x-forwarded-proto', 'x-real-ip'],
  // About one connection or one viewer: with them every viewer would have a copy of its own (fact sheet 14).
  ...['cloudfront-viewer-address', 'cloudfront-viewer-asn', 'cloudfront-viewer-tls'],
  ...['cloudfront-viewer-ja3-fingerprint', 'cloudfront-viewer-ja4-fingerprint'],
])

/** What an origin request policy cannot list by name. */
const NOT_TO_ORIGIN: Readonly<Record<string, string>> = {
  authorization: 'list it in the cache policy, or use the header behavior "all"',
  cookie: 'use cookieBehavior',
  connection: 'it belongs to one connection',
  upgrade: 'WebSocket requests keep it by themselves',
  'proxy-authorization': 'it belongs to one connection',
  te: 'it belongs to one connection',
  'transfer-encoding': 'it belongs to one connection',
}

const MAX_SECONDS = 3_153_600_000
/** One day and one year: DefaultTTL and MaxTTL where a policy does not say (CachePolicyConfig of the API). */
const DAY_SECONDS = 86_400
const YEAR_SECONDS = 31_536_000

const headerName = z
  .string()
  .min(1)
  .max(256)
  .regex(TOKEN, 'a header name is made of letters, digits and hyphens')
const valueName = z.string().min(1).max(1024)
const seconds = z.number().int().min(0).max(MAX_SECONDS)

const keyedHeader = headerName.superRefine((name, context) => {
  const lower = name.toLowerCase()
  if (lower === 'cookie') {
    context.addIssue({ code: 'custom', message: 'Cookie is no part of headerBehavior; use cookieBehavior' })
  } else if (NOT_IN_KEY.has(lower) || lower.startsWith('x-edge-')) {
    context.addIssue({ code: 'custom', message: `${name} cannot be part of a cache key; leave it out` })
  }
})

const forwardedHeader = headerName.superRefine((name, context) => {
  const instead = NOT_TO_ORIGIN[name.toLowerCase()]
  if (instead === undefined) return
  context.addIssue({
    code: 'custom',
    message: `${name} cannot be listed in an origin request policy; ${instead}`,
  })
})

function listBehavior(what: string) {
  return z.union([
    z.enum(['none', 'all']),
    z.strictObject({
      allow: z
        .array(valueName)
        .min(1)
        .describe(`Only the ${what} with these names, which are case-sensitive.`),
    }),
    z.strictObject({ deny: z.array(valueName).min(1).describe(`All ${what} but those with these names.`) }),
  ])
}

/** A cache policy as users write it: the vocabulary of CloudFront in the friendly form of AWS CDK. */
export const cachePolicySchema = z
  .strictObject({
    comment: z.string().max(128).optional().describe('What the policy is for.'),
    minTtlSeconds: seconds
      .default(0)
      .describe('Shortest time in seconds that an object is kept, whatever the origin says.'),
    defaultTtlSeconds: seconds
      .optional()
      .describe(
        'Time in seconds that an object is kept when the origin names none: 86400, or minTtlSeconds if that is more.',
      ),
    maxTtlSeconds: seconds
      .optional()
      .describe(
        'Longest time in seconds that an object is kept: 31536000, or defaultTtlSeconds if that is more.',
      ),
    enableAcceptEncodingGzip: z
      .boolean()
      .default(false)
      .describe('Keep a gzip copy for viewers that accept it; the edge compresses where the origin did not.'),
    enableAcceptEncodingBrotli: z.boolean().default(false).describe('The same for brotli.'),
    headerBehavior: z
      .union([
        z.literal('none'),
        z.strictObject({ allow: z.array(keyedHeader).min(1).describe('Headers by name, in any case.') }),
      ])
      .default('none')
      .describe('Headers that are part of the cache key and travel to the origin.'),
    cookieBehavior: listBehavior('cookies')
      .default('none')
      .describe('Cookies that are part of the cache key and travel to the origin.'),
    queryStringBehavior: listBehavior('query strings')
      .default('none')
      .describe('Query strings that are part of the cache key and travel to the origin.'),
  })
  .describe('How long objects are kept, and which values of a request tell them apart.')

/** An origin request policy as users write it. */
export const originRequestPolicySchema = z
  .strictObject({
    comment: z.string().max(128).optional().describe('What the policy is for.'),
    headerBehavior: z
      .union([
        z.enum(['none', 'all']),
        z.strictObject({
          allow: z
            .array(forwardedHeader)
            .min(1)
            .describe('Headers by name, in any case; `CloudFront-*` names are added by the edge.'),
        }),
        z.strictObject({ deny: z.array(headerName).min(1).describe('All headers of the viewer but these.') }),
        z.strictObject({
          allViewerAndCloudFront: z
            .array(headerName.regex(/^cloudfront-/i, 'only names that begin with CloudFront- can be added'))
            .min(1)
            .describe('All headers of the viewer, and these `CloudFront-*` headers.'),
        }),
      ])
      .default('none')
      .describe('Headers that travel to the origin beside those of the cache policy.'),
    cookieBehavior: listBehavior('cookies')
      .default('none')
      .describe('Cookies that travel to the origin beside those of the cache policy.'),
    queryStringBehavior: listBehavior('query strings')
      .default('none')
      .describe('Query strings that travel to the origin beside those of the cache policy.'),
  })
  .describe('What of a request travels to the origin without being part of the cache key.')

/** The settings that CloudFront had before cache policies; a behavior has these or a cache policy. */
export const forwardedValuesSchema = z
  .strictObject({
    queryString: z.boolean().describe('Whether query strings travel to the origin.'),
    queryStringCacheKeys: z
      .array(valueName)
      .optional()
      .describe(
        'Only these are part of the cache key; all travel nevertheless. Left out: all are part of it.',
      ),
    headers: z
      .array(z.union([z.literal('*'), keyedHeader]))
      .default([])
      .describe(
        'Headers that are part of the cache key and travel to the origin; `*` alone means all, and then nothing is kept.',
      ),
    cookies: z
      .strictObject({
        forward: z
          .enum(['none', 'whitelist', 'all'])
          .describe('Which cookies travel and are part of the cache key.'),
        whitelistedNames: z
          .array(valueName)
          .optional()
          .describe('Names for `whitelist`; `*` and `?` are wildcards.'),
      })
      .default({ forward: 'none' })
      .describe('Cookies.'),
    minTtlSeconds: seconds.default(0).describe('As in a cache policy.'),
    defaultTtlSeconds: seconds.optional().describe('As in a cache policy.'),
    maxTtlSeconds: seconds.optional().describe('As in a cache policy.'),
  })
  .describe('Legacy cache settings: forwarding and cache key in one.')

/** The cache of the whole edge, as users write it. */
export const cacheSchema = z
  .strictObject({
    memoryBytes: z
      .number()
      .int()
      .min(1 << 20)
      .max(2 ** 40)
      .default(128 << 20)
      .describe('Memory for stored responses with all that belongs to them, in bytes, in each process.'),
    disk: z
      .union([
        z.literal(false),
        z.strictObject({
          folder: z
            .string()
            .min(1)
            .optional()
            .describe(
              'Folder for the cache alone, relative to the configuration file. Left out: `cache` in `dataFolder`.',
            ),
          maxBytes: z
            .number()
            .int()
            .min(16 << 20)
            .max(2 ** 50)
            .default(2 ** 30)
            .describe('Room for stored responses on disk, in bytes, for all processes together.'),
        }),
      ])
      .prefault({})
      .describe(
        'Stored responses on disk, below those in memory: they outlive the process and may be larger than memory. `false` for memory alone.',
      ),
    tagHeaders: z
      .array(headerName)
      .max(8)
      .default(['Cache-Tag', 'Surrogate-Key'])
      .describe('Response headers whose words are tags, by which responses are invalidated.'),
    cacheStatus: z
      .enum(['never', 'on-request', 'always'])
      .default('on-request')
      .describe(
        'When responses carry `Cache-Status` (RFC 9211): `on-request` is for requests with `Edgeward-Debug: cache-status`.',
      ),
    finishAbandoned: z
      .boolean()
      .default(false)
      .describe(
        'Fetch a response to its end and keep it even when all its viewers have left. CloudFront does not.',
      ),
    upstreamAge: z
      .enum(['subtract', 'ignore'])
      .default('subtract')
      .describe(
        'Whether the `Age` that a response comes with counts against its lifetime (profile `cloudfront`).',
      ),
    malformedAge: z
      .enum(['ignore', 'stale'])
      .default('ignore')
      .describe(
        'What an `Age` that is not one number means (profile `rfc`): `ignore` it as RFC 9111 asks, or take the response for `stale`.',
      ),
  })
  .describe('The cache of the edge.')

/** Compiles the validated cache settings. */
export function compileCache(config: CacheConfig, baseFolder: string, dataFolder: string): PlannedCache {
  const { disk } = config
  return {
    ...config,
    tagHeaders: unique(config.tagHeaders.map(lowerCase)),
    disk:
      disk === false
        ? undefined
        : {
            folder: disk.folder === undefined ? join(dataFolder, 'cache') : resolve(baseFolder, disk.folder),
            maxBytes: disk.maxBytes,
          },
  }
}

/** What the schemas give back: defaults are filled. */
export type CacheConfig = z.output<typeof cacheSchema>
export type CachePolicyConfig = z.output<typeof cachePolicySchema>
export type OriginRequestPolicyConfig = z.output<typeof originRequestPolicySchema>
export type ForwardedValuesConfig = z.output<typeof forwardedValuesSchema>

/** An origin request policy in the form that `compileForwarding` joins with a cache policy. */
export interface CompiledOriginRequestPolicy {
  readonly name: string
  readonly headerMode: 'none' | 'all' | 'allow' | 'deny'
  /** Lower-case names for `allow` and `deny`, without `cloudfront-*`. */
  readonly headers: ReadonlySet<string>
  /** Lower-case `cloudfront-*` names to add. */
  readonly cloudFrontHeaders: readonly string[]
  readonly cookies: FilterList
  readonly queryStrings: FilterList
}

type ListBehavior =
  | 'none'
  | 'all'
  | { readonly allow: readonly string[] }
  | { readonly deny: readonly string[] }

/** Compiles a validated cache policy; `name` is what explain shows. */
export function compileCachePolicy(config: CachePolicyConfig, name = 'inline'): PlannedCachePolicy {
  const headers = config.headerBehavior === 'none' ? [] : unique(config.headerBehavior.allow.map(lowerCase))
  // To list Accept-Encoding oneself turns the edge's own handling of it off (fact sheet 8.4).
  const handlesEncoding = !headers.includes('accept-encoding')
  return {
    name,
    ...lifetimes(config),
    gzip: handlesEncoding && config.enableAcceptEncodingGzip,
    brotli: handlesEncoding && config.enableAcceptEncodingBrotli,
    headers,
    cookies: compileList(config.cookieBehavior),
    queryStrings: compileList(config.queryStringBehavior),
    isLegacy: false,
  }
}

/** Compiles a validated origin request policy; `name` is what explain shows. */
export function compileOriginRequestPolicy(
  config: OriginRequestPolicyConfig,
  name = 'inline',
): CompiledOriginRequestPolicy {
  const { headerBehavior } = config
  const lists = {
    cookies: compileList(config.cookieBehavior),
    queryStrings: compileList(config.queryStringBehavior),
  }
  if (headerBehavior === 'none' || headerBehavior === 'all') {
    return { name, headerMode: headerBehavior, headers: new Set(), cloudFrontHeaders: [], ...lists }
  }
  if ('deny' in headerBehavior) {
    return {
      name,
      headerMode: 'deny',
      headers: new Set(headerBehavior.deny.map(lowerCase)),
      cloudFrontHeaders: [],
      ...lists,
    }
  }
  if ('allViewerAndCloudFront' in headerBehavior) {
    const added = unique(headerBehavior.allViewerAndCloudFront.map(lowerCase))
    return { name, headerMode: 'all', headers: new Set(), cloudFrontHeaders: added, ...lists }
  }
  const names = unique(headerBehavior.allow.map(lowerCase))
  return {
    name,
    headerMode: 'allow',
    headers: new Set(names.filter((each) => !isCloudFrontHeader(each))),
    cloudFrontHeaders: names.filter(isCloudFrontHeader),
    ...lists,
  }
}

/** True for the lower-case name of a header that the edge itself adds. */
export function isCloudFrontHeader(lowerName: string): boolean {
  return lowerName.startsWith('cloudfront-')
}

/** TTLs with their defaults, and whether they mean that nothing is kept (fact sheet 8.3). */
export function lifetimes(config: {
  readonly minTtlSeconds: number
  readonly defaultTtlSeconds?: number | undefined
  readonly maxTtlSeconds?: number | undefined
}): Pick<PlannedCachePolicy, 'minTtlSeconds' | 'defaultTtlSeconds' | 'maxTtlSeconds' | 'isDisabled'> {
  const { minTtlSeconds } = config
  // A maximum that is given bounds a default that is not: { maxTtlSeconds: 60 } alone is no contradiction.
  const ceiling = Math.max(minTtlSeconds, config.maxTtlSeconds ?? Infinity)
  const defaultTtlSeconds =
    config.defaultTtlSeconds ?? Math.min(ceiling, Math.max(DAY_SECONDS, minTtlSeconds))
  const maxTtlSeconds = config.maxTtlSeconds ?? Math.max(YEAR_SECONDS, defaultTtlSeconds)
  return { minTtlSeconds, defaultTtlSeconds, maxTtlSeconds, isDisabled: maxTtlSeconds === 0 }
}

function compileList(behavior: ListBehavior): FilterList {
  if (behavior === 'none') return keepNone
  if (behavior === 'all') return keepAll
  return 'allow' in behavior ? keepListed(behavior.allow) : keepAllExcept(behavior.deny)
}

function lowerCase(name: string): string {
  return name.toLowerCase()
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)]
}
