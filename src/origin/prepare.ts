import type { Forwarding, PlannedBehavior, PlannedCachePolicy, PlannedOrigin } from '../plan.ts'
import { normaliseAcceptEncoding } from '../http/accept-encoding.ts'
import { filterCookies } from '../http/cookies.ts'
import { HeaderList } from '../http/header-list.ts'
import { filterQuery } from '../http/query.ts'
import type { OriginRequest, Passage } from '../visit.ts'

/** Never forwarded, whatever the policies say (DG:RequestAndResponseBehaviorCustomOrigin, fact sheet 6.1). */
const NEVER = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'expect',
  'x-forwarded-proto',
  'x-real-ip',
  'content-length',
  'x-amz-cf-id',
  // HTTP/2 forbids it and an origin on HTTP/1.1 must not act on it (RFC 9113 section 8.2.2).
  'http2-settings',
])

/** Written by the edge itself below. */
const REWRITTEN = new Set([
  'host',
  'via',
  'x-forwarded-for',
  'cdn-loop',
  'cookie',
  'accept-encoding',
  'user-agent',
])

/** Forwarded by default, with any policy. */
const BY_DEFAULT = new Set([
  'cache-control',
  'max-forwards',
  'pragma',
  'request-range',
  'content-md5',
  'content-type',
  'date',
  'from',
  'if-match',
  'if-modified-since',
  'if-none-match',
  'if-range',
  'if-unmodified-since',
  'origin',
  'warning',
  'range',
])

/** Why a viewer header does or does not travel to the origin. */
export type HeaderFate =
  | 'forwarded-by-policy'
  | 'forwarded-by-default'
  | 'rewritten'
  | 'dropped-hop-by-hop'
  | 'dropped-not-listed'
  | 'dropped-by-policy'
  | 'dropped-reserved'

/** What happens to a viewer header, by lower-case name, method and policies. Explain prints it; `prepare` obeys it. */
export function fateOf(name: string, method: string, behavior: PlannedBehavior): HeaderFate {
  if (NEVER.has(name) || name.startsWith('x-edge-')) return 'dropped-hop-by-hop'
  if (name.startsWith('cloudfront-')) return 'dropped-reserved'
  if (REWRITTEN.has(name)) return 'rewritten'
  const { headerMode, headers } = behavior.forwarding
  if (headerMode === 'all') return 'forwarded-by-policy'
  if (headerMode === 'all-except') return headers.has(name) ? 'dropped-by-policy' : 'forwarded-by-policy'
  if (headers.has(name)) return 'forwarded-by-policy'
  if (BY_DEFAULT.has(name)) return 'forwarded-by-default'
  if (name === 'authorization' && keepsAuthorization(method, behavior)) return 'forwarded-by-default'
  return 'dropped-not-listed'
}

/** GET and HEAD lose Authorization, OPTIONS too where it is cached; other methods keep it (fact sheet 6.1). */
function keepsAuthorization(method: string, behavior: PlannedBehavior): boolean {
  if (method === 'GET' || method === 'HEAD') return false
  return method !== 'OPTIONS' || !behavior.cachedMethods.has('OPTIONS')
}

/** Gives the value of a `CloudFront-*` header, or undefined when it is not known. */
export type ViewerHeaderSource = (passage: Passage, lowerName: string) => string | undefined

/**
 * The request that would go to an origin: the viewer's, under the behavior's policies, with the headers an edge adds.
 * The path is still the viewer's: origin path, prefix and secrets are applied when it is sent.
 */
export function prepareOriginRequest(
  passage: Passage,
  origin: PlannedOrigin,
  viewerHeader: ViewerHeaderSource,
): OriginRequest {
  const { request, behavior } = passage
  const { forwarding, cachePolicy } = behavior
  const received = request.headers.raw
  const connectionNames = request.headers.getJoined('connection')?.toLowerCase()
  const headers = new HeaderList()
  const raw = headers.raw
  raw.push('Host', hostFor(passage, origin))
  let cookie: string | undefined
  let acceptEncoding: string | undefined
  let userAgent: string | undefined
  let via: string | undefined
  let forwardedFor: string | undefined
  let cdnLoop: string | undefined
  for (let i = 0; i < received.length; i += 2) {
    const name = received[i]!.toLowerCase()
    const value = received[i + 1]!
    switch (fateOf(name, request.method, behavior)) {
      case 'forwarded-by-policy':
      case 'forwarded-by-default':
        if (connectionNames !== undefined && isNamedBy(connectionNames, name)) break
        raw.push(received[i]!, value)
        break
      case 'rewritten':
        if (name === 'cookie') cookie = cookie === undefined ? value : `${cookie}; ${value}`
        else if (name === 'accept-encoding') acceptEncoding = join(acceptEncoding, value)
        else if (name === 'user-agent') userAgent = value
        else if (name === 'via') via = join(via, value)
        else if (name === 'x-forwarded-for') forwardedFor = join(forwardedFor, value)
        else if (name === 'cdn-loop') cdnLoop = join(cdnLoop, value)
        break
      case 'dropped-by-policy':
      case 'dropped-hop-by-hop':
      case 'dropped-not-listed':
      case 'dropped-reserved':
        break
    }
  }
  const { identity } = passage.plan
  const forwardsUserAgent = userAgent !== undefined && forwardsHeader(forwarding, 'user-agent')
  raw.push('User-Agent', forwardsUserAgent ? userAgent! : identity.userAgent)
  const encoding = acceptEncodingFor(acceptEncoding, cachePolicy, forwarding, request.httpVersion)
  if (encoding !== undefined) raw.push('Accept-Encoding', encoding)
  if (cookie !== undefined && forwarding.cookies.mode !== 'none') {
    const kept = filterCookies(cookie, forwarding.cookies)
    if (kept !== undefined) raw.push('Cookie', kept)
  }
  const hop = `${request.httpVersion} ${passage.distribution.domainName} (${identity.server})`
  raw.push('X-Forwarded-For', join(forwardedFor, request.connection.remote.address))
  raw.push('Via', join(via, hop))
  raw.push('CDN-Loop', join(cdnLoop, identity.name))
  raw.push('X-Amz-Cf-Id', request.id)
  for (const name of forwarding.cloudFrontHeaders) {
    const value = viewerHeader(passage, name)
    if (value !== undefined) raw.push(canonicalName(name), value)
  }
  if (passage.errorUri !== undefined && !forwarding.cloudFrontHeaders.includes('cloudfront-error-uri')) {
    // The page of an error is asked for without the conditions and ranges of the failed request.
    headers.deleteWhere((name) => name === 'range' || name.startsWith('if-'))
  }
  return {
    method: request.method,
    path: request.path,
    query: request.query === undefined ? undefined : filterQuery(request.query, forwarding.queryStrings),
    headers,
    body: request.body,
    origin,
    isUpgrade: isWebSocket(passage),
  }
}

/** A WebSocket handshake: GET, HTTP/1.1, `Upgrade: websocket` (RFC 6455 section 4.1). */
export function isWebSocket(passage: Passage): boolean {
  const { request } = passage
  if (request.method !== 'GET' || request.httpVersion !== '1.1') return false
  const upgrade = request.headers.get('upgrade')
  if (upgrade === undefined || upgrade.toLowerCase() !== 'websocket') return false
  return request.headers.getJoined('connection')?.toLowerCase().includes('upgrade') === true
}

export function forwardsHeader(forwarding: Forwarding, name: string): boolean {
  if (forwarding.headerMode === 'all') return true
  return forwarding.headers.has(name) !== (forwarding.headerMode === 'all-except')
}

/** Host: the viewer's where it is forwarded, else the origin's own name. */
function hostFor(passage: Passage, origin: PlannedOrigin): string {
  // A bucket is addressed by its own name: another Host would break the signature (fact sheet 6.1).
  if (origin.kind !== 'bucket' && forwardsHeader(passage.behavior.forwarding, 'host'))
    return passage.request.host
  if (origin.kind !== 'url') return origin.domainName
  const isTls = usesTls(origin.protocol, passage.request.scheme)
  const port = isTls ? origin.httpsPort : origin.httpPort
  return port === (isTls ? 443 : 80) ? origin.domainName : `${origin.domainName}:${port}`
}

export function usesTls(
  protocol: 'http' | 'https' | 'match-viewer',
  viewerScheme: 'http' | 'https',
): boolean {
  return protocol === 'match-viewer' ? viewerScheme === 'https' : protocol === 'https'
}

/** Accept-Encoding as CloudFront normalises it for the origin (fact sheet 8.4). */
function acceptEncodingFor(
  value: string | undefined,
  policy: PlannedCachePolicy,
  forwarding: Forwarding,
  httpVersion: string,
): string | undefined {
  if (value === undefined || httpVersion === '1.0') return undefined
  if (policy.headers.includes('accept-encoding')) return value
  if (policy.gzip || policy.brotli) return normaliseAcceptEncoding(value, policy) ?? 'identity'
  if (policy.isLegacy) return normaliseAcceptEncoding(value, { gzip: true, brotli: false })
  return forwardsHeader(forwarding, 'accept-encoding') ? value : undefined
}

function isNamedBy(connectionNames: string, name: string): boolean {
  if (!connectionNames.includes(name)) return false
  return connectionNames.split(',').some((option) => option.trim() === name)
}

function join(before: string | undefined, value: string): string {
  return before === undefined || before === '' ? value : `${before}, ${value}`
}

const canonicalNames = new Map<string, string>()

/** `cloudfront-viewer-country` as `CloudFront-Viewer-Country`; the names come from the plan, so there are few. */
function canonicalName(name: string): string {
  let canonical = canonicalNames.get(name)
  if (canonical === undefined) {
    canonical = name
      .replace(/(^|-)[a-z]/g, (letter) => letter.toUpperCase())
      .replace('Cloudfront', 'CloudFront')
      .replace('Ios', 'IOS')
      .replace('Smarttv', 'SmartTV')
      .replace('Tls', 'TLS')
      .replace('Asn', 'ASN')
      .replace('Ja3', 'JA3')
      .replace('Ja4', 'JA4')
    canonicalNames.set(name, canonical)
  }
  return canonical
}
