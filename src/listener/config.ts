import { resolve } from 'node:path'
import { z } from 'zod'
import type { Identity, PlannedLimits, PlannedListener, PlannedTls } from '../plan.ts'
import { securityPolicy, securityPolicyNames } from './security-policies.ts'
import { describeCidrProblem } from '../http/address.ts'

/** What the edge does where a listener does not name a security policy: CloudFront's default for certificates of one's own. */
const DEFAULT_SECURITY_POLICY = 'TLSv1.2_2021'

const certificate = z.strictObject({
  cert: z.string().min(1).describe('PEM file with the certificate and its chain.'),
  key: z.string().min(1).describe('PEM file with the private key.'),
})

const tlsSchema = z.union([
  z.literal('self-signed'),
  z.strictObject({
    certificates: z
      .array(certificate)
      .min(1)
      .describe(
        'Chosen by server name (SNI); the first is for viewers that name none. Changed files are read again.',
      ),
    securityPolicy: z
      .enum(securityPolicyNames)
      .default(DEFAULT_SECURITY_POLICY)
      .describe("CloudFront's name for the lowest TLS version and the ciphers."),
  }),
])

/** One listener as users write it. */
export const listenerSchema = z
  .strictObject({
    port: z.number().int().min(0).max(65_535).describe('TCP port; 0 takes a free one.'),
    host: z
      .string()
      .min(1)
      .max(255)
      .optional()
      .describe(
        'Address to listen on. Left out: every address of the machine, IPv6 included where it has any.',
      ),
    tls: tlsSchema
      .optional()
      .describe(
        'HTTPS: `self-signed` makes a certificate for development; left out, the listener speaks HTTP.',
      ),
    proxyProtocol: z
      .boolean()
      .default(false)
      .describe(
        'Whether every connection begins with a PROXY protocol header (version 1 or 2), as load balancers send it.',
      ),
    fastLane: z
      .boolean()
      .default(true)
      .describe(
        'Whether plain GET and HEAD requests over HTTP/1.1 take a shorter way in. Answers are the same without it, only dearer.',
      ),
  })
  .describe('A port on which viewers connect.')

const DAY_MS = 86_400_000
const milliseconds = z.number().int().min(1).max(DAY_MS)

/** Limits as users write them; all have defaults. */
export const limitsSchema = z
  .strictObject({
    maxConnections: z
      .number()
      .int()
      .min(1)
      .max(1_000_000)
      .default(20_000)
      .describe('Viewer connections open at once, per process.'),
    headTimeoutMs: milliseconds
      .default(10_000)
      .describe('Time for a whole request head, from its first byte.'),
    bodyIdleTimeoutMs: milliseconds
      .default(30_000)
      .describe('Longest gap between two pieces of a request body.'),
    keepAliveTimeoutMs: milliseconds
      .default(60_000)
      .describe('How long an idle viewer connection is kept open.'),
    maxBodyBytes: z
      .number()
      .int()
      .min(0)
      .max(64 * 1024 ** 3)
      .default(64 * 1024 ** 3)
      .describe('Largest request body. CloudFront takes 64 GB, which is also the default here.'),
    tunnelIdleTimeoutMs: milliseconds
      .default(600_000)
      .describe('A WebSocket without traffic is closed after this time.'),
    drainTimeoutMs: z
      .number()
      .int()
      .min(0)
      .max(DAY_MS)
      .default(30_000)
      .describe('How long requests in flight may take after SIGTERM before they are cut.'),
  })
  .describe('What the edge takes from viewers.')

/** Proxies whose `X-Forwarded-For` is believed. */
export const trustedProxiesSchema = z
  .array(
    z.string().superRefine((cidr, context) => {
      const problem = describeCidrProblem(cidr)
      if (problem !== undefined) context.addIssue({ code: 'custom', message: problem })
    }),
  )
  .default([])
  .describe('Address ranges of proxies in front of the edge, whose `X-Forwarded-For` names the client.')

const headerText = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[\x20-\x7e]+$/, 'a header value is one line of ASCII text')

/** How the edge names itself. */
export const identitySchema = z
  .union([
    z.enum(['edgeward', 'cloudfront']),
    z.strictObject({
      name: z
        .enum(['edgeward', 'cloudfront'])
        .default('edgeward')
        .describe('Which set of names the others default to.'),
      server: headerText
        .optional()
        .describe('`Server` where the origin sent none, and the comment in `Via`.'),
      xCacheSuffix: headerText.optional().describe('The end of `X-Cache`: `Hit from …`.'),
      pop: headerText
        .regex(/^\S+$/, 'a place has no spaces in its name')
        .optional()
        .describe('`X-Amz-Cf-Pop`.'),
      userAgent: headerText
        .optional()
        .describe("`User-Agent` sent to origins where the viewer's is not forwarded."),
    }),
  ])
  .default('edgeward')
  .describe(
    'How the edge names itself in headers: `cloudfront` for clients and tests that look for those names.',
  )

export type ListenerConfig = z.output<typeof listenerSchema>
export type LimitsConfig = z.output<typeof limitsSchema>
export type IdentityConfig = z.output<typeof identitySchema>

/** Compiles a validated listener; files are relative to `baseFolder`. `defaultHost` is where it listens by default. */
export function compileListener(
  config: ListenerConfig,
  baseFolder: string,
  defaultHost: string,
): PlannedListener {
  return {
    host: config.host ?? defaultHost,
    port: config.port,
    tls: config.tls === undefined ? undefined : compileTls(config.tls, baseFolder),
    proxyProtocol: config.proxyProtocol,
    fastLane: config.fastLane,
  }
}

function compileTls(tls: NonNullable<ListenerConfig['tls']>, baseFolder: string): PlannedTls {
  if (tls === 'self-signed') {
    const policy = securityPolicy(DEFAULT_SECURITY_POLICY)
    return { selfSigned: true, certificates: [], securityPolicy: DEFAULT_SECURITY_POLICY, ...policy }
  }
  return {
    selfSigned: false,
    certificates: tls.certificates.map(({ cert, key }) => ({
      certFile: resolve(baseFolder, cert),
      keyFile: resolve(baseFolder, key),
    })),
    securityPolicy: tls.securityPolicy,
    ...securityPolicy(tls.securityPolicy),
  }
}

/** Limits are in the plan as users write them. */
export function compileLimits(config: LimitsConfig): PlannedLimits {
  return config
}

const IDENTITIES: Record<Identity['name'], Identity> = {
  edgeward: {
    name: 'edgeward',
    server: 'edgeward',
    xCacheSuffix: 'edgeward',
    pop: 'EDG50-E1',
    userAgent: 'edgeward',
  },
  cloudfront: {
    name: 'cloudfront',
    server: 'CloudFront',
    xCacheSuffix: 'cloudfront',
    pop: 'EDG50-E1',
    userAgent: 'Amazon CloudFront',
  },
}

/** Compiles a validated identity. */
export function compileIdentity(config: IdentityConfig): Identity {
  if (typeof config === 'string') return IDENTITIES[config]
  const names = IDENTITIES[config.name]
  return {
    name: config.name,
    server: config.server ?? names.server,
    xCacheSuffix: config.xCacheSuffix ?? names.xCacheSuffix,
    pop: config.pop ?? names.pop,
    userAgent: config.userAgent ?? names.userAgent,
  }
}
