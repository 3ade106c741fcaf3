import { z } from 'zod'

/** Methods that CloudFront knows (fact sheet 5.2). */
export const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'] as const

/** Statuses that a custom error response can be for, and may show beside 200 (fact sheet 10.2). */
export const ERROR_CODES = [400, 403, 404, 405, 414, 416, 500, 501, 502, 503, 504] as const

const MAX_SECONDS = 3_153_600_000
const seconds = z.number().int().min(0).max(MAX_SECONDS)
const name = z.string().min(1)

/** Schemas of other rooms that a distribution is made of; a behavior takes a name or the thing inline. */
export interface DistributionParts<
  Origin extends z.ZodType,
  OriginGroup extends z.ZodType,
  CachePolicy extends z.ZodType,
  ForwardedValues extends z.ZodType,
  OriginRequestPolicy extends z.ZodType,
  ResponseHeadersPolicy extends z.ZodType,
  Functions extends z.ZodType,
  BehaviorModules extends z.ZodRawShape,
  DistributionModules extends z.ZodRawShape,
> {
  readonly origin: Origin
  readonly originGroup: OriginGroup
  readonly cachePolicy: CachePolicy
  readonly forwardedValues: ForwardedValues
  readonly originRequestPolicy: OriginRequestPolicy
  readonly responseHeadersPolicy: ResponseHeadersPolicy
  readonly functions: Functions
  /** Keys that modules add to a behavior and to a distribution. */
  readonly behaviorModules: BehaviorModules
  readonly distributionModules: DistributionModules
}

const redirect = z
  .strictObject({
    to: z
      .string()
      .min(1)
      .max(2048)
      .regex(/^[\x21-\x7e]+$/, 'a redirect leads to a path or url without spaces; encode other characters')
      .describe('Path or url; `$1`, `$2`, … stand for what the stars of the pattern matched.'),
    status: z
      .union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)])
      .default(302)
      .describe('Status of the redirect.'),
  })
  .describe('Answers with a redirect instead of asking an origin.')

const rewriteRule = z.strictObject({
  from: z
    .string()
    .min(1)
    .max(255)
    .regex(/^\//, 'a rewritten path begins with /')
    .describe('Pattern for the path: `*` matches anything, `?` one character.'),
  to: z
    .string()
    .min(1)
    .max(2048)
    .regex(/^\/[^\s?#]*$/, 'the new path begins with / and has no query string')
    .describe('What the origin is asked for; `$1`, `$2`, … stand for what the stars matched.'),
})

/** Path patterns of CloudFront (fact sheet 4.2); `compilePathPattern` has the last word. */
const pattern = z.string().min(1)

function behaviorShape<
  CachePolicy extends z.ZodType,
  ForwardedValues extends z.ZodType,
  OriginRequestPolicy extends z.ZodType,
  ResponseHeadersPolicy extends z.ZodType,
  Functions extends z.ZodType,
  BehaviorModules extends z.ZodRawShape,
>(
  parts: Omit<
    DistributionParts<
      z.ZodType,
      z.ZodType,
      CachePolicy,
      ForwardedValues,
      OriginRequestPolicy,
      ResponseHeadersPolicy,
      Functions,
      BehaviorModules,
      z.ZodRawShape
    >,
    'origin' | 'originGroup' | 'distributionModules'
  >,
) {
  return {
    origin: name
      .optional()
      .describe('Name of an origin or origin group. May be left out where `redirect` answers.'),
    redirect: redirect.optional(),
    viewerProtocolPolicy: z
      .enum(['allow-all', 'redirect-to-https', 'https-only'])
      .default('allow-all')
      .describe('What becomes of requests over plain HTTP.'),
    allowedMethods: z
      .union([z.literal('all'), z.array(z.enum(METHODS)).min(1)])
      .default(['GET', 'HEAD'])
      .describe('One of three sets, as on CloudFront: GET and HEAD; these and OPTIONS; or `all`.'),
    cachedMethods: z
      .array(z.enum(['GET', 'HEAD', 'OPTIONS']))
      .min(1)
      .default(['GET', 'HEAD'])
      .describe('Methods whose responses are kept: GET and HEAD, or these and OPTIONS.'),
    compress: z
      .boolean()
      .default(true)
      .describe('Whether the edge compresses what the origin did not, where the cache policy allows it.'),
    cachePolicy: z
      .union([name, parts.cachePolicy])
      .optional()
      .describe(
        'Name of a policy in `cachePolicies`, name or id of a managed one, or a policy. Left out: CachingOptimized.',
      ),
    forwardedValues: parts.forwardedValues
      .optional()
      .describe('Legacy cache settings, instead of a cache policy.'),
    cacheProfile: z
      .enum(['cloudfront', 'rfc'])
      .default('cloudfront')
      .describe('Whether caching follows CloudFront, or RFC 9111 where the two differ.'),
    originRequestPolicy: z
      .union([name, parts.originRequestPolicy])
      .optional()
      .describe('Name of a policy in `originRequestPolicies`, name or id of a managed one, or a policy.'),
    responseHeadersPolicy: z
      .union([name, parts.responseHeadersPolicy])
      .optional()
      .describe('Name of a policy in `responseHeadersPolicies`, name or id of a managed one, or a policy.'),
    functions: parts.functions.optional(),
    trustedKeyGroups: z
      .array(name)
      .min(1)
      .optional()
      .describe(
        'Names of key groups; only requests with a signed URL or signed cookies of one of their keys are served.',
      ),
    stripPrefix: z
      .string()
      .max(255)
      .regex(/^(\/[^/?#\s*]+)+$/, 'a prefix begins with / and does not end with it, for example /hotels')
      .optional()
      .describe(
        'Taken off the path on its way to the origin, at whole segments only; what is left of the prefix alone is `/`.',
      ),
    rewrite: z
      .array(rewriteRule)
      .min(1)
      .optional()
      .describe(
        'Changes the path on its way to the origin, after stripPrefix; the first rule that matches counts.',
      ),
    mapBack: z
      .boolean()
      .optional()
      .describe(
        'Whether the stripped prefix is put back into Location and cookie paths of the origin. Left out: yes.',
      ),
    ...parts.behaviorModules,
  }
}

const customErrorResponse = z
  .strictObject({
    errorCode: z.union(ERROR_CODES.map((code) => z.literal(code))).describe('Status that the rule is for.'),
    responsePagePath: z
      .string()
      .max(4096)
      .regex(/^\/[\x21-\x7e]*$/, 'the path of a page begins with /')
      .optional()
      .describe('Page to show instead, fetched through the behavior that matches it; needs responseCode.'),
    responseCode: z
      .union([z.literal(200), ...ERROR_CODES.map((code) => z.literal(code))])
      .optional()
      .describe('Status that the viewer receives; needs responsePagePath.'),
    errorCachingMinTtlSeconds: seconds
      .default(10)
      .describe('Shortest time in seconds that the error is kept.'),
  })
  .describe('What viewers receive instead of an error.')

const countries = z
  .array(z.string().regex(/^[A-Z]{2}$/, 'a country is two capital letters (ISO 3166-1), for example DE'))
  .min(1)

const geoRestriction = z
  .union([
    z.strictObject({ allow: countries.describe('Only these countries are served.') }),
    z.strictObject({ deny: countries.describe('These countries are not served.') }),
  ])
  .describe('Who is served by country; unknown places are served.')

/** The schema of one distribution, made of the schemas of the rooms it touches. */
export function createDistributionSchema<
  Origin extends z.ZodType,
  OriginGroup extends z.ZodType,
  CachePolicy extends z.ZodType,
  ForwardedValues extends z.ZodType,
  OriginRequestPolicy extends z.ZodType,
  ResponseHeadersPolicy extends z.ZodType,
  Functions extends z.ZodType,
  BehaviorModules extends z.ZodRawShape,
  DistributionModules extends z.ZodRawShape,
>(
  parts: DistributionParts<
    Origin,
    OriginGroup,
    CachePolicy,
    ForwardedValues,
    OriginRequestPolicy,
    ResponseHeadersPolicy,
    Functions,
    BehaviorModules,
    DistributionModules
  >,
) {
  const shape = behaviorShape(parts)
  return z
    .strictObject({
      id: z
        .string()
        .regex(/^E[A-Z0-9]{5,31}$/, 'a distribution id is E and then capital letters and digits')
        .optional()
        .describe('Id in logs, events and Via. Left out: derived from the name, the same on every node.'),
      domainName: z
        .string()
        .max(253)
        .regex(/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/, 'a domain name is lower case, without protocol and port')
        .optional()
        .describe(
          'Domain name of its own. Left out: derived from the name, below edgeward.localhost or cloudfront.net.',
        ),
      comment: z.string().max(128).optional().describe('What the distribution is for.'),
      enabled: z.boolean().default(true).describe('Whether it answers at all.'),
      aliases: z
        .array(z.string().min(1).max(253))
        .default([])
        .describe(
          'Host names it answers to; `*.` at the beginning covers names of any depth. A single distribution answers to any host.',
        ),
      defaultRootObject: z
        .string()
        .min(1)
        .max(255)
        .optional()
        .describe('What the path `/` asks for, without a slash at its beginning, for example `index.html`.'),
      origins: z.record(name, parts.origin).describe('Where content comes from, by name.'),
      originGroups: z
        .record(name, parts.originGroup)
        .default({})
        .describe('Pairs of origins for failover, by name.'),
      defaultBehavior: z.strictObject(shape).describe('What holds for paths that match no pattern.'),
      behaviors: z
        .array(
          z.strictObject({
            path: pattern.describe('Path pattern: `*` matches anything, slashes too, `?` one character.'),
            ...shape,
          }),
        )
        .default([])
        .describe('In order; the first whose pattern matches holds.'),
      customErrorResponses: z
        .array(customErrorResponse)
        .default([])
        .describe('Pages and lifetimes of errors, for the whole distribution.'),
      geoRestriction: geoRestriction.optional(),
      logCookies: z.boolean().default(false).describe('Whether the access log holds cookies.'),
      ...parts.distributionModules,
    })
    .describe('A site of its own: host names, origins, behaviors.')
}

/** Public keys by id, and groups of them by name, for signed URLs and cookies. */
export const publicKeysSchema = z
  .record(
    name,
    z.strictObject({
      pem: z
        .string()
        .min(1)
        .describe('PEM file, or PEM text, of an RSA (2048 bits) or ECDSA (P-256) public key.'),
      comment: z.string().max(128).optional().describe('What the key is for.'),
    }),
  )
  .default({})
  .describe('Public keys for signed URLs and cookies, by the id that stands in `Key-Pair-Id`.')

/** Key groups by name: lists of public key ids. */
export const keyGroupsSchema = z
  .record(name, z.array(name).min(1))
  .default({})
  .describe('Groups of public key ids, by name.')
