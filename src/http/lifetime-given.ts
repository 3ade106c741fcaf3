import { type CacheDirectives, secondsOf } from './cache-control.ts'
import { parseHttpDate } from './http-date.ts'

/** The lifetime that the origin gave: s-maxage before max-age before `expires`. What is not a number counts as zero. */
export function lifetimeGiven(
  directives: CacheDirectives,
  expires: string | undefined,
  nowMs: number,
): { seconds: number; from: 's-maxage' | 'max-age' | 'expires' } | undefined {
  for (const name of ['s-maxage', 'max-age'] as const) {
    const seconds = secondsOf(directives, name)
    if (seconds !== undefined) return { seconds: Number.isNaN(seconds) ? 0 : seconds, from: name }
  }
  if (expires === undefined) return undefined
  const at = parseHttpDate(expires, nowMs)
  return { seconds: at === undefined ? 0 : Math.max(0, (at - nowMs) / 1000), from: 'expires' }
}
