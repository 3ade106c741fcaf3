import { type FilterList, passes } from './filter-list.ts'

/**
 * The parameters of a raw query string, without the leading `?`, as they stand between `&`: empty ones, order,
 * duplicates and bytes stay, so that joining them by `&` gives the query string again.
 */
export function splitQuery(query: string): readonly string[] {
  return query.split('&')
}

/** The name of one parameter as it was sent: what stands before the first `=`, percent-encoding kept. */
export function parameterName(parameter: string): string {
  const equals = parameter.indexOf('=')
  return equals === -1 ? parameter : parameter.slice(0, equals)
}

/** The value of one parameter as it was sent: what stands behind the first `=`, or empty text when there is none. */
export function parameterValue(parameter: string): string {
  const equals = parameter.indexOf('=')
  return equals === -1 ? '' : parameter.slice(equals + 1)
}

/**
 * Keeps of a raw query string the parameters a policy lets through: only `&` separates, names are compared as sent,
 * bytes, order and duplicates stay (DG:QueryStringParameters). The same string when nothing goes; undefined when
 * nothing is left.
 */
export function filterQuery(query: string, filter: FilterList): string | undefined {
  if (filter.mode === 'all') return query
  if (filter.mode === 'none') return undefined
  return keepParameters(query, filter)
}

function keepParameters(query: string, filter: FilterList): string | undefined {
  const { length } = query
  let kept: string | undefined
  /** Where a run of kept parameters began, or -1 behind one that was dropped: runs are copied whole. */
  let runStart = -1
  let start = 0
  // Where the next `=` is, searched only forwards, so that a query of many bare names costs one pass.
  let equals = query.indexOf('=')
  if (equals === -1) equals = length
  while (start <= length) {
    const found = query.indexOf('&', start)
    const end = found === -1 ? length : found
    if (equals < start) {
      equals = query.indexOf('=', start)
      if (equals === -1) equals = length
    }
    const isKept = passes(filter, query.slice(start, Math.min(equals, end)))
    if (isKept && runStart === -1) runStart = start
    if (!isKept && runStart !== -1) {
      kept = append(kept, query.slice(runStart, start - 1))
      runStart = -1
    }
    start = end + 1
  }
  if (runStart === 0) return query
  return runStart === -1 ? kept : append(kept, query.slice(runStart))
}

function append(kept: string | undefined, run: string): string {
  return kept === undefined ? run : `${kept}&${run}`
}
