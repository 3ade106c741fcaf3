import type { HeaderList } from '../http/header-list.ts'
import { filterQuery } from '../http/query.ts'
import type { EdgeResponse, Passage } from '../visit.ts'

const SAFE: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'TRACE'])

/**
 * The targets, as path and query of keys, whose stored responses a successful unsafe request makes invalid (RFC 9111
 * section 4.4): its own and those of Location and Content-Location on the same host. Empty for everything else.
 */
export function invalidatedTargets(passage: Passage, response: EdgeResponse): readonly string[] {
  const { request, behavior } = passage
  if (behavior.cacheProfile !== 'rfc' || SAFE.has(request.method)) return NONE
  if (response.status < 200 || response.status >= 400) return NONE
  const targets = new Set<string>()
  const add = (path: string, query: string | undefined) => {
    targets.add(query === undefined ? path : `${path}?${query}`)
    // What a key holds of the query is a matter of the policy; another behavior may have another one.
    const kept = query === undefined ? undefined : filterQuery(query, behavior.cachePolicy.queryStrings)
    targets.add(kept === undefined || kept === '' ? path : `${path}?${kept}`)
  }
  add(request.path, request.query)
  for (const name of ['location', 'content-location']) {
    const url = urlOf(response.headers, name, request.host, request.path)
    if (url !== undefined) add(url.pathname, url.search === '' ? undefined : url.search.slice(1))
  }
  // As a selection a `*` at the end would mean everything that begins so: one request could empty the cache.
  return [...targets].filter((target) => !target.endsWith('*'))
}

const NONE: readonly string[] = []

/** Only what is of the same host may be invalidated, or anybody could empty anybody's cache. */
function urlOf(headers: HeaderList, name: string, host: string, path: string): URL | undefined {
  const value = headers.get(name)
  const base = `http://${host}${path}`
  if (value === undefined || !URL.canParse(value, base)) return undefined
  const url = new URL(value, base)
  return url.host === new URL(base).host ? url : undefined
}
