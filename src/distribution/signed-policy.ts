import { compileCidrs, describeCidrProblem } from '../http/address.ts'
import { parseIpv4 } from '../http/address-text.ts'
import { coversTarget, type SignedTarget } from './signed-resource.ts'

/** The custom policy of a signed URL or cookie, read and found well-formed. */
export interface SignedPolicy {
  /** Undefined covers every URL. */
  readonly resource: string | undefined
  /** Seconds since the epoch: access only before. */
  readonly dateLessThan: number
  /** Seconds since the epoch: access only after. */
  readonly dateGreaterThan: number | undefined
  /** An IPv4 address or range. */
  readonly sourceIp: string | undefined
}

/** Why a policy does not let a request in. */
export type PolicyRefusal =
  | 'the resource of the policy does not cover the URL'
  | 'the policy has expired'
  | 'the policy is not valid yet'
  | 'the policy is for another client address'

/**
 * Reads the JSON of a custom policy (DG:private-content-creating-signed-url-custom-policy): one statement, alone or as
 * the one element of an array. Undefined when it is malformed. What is not known in a statement makes it malformed
 * too: a condition nobody checks would open what its author meant to close.
 */
export function parseSignedPolicy(json: string): SignedPolicy | undefined {
  const document = parseObject(json)
  const listed = document?.['Statement']
  const statement = asObject(Array.isArray(listed) && listed.length === 1 ? listed[0] : listed)
  if (statement === undefined || !hasOnly(statement, ['Resource', 'Condition'])) return undefined
  const { Resource: resource, Condition: condition } = statement
  if (resource !== undefined && typeof resource !== 'string') return undefined
  const conditions = asObject(condition)
  if (conditions === undefined || !hasOnly(conditions, ['DateLessThan', 'DateGreaterThan', 'IpAddress']))
    return undefined
  const dateLessThan = only(conditions['DateLessThan'], 'AWS:EpochTime')
  if (!isEpochTime(dateLessThan)) return undefined
  const dateGreaterThan = only(conditions['DateGreaterThan'], 'AWS:EpochTime')
  if (conditions['DateGreaterThan'] !== undefined && !isEpochTime(dateGreaterThan)) return undefined
  const sourceIp = only(conditions['IpAddress'], 'AWS:SourceIp')
  if (conditions['IpAddress'] !== undefined && !isIpv4Range(sourceIp)) return undefined
  return {
    resource,
    dateLessThan,
    dateGreaterThan: isEpochTime(dateGreaterThan) ? dateGreaterThan : undefined,
    sourceIp: isIpv4Range(sourceIp) ? sourceIp : undefined,
  }
}

/** Why a policy does not let a client have a URL at a time (whole seconds since the epoch); undefined when it does. */
export function judgePolicy(
  policy: SignedPolicy,
  target: SignedTarget,
  clientIp: string,
  nowSeconds: number,
): PolicyRefusal | undefined {
  // At the very second of a bound access is denied: "less than" and "greater than" are meant strictly.
  if (nowSeconds >= policy.dateLessThan) return 'the policy has expired'
  if (policy.dateGreaterThan !== undefined && nowSeconds <= policy.dateGreaterThan)
    return 'the policy is not valid yet'
  // Only IPv4 is known to policies, so an IPv6 client is never in a range, not even in 0.0.0.0/0 (DG:private-content-creating-signed-url-custom-policy).
  if (policy.sourceIp !== undefined && !compileCidrs([policy.sourceIp])(clientIp)) {
    return 'the policy is for another client address'
  }
  if (policy.resource !== undefined && !coversTarget(policy.resource, target)) {
    return 'the resource of the policy does not cover the URL'
  }
  return undefined
}

function parseObject(json: string): Record<string, unknown> | undefined {
  try {
    return asObject(JSON.parse(json))
  } catch {
    // Whatever a viewer sends may be no JSON; the caller answers MalformedPolicy.
    return undefined
  }
}

function asObject(value: unknown): Record<string, unknown> | undefined {
  // The cast says only what was just asked: an object whose members are still unknown.
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : undefined
}

function hasOnly(object: Record<string, unknown>, names: readonly string[]): boolean {
  return Object.keys(object).every((name) => names.includes(name))
}

/** The one member of an operator, or undefined when it has another or more. */
function only(operator: unknown, name: string): unknown {
  const object = asObject(operator)
  return object !== undefined && hasOnly(object, [name]) ? object[name] : undefined
}

function isEpochTime(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

function isIpv4Range(value: unknown): value is string {
  if (typeof value !== 'string') return false
  const slash = value.indexOf('/')
  return (
    parseIpv4(slash === -1 ? value : value.slice(0, slash)) !== -1 && describeCidrProblem(value) === undefined
  )
}
