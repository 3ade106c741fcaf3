import { parseBucketAddress } from '../http/bucket-address.ts'
import { parseOriginUrl } from '../origin/address.ts'
import { KIND_KEYS, originSchema } from '../origin/config.ts'
import { checkVariable, type Environment } from './check-environment.ts'
import { suggest } from './nearest.ts'
import { type Findings, listed, type Segments } from '../base/problem.ts'
import type { DistributionConfig, EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

type View = Salvaged<EdgeConfig>
type OriginView = Salvaged<DistributionConfig['origins'][string]>

const KINDS = ['url', 'folder', 'bucket'] as const

/** Origins and origin groups of every distribution: what their schema cannot see, and quotas of AWS. */
export function checkOrigins(view: View, environment: Environment, findings: Findings): void {
  for (const [name, distribution] of Object.entries(view.distributions ?? {})) {
    const segments: Segments = ['distributions', name]
    const origins = Object.entries(distribution?.origins ?? {})
    if (origins.length > 100) {
      findings.warning(
        [...segments, 'origins'],
        `${origins.length} origins; CloudFront allows 100 in a distribution`,
      )
    }
    for (const [origin, config] of origins) {
      if (config !== undefined) checkOrigin(config, [...segments, 'origins', origin], environment, findings)
    }
    checkGroups(distribution, segments, findings)
  }
}

function checkOrigin(
  origin: OriginView,
  segments: Segments,
  environment: Environment,
  findings: Findings,
): void {
  const kinds = KINDS.filter((kind) => origin[kind] !== undefined)
  const [kind] = kinds
  if (kinds.length > 1) {
    findings.error(segments, `has ${listed(kinds, 'and')}, but an origin is one of these`, {
      expected: 'exactly one of url, folder or bucket',
    })
  } else if (kind === undefined && !('url' in origin) && !('folder' in origin) && !('bucket' in origin)) {
    findings.error(segments, 'does not say where the content is', {
      expected: 'exactly one of url, folder or bucket',
      hint: "for example { url: 'http://127.0.0.1:9001' } or { folder: './site' }",
    })
  } else if (kind !== undefined) checkKindKeys(kind, origin, segments, findings)
  checkUrl(origin, segments, findings)
  checkTimes(origin, segments, findings)
  checkCustomHeaders(origin, segments, environment, findings)
  checkCredentials(origin, segments, environment, findings)
  if ((origin.tls?.cert === undefined) !== (origin.tls?.key === undefined)) {
    findings.error([...segments, 'tls'], 'a client certificate needs both cert and key', {
      expected: 'both or neither',
    })
  }
}

function checkKindKeys(
  kind: (typeof KINDS)[number],
  origin: OriginView,
  segments: Segments,
  findings: Findings,
): void {
  const allowed: readonly string[] = KIND_KEYS[kind]
  const owners = new Map<string, string[]>()
  for (const other of KINDS)
    for (const key of KIND_KEYS[other]) owners.set(key, [...(owners.get(key) ?? []), other])
  for (const key of Object.keys(origin)) {
    const owning = owners.get(key)
    if (owning === undefined || allowed.includes(key)) continue
    findings.error([...segments, key], `${key} means nothing for a ${kind} origin`, {
      expected: `${listed(owning)} origins have it`,
    })
  }
}

function checkUrl(origin: OriginView, segments: Segments, findings: Findings): void {
  if (origin.url === undefined) return
  const address = parseOriginUrl(origin.url)
  if (typeof address === 'string') return
  const { protocolPolicy } = origin
  const clash =
    protocolPolicy === 'http-only' ? 'https' : protocolPolicy === 'https-only' ? 'http' : undefined
  if (clash === address.protocol) {
    findings.error(
      [...segments, 'protocolPolicy'],
      `${protocolPolicy} does not go with a url that begins with ${address.protocol}://`,
      {
        hint: 'change the url, or leave protocolPolicy out',
      },
    )
  }
  const ports = { httpPort: origin.httpPort, httpsPort: origin.httpsPort }
  const own = address.protocol === 'https' ? 'httpsPort' : 'httpPort'
  if (address.port !== undefined && ports[own] !== undefined && ports[own] !== address.port) {
    findings.error([...segments, own], `the url says port ${address.port}, ${own} says ${ports[own]}`, {
      hint: 'leave one of them out',
    })
  }
  if (address.path !== '' && origin.originPath !== undefined && origin.originPath !== '') {
    findings.warning(
      [...segments, 'originPath'],
      `the url has a path already; requests go to ${address.path}${origin.originPath}`,
    )
  }
}

/** Times that contradict each other, and those that CloudFront would not take (fact sheet sections 2 and 7). */
function checkTimes(origin: OriginView, segments: Segments, findings: Findings): void {
  const { responseCompletionTimeoutMs: completion } = origin
  // Where readTimeoutMs was refused its default says nothing about what was meant.
  const read = origin.readTimeoutMs ?? originSchema.shape.readTimeoutMs.parse(undefined)
  if (completion !== undefined && completion < read) {
    findings.error(
      [...segments, 'responseCompletionTimeoutMs'],
      `found ${completion}, which is less than readTimeoutMs`,
      {
        expected: `at least ${read}`,
        hint: 'raise it, or lower readTimeoutMs',
      },
    )
  }
  const quotas = [
    ['connectionAttempts', origin.connectionAttempts, 1, 3],
    ['connectTimeoutMs', origin.connectTimeoutMs, 1000, 10_000],
    ['readTimeoutMs', origin.readTimeoutMs, 1000, 120_000],
    ['keepaliveTimeoutMs', origin.keepaliveTimeoutMs, 1000, 120_000],
  ] as const
  for (const [key, value, least, most] of quotas) {
    if (value === undefined || (value >= least && value <= most)) continue
    findings.warning([...segments, key], `${value} works here, but CloudFront takes ${least} to ${most}`)
  }
}

function checkCustomHeaders(
  origin: OriginView,
  segments: Segments,
  environment: Environment,
  findings: Findings,
): void {
  const headers = Object.entries(origin.customHeaders ?? {})
  const seen = new Set<string>()
  let characters = 0
  for (const [name, value] of headers) {
    const place = [...segments, 'customHeaders', name]
    if (seen.has(name.toLowerCase()))
      findings.error(place, `${name} is given twice; the case of header names does not count`)
    seen.add(name.toLowerCase())
    if (typeof value === 'object') checkVariable(value.env, [...place, 'env'], environment, findings)
    const length = typeof value === 'string' ? value.length : 0
    characters += name.length + length
    if (length > 1783) findings.warning(place, `the value has ${length} characters; CloudFront takes 1783`)
  }
  if (headers.length > 30)
    findings.warning([...segments, 'customHeaders'], `${headers.length} headers; CloudFront takes 30`)
  if (characters > 10_240) {
    findings.warning(
      [...segments, 'customHeaders'],
      `names and values have ${characters} characters together; CloudFront takes 10240`,
    )
  }
}

function checkCredentials(
  origin: OriginView,
  segments: Segments,
  environment: Environment,
  findings: Findings,
): void {
  const { credentials } = origin
  const place = [...segments, 'credentials']
  const signs = origin.originAccessControl === 'always' || origin.originAccessControl === 'no-override'
  if (signs && !('credentials' in origin)) {
    findings.error(
      [...segments, 'originAccessControl'],
      `${origin.originAccessControl} needs credentials to sign with`,
      {
        hint: "add credentials: 'env' or { accessKeyId, secretAccessKey: { env: … } }",
      },
    )
  }
  if (credentials === 'env') {
    for (const variable of ['AWS_ACCESS_KEY_ID', 'AWS_SECRET_ACCESS_KEY'])
      checkVariable(variable, place, environment, findings)
  } else if (credentials !== undefined) {
    const { secretAccessKey, sessionToken } = credentials
    if (typeof secretAccessKey === 'object')
      checkVariable(secretAccessKey.env, [...place, 'secretAccessKey', 'env'], environment, findings)
    if (typeof sessionToken === 'object')
      checkVariable(sessionToken.env, [...place, 'sessionToken', 'env'], environment, findings)
  }
  const isOddName =
    origin.bucket !== undefined &&
    typeof parseBucketAddress(origin.bucket) !== 'string' &&
    origin.bucket.slice(5).split('/')[0]!.includes('.')
  if (isOddName && origin.pathStyle !== true && origin.endpoint === undefined) {
    findings.warning(
      [...segments, 'bucket'],
      'a bucket name with dots does not match the certificate of S3',
      { hint: 'set pathStyle: true' },
    )
  }
}

function checkGroups(
  distribution: Salvaged<DistributionConfig> | undefined,
  segments: Segments,
  findings: Findings,
): void {
  const origins = Object.keys(distribution?.origins ?? {})
  const groups = Object.entries(distribution?.originGroups ?? {})
  if (groups.length > 10)
    findings.warning([...segments, 'originGroups'], `${groups.length} origin groups; CloudFront allows 10`)
  for (const [name, group] of groups) {
    const place = [...segments, 'originGroups', name]
    if (origins.includes(name)) {
      findings.error(
        place,
        `an origin and an origin group have the name ${name}, so a behavior could mean either`,
        { hint: 'rename one of them' },
      )
    }
    for (const role of ['primary', 'fallback'] as const) {
      const origin = group?.[role]
      if (origin === undefined || origins.includes(origin)) continue
      findings.error([...place, role], `there is no origin "${origin}"`, {
        expected: 'an origin of this distribution',
        hint: suggest(origin, origins, 'origins'),
      })
    }
    if (group?.primary !== undefined && group.primary === group.fallback) {
      findings.error([...place, 'fallback'], 'the fallback is the primary itself', {
        expected: 'another origin',
      })
    }
  }
}
