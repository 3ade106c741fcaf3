import type { Entry } from '../entry.ts'

/** An entry marked stale as of `now` (soft purge). Its revision goes up, so that what was asked for before it loses. */
export function softened(entry: Entry, now: number): Entry {
  return { ...staleAsOf(entry, now), revision: entry.revision + 1 }
}

/**
 * An entry that is fresh until `now` at most. How long it may be served after that is what its origin allowed (RFC 5861),
 * counted from then on.
 */
export function staleAsOf(entry: Entry, now: number): Entry {
  const earlier = Math.max(0, entry.freshUntil - now)
  return {
    ...entry,
    freshUntil: entry.freshUntil - earlier,
    staleWhileRevalidateUntil: entry.staleWhileRevalidateUntil - earlier,
    staleIfErrorUntil: entry.staleIfErrorUntil - earlier,
  }
}
