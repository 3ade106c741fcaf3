/**
 * Whether every path that `pattern` matches is matched by `earlier` too. It never says yes wrongly; a no may be
 * wrong where only a combination of stars would show it.
 */
export function coversPattern(earlier: string, pattern: string): boolean {
  const by = withSlash(earlier)
  const of = withSlash(pattern)
  // reach[j]: the pattern up to j is covered by what of `earlier` was read.
  let reach = Array.from({ length: of.length + 1 }, (_, j) => j === 0)
  for (const symbol of by) {
    const next = Array.from({ length: of.length + 1 }, () => false)
    for (let j = 0; j <= of.length; j++) {
      if (symbol === '*') next[j] = reach[j]! || (j > 0 && next[j - 1]!)
      else if (j > 0) next[j] = reach[j - 1]! && of[j - 1] !== '*' && (symbol === '?' || symbol === of[j - 1])
    }
    reach = next
  }
  return reach[of.length]!
}

/** Whether two patterns are the same but for the implied slash at the beginning. */
export function isSamePattern(one: string, other: string): boolean {
  return withSlash(one) === withSlash(other)
}

function withSlash(pattern: string): string {
  return pattern.startsWith('/') ? pattern : `/${pattern}`
}
