import type { Fault } from '../faults.ts'
import { type CacheDirectives, parseCacheControl, secondsOf } from '../http/cache-control.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { PlannedCache } from '../plan.ts'
import type { Passage } from '../visit.ts'
import { ageOf, decideByRfc, initialAge, type NotStoredReason } from './rfc.ts'
import { decideTtl, type Ttl } from './ttl.ts'

/** Seconds for which an error is kept unless a custom error response says otherwise (fact sheet 10.1). */
export const DEFAULT_ERROR_SECONDS = 10

/** Whether a response is kept, and until when it may be used in which way; or why not. Moments are milliseconds. */
export type StoreDecision =
  | {
      readonly kind: 'never'
      readonly why: NotStoredReason | Extract<Ttl, { kind: 'never' }>['why'] | 'partial' | 'not-modified'
    }
  | {
      readonly kind: 'keep'
      readonly freshUntil: number
      readonly staleWhileRevalidateUntil: number
      readonly staleIfErrorUntil: number
      readonly mustRevalidate: boolean
      readonly initialAgeSeconds: number
    }

/** When a request for a response left and when its head came, in milliseconds since the epoch. */
export interface Times {
  readonly requestedAt: number
  readonly receivedAt: number
}

/** Decides by the profile of the behavior. Touches nothing. */
export function decideStore(
  passage: Passage,
  status: number,
  headers: HeaderList,
  times: Times,
  planned: PlannedCache,
): StoreDecision {
  if (status === 304 || status < 200) return { kind: 'never', why: 'not-modified' }
  return passage.behavior.cacheProfile === 'rfc'
    ? decideRfc(passage, status, headers, times, planned)
    : decideCloudFront(passage, status, headers, times, planned)
}

function decideRfc(
  passage: Passage,
  status: number,
  headers: HeaderList,
  times: Times,
  planned: PlannedCache,
): StoreDecision {
  const { receivedAt } = times
  const decision = decideByRfc(passage.request.headers, status, headers, receivedAt)
  if (decision.kind === 'never') return decision
  const initialAgeSeconds = initialAge(
    headers,
    times.requestedAt,
    receivedAt,
    planned.malformedAge === 'stale',
  )
  const freshUntil = receivedAt + (decision.lifetimeSeconds - initialAgeSeconds) * 1000
  const isRenewable = headers.has('etag') || headers.has('last-modified')
  const staleSeconds = Math.max(decision.staleWhileRevalidateSeconds, decision.staleIfErrorSeconds)
  // What is stale on arrival and cannot be renewed would only take room.
  if (freshUntil <= receivedAt && !isRenewable && staleSeconds === 0)
    return { kind: 'never', why: 'no-lifetime' }
  return {
    kind: 'keep',
    freshUntil,
    staleWhileRevalidateUntil: untilAfter(freshUntil, decision.staleWhileRevalidateSeconds),
    staleIfErrorUntil: untilAfter(freshUntil, decision.staleIfErrorSeconds),
    mustRevalidate: decision.mustRevalidate,
    initialAgeSeconds,
  }
}

/** Fact sheet 9.1, 9.4 and 10.1. */
function decideCloudFront(
  passage: Passage,
  status: number,
  headers: HeaderList,
  { receivedAt }: Times,
  planned: PlannedCache,
): StoreDecision {
  const policy = passage.behavior.cachePolicy
  if (headers.has('vary') && hasStar(headers.getJoined('vary')!) && policy.minTtlSeconds === 0)
    return { kind: 'never', why: 'vary-star' }
  const ttl = decideTtl(status, headers, policy, errorSeconds(passage, status), receivedAt)
  if (ttl.kind === 'never') return ttl
  const initialAgeSeconds = ageOf(headers, false)
  const isGiven = ttl.from === 's-maxage' || ttl.from === 'max-age'
  const spent = isGiven && planned.upstreamAge === 'subtract' ? initialAgeSeconds : 0
  const seconds = spent === 0 ? ttl.seconds : Math.max(ttl.seconds - spent, floorOf(passage, status))
  if (seconds <= 0) return { kind: 'never', why: 'zero' }
  const freshUntil = receivedAt + seconds * 1000
  // Stale service never extends past MaxTTL after storage, and an error is never served stale.
  const end = status >= 400 ? NEVER : receivedAt + policy.maxTtlSeconds * 1000
  const directives = parseCacheControl(headers.getJoined('cache-control'))
  const until = (name: string, unlessGiven: number) => {
    const given = validSeconds(directives, name)
    if (given === undefined) return unlessGiven
    return Math.min(untilAfter(freshUntil, given), end)
  }
  return {
    kind: 'keep',
    freshUntil,
    staleWhileRevalidateUntil: until('stale-while-revalidate', NEVER),
    staleIfErrorUntil: until('stale-if-error', end),
    mustRevalidate: false,
    initialAgeSeconds,
  }
}

/** ErrorCachingMinTTL for a status. */
export function errorSeconds(passage: Passage, status: number): number {
  return (
    passage.distribution.customErrorResponses.get(status)?.errorCachingMinTtlSeconds ?? DEFAULT_ERROR_SECONDS
  )
}

/** For how long a fault of the origin is remembered, in seconds; 0 for what is not the origin's. */
export function faultSeconds(passage: Passage, fault: Fault): number {
  const { behavior } = passage
  if (behavior.cacheProfile === 'rfc' || behavior.cachePolicy.isDisabled) return 0
  const { source, status } = fault.row
  return source === 'origin' && status >= 500 ? errorSeconds(passage, status) : 0
}

/** A moment that is over: what may not be served stale at all. A soft invalidation ends freshness before its time. */
const NEVER = 0

function untilAfter(freshUntil: number, seconds: number): number {
  return seconds === 0 ? NEVER : freshUntil + seconds * 1000
}

function floorOf(passage: Passage, status: number): number {
  return status >= 400 ? errorSeconds(passage, status) : passage.behavior.cachePolicy.minTtlSeconds
}

function validSeconds(directives: CacheDirectives, name: string): number | undefined {
  const seconds = secondsOf(directives, name)
  return seconds === undefined || Number.isNaN(seconds) ? undefined : seconds
}

function hasStar(vary: string): boolean {
  return vary.split(',').some((name) => name.trim() === '*')
}
