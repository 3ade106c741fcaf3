import { type CacheDirectives, parseCacheControl, secondsOf } from '../http/cache-control.ts'
import type { HeaderList } from '../http/header-list.ts'
import { parseHttpDate } from '../http/http-date.ts'
import { parseTargetedCacheControl } from '../http/targeted-cache-control.ts'

/** Statuses that may be kept by heuristics (RFC 9110 section 15.1). */
const HEURISTIC = new Set([200, 203, 204, 206, 300, 301, 308, 404, 405, 410, 414, 501])
/** Statuses this cache understands, beside those (RFC 9111 section 5.2.2.3, must-understand). */
const UNDERSTOOD = new Set([...HEURISTIC, 302, 303, 307, 400, 403, 412, 415, 500, 502, 503, 504])
/** A tenth of the time since the last change, at most a day (RFC 9111 section 4.2.2). */
const HEURISTIC_FRACTION = 0.1
const MAX_HEURISTIC_SECONDS = 86_400

export type NotStoredReason =
  | 'method-not-cached'
  | 'request-no-store'
  | 'no-store'
  | 'private'
  | 'authorization'
  | 'vary-star'
  | 'no-lifetime'
  | 'status-not-cached'
  | 'incomplete'

/** What RFC 9111 says of keeping a response: its lifetime and duties, or why it is not kept. */
export type RfcDecision =
  | { readonly kind: 'never'; readonly why: NotStoredReason }
  | {
      readonly kind: 'keep'
      readonly lifetimeSeconds: number
      /** Must not be served stale, ever (must-revalidate, proxy-revalidate, s-maxage) nor unasked (no-cache). */
      readonly mustRevalidate: boolean
      readonly staleWhileRevalidateSeconds: number
      readonly staleIfErrorSeconds: number
    }

/** The directives that hold for this cache: a targeted field replaces Cache-Control whole (RFC 9213 section 2.2). */
export function directivesFor(headers: HeaderList): {
  readonly directives: CacheDirectives
  readonly isTargeted: boolean
} {
  const targeted = parseTargetedCacheControl(headers.getJoined('cdn-cache-control'))
  if (targeted !== undefined) return { directives: targeted, isTargeted: true }
  return { directives: parseCacheControl(headers.getJoined('cache-control')), isTargeted: false }
}

/** Decides whether a response to GET may be stored by a shared cache, and for how long (RFC 9111 sections 3 and 4.2). */
export function decideByRfc(
  request: HeaderList,
  status: number,
  headers: HeaderList,
  receivedAt: number,
): RfcDecision {
  const asked = parseCacheControl(request.getJoined('cache-control'))
  const { directives, isTargeted } = directivesFor(headers)
  if (asked.has('no-store')) return never('request-no-store')
  const isUnderstood = UNDERSTOOD.has(status)
  if (directives.has('must-understand')) {
    if (!isUnderstood) return never('status-not-cached')
  } else if (directives.has('no-store')) return never('no-store')
  // With field names it would concern only those (RFC 9111 section 5.2.2.7); most caches keep nothing, nor does this.
  if (directives.has('private')) return never('private')
  if (
    headers
      .getJoined('vary')
      ?.split(',')
      .some((name) => name.trim() === '*') === true
  )
    return never('vary-star')
  const mustRevalidate =
    directives.has('must-revalidate') || directives.has('proxy-revalidate') || directives.has('s-maxage')
  if (
    request.has('authorization') &&
    !directives.has('public') &&
    !directives.has('s-maxage') &&
    !directives.has('must-revalidate')
  ) {
    return never('authorization')
  }
  const lifetimeSeconds = lifetimeOf(status, headers, directives, isTargeted, receivedAt)
  const isNoCache = directives.has('no-cache') && directives.get('no-cache') === undefined
  if (lifetimeSeconds === undefined) {
    // Kept all the same where a validator can renew it.
    if (!isNoCache && !(directives.has('public') && isUnderstood)) return never('no-lifetime')
  }
  return {
    kind: 'keep',
    lifetimeSeconds: isNoCache ? 0 : (lifetimeSeconds ?? 0),
    mustRevalidate: mustRevalidate || isNoCache,
    staleWhileRevalidateSeconds:
      mustRevalidate || isNoCache ? 0 : positive(secondsOf(directives, 'stale-while-revalidate')),
    staleIfErrorSeconds: mustRevalidate || isNoCache ? 0 : positive(secondsOf(directives, 'stale-if-error')),
  }
}

/** The freshness lifetime in seconds, or undefined when there is none to be had (RFC 9111 section 4.2.1). */
function lifetimeOf(
  status: number,
  headers: HeaderList,
  directives: CacheDirectives,
  isTargeted: boolean,
  receivedAt: number,
): number | undefined {
  for (const name of ['s-maxage', 'max-age']) {
    const seconds = secondsOf(directives, name)
    // What is not a number is stale (RFC 9111 section 4.2.1).
    if (seconds !== undefined) return Number.isNaN(seconds) ? 0 : seconds
  }
  const date = parseHttpDate(headers.get('date') ?? '', receivedAt) ?? receivedAt
  if (!isTargeted && headers.has('expires')) {
    if (headers.count('expires') > 1) return 0
    const expires = parseHttpDate(headers.get('expires')!, receivedAt)
    return expires === undefined ? 0 : Math.max(0, (expires - date) / 1000)
  }
  if (!HEURISTIC.has(status) && !directives.has('public')) return undefined
  const modified = parseHttpDate(headers.get('last-modified') ?? '', receivedAt)
  if (modified === undefined) return headers.has('etag') && HEURISTIC.has(status) ? 0 : undefined
  return Math.min(MAX_HEURISTIC_SECONDS, Math.max(0, ((date - modified) / 1000) * HEURISTIC_FRACTION))
}

/** How old a response was when it arrived, in seconds (RFC 9111 section 4.2.3). */
export function initialAge(
  headers: HeaderList,
  requestedAt: number,
  receivedAt: number,
  isMalformedOld = false,
): number {
  const date = parseHttpDate(headers.get('date') ?? '', receivedAt)
  const apparent = date === undefined ? 0 : Math.max(0, (receivedAt - date) / 1000)
  const delay = (receivedAt - requestedAt) / 1000
  return Math.max(apparent, ageOf(headers, isMalformedOld) + delay)
}

/**
 * Age in seconds as a response gives it. Of several values the first counts, and what is not a number counts as nothing
 * (RFC 9111 section 5.1); with `isMalformedOld` both mean that it is older than any lifetime, as RFC 7234 was read.
 */
export function ageOf(headers: HeaderList, isMalformedOld: boolean): number {
  const field = headers.getJoined('age')
  if (field === undefined) return 0
  const comma = field.indexOf(',')
  const first = (comma === -1 ? field : field.slice(0, comma)).trim()
  if (isMalformedOld && (comma !== -1 || !DIGITS.test(first))) return MAX_AGE_SECONDS
  return DIGITS.test(first) ? Math.min(Number(first), MAX_AGE_SECONDS) : 0
}

const DIGITS = /^\d+$/
/** Larger than any lifetime that counts (RFC 9111 section 1.2.2). */
const MAX_AGE_SECONDS = 2 ** 31

/** Whether a stored response may be used for this request without asking the origin (RFC 9111 section 4.2 and 5.2.1). */
export function isUsable(
  entry: {
    readonly lifetimeLeftSeconds: number
    readonly ageSeconds: number
    readonly mustRevalidate: boolean
  },
  request: HeaderList,
): 'fresh' | 'stale-allowed' | 'revalidate' {
  const asked = parseCacheControl(request.getJoined('cache-control'))
  if (asked.has('no-cache')) return 'revalidate'
  // Pragma counts only where there is no Cache-Control (RFC 9111 section 5.4).
  if (asked.size === 0 && request.getJoined('pragma')?.toLowerCase().includes('no-cache') === true)
    return 'revalidate'
  const maxAge = secondsOf(asked, 'max-age')
  if (maxAge !== undefined && !(entry.ageSeconds <= maxAge)) return 'revalidate'
  const minFresh = secondsOf(asked, 'min-fresh')
  if (minFresh !== undefined && !(entry.lifetimeLeftSeconds >= minFresh)) return 'revalidate'
  if (entry.lifetimeLeftSeconds > 0) return 'fresh'
  if (entry.mustRevalidate || !asked.has('max-stale')) return 'revalidate'
  const maxStale = asked.get('max-stale')
  if (maxStale === undefined) return 'stale-allowed'
  const seconds = secondsOf(asked, 'max-stale')
  return seconds !== undefined && -entry.lifetimeLeftSeconds <= seconds ? 'stale-allowed' : 'revalidate'
}

function never(why: NotStoredReason): RfcDecision {
  return { kind: 'never', why }
}

function positive(seconds: number | undefined): number {
  return seconds === undefined || Number.isNaN(seconds) ? 0 : seconds
}
