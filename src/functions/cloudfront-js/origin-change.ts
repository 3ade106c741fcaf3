import { isIP } from 'node:net'
import type { BucketOrigin, PlannedBehavior, PlannedOrigin, PlannedRoute, UrlOrigin } from '../../plan.ts'
import type { Passage } from '../../visit.ts'
import { capitalised, invalidValueCharacter, isFieldName, wireOf } from '../header-text.ts'
import { bucketOf, lowestVersion, PLAIN_TLS } from '../lambda-edge/derive-origin.ts'
import { pages, type Problems } from '../problems.ts'
import { isDisallowed } from '../restricted-headers.ts'
import { shorten, typeName } from '../target.ts'
import type { OriginChange } from './run.ts'

type Fields = Readonly<Record<string, unknown>>

const MAX_REMEMBERED = 200
/** Routes by what a function asked for: the same wish gives the same object, and so the same connections. */
const remembered = new WeakMap<PlannedBehavior, Map<string, PlannedRoute>>()

/**
 * The origins that a function asked for by a helper of `cf` (DG:helper-functions-origin-modification).
 * The cache key is not touched. Undefined when the wish breaks a rule, which is noted.
 */
export function routeAnew(
  passage: Passage,
  change: OriginChange,
  problems: Problems,
): PlannedRoute | undefined {
  const { behavior } = passage
  const key = `${change.kind}${JSON.stringify(change.value)}`
  let known = remembered.get(behavior)
  if (known === undefined) remembered.set(behavior, (known = new Map()))
  const found = known.get(key)
  if (found !== undefined) return found
  const before = problems.list.length
  const routed = route(passage, change, problems)
  if (routed === undefined || problems.list.length > before) return undefined
  if (known.size >= MAX_REMEMBERED) known.clear()
  known.set(key, routed)
  return routed
}

function route(
  passage: Passage,
  { kind, value }: OriginChange,
  problems: Problems,
): PlannedRoute | undefined {
  const { behavior } = passage
  const [assigned, ...others] = behavior.origins
  switch (kind) {
    case 'updateRequestOrigin': {
      const fields = objectOf(value, kind, problems)
      if (fields === undefined) return undefined
      // Of an origin group only the primary is changed.
      const origin = update(assigned!, fields, kind, problems)
      return { origins: [origin, ...others], failoverStatuses: behavior.failoverStatuses }
    }
    case 'selectRequestOriginById': {
      const { id, options } = objectOf(value, kind, problems) ?? {}
      const origin = find(passage, id, `${kind}(id)`, problems)
      if (origin === undefined) return undefined
      const given =
        options === undefined || options === null ? {} : objectOf(options, `${kind}.options`, problems)
      if (given === undefined) return undefined
      const { hostHeader, sni, allowedCertificateNames } = given
      const chosen = update(origin, { hostHeader, sni, allowedCertificateNames }, `${kind}.options`, problems)
      return { origins: [chosen], failoverStatuses: new Set() }
    }
    case 'createRequestOriginGroup':
      return group(passage, value, kind, problems)
  }
}

function group(passage: Passage, value: unknown, at: string, problems: Problems): PlannedRoute | undefined {
  const fields = objectOf(value, at, problems)
  if (fields === undefined) return undefined
  const { originIds, failoverCriteria, selectionCriteria } = fields
  if (!Array.isArray(originIds) || originIds.length !== 2) {
    problems.invalid(`${at}.originIds`, 'must be an array of two origins', pages.originHelpers)
    return undefined
  }
  const statuses = objectOf(failoverCriteria, `${at}.failoverCriteria`, problems)?.statusCodes
  if (!Array.isArray(statuses) || statuses.length === 0 || !statuses.every(isFailoverStatus)) {
    problems.invalid(
      `${at}.failoverCriteria.statusCodes`,
      'must be an array of 400, 403, 404, 416, 429, 500, 502, 503 and 504',
      pages.originHelpers,
    )
    return undefined
  }
  if (
    selectionCriteria !== undefined &&
    selectionCriteria !== 'default' &&
    selectionCriteria !== 'media-quality-score'
  ) {
    problems.invalid(
      `${at}.selectionCriteria`,
      'must be "default" or "media-quality-score"',
      pages.originHelpers,
    )
  }
  const origins: PlannedOrigin[] = []
  for (const [index, each] of (originIds as readonly unknown[]).entries()) {
    const here = `${at}.originIds[${index}]`
    const isObject = typeof each === 'object' && each !== null
    const { originId, originOverrides } = (isObject ? each : { originId: each }) as Fields
    const origin = find(passage, originId, here, problems)
    if (origin === undefined) continue
    const overrides =
      originOverrides === undefined ? {} : objectOf(originOverrides, `${here}.originOverrides`, problems)
    if (overrides !== undefined) origins.push(update(origin, overrides, here, problems))
  }
  return origins.length === 2 ? { origins, failoverStatuses: new Set(statuses as number[]) } : undefined
}

function find(passage: Passage, id: unknown, at: string, problems: Problems): PlannedOrigin | undefined {
  const { origins } = passage.distribution
  const origin = typeof id === 'string' ? origins.get(id) : undefined
  if (origin === undefined) {
    const said = typeof id === 'string' ? `"${shorten(id)}"` : typeName(id)
    problems.invalid(
      at,
      `names no origin of the distribution: ${said}; there are ${[...origins.keys()].join(', ')}`,
      pages.originHelpers,
    )
    return undefined
  }
  if (origin.kind !== 'folder' && origin.tls.certPem !== undefined) {
    problems.invalid(
      at,
      `names the origin ${origin.name}, which asks for a client certificate`,
      pages.originHelpers,
    )
    return undefined
  }
  return origin
}

/** An origin with what a function gives in its place; what it leaves out is inherited. */
function update(base: PlannedOrigin, given: Fields, at: string, problems: Problems): PlannedOrigin {
  const { domainName, hostHeader, originPath, customHeaders, connectionAttempts, timeouts } = given
  const times = timeouts === undefined ? {} : (objectOf(timeouts, `${at}.timeouts`, problems) ?? {})
  const check = { at, problems }
  const name = text(
    domainName,
    'domainName',
    check,
    isDomain,
    'must be a DNS name of at most 253 characters, without port and IP address',
  )
  const host = text(hostHeader, 'hostHeader', check, isHost, 'must be a host name of at most 253 characters')
  const path = text(
    originPath,
    'originPath',
    check,
    isPath,
    'must begin with "/", not end with it, and be at most 255 characters',
  )
  const shared = {
    modules: base.modules,
    originPath: path ?? base.originPath,
    connectionAttempts:
      number(connectionAttempts, 'connectionAttempts', 1, 3, check) ?? base.connectionAttempts,
    connectTimeoutMs:
      seconds(times.connectionTimeout, 'timeouts.connectionTimeout', 10, check) ?? base.connectTimeoutMs,
    readTimeoutMs: seconds(times.readTimeout, 'timeouts.readTimeout', 120, check) ?? base.readTimeoutMs,
    keepaliveTimeoutMs:
      seconds(times.keepAliveTimeout, 'timeouts.keepAliveTimeout', 120, check) ?? base.keepaliveTimeoutMs,
    responseCompletionTimeoutMs:
      times.responseCompletionTimeout === 0
        ? undefined
        : (seconds(times.responseCompletionTimeout, 'timeouts.responseCompletionTimeout', 3600, check) ??
          base.responseCompletionTimeoutMs),
    customHeaders: customHeaders === undefined ? base.customHeaders : readCustomHeaders(customHeaders, check),
  }
  const isElsewhere = name !== undefined && name !== base.domainName
  // Secrets of the configured origin are for that origin.
  if (isElsewhere && customHeaders === undefined)
    shared.customHeaders = base.customHeaders.filter(({ value }) => typeof value === 'string')
  const bucket = isElsewhere ? bucketOf(name) : undefined
  if (bucket !== undefined) {
    const planned: BucketOrigin = {
      ...shared,
      kind: 'bucket',
      name: base.name,
      domainName: name!,
      bucket: bucket.bucket,
      region: bucket.region,
      endpoint: `https://s3.${bucket.region}.amazonaws.com`,
      pathStyle: false,
      credentials: base.kind === 'bucket' ? base.credentials : undefined,
      signing: signingOf(given.originAccessControlConfig, base),
      tls: base.kind === 'folder' ? PLAIN_TLS : base.tls,
    }
    return planned
  }
  if (!isElsewhere && base.kind === 'bucket')
    return { ...base, ...shared, signing: signingOf(given.originAccessControlConfig, base) }
  if (!isElsewhere && base.kind === 'folder') return { ...base, ...shared }
  return updateCustom(base, { name, host, isElsewhere }, given, shared, check)
}

function updateCustom(
  base: PlannedOrigin,
  names: {
    readonly name: string | undefined
    readonly host: string | undefined
    readonly isElsewhere: boolean
  },
  given: Fields,
  shared: Pick<
    UrlOrigin,
    | 'originPath'
    | 'connectionAttempts'
    | 'connectTimeoutMs'
    | 'readTimeoutMs'
    | 'keepaliveTimeoutMs'
    | 'responseCompletionTimeoutMs'
    | 'customHeaders'
    | 'modules'
  >,
  check: Check,
): UrlOrigin {
  const { customOriginConfig, sni, allowedCertificateNames } = given
  const { at, problems } = check
  const config =
    customOriginConfig === undefined
      ? {}
      : (objectOf(customOriginConfig, `${at}.customOriginConfig`, problems) ?? {})
  const port = number(config.port, 'customOriginConfig.port', 1, 65_535, check)
  const protocol = config.protocol
  if (protocol !== undefined && protocol !== 'http' && protocol !== 'https')
    problems.invalid(`${at}.customOriginConfig.protocol`, 'must be "http" or "https"', pages.originHelpers)
  const { sslProtocols } = config
  const versions: readonly string[] = ['SSLv3', 'TLSv1', 'TLSv1.1', 'TLSv1.2']
  const isList =
    Array.isArray(sslProtocols) && sslProtocols.every((each) => versions.includes(each as string))
  if (sslProtocols !== undefined && !isList)
    problems.invalid(
      `${at}.customOriginConfig.sslProtocols`,
      `must be an array of ${versions.join(', ')}`,
      pages.originHelpers,
    )
  const serverName = text(sni, 'sni', check, isHost, 'must be a host name of at most 253 characters')
  const certificateNames = readCertificateNames(allowedCertificateNames, check)
  const custom = base.kind === 'url' ? base : undefined
  const hostname =
    names.isElsewhere || custom === undefined ? (names.name ?? base.domainName) : custom.hostname
  const baseTls = base.kind === 'folder' ? PLAIN_TLS : base.tls
  // A client certificate is for the server it was made for.
  const tls = names.isElsewhere ? { ...baseTls, certPem: undefined, keyPem: undefined } : baseTls
  const serverNames =
    serverName === undefined && certificateNames.length === 0
      ? undefined
      : [serverName ?? hostname, ...certificateNames]
  return {
    ...shared,
    kind: 'url',
    name: base.name,
    // The name that Host shows; where it leads to is `hostname`.
    domainName: names.host ?? names.name ?? base.domainName,
    hostname,
    protocol: protocol === 'http' || protocol === 'https' ? protocol : (custom?.protocol ?? 'https'),
    httpPort: port ?? custom?.httpPort ?? 80,
    httpsPort: port ?? custom?.httpsPort ?? 443,
    tls: {
      ...tls,
      ...(isList ? { minVersion: lowestVersion(sslProtocols as string[]) } : {}),
      ...(serverNames === undefined ? {} : { serverNames }),
    },
  }
}

function signingOf(config: unknown, base: PlannedOrigin): BucketOrigin['signing'] {
  const before = base.kind === 'bucket' ? base.signing : 'never'
  if (typeof config !== 'object' || config === null) return before
  const { enabled, signingBehavior } = config as Fields
  if (enabled === false) return 'never'
  return signingBehavior === 'always' || signingBehavior === 'never'
    ? signingBehavior
    : signingBehavior === 'no-override'
      ? 'no-override'
      : before
}

interface Check {
  readonly at: string
  readonly problems: Problems
}

function text(
  value: unknown,
  field: string,
  { at, problems }: Check,
  isRight: (text: string) => boolean,
  says: string,
): string | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'string' && isRight(value)) return value
  problems.invalid(`${at}.${field}`, says, pages.originHelpers)
  return undefined
}

function number(
  value: unknown,
  field: string,
  least: number,
  most: number,
  { at, problems }: Check,
): number | undefined {
  if (value === undefined || value === null) return undefined
  if (typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most) return value
  problems.invalid(`${at}.${field}`, `must be a number from ${least} to ${most}`, pages.originHelpers)
  return undefined
}

function seconds(value: unknown, field: string, most: number, check: Check): number | undefined {
  const given = number(value, field, 1, most, check)
  return given === undefined ? undefined : given * 1000
}

/** A flat map of lower-case names; an empty one clears what was configured. */
function readCustomHeaders(value: unknown, { at, problems }: Check): { name: string; value: string }[] {
  const fields = objectOf(value, `${at}.customHeaders`, problems) ?? {}
  const headers: { name: string; value: string }[] = []
  for (const [name, each] of Object.entries(fields)) {
    const here = `${at}.customHeaders["${shorten(name)}"]`
    if (name !== name.toLowerCase() || !isFieldName(name) || typeof each !== 'string') {
      problems.invalid(here, 'must be a lower-case name with a string', pages.originHelpers)
    } else if (isDisallowed(name)) {
      problems.invalid(here, 'is a header that origins cannot be sent this way', pages.restrictions)
    } else if (invalidValueCharacter(each) !== undefined) {
      problems.invalid(
        here,
        `has the invalid character ${invalidValueCharacter(each)} in its value`,
        pages.originHelpers,
      )
    } else headers.push({ name: capitalised(name), value: wireOf(each) })
  }
  return headers
}

function readCertificateNames(value: unknown, { at, problems }: Check): readonly string[] {
  if (value === undefined || value === null) return []
  const isRight =
    Array.isArray(value) &&
    value.length <= 20 &&
    value.every((each) => typeof each === 'string' && each.length <= 64 && isHost(each.replace(/^\*\./, '')))
  if (isRight) return value as string[]
  problems.invalid(
    `${at}.allowedCertificateNames`,
    'must be at most 20 host names of at most 64 characters',
    pages.originHelpers,
  )
  return []
}

function objectOf(value: unknown, at: string, problems: Problems): Fields | undefined {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Fields
  problems.invalid(at, `must be given an object, and was given ${typeName(value)}`, pages.originHelpers)
  return undefined
}

function isFailoverStatus(status: unknown): boolean {
  return typeof status === 'number' && [400, 403, 404, 416, 429, 500, 502, 503, 504].includes(status)
}

function isDomain(name: string): boolean {
  return isHost(name) && isIP(name) === 0
}

function isHost(name: string): boolean {
  return name.length <= 253 && HOST.test(name)
}

function isPath(path: string): boolean {
  return path === '' || (path.length <= 255 && PATH.test(path) && !path.endsWith('/'))
}

const HOST = /^(?!-)[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?$/
const PATH = /^\/[\x21-\x22\x24-\x3e\x40-\x7e]*$/
