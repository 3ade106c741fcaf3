/** Says of a name whether it is meant; a regular expression is one, a compiled glob another. */
export interface NamePattern {
  test(name: string): boolean
}

/** Which names of cookies or query strings are meant: the compiled form of CloudFront's none, all, whitelist, allExcept. */
export interface FilterList {
  readonly mode: 'none' | 'all' | 'allow' | 'deny'
  /** Exact, case-sensitive names. */
  readonly names: ReadonlySet<string>
  /** Legacy cookie lists only: patterns with `*` and `?`. */
  readonly patterns: readonly NamePattern[]
}

export const keepNone: FilterList = { mode: 'none', names: new Set(), patterns: [] }
export const keepAll: FilterList = { mode: 'all', names: new Set(), patterns: [] }

export function keepListed(names: Iterable<string>, patterns: readonly NamePattern[] = []): FilterList {
  const set = new Set(names)
  return set.size === 0 && patterns.length === 0 ? keepNone : { mode: 'allow', names: set, patterns }
}

export function keepAllExcept(names: Iterable<string>): FilterList {
  const set = new Set(names)
  return set.size === 0 ? keepAll : { mode: 'deny', names: set, patterns: [] }
}

/** Whether a name passes the filter. */
export function passes(filter: FilterList, name: string): boolean {
  switch (filter.mode) {
    case 'none':
      return false
    case 'all':
      return true
    case 'deny':
      return !filter.names.has(name)
    case 'allow':
      return filter.names.has(name) || filter.patterns.some((pattern) => pattern.test(name))
  }
}

/**
 * What two policies let through together (DG:understanding-how-origin-request-policies-and-cache-policies-work-together):
 * whatever either of them names as wanted always travels; a block list holds back only what no allow list names.
 */
export function unite(cachePolicy: FilterList, originRequestPolicy: FilterList): FilterList {
  if (cachePolicy.mode === 'all' || originRequestPolicy.mode === 'all') return keepAll
  if (originRequestPolicy.mode === 'none') return cachePolicy
  if (cachePolicy.mode === 'none') return originRequestPolicy
  if (cachePolicy.mode === 'allow' && originRequestPolicy.mode === 'allow') {
    return keepListed(
      [...cachePolicy.names, ...originRequestPolicy.names],
      [...cachePolicy.patterns, ...originRequestPolicy.patterns],
    )
  }
  if (cachePolicy.mode === 'deny' && originRequestPolicy.mode === 'deny') {
    return keepAllExcept([...cachePolicy.names, ...originRequestPolicy.names])
  }
  const [allow, deny] =
    cachePolicy.mode === 'allow' ? [cachePolicy, originRequestPolicy] : [originRequestPolicy, cachePolicy]
  return keepAllExcept([...deny.names].filter((name) => !passes(allow, name)))
}
