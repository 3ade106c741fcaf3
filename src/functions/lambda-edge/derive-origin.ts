import { Secret } from '../../base/secret.ts'
import type { BucketOrigin, PlannedOrigin, PlannedOriginTls, UrlOrigin } from '../../plan.ts'
import { capitalised, wireOf } from '../header-text.ts'
import type { LambdaHeaders } from './headers.ts'
import type { ChosenOrigin, LambdaCustomOrigin, LambdaS3Origin } from './origin.ts'

/**
 * The origin to send to after a function chose one. Secrets of the configured origin go along only while its domain
 * name stays: a function must not carry them elsewhere.
 */
export function deriveOrigin(base: PlannedOrigin, chosen: ChosenOrigin): PlannedOrigin {
  return chosen.kind === 'custom' ? deriveCustom(base, chosen.origin) : deriveS3(base, chosen.origin)
}

function deriveCustom(base: PlannedOrigin, origin: LambdaCustomOrigin): UrlOrigin {
  const keepsDomain = origin.domainName === base.domainName
  const hostname = keepsDomain && base.kind === 'url' ? base.hostname : origin.domainName
  return {
    ...sharedOf(base, origin, keepsDomain),
    kind: 'url',
    protocol: origin.protocol,
    hostname,
    httpPort: origin.protocol === 'http' ? origin.port : 80,
    httpsPort: origin.protocol === 'https' ? origin.port : 443,
    keepaliveTimeoutMs: origin.keepaliveTimeout * 1000,
    tls: { ...tlsOf(base, keepsDomain), minVersion: lowestVersion(origin.sslProtocols) },
  }
}

function deriveS3(base: PlannedOrigin, origin: LambdaS3Origin): PlannedOrigin {
  const keepsDomain = origin.domainName === base.domainName
  const shared = sharedOf(base, origin, keepsDomain)
  if (keepsDomain && base.kind !== 'url') return { ...base, ...shared }
  const parts = bucketOf(origin.domainName)
  const region = origin.region === '' ? (parts?.region ?? 'us-east-1') : origin.region
  // Between buckets the configured access control keeps signing; from a custom origin there is none to keep.
  const signer = base.kind === 'bucket' ? base : undefined
  const bucket: BucketOrigin = {
    ...shared,
    kind: 'bucket',
    bucket: parts?.bucket ?? origin.domainName,
    region,
    endpoint:
      parts === undefined
        ? (signer?.endpoint ?? `https://${origin.domainName}`)
        : `https://s3.${region}.amazonaws.com`,
    pathStyle: false,
    credentials: signer?.credentials,
    signing: signer?.signing ?? 'never',
    tls: tlsOf(base, false),
  }
  return bucket
}

function sharedOf(base: PlannedOrigin, origin: LambdaCustomOrigin | LambdaS3Origin, keepsDomain: boolean) {
  const { readTimeout, responseCompletionTimeout } = origin
  const secrets = keepsDomain ? base.customHeaders.filter(({ value }) => value instanceof Secret) : []
  return {
    name: base.name,
    modules: base.modules,
    domainName: origin.domainName,
    originPath: origin.path,
    connectionAttempts: base.connectionAttempts,
    connectTimeoutMs: base.connectTimeoutMs,
    readTimeoutMs: readTimeout === undefined ? base.readTimeoutMs : readTimeout * 1000,
    responseCompletionTimeoutMs:
      responseCompletionTimeout === undefined || responseCompletionTimeout === 0
        ? undefined
        : responseCompletionTimeout * 1000,
    keepaliveTimeoutMs: base.keepaliveTimeoutMs,
    customHeaders: [...headersOf(origin.customHeaders), ...secrets],
  }
}

function headersOf(headers: LambdaHeaders): { readonly name: string; readonly value: string }[] {
  return Object.entries(headers).flatMap(([name, lines]) =>
    lines.map(({ key, value }) => ({ name: key ?? capitalised(name), value: wireOf(value) })),
  )
}

function tlsOf(base: PlannedOrigin, keepsDomain: boolean): PlannedOriginTls {
  if (base.kind === 'folder') return PLAIN_TLS
  // A client certificate is for the server it was made for.
  return keepsDomain ? base.tls : { ...base.tls, certPem: undefined, keyPem: undefined }
}

export const PLAIN_TLS: PlannedOriginTls = {
  minVersion: 'TLSv1.2',
  caPem: undefined,
  certPem: undefined,
  keyPem: undefined,
  verify: true,
}

/** The lowest version that is allowed; nothing below TLSv1 is spoken. */
export function lowestVersion(protocols: readonly string[]): 'TLSv1' | 'TLSv1.1' | 'TLSv1.2' {
  if (protocols.includes('SSLv3') || protocols.includes('TLSv1')) return 'TLSv1'
  return protocols.includes('TLSv1.1') ? 'TLSv1.1' : 'TLSv1.2'
}

/** Bucket and region of the domain name of a bucket on AWS, or undefined. */
export function bucketOf(
  domainName: string,
): { readonly bucket: string; readonly region: string } | undefined {
  const parts = BUCKET.exec(domainName)
  return parts === null ? undefined : { bucket: parts[1]!, region: parts[2] ?? 'us-east-1' }
}

const BUCKET = /^(.+)\.s3(?:[.-]([a-z0-9-]+))?\.amazonaws\.com$/
