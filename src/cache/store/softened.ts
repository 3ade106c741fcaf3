import type { Entry } from '../entry.ts'

/** An entry marked stale as of `now` (soft purge). Its revision goes up, so that what was asked for before it loses. */
export function softened(entry: Entry, now: number): Entry {
  return { ...entry, freshUntil: Math.min(entry.freshUntil, now), revision: entry.revision + 1 }
}
