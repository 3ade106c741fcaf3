import { Secret } from '../base/secret.ts'
import { Fault } from '../faults.ts'
import type { Body } from '../http/body.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { BucketOrigin } from '../plan.ts'
import type { OriginRequest } from '../visit.ts'
import { parseEndpoint } from './address.ts'
import { canonicalQuery, climbs, encodeKey } from './bucket-uri.ts'
import type { SignedRequest } from './origin.ts'
import { amzDateOf, authorizationOf, dayOf, deriveSigningKey, EMPTY_SHA256, sha256 } from './sign-v4.ts'

/**
 * Addresses a request to a bucket (by path or by host name), and signs it with Signature Version 4 if the origin says
 * so and has credentials (DG:private-content-restricting-access-to-s3). The request's path already has the
 * origin path; its headers stay as they are, the result has its own, with the origin's custom headers in it, because
 * what is added after signing could break the signature. Conditionals and Range travel unsigned.
 *
 * Throws an AccessDenied fault for a key with a `..` segment: S3 keeps such keys apart, other storages resolve them,
 * perhaps into another bucket. Throws an Error when the endpoint is no url, which the configuration has checked.
 */
export function signBucketRequest(
  request: OriginRequest,
  origin: BucketOrigin,
  nowMs: number,
): SignedRequest {
  const site = siteOf(origin)
  const key = encodeKey(request.path)
  if (climbs(key)) {
    throw new Fault(
      'AccessDenied',
      `the path ${key} has a ".." segment; origin ${origin.name} is not asked for such keys`,
    )
  }
  const path = site.pathPrefix + (key.startsWith('/') ? key : `/${key}`)
  const headers = request.headers.clone()
  headers.set('Host', site.host)
  for (const { name, value } of origin.customHeaders) {
    headers.set(name, value instanceof Secret ? value.reveal() : value)
  }
  const { protocol, hostname, port } = site
  if (!isSigned(request, origin)) {
    const query = request.query === undefined || request.query === '' ? '' : `?${request.query}`
    return { protocol, hostname, port, target: path + query, headers }
  }
  const query = canonicalQuery(request.query)
  sign(request, origin, site, { path, query, headers, nowMs })
  return { protocol, hostname, port, target: query === '' ? path : `${path}?${query}`, headers }
}

/** What follows from an origin alone, and the signing key of the day. */
interface Site {
  readonly protocol: 'http' | 'https'
  readonly hostname: string
  readonly port: number
  /** The Host header. */
  readonly host: string
  /** `/bucket` where the path names the bucket, else empty. */
  readonly pathPrefix: string
  keyDay: string
  signingKey: Buffer
  /** The second for which `amzDate` was made. */
  second: number
  amzDate: string
}

/** A memory of what is derived from frozen origins, and forgotten with them. */
const sites = new WeakMap<BucketOrigin, Site>()

function siteOf(origin: BucketOrigin): Site {
  const known = sites.get(origin)
  if (known !== undefined) return known
  const endpoint = parseEndpoint(origin.endpoint)
  if (typeof endpoint === 'string') throw new Error(`origin ${origin.name}: ${endpoint}`)
  const { protocol, port } = endpoint
  const label = origin.pathStyle ? '' : `${origin.bucket}.`
  const site: Site = {
    protocol,
    hostname: label + endpoint.hostname,
    port: port ?? (protocol === 'https' ? 443 : 80),
    // As clients write it, without the default port: the storage signs over the very text.
    host: label + endpoint.domainName + (port === undefined ? '' : `:${port}`),
    pathPrefix: origin.pathStyle ? `/${origin.bucket}` : '',
    keyDay: '',
    signingKey: Buffer.alloc(0),
    second: Number.NaN,
    amzDate: '',
  }
  sites.set(origin, site)
  return site
}

/** Fact sheet 5.4; without credentials a bucket is asked anonymously, or under the viewer's own Authorization. */
function isSigned(request: OriginRequest, origin: BucketOrigin): boolean {
  if (origin.credentials === undefined) return false
  switch (origin.signing) {
    case 'always':
      return true
    case 'never':
      return false
    case 'no-override':
      return !request.headers.has('authorization')
  }
}

/** Puts Authorization and what belongs to it into the headers. */
function sign(
  request: OriginRequest,
  origin: BucketOrigin,
  site: Site,
  parts: {
    readonly path: string
    readonly query: string
    readonly headers: HeaderList
    readonly nowMs: number
  },
): void {
  const credentials = origin.credentials!
  const second = Math.floor(parts.nowMs / 1000)
  if (second !== site.second) {
    site.second = second
    site.amzDate = amzDateOf(second * 1000)
  }
  const { amzDate } = site
  const day = dayOf(amzDate)
  if (day !== site.keyDay) {
    site.signingKey = deriveSigningKey(credentials.secretAccessKey.reveal(), day, origin.region, SERVICE)
    site.keyDay = day
  }
  const { headers } = parts
  const payloadHash = payloadHashOf(request.body, headers)
  headers.delete('authorization')
  headers.set('X-Amz-Date', amzDate)
  headers.set('X-Amz-Content-Sha256', payloadHash)
  if (credentials.sessionToken === undefined) headers.delete('x-amz-security-token')
  else headers.set('X-Amz-Security-Token', credentials.sessionToken.reveal())
  const authorization = authorizationOf(
    {
      method: request.method,
      path: parts.path,
      query: parts.query,
      headers: signedHeaders(headers),
      payloadHash,
    },
    {
      accessKeyId: credentials.accessKeyId,
      region: origin.region,
      service: SERVICE,
      key: site.signingKey,
      amzDate,
    },
  )
  headers.append('Authorization', authorization)
}

const SERVICE = 's3'
const SHA256 = /^[0-9a-f]{64}$/i

/**
 * What is signed of the body: the hash that the viewer declared, so that the storage checks it; else the hash of what
 * is at hand; a stream would have to be read first, so it goes unsigned.
 */
function payloadHashOf(body: Body, headers: HeaderList): string {
  if (body.kind === 'none') return EMPTY_SHA256
  const declared = headers.get('x-amz-content-sha256')
  // With the trailer form the body is framed in aws-chunked, so another word here would store the frames.
  if (
    declared !== undefined &&
    (SHA256.test(declared) || declared === 'STREAMING-UNSIGNED-PAYLOAD-TRAILER')
  ) {
    return declared
  }
  const bytes = body.buffered
  return bytes === undefined ? 'UNSIGNED-PAYLOAD' : sha256(bytes)
}

/** S3 refuses a request with an unsigned `x-amz-*` header; of the rest it wants Host and what describes the body. */
function signedHeaders(headers: HeaderList): [name: string, value: string][] {
  const signed: [name: string, value: string][] = []
  for (let i = 0; i < headers.raw.length; i += 2) {
    const name = headers.raw[i]!.toLowerCase()
    if (name !== 'host' && name !== 'content-type' && name !== 'content-md5' && !name.startsWith('x-amz-'))
      continue
    const value = headers.raw[i + 1]!
    const same = signed.find((pair) => pair[0] === name)
    if (same === undefined) signed.push([name, value])
    else same[1] = `${same[1].trim()},${value.trim()}`
  }
  return signed.sort((a, b) => (a[0] < b[0] ? -1 : 1))
}
