import { hash } from 'node:crypto'
import type { RateCounter } from '../../seams/state/state.ts'
import { cookieValue } from '../../http/cookies.ts'
import { forwardedAddresses } from '../forwarded-address.ts'
import type { Inspection, RateHit } from '../inspection.ts'
import type { RateKey, RateNode } from '../plan.ts'
import type { Transform, TransformName } from '../transforms/transforms.ts'
import { rateNetwork } from './rate-network.ts'
import type { Matcher } from './matcher.ts'

/** A key longer than this is counted under its digest, so that long headers cannot fill the memory. */
const MAX_KEY_BYTES = 200
/** Characters of a value that the log shows. */
const SHOWN = 32
const SEPARATOR = '\x1f'
const MISSING = Symbol('missing')

type KeyReader = (inspection: Inspection) => string | typeof MISSING

/** What a rate-based rule needs beside its statement. */
export interface RateParts {
  readonly counter: RateCounter
  readonly scopeDown: Matcher | undefined
  readonly transformsOf: (key: RateKey) => readonly Transform[]
  /** The number of a header's transformed values, which rules that look at the same header share. */
  readonly headerNumber: (name: string, transforms: readonly TransformName[]) => number
  /** Counts IPv6 clients by their /64 network, which AWS WAF does not. */
  readonly ipv6Networks: boolean
}

/**
 * Counts requests by their keys and matches those over the limit (WAFV2 RateBasedStatement). Requests that lack a key,
 * or that the scope-down statement leaves out, are neither counted nor matched; blocked ones keep counting. AWS looks
 * about every ten seconds; here every request sees the estimate of its moment.
 */
export function rateBased(node: RateNode, parts: RateParts): Matcher {
  const readers = readersOf(node, parts)
  const { counter, scopeDown } = parts
  const shown = shownKeys(node)
  return (inspection) => {
    if (scopeDown !== undefined && !scopeDown(inspection)) return false
    let key = ''
    for (let i = 0; i < readers.length; i++) {
      const value = readers[i]!(inspection)
      if (value === MISSING) return false
      key = i === 0 ? value : key + SEPARATOR + value
    }
    if (key.length > MAX_KEY_BYTES) key = `#${hash('sha256', key, 'base64url')}`
    const estimate = inspection.isPeek ? counter.peek(key) : counter.add(key)
    if (estimate <= node.limit) return false
    // Asked again only for the few that are over the limit.
    const values = readers.map((read) => String(read(inspection)))
    inspection.rateHit = rateHit(node, estimate, shown, values)
    return true
  }
}

/** The estimate under one key, for the list of limited addresses. */
export function rateKeyOfAddress(address: string, ipv6Networks: boolean): string {
  return ipv6Networks ? rateNetwork(address) : address
}

function rateHit(
  node: RateNode,
  estimate: number,
  shown: readonly { readonly key: string; readonly name?: string }[],
  values: readonly string[],
): RateHit {
  return {
    aggregate: node.aggregate === 'CUSTOM_KEYS' ? 'CUSTOMKEYS' : node.aggregate,
    limit: node.limit,
    windowSeconds: node.windowSeconds,
    estimate,
    values: shown.map((each, i) => ({ ...each, value: values[i]!.slice(0, SHOWN) })),
  }
}

function readersOf(node: RateNode, parts: RateParts): readonly KeyReader[] {
  const ip: KeyReader = ({ request }) => rateKeyOfAddress(request.client.address, parts.ipv6Networks)
  const forwardedIp: KeyReader = (inspection) => {
    const { forwarded } = node
    if (forwarded === undefined) return MISSING
    const found = forwardedAddresses(inspection.request.headers, forwarded.header, 'FIRST')
    if (found === 'absent') return MISSING
    // All requests with a malformed header are one client where the fallback is to match.
    if (found === 'malformed') return forwarded.onMalformed ? 'INVALID' : MISSING
    return rateKeyOfAddress(found[0]!, parts.ipv6Networks)
  }
  switch (node.aggregate) {
    case 'IP':
      return [ip]
    case 'FORWARDED_IP':
      return [forwardedIp]
    case 'CONSTANT':
      return [() => 'CONSTANT']
    case 'CUSTOM_KEYS':
      return node.keys.map((key) => {
        if (key.kind === 'ip') return ip
        if (key.kind === 'forwarded-ip') return forwardedIp
        const read = keyReader(key, parts.transformsOf(key))
        return key.kind === 'header' ? sharedHeader(parts.headerNumber(key.name, key.transforms), read) : read
      })
  }
}

/** One line of a header is what other rules may have computed already; several are joined before they are transformed. */
function sharedHeader(number: number, readJoined: KeyReader): KeyReader {
  return (inspection) => {
    const { values } = inspection.valuesOf(number)
    if (values.length === 0) return MISSING
    return values.length === 1 ? values[0]! : readJoined(inspection)
  }
}

function keyReader(key: RateKey, steps: readonly Transform[]): KeyReader {
  const read = rawReader(key)
  return (inspection) => {
    const value = read(inspection)
    if (value === undefined) return MISSING
    let text = value
    for (const step of steps) text = step(text)
    return text
  }
}

function rawReader(key: RateKey): (inspection: Inspection) => string | undefined {
  switch (key.kind) {
    case 'header':
      return ({ request }) => request.headers.getJoined(key.name)
    case 'cookie':
      return ({ request }) => {
        for (const field of request.headers.getAll('cookie')) {
          const value = cookieValue(field, key.name)
          if (value !== undefined) return value
        }
        return undefined
      }
    case 'query-argument':
      return ({ request }) => firstArgument(request.query, key.name)
    case 'query-string':
      return ({ request }) => (request.query === '' ? undefined : request.query)
    case 'uri-path':
      return ({ request }) => request.path
    case 'http-method':
      return ({ request }) => request.method
    case 'label-namespace':
      return ({ labels }) => {
        const found = labels.filter((label) => label.startsWith(key.namespace))
        return found.length === 0 ? undefined : found.toSorted().join(',')
      }
    case 'ja3':
      return ({ request }) => request.connection.tls?.ja3 ?? (key.onMissing ? '' : undefined)
    case 'ja4':
      return ({ request }) => request.connection.tls?.ja4 ?? (key.onMissing ? '' : undefined)
    case 'asn':
      return (inspection) => String(inspection.place.asn ?? 0)
    case 'ip':
    case 'forwarded-ip':
      return () => undefined
  }
}

function firstArgument(query: string | undefined, name: string): string | undefined {
  if (query === undefined) return undefined
  for (const parameter of query.split('&')) {
    const equals = parameter.indexOf('=')
    const given = equals === -1 ? parameter : parameter.slice(0, equals)
    if (given.toLowerCase() === name) return equals === -1 ? '' : parameter.slice(equals + 1)
  }
  return undefined
}

const KEY_NAMES = {
  ip: 'IP',
  'forwarded-ip': 'FORWARDED_IP',
  header: 'HEADER',
  cookie: 'COOKIE',
  'query-argument': 'QUERY_ARGUMENT',
  'query-string': 'QUERY_STRING',
  'uri-path': 'URI_PATH',
  'http-method': 'HTTP_METHOD',
  'label-namespace': 'LABEL_NAMESPACE',
  ja3: 'JA3_FINGERPRINT',
  ja4: 'JA4_FINGERPRINT',
  asn: 'ASN',
} as const satisfies Record<RateKey['kind'], string>

function shownKeys(node: RateNode): readonly { readonly key: string; readonly name?: string }[] {
  if (node.aggregate !== 'CUSTOM_KEYS') return [{ key: node.aggregate }]
  return node.keys.map((key) =>
    'name' in key ? { key: KEY_NAMES[key.kind], name: key.name } : { key: KEY_NAMES[key.kind] },
  )
}
