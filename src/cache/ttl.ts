import { parseCacheControl } from '../http/cache-control.ts'
import type { HeaderList } from '../http/header-list.ts'
import { lifetimeGiven } from '../http/lifetime-given.ts'
import type { PlannedCachePolicy } from '../plan.ts'

/** Where a lifetime came from: a closed list, told by explain and logs. */
export type TtlSource =
  | 's-maxage'
  | 'max-age'
  | 'expires'
  | 'default'
  | 'min-ttl-over-no-store'
  | 'error-caching-min-ttl'

/** How long a response may be kept, or why not at all. */
export type Ttl =
  | { readonly kind: 'keep'; readonly seconds: number; readonly from: TtlSource }
  | {
      readonly kind: 'never'
      readonly why: 'caching-disabled' | 'no-store' | 'no-cache' | 'private' | 'error-not-cached' | 'zero'
    }

const HUNDRED_YEARS = 3_153_600_000

/** DG:HTTPStatusCodes: errors kept always, and errors kept only when the origin gives a lifetime. */
const ERRORS_KEPT = new Set([404, 414, 500, 501, 502, 503, 504])
const ERRORS_KEPT_WITH_AGE = new Set([400, 403, 405, 412, 415])
const ERRORS_OBEYING_NO_STORE = new Set([404, 410, 414, 501])

/**
 * CloudFront's lifetime of a response (DG:Expiration, fact sheet 9.1 and 10.1). `errorCachingMinTtlSeconds` is the
 * floor for errors (10 unless a custom error response says otherwise).
 */
export function decideTtl(
  status: number,
  headers: HeaderList,
  policy: PlannedCachePolicy,
  errorCachingMinTtlSeconds: number,
  nowMs: number,
): Ttl {
  if (policy.isDisabled) return { kind: 'never', why: 'caching-disabled' }
  const directives = parseCacheControl(headers.getJoined('cache-control'))
  const forbidding = directives.has('no-store')
    ? 'no-store'
    : directives.has('private')
      ? 'private'
      : directives.has('no-cache') && directives.get('no-cache') === undefined
        ? 'no-cache'
        : undefined
  const given = lifetimeGiven(directives, headers.get('expires'), nowMs)
  if (status >= 400) {
    const isKept =
      ERRORS_KEPT.has(status) ||
      (ERRORS_KEPT_WITH_AGE.has(status) && (given?.from === 'max-age' || given?.from === 's-maxage'))
    if (!isKept) return { kind: 'never', why: 'error-not-cached' }
    if (forbidding !== undefined && ERRORS_OBEYING_NO_STORE.has(status))
      return { kind: 'never', why: forbidding }
    const fromHeader =
      given === undefined || forbidding !== undefined ? 0 : Math.min(given.seconds, policy.maxTtlSeconds)
    if (fromHeader > errorCachingMinTtlSeconds)
      return { kind: 'keep', seconds: fromHeader, from: given!.from }
    if (errorCachingMinTtlSeconds === 0) return { kind: 'never', why: 'zero' }
    return { kind: 'keep', seconds: errorCachingMinTtlSeconds, from: 'error-caching-min-ttl' }
  }
  if (forbidding !== undefined) {
    if (policy.minTtlSeconds === 0) return { kind: 'never', why: forbidding }
    return { kind: 'keep', seconds: policy.minTtlSeconds, from: 'min-ttl-over-no-store' }
  }
  // 307 and 308 are kept only when the origin says so (DG:http-3xx-status-codes).
  if (given === undefined && (status === 307 || status === 308)) return { kind: 'never', why: 'zero' }
  const seconds =
    given === undefined
      ? Math.max(policy.minTtlSeconds, policy.defaultTtlSeconds)
      : Math.max(policy.minTtlSeconds, Math.min(given.seconds, policy.maxTtlSeconds))
  const from = given === undefined ? 'default' : given.from
  return seconds <= 0
    ? { kind: 'never', why: 'zero' }
    : { kind: 'keep', seconds: Math.min(seconds, HUNDRED_YEARS), from }
}
