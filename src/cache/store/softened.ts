import type { Entry } from '../entry.ts'

/** An entry marked stale as of `now` (soft purge). Its revision goes up, so that what was asked for before it loses. */
export function softened(entry: Entry, now: number): Entry {
  return { ...staleAsOf(entry, now), revision: entry.revision + 1 }
}

/**
 * An entry that is fresh until `now` at most. How long it may be served while it is refreshed counts from then on
 * (RFC 5861 section 3); when its origin fails it is as good as it would have been.
 */
export function staleAsOf(entry: Entry, now: number): Entry {
  const earlier = Math.max(0, entry.freshUntil - now)
  return {
    ...entry,
    freshUntil: entry.freshUntil - earlier,
    staleWhileRevalidateUntil: entry.staleWhileRevalidateUntil - earlier,
  }
}
