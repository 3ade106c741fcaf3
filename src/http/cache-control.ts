/** The directives of a Cache-Control field by lower-case name; the value is undefined where there is none. */
export type CacheDirectives = ReadonlyMap<string, string | undefined>

const NONE: CacheDirectives = new Map()

/**
 * Parses Cache-Control (RFC 9111 section 5.2): unknown directives are kept, quoted strings unquoted, and of a
 * repeated directive the first counts (RFC 9111 section 4.2.1 leaves the choice; the first is what most caches take).
 */
export function parseCacheControl(value: string | undefined): CacheDirectives {
  if (value === undefined || value === '') return NONE
  const directives = new Map<string, string | undefined>()
  let at = 0
  while (at < value.length) {
    const start = at
    while (at < value.length && value[at] !== ',' && value[at] !== '=') at++
    const name = value.slice(start, at).trim().toLowerCase()
    let argument: string | undefined
    if (value[at] === '=') {
      at++
      while (value[at] === ' ' || value[at] === '\t') at++
      if (value[at] === '"') {
        let text = ''
        at++
        while (at < value.length && value[at] !== '"') {
          if (value[at] === '\\' && at + 1 < value.length) at++
          text += value[at]
          at++
        }
        at++
        argument = text
        while (at < value.length && value[at] !== ',') at++
      } else {
        const from = at
        while (at < value.length && value[at] !== ',') at++
        argument = value.slice(from, at).trim()
      }
    }
    at++
    if (name !== '' && !directives.has(name)) directives.set(name, argument)
  }
  return directives
}

/** Whether a response lets a shared cache keep it (RFC 9111 section 3). */
export function mayBeKeptShared(directives: CacheDirectives): boolean {
  return !directives.has('no-store') && !directives.has('private')
}

const MAX_SECONDS = 2 ** 31

/**
 * A delta-seconds argument (RFC 9111 section 1.2.2): undefined when the directive is absent, NaN when its value is
 * not a non-negative integer, and at most 2^31.
 */
export function secondsOf(directives: CacheDirectives, name: string): number | undefined {
  if (!directives.has(name)) return undefined
  const value = directives.get(name)
  if (value === undefined || !/^\d+$/.test(value)) return Number.NaN
  return Math.min(Number(value), MAX_SECONDS)
}
