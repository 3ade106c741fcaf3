import { z } from 'zod'
import type { PlannedCors, PlannedResponseHeadersPolicy } from '../plan.ts'
import { compileAllowedOrigins, parseOriginPattern } from './cors-origins.ts'

/** Field names and values that can stand in a header (RFC 9110 section 5); values in plain ASCII. */
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const VALUE = /^[\t\x20-\x7e]*$/

/** Limits of CloudFront (DG:cloudfront-limits). */
const MAX_CUSTOM_HEADERS = 10
const MAX_NAME_LENGTH = 256
const MAX_VALUE_LENGTH = 1783
const MAX_SECONDS = 2_147_483_647

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE', 'ALL'] as const
const ALL_METHODS = ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PATCH', 'POST', 'PUT']

/** What a policy may not remove (DG:understanding-response-headers-policies); a star at the end stands for any rest. */
const NOT_REMOVABLE = listOf(`
  connection content-encoding content-length expect host keep-alive proxy-authenticate proxy-authorization
  proxy-connection trailer transfer-encoding upgrade via warning x-accel-buffering x-accel-charset
  x-accel-limit-rate x-accel-redirect x-amz-cf-* x-amzn-auth x-amzn-cf-billing x-amzn-cf-id x-amzn-cf-xff
  x-amzn-errortype x-amzn-fle-profile x-amzn-header-count x-amzn-header-order x-amzn-lambda-integration-tag
  x-amzn-requestid x-cache x-edge-* x-forwarded-proto x-real-ip`)

/** What a custom header may not be: it belongs to the connection, to the body, or to the edge itself. */
const NOT_SETTABLE = listOf(`
  connection content-encoding content-length keep-alive proxy-authenticate proxy-authorization proxy-connection te
  trailer transfer-encoding upgrade via x-cache x-amz-cf-* x-edge-*`)

/** Custom headers that CloudFront refuses, with the key of the behavior that sets them. */
const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': 'contentSecurityPolicy',
  'x-content-type-options': 'contentTypeOptions',
  'x-frame-options': 'frameOptions',
  'referrer-policy': 'referrerPolicy',
  'strict-transport-security': 'strictTransportSecurity',
  'x-xss-protection': 'xssProtection',
}

function listOf(words: string): readonly string[] {
  return words.trim().split(/\s+/)
}

function isListed(list: readonly string[], lowerName: string): boolean {
  return list.some((entry) =>
    entry.endsWith('*') ? lowerName.startsWith(entry.slice(0, -1)) : lowerName === entry,
  )
}

const headerName = z
  .string()
  .max(MAX_NAME_LENGTH)
  .regex(TOKEN, 'a header name is made of letters, digits and hyphens')
const headerValue = z.string().max(MAX_VALUE_LENGTH).regex(VALUE, 'a header value is one line of ASCII text')
const override = z
  .boolean()
  .describe('true: replaces the header of the origin; false: the header of the origin stays if there is one.')
const seconds = z.number().int().min(0).max(MAX_SECONDS)

const origin = z.string().superRefine((value, context) => {
  const problem = parseOriginPattern(value)
  if (typeof problem === 'string') context.addIssue({ code: 'custom', message: problem })
})

const corsBehavior = z.strictObject({
  accessControlAllowOrigins: z
    .array(origin)
    .min(1)
    .describe(
      'Origins that may read the response: `*`, `https://example.org`, `*.example.org`, `http://example.org:*`.',
    ),
  accessControlAllowHeaders: z
    .array(headerName)
    .describe(
      'Request headers allowed in preflight answers; `*` may stand alone or inside a name such as `x-amz-*`.',
    ),
  accessControlAllowMethods: z
    .array(z.enum(METHODS))
    .min(1)
    .describe('Methods allowed in preflight answers; `ALL` stands for all seven.'),
  accessControlAllowCredentials: z
    .boolean()
    .describe('Whether `Access-Control-Allow-Credentials: true` is sent.'),
  accessControlExposeHeaders: z
    .array(headerName)
    .default([])
    .describe('Response headers that scripts may read.'),
  accessControlMaxAgeSeconds: seconds
    .optional()
    .describe('How long, in seconds, a browser may keep a preflight answer. Left out: the browser decides.'),
  originOverride: z
    .boolean()
    .describe(
      'true: replaces CORS headers of the origin; false: one CORS header of the origin keeps all of these away.',
    ),
})

const securityHeadersBehavior = z.strictObject({
  contentSecurityPolicy: z
    .strictObject({ contentSecurityPolicy: headerValue.min(1).describe('The whole policy.'), override })
    .optional()
    .describe('Content-Security-Policy.'),
  contentTypeOptions: z.strictObject({ override }).optional().describe('X-Content-Type-Options: nosniff.'),
  frameOptions: z
    .strictObject({
      frameOption: z.enum(['DENY', 'SAMEORIGIN']).describe('Who may frame the page.'),
      override,
    })
    .optional()
    .describe('X-Frame-Options.'),
  referrerPolicy: z
    .strictObject({
      referrerPolicy: z
        .enum([
          'no-referrer',
          'no-referrer-when-downgrade',
          'origin',
          'origin-when-cross-origin',
          'same-origin',
          'strict-origin',
          'strict-origin-when-cross-origin',
          'unsafe-url',
        ])
        .describe('What of the address is told to other pages.'),
      override,
    })
    .optional()
    .describe('Referrer-Policy.'),
  strictTransportSecurity: z
    .strictObject({
      accessControlMaxAgeSeconds: seconds.describe('How long, in seconds, the browser insists on HTTPS.'),
      includeSubdomains: z.boolean().default(false).describe('Whether that holds for all names below.'),
      preload: z.boolean().default(false).describe('Whether browsers may build the name in.'),
      override,
    })
    .optional()
    .describe('Strict-Transport-Security.'),
  xssProtection: z
    .strictObject({
      protection: z.boolean().describe('false sends `0`.'),
      modeBlock: z.boolean().default(false).describe('Adds `mode=block`.'),
      reportUri: headerValue
        .regex(/^[^;\s]+$/, 'a report URI has no spaces and no semicolon')
        .optional()
        .describe('Adds `report=` with this address; not together with modeBlock.'),
      override,
    })
    .refine((xss) => !(xss.modeBlock && xss.reportUri !== undefined), {
      message: 'modeBlock and reportUri cannot both be set; leave one out',
      path: ['reportUri'],
    })
    .optional()
    .describe('X-XSS-Protection.'),
})

const customHeader = z.strictObject({
  header: headerName
    .superRefine((name, context) => {
      const problem = describeCustomHeaderProblem(name)
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
    })
    .describe('Name of the header.'),
  value: headerValue.describe('Its value, which may be empty.'),
  override,
})

const customHeadersBehavior = z.strictObject({
  customHeaders: z
    .array(customHeader)
    .max(MAX_CUSTOM_HEADERS)
    .superRefine((list, context) => {
      const seen = new Set<string>()
      for (const [index, { header }] of list.entries()) {
        const lower = header.toLowerCase()
        if (seen.has(lower)) {
          const message = `${header} is set twice; a header can be set once`
          context.addIssue({ code: 'custom', message, path: [index, 'header'] })
        }
        seen.add(lower)
      }
    })
    .describe('Headers to add, at most 10.'),
})

function describeCustomHeaderProblem(name: string): string | undefined {
  const lower = name.toLowerCase()
  const key = SECURITY_HEADERS[lower]
  if (key !== undefined) return `${name} is a security header; set it with securityHeadersBehavior.${key}`
  if (isListed(NOT_SETTABLE, lower)) return `${name} belongs to the edge or the connection and cannot be set`
  return undefined
}

const removableName = headerName.superRefine((name, context) => {
  if (isListed(NOT_REMOVABLE, name.toLowerCase())) {
    const message = `${name} belongs to the edge or the connection and cannot be removed`
    context.addIssue({ code: 'custom', message })
  }
})

/** A response headers policy as users write it: the vocabulary of CloudFront in the friendly form of AWS CDK. */
export const responseHeadersPolicySchema = z
  .strictObject({
    comment: z.string().max(128).optional().describe('What the policy is for.'),
    corsBehavior: corsBehavior.optional().describe('Cross-origin resource sharing.'),
    securityHeadersBehavior: securityHeadersBehavior
      .optional()
      .describe('Headers that protect the page in browsers.'),
    customHeadersBehavior: customHeadersBehavior.optional().describe('Other headers.'),
    removeHeaders: z
      .array(removableName)
      .default([])
      .describe('Headers taken out of the response before the policy adds its own.'),
    serverTimingSamplingRate: z
      .number()
      .min(0)
      .max(100)
      .refine((rate) => Math.round(rate * 10_000) / 10_000 === rate, 'at most four decimals')
      .optional()
      .describe(
        'Percentage of responses that carry Server-Timing; 0 only for requests with `Pragma: server-timing`.',
      ),
  })
  .describe('Headers that are removed from and added to responses.')

/** What the schema gives back: every default is filled. */
export type ResponseHeadersPolicyConfig = z.output<typeof responseHeadersPolicySchema>

/** Compiles a validated policy; `name` is what explain shows. */
export function compileResponseHeadersPolicy(
  config: ResponseHeadersPolicyConfig,
  name = 'inline',
): PlannedResponseHeadersPolicy {
  const set: PlannedResponseHeadersPolicy['set'][number][] = []
  const add = (header: string, value: string, overrides: boolean) =>
    set.push({ name: header, lowerName: header.toLowerCase(), value, override: overrides })
  const security = config.securityHeadersBehavior
  if (security !== undefined) addSecurityHeaders(security, add)
  for (const { header, value, override: overrides } of config.customHeadersBehavior?.customHeaders ?? []) {
    add(header, value, overrides)
  }
  return {
    name,
    remove: new Set(config.removeHeaders.map((header) => header.toLowerCase())),
    cors: config.corsBehavior === undefined ? undefined : compileCors(config.corsBehavior),
    set,
    serverTimingRate: config.serverTimingSamplingRate,
  }
}

type SecurityConfig = z.output<typeof securityHeadersBehavior>

function addSecurityHeaders(
  security: SecurityConfig,
  add: (header: string, value: string, overrides: boolean) => void,
): void {
  const { xssProtection, frameOptions, referrerPolicy, contentSecurityPolicy } = security
  const { contentTypeOptions, strictTransportSecurity: hsts } = security
  if (xssProtection !== undefined) add('X-XSS-Protection', xssValue(xssProtection), xssProtection.override)
  if (frameOptions !== undefined) add('X-Frame-Options', frameOptions.frameOption, frameOptions.override)
  if (referrerPolicy !== undefined) {
    add('Referrer-Policy', referrerPolicy.referrerPolicy, referrerPolicy.override)
  }
  if (contentSecurityPolicy !== undefined) {
    add(
      'Content-Security-Policy',
      contentSecurityPolicy.contentSecurityPolicy,
      contentSecurityPolicy.override,
    )
  }
  if (contentTypeOptions !== undefined) add('X-Content-Type-Options', 'nosniff', contentTypeOptions.override)
  if (hsts !== undefined) {
    const below = hsts.includeSubdomains ? '; includeSubDomains' : ''
    const preload = hsts.preload ? '; preload' : ''
    const value = `max-age=${hsts.accessControlMaxAgeSeconds}${below}${preload}`
    add('Strict-Transport-Security', value, hsts.override)
  }
}

function xssValue(xss: NonNullable<SecurityConfig['xssProtection']>): string {
  if (!xss.protection) return '0'
  if (xss.reportUri !== undefined) return `1; report=${xss.reportUri}`
  return xss.modeBlock ? '1; mode=block' : '1'
}

function compileCors(cors: z.output<typeof corsBehavior>): PlannedCors {
  return {
    ...compileAllowedOrigins(cors.accessControlAllowOrigins),
    allowHeaders: cors.accessControlAllowHeaders,
    allowMethods: cors.accessControlAllowMethods.includes('ALL')
      ? ALL_METHODS
      : cors.accessControlAllowMethods,
    allowCredentials: cors.accessControlAllowCredentials,
    exposeHeaders: cors.accessControlExposeHeaders,
    exposeOnlyOnPreflight: false,
    maxAgeSeconds: cors.accessControlMaxAgeSeconds,
    originOverride: cors.originOverride,
  }
}
