import { isIP } from 'node:net'
import { Secret } from '../../base/secret.ts'
import type { PlannedOrigin } from '../../plan.ts'
import { invalidValueCharacter, isFieldName, wireOf } from '../header-text.ts'
import { pages, type Problems } from '../problems.ts'
import { isDisallowed } from '../restricted-headers.ts'
import { shorten, typeName } from '../target.ts'
import { type LambdaHeaders } from './headers.ts'

export interface LambdaCustomOrigin {
  readonly customHeaders: LambdaHeaders
  readonly domainName: string
  /** Seconds. */
  readonly keepaliveTimeout: number
  readonly path: string
  readonly port: number
  readonly protocol: 'http' | 'https'
  /** Seconds. */
  readonly readTimeout: number
  /** Seconds; left out where there is no cap. */
  readonly responseCompletionTimeout?: number
  readonly sslProtocols: readonly string[]
}

export interface LambdaS3Origin {
  readonly authMethod: 'origin-access-identity' | 'none'
  readonly customHeaders: LambdaHeaders
  readonly domainName: string
  readonly path: string
  readonly region: string
  readonly readTimeout?: number
  readonly responseCompletionTimeout?: number
}

/** The `origin` of a request (DG:lambda-event-structure): exactly one of the two. */
export type LambdaOrigin = { readonly custom: LambdaCustomOrigin } | { readonly s3: LambdaS3Origin }

/** An origin that a function chose, after validation. */
export type ChosenOrigin =
  | { readonly kind: 'custom'; readonly origin: LambdaCustomOrigin }
  | { readonly kind: 's3'; readonly origin: LambdaS3Origin }

const SSL_PROTOCOLS = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2'] as const
const MAX_CUSTOM_DOMAIN = 253
const MAX_S3_DOMAIN = 128
const MAX_PATH = 255
const MAX_TIMEOUT_SECONDS = 120
/** Headers of an origin that would contradict how the request is sent (DG:add-origin-custom-headers). */
const NOT_CUSTOM: ReadonlySet<string> = new Set([
  'accept-encoding',
  'cache-control',
  'cdn-loop',
  'content-length',
  'cookie',
  'host',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'max-forwards',
  'pragma',
  'proxy-authorization',
  'range',
  'request-range',
  'te',
  'transfer-encoding',
  'via',
  'vary',
])

/** An origin as functions see it; values of secrets stay hidden. */
export function lambdaOriginOf(origin: PlannedOrigin, scheme: 'http' | 'https'): LambdaOrigin {
  const customHeaders = Object.create(null) as LambdaHeaders
  for (const { name, value } of origin.customHeaders) {
    if (!(value instanceof Secret)) customHeaders[name.toLowerCase()] = [{ key: name, value }]
  }
  const { domainName, originPath: path, responseCompletionTimeoutMs } = origin
  if (origin.kind !== 'url') {
    const region = origin.kind === 'bucket' ? origin.region : 'us-east-1'
    return { s3: { authMethod: 'none', customHeaders, domainName, path, region } }
  }
  const protocol = origin.protocol === 'match-viewer' ? scheme : origin.protocol
  const custom: LambdaCustomOrigin = {
    customHeaders,
    domainName,
    keepaliveTimeout: Math.round(origin.keepaliveTimeoutMs / 1000),
    path,
    port: protocol === 'https' ? origin.httpsPort : origin.httpPort,
    protocol,
    readTimeout: Math.round(origin.readTimeoutMs / 1000),
    sslProtocols: SSL_PROTOCOLS.slice(
      SSL_PROTOCOLS.findIndex((each) => each === lowestOf(origin.tls.minVersion)),
    ),
  }
  if (responseCompletionTimeoutMs === undefined) return { custom }
  return { custom: { ...custom, responseCompletionTimeout: Math.round(responseCompletionTimeoutMs / 1000) } }
}

/** Reads the `origin` a function returned; undefined when it breaks a rule, which is noted. */
export function readLambdaOrigin(
  returned: unknown,
  shown: LambdaOrigin | undefined,
  requestHeaders: Readonly<Record<string, unknown>>,
  problems: Problems,
): ChosenOrigin | undefined {
  const before = problems.list.length
  const { custom, s3 } = record(returned)
  if ((custom === undefined) === (s3 === undefined)) {
    const has = custom === undefined ? 'neither' : 'both'
    problems.invalid(
      'request.origin',
      `must have exactly one of "custom" and "s3", and has ${has}`,
      pages.lambdaEvent,
    )
    return undefined
  }
  const kind = custom === undefined ? 's3' : 'custom'
  const fields = custom === undefined ? s3 : custom
  const at = `request.origin.${kind}`
  if (typeof fields !== 'object' || fields === null || Array.isArray(fields)) {
    problems.invalid(at, `must be an object, and is ${typeName(fields)}`, pages.lambdaEvent)
    return undefined
  }
  const given = record(fields)
  checkShared(given, kind, at, requestHeaders, problems)
  if (kind === 'custom') checkCustom(given, at, problems)
  else checkS3(given, at, shown, problems)
  if (problems.list.length > before) return undefined
  const origin = { ...DEFAULTS[kind], ...fields }
  // Every field has been checked above.
  return { kind, origin } as unknown as ChosenOrigin
}

const DEFAULTS = {
  custom: { customHeaders: {}, keepaliveTimeout: 5, readTimeout: 30, path: '', sslProtocols: ['TLSv1.2'] },
  s3: { customHeaders: {}, authMethod: 'none', path: '', region: '' },
} as const

function checkShared(
  given: Readonly<Record<string, unknown>>,
  kind: 'custom' | 's3',
  at: string,
  requestHeaders: Readonly<Record<string, unknown>>,
  problems: Problems,
): void {
  const { domainName, path, readTimeout, responseCompletionTimeout } = given
  const maxDomain = kind === 's3' ? MAX_S3_DOMAIN : MAX_CUSTOM_DOMAIN
  if (typeof domainName !== 'string' || domainName === '' || domainName.length > maxDomain) {
    problems.invalid(
      `${at}.domainName`,
      `must be a DNS name of 1 to ${maxDomain} characters`,
      pages.lambdaEvent,
    )
  } else if (isIP(domainName) !== 0 || !DOMAIN.test(domainName)) {
    const name = shorten(domainName)
    problems.invalid(
      `${at}.domainName`,
      `must be a DNS name without port or IP address, and is "${name}"`,
      pages.lambdaEvent,
    )
  } else if (kind === 's3' && domainName !== domainName.toLowerCase()) {
    problems.invalid(`${at}.domainName`, 'must be in lower case', pages.lambdaEvent)
  }
  if (path !== undefined && path !== '' && !isPath(path, kind === 's3' ? undefined : MAX_PATH)) {
    const most = kind === 's3' ? '' : ` and at most ${MAX_PATH} characters`
    problems.invalid(
      `${at}.path`,
      `must begin with "/", not end with it, be URL-encoded${most}`,
      pages.lambdaEvent,
    )
  }
  if (readTimeout !== undefined) checkSeconds(readTimeout, `${at}.readTimeout`, problems)
  if (responseCompletionTimeout !== undefined && responseCompletionTimeout !== 0) {
    const least = typeof readTimeout === 'number' ? readTimeout : 30
    if (typeof responseCompletionTimeout !== 'number' || !(responseCompletionTimeout >= least)) {
      problems.invalid(
        `${at}.responseCompletionTimeout`,
        `must be at least readTimeout (${least} s), or 0`,
        pages.lambdaEvent,
      )
    }
  }
  checkCustomHeaders(given.customHeaders, `${at}.customHeaders`, requestHeaders, problems)
}

function checkCustom(given: Readonly<Record<string, unknown>>, at: string, problems: Problems): void {
  const { port, protocol, keepaliveTimeout, sslProtocols } = given
  if (
    typeof port !== 'number' ||
    !Number.isInteger(port) ||
    !(port === 80 || port === 443 || (port >= 1024 && port <= 65_535))
  ) {
    problems.invalid(`${at}.port`, 'must be 80, 443 or a number from 1024 to 65535', pages.lambdaEvent)
  }
  if (protocol !== 'http' && protocol !== 'https') {
    problems.invalid(`${at}.protocol`, 'must be "http" or "https"', pages.lambdaEvent)
  }
  if (keepaliveTimeout !== undefined) checkSeconds(keepaliveTimeout, `${at}.keepaliveTimeout`, problems)
  if (sslProtocols === undefined) return
  const known: readonly unknown[] = SSL_PROTOCOLS
  if (
    !Array.isArray(sslProtocols) ||
    sslProtocols.length === 0 ||
    sslProtocols.some((each) => !known.includes(each))
  ) {
    problems.invalid(
      `${at}.sslProtocols`,
      `must be an array of ${SSL_PROTOCOLS.join(', ')}`,
      pages.lambdaEvent,
    )
  }
}

function checkS3(
  given: Readonly<Record<string, unknown>>,
  at: string,
  shown: LambdaOrigin | undefined,
  problems: Problems,
): void {
  const { authMethod, region } = given
  if (authMethod !== undefined && authMethod !== 'none' && authMethod !== 'origin-access-identity') {
    problems.invalid(`${at}.authMethod`, 'must be "origin-access-identity" or "none"', pages.lambdaEvent)
  }
  if (authMethod !== 'origin-access-identity') return
  if (typeof region !== 'string' || region === '') {
    problems.invalid(
      `${at}.region`,
      'is required with authMethod "origin-access-identity"',
      pages.lambdaEvent,
    )
  }
  if (shown !== undefined && 'custom' in shown) {
    problems.invalid(
      `${at}.authMethod`,
      'cannot be "origin-access-identity" when the origin was a custom one',
      pages.lambdaEvent,
    )
  }
}

function checkCustomHeaders(
  headers: unknown,
  at: string,
  requestHeaders: Readonly<Record<string, unknown>>,
  problems: Problems,
): void {
  if (headers === undefined) return
  if (headers === null || typeof headers !== 'object' || Array.isArray(headers)) {
    problems.invalid(at, `must be an object of header names, and is ${typeName(headers)}`, pages.lambdaEvent)
    return
  }
  for (const [name, lines] of Object.entries(headers)) {
    const here = `${at}["${shorten(name)}"]`
    const lower = name.toLowerCase()
    const line: unknown = Array.isArray(lines) ? lines[0] : undefined
    const { value } = record(line)
    if (name !== lower || !isFieldName(name) || typeof value !== 'string') {
      problems.invalid(here, 'must be a lower-case name with an array of { key, value }', pages.lambdaEvent)
    } else if (isDisallowed(lower) || NOT_CUSTOM.has(lower)) {
      problems.invalid(here, 'is a header that origins cannot be sent this way', pages.restrictions)
    } else if (Object.hasOwn(requestHeaders, lower)) {
      problems.invalid(here, 'is in request.headers as well; it may be in one of them', pages.lambdaEvent)
    } else if (invalidValueCharacter(wireOf(value)) !== undefined) {
      problems.invalid(
        here,
        `has the invalid character ${invalidValueCharacter(value)} in its value`,
        pages.lambdaEvent,
      )
    }
  }
}

function checkSeconds(value: unknown, at: string, problems: Problems): void {
  if (typeof value === 'number' && value >= 1 && value <= MAX_TIMEOUT_SECONDS) return
  problems.invalid(at, `must be a number of seconds from 1 to ${MAX_TIMEOUT_SECONDS}`, pages.lambdaEvent)
}

function isPath(path: unknown, maxLength: number | undefined): boolean {
  if (typeof path !== 'string' || (maxLength !== undefined && path.length > maxLength)) return false
  return PATH.test(path) && !path.endsWith('/')
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}

/** Lambda@Edge does not know TLSv1.3. */
function lowestOf(minVersion: string): string {
  return minVersion === 'TLSv1.3' ? 'TLSv1.2' : minVersion
}

const DOMAIN = /^(?!-)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/
const PATH = /^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/
