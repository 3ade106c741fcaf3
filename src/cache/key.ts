import { normaliseAcceptEncoding } from '../http/accept-encoding.ts'
import { cookieField, filterCookies } from '../http/cookies.ts'
import { filterQuery } from '../http/query.ts'
import type { Passage } from '../visit.ts'

/** Gives the value of a `CloudFront-*` header for this request. */
export type ViewerHeaderOf = (passage: Passage, lowerName: string) => string | undefined

/**
 * The cache key (DG:understanding-the-cache-key, fact sheet 8.1): distribution and path always, the method for
 * OPTIONS, then query strings, normalised Accept-Encoding, headers and cookies as the cache policy lists them.
 * What modules add comes last. Parts stand on lines of their own, because no part of a request can hold a line break.
 */
export function cacheKey(passage: Passage, viewerHeader: ViewerHeaderOf): string {
  const { request, behavior, distribution } = passage
  const policy = behavior.cachePolicy
  let key = `${distribution.id} ${request.path}`
  if (request.query !== undefined && policy.queryStrings.mode !== 'none') {
    const query = filterQuery(request.query, policy.queryStrings)
    if (query !== undefined && query !== '') key += `?${query}`
  }
  if (request.method === 'OPTIONS') key += '\nmethod OPTIONS'
  if (policy.gzip || policy.brotli) {
    const value = request.headers.getJoined('accept-encoding')
    const encoding =
      value === undefined || request.httpVersion === '1.0'
        ? undefined
        : normaliseAcceptEncoding(value, policy)
    if (encoding !== undefined) key += `\naccept-encoding ${encoding}`
  }
  for (const name of policy.headers) {
    const value = keyedHeader(passage, name, viewerHeader)
    if (value !== undefined) key += `\n${name} ${value}`
  }
  if (policy.cookies.mode !== 'none') {
    const cookies = cookieField(request.headers)
    const kept = cookies === undefined ? undefined : filterCookies(cookies, policy.cookies)
    if (kept !== undefined && kept !== '') key += `\ncookie ${kept}`
  }
  if (passage.moduleKey !== undefined) key += `\n${passage.moduleKey}`
  return key
}

/** Path and query as they stand in a key: what invalidation by path compares. */
export function pathInKey(key: string): string {
  const end = key.indexOf('\n')
  return key.slice(key.indexOf(' ') + 1, end === -1 ? key.length : end)
}

/** The parts of a key, for people and for finding the part in which two keys differ. */
export function keyParts(key: string): Record<string, string> {
  const [first, ...rest] = key.split('\n')
  const space = first!.indexOf(' ')
  const target = first!.slice(space + 1)
  const mark = target.indexOf('?')
  const parts: Record<string, string> = {
    distribution: first!.slice(0, space),
    path: mark === -1 ? target : target.slice(0, mark),
  }
  if (mark !== -1) parts['query string'] = target.slice(mark + 1)
  for (const line of rest) {
    const at = line.indexOf(' ')
    parts[line.slice(0, at)] = line.slice(at + 1)
  }
  return parts
}

function keyedHeader(passage: Passage, name: string, viewerHeader: ViewerHeaderOf): string | undefined {
  if (name === 'host') return passage.request.host
  if (name.startsWith('cloudfront-')) return viewerHeader(passage, name)
  // Several lines of one field count as their joined value.
  return passage.request.headers.getJoined(name)
}
