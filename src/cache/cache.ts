import type { Rooms } from '../rooms.ts'
import type { CacheFacts } from '../visit.ts'

const BYPASS: CacheFacts = {
  status: 'bypass',
  why: 'caching-not-built-in',
  key: undefined,
  ageSeconds: undefined,
}

/** The cache room while it has no store: every lookup says that it went past the cache, and why. */
export function createCache(): Rooms['cache'] {
  return {
    lookup: () => ({ kind: 'bypass', facts: BYPASS }),
    store: (_passage, response) => response,
  }
}
