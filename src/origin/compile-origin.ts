import { resolve } from 'node:path'
import { Secret } from '../base/secret.ts'
import type { BucketOrigin, FolderOrigin, PlannedOrigin, PlannedOriginTls, UrlOrigin } from '../plan.ts'
import { parseBucketAddress } from '../http/bucket-address.ts'
import { parseEndpoint, parseOriginUrl } from './address.ts'
import type { OriginConfig } from './config.ts'

/** What an origin needs from outside the configuration: checked before, so that nothing is missing here. */
export interface OriginResources {
  readonly baseFolder: string
  /** The text of a PEM reference: what is in its file, or the text itself. */
  readonly pem: (reference: string) => string
  /** The value of an environment variable. */
  readonly environment: (name: string) => string | undefined
}

type SecretReference = string | { readonly env: string }

/** Compiles a validated origin. Throws only on what validation refuses. */
export function compileOrigin(name: string, config: OriginConfig, resources: OriginResources): PlannedOrigin {
  if (config.folder !== undefined) return compileFolder(name, config, config.folder, resources)
  if (config.bucket !== undefined) return compileBucket(name, config, config.bucket, resources)
  return compileUrl(name, config, resources)
}

function compileUrl(name: string, config: OriginConfig, resources: OriginResources): UrlOrigin {
  const address = must(parseOriginUrl(config.url ?? ''))
  const isHttps = address.protocol === 'https'
  const protocols = { 'http-only': 'http', 'https-only': 'https', 'match-viewer': 'match-viewer' } as const
  return {
    kind: 'url',
    ...base(name, config, address.domainName, address.path, resources),
    protocol: config.protocolPolicy === undefined ? address.protocol : protocols[config.protocolPolicy],
    hostname: address.hostname,
    httpPort: config.httpPort ?? (isHttps ? undefined : address.port) ?? 80,
    httpsPort: config.httpsPort ?? (isHttps ? address.port : undefined) ?? 443,
    tls: compileTls(config.tls, resources),
  }
}

function compileFolder(
  name: string,
  config: OriginConfig,
  folder: string,
  resources: OriginResources,
): FolderOrigin {
  return {
    kind: 'folder',
    ...base(name, config, `${name}.folder.localhost`, '', resources),
    folder: resolve(resources.baseFolder, folder),
    indexFiles: config.indexFiles ?? ['index.html'],
  }
}

function compileBucket(
  name: string,
  config: OriginConfig,
  address: string,
  resources: OriginResources,
): BucketOrigin {
  const { bucket, path } = must(parseBucketAddress(address))
  const region = config.region ?? 'us-east-1'
  const endpoint = config.endpoint ?? `https://s3.${region}.amazonaws.com`
  const pathStyle = config.pathStyle ?? config.endpoint !== undefined
  const { domainName } = must(parseEndpoint(endpoint))
  const credentials = compileCredentials(config.credentials, resources)
  return {
    kind: 'bucket',
    ...base(name, config, pathStyle ? domainName : `${bucket}.${domainName}`, path, resources),
    bucket,
    region,
    endpoint: endpoint.replace(/\/+$/, ''),
    pathStyle,
    credentials,
    signing: config.originAccessControl ?? (credentials === undefined ? 'never' : 'always'),
    tls: compileTls(config.tls, resources),
  }
}

function base(
  name: string,
  config: OriginConfig,
  domainName: string,
  path: string,
  resources: OriginResources,
) {
  return {
    name,
    domainName,
    originPath: path + (config.originPath ?? ''),
    connectionAttempts: config.connectionAttempts,
    connectTimeoutMs: config.connectTimeoutMs,
    readTimeoutMs: config.readTimeoutMs,
    responseCompletionTimeoutMs: config.responseCompletionTimeoutMs,
    keepaliveTimeoutMs: config.keepaliveTimeoutMs,
    customHeaders: Object.entries(config.customHeaders).map(([header, value]) => ({
      name: header,
      value: typeof value === 'string' ? value : secretOf(value, resources),
    })),
    modules: {},
  }
}

function compileTls(tls: OriginConfig['tls'], resources: OriginResources): PlannedOriginTls {
  return {
    minVersion: tls.minVersion,
    caPem: tls.ca === undefined ? undefined : resources.pem(tls.ca),
    certPem: tls.cert === undefined ? undefined : resources.pem(tls.cert),
    keyPem: tls.key === undefined ? undefined : new Secret(resources.pem(tls.key)),
    verify: tls.verify,
  }
}

function compileCredentials(
  credentials: OriginConfig['credentials'],
  resources: OriginResources,
): BucketOrigin['credentials'] {
  if (credentials === undefined) return undefined
  if (credentials !== 'env') {
    return {
      accessKeyId: credentials.accessKeyId,
      secretAccessKey: secretOf(credentials.secretAccessKey, resources),
      sessionToken:
        credentials.sessionToken === undefined ? undefined : secretOf(credentials.sessionToken, resources),
    }
  }
  const token = resources.environment('AWS_SESSION_TOKEN')
  return {
    accessKeyId: resources.environment('AWS_ACCESS_KEY_ID') ?? '',
    secretAccessKey: secretOf({ env: 'AWS_SECRET_ACCESS_KEY' }, resources),
    sessionToken: token === undefined || token === '' ? undefined : new Secret(token),
  }
}

function secretOf(reference: SecretReference, resources: OriginResources): Secret {
  return new Secret(typeof reference === 'string' ? reference : (resources.environment(reference.env) ?? ''))
}

function must<T extends object>(parsed: T | string): T {
  if (typeof parsed === 'string') throw new Error(parsed)
  return parsed
}
