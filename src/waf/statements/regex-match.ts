import type { Pattern } from '../regex/pattern.ts'
import type { Finder } from './matcher.ts'

/** Searches for any of the patterns (WAFV2 RegexMatchStatement, RegexPatternSetReferenceStatement). */
export function regexMatch(patterns: readonly Pattern[]): Finder {
  return (value) => {
    for (const pattern of patterns) {
      if (!pattern.test(value)) continue
      // Where it matched is asked only now, because that is slower than asking whether.
      const match = pattern.exec(value)
      return { start: match?.[0] ?? 0, end: match?.[1] ?? value.length }
    }
    return undefined
  }
}
