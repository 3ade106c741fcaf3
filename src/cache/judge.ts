import type { Passage } from '../visit.ts'
import { asked } from './asked.ts'
import type { Entry } from './entry.ts'
import { isUsable } from './rfc.ts'
import { ageNow } from './serve.ts'

/** Whether a stored response may be used as it is. */
export type Verdict = 'fresh' | 'stale-by-request' | 'expired' | 'must-revalidate' | 'asked-by-viewer'

/** Judges an entry for a request. In the `cloudfront` profile nothing a viewer says counts (fact sheet 9.1). */
export function judge(entry: Entry, passage: Passage, bits: number, now: number): Verdict {
  const isFresh = now < entry.freshUntil
  if (passage.behavior.cacheProfile === 'cloudfront') return isFresh ? 'fresh' : 'expired'
  const stale = entry.mustRevalidate ? 'must-revalidate' : 'expired'
  if ((bits & asked.directives) === 0) return isFresh ? 'fresh' : stale
  const verdict = isUsable(
    {
      lifetimeLeftSeconds: (entry.freshUntil - now) / 1000,
      ageSeconds: ageNow(entry, now),
      mustRevalidate: entry.mustRevalidate,
    },
    passage.request.headers,
  )
  if (verdict === 'fresh') return 'fresh'
  if (verdict === 'stale-allowed') return 'stale-by-request'
  return isFresh ? 'asked-by-viewer' : stale
}
