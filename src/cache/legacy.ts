import { keepCookiesLike } from '../http/cookies.ts'
import { type FilterList, keepAll, keepListed, keepNone } from '../http/filter-list.ts'
import type { Forwarding, PlannedCachePolicy } from '../plan.ts'
import { type ForwardedValuesConfig, isCloudFrontHeader, lifetimes } from './config.ts'

/**
 * With legacy settings every header travels but these, which the edge removes or writes anew unless they are listed
 * (DG:RequestAndResponseBehaviorCustomOrigin, fact sheet 6.1). Authorization would be kept for POST and its like; it
 * is held back for all methods, because a kept one on GET could answer one viewer with the page of another.
 */
const HELD_BACK = [
  ...['accept', 'accept-charset', 'accept-language', 'accept-encoding', 'authorization', 'host', 'referer'],
  ...['user-agent', 'x-http-method-override'],
]

/** Legacy ForwardedValues as the cache policy they amount to (DG:header-caching, fact sheet 8.2). */
export function compileLegacyCachePolicy(config: ForwardedValuesConfig): PlannedCachePolicy {
  const forwardsAll = config.headers.includes('*')
  const ttl = forwardsAll ? { minTtlSeconds: 0, defaultTtlSeconds: 0, maxTtlSeconds: 0 } : config
  const { queryString, queryStringCacheKeys } = config
  return {
    name: 'forwardedValues',
    ...lifetimes(ttl),
    gzip: false,
    brotli: false,
    headers: forwardsAll ? [] : [...new Set(config.headers.map((name) => name.toLowerCase()))],
    cookies: cookieList(config.cookies),
    queryStrings: !queryString
      ? keepNone
      : queryStringCacheKeys === undefined
        ? keepAll
        : keepListed(queryStringCacheKeys),
    isLegacy: true,
  }
}

/** What travels to the origin with legacy settings: query strings all or none, cookies as in the key. */
export function compileLegacyForwarding(config: ForwardedValuesConfig): Forwarding {
  const listed = new Set(config.headers.map((name) => name.toLowerCase()))
  const cookies = cookieList(config.cookies)
  return {
    headerMode: listed.has('*') ? 'all' : 'all-except',
    headers: listed.has('*') ? new Set() : new Set(HELD_BACK.filter((name) => !listed.has(name))),
    cloudFrontHeaders: [...listed].filter(isCloudFrontHeader),
    cookies,
    queryStrings: config.queryString ? keepAll : keepNone,
    cookiesForwarded: cookies.mode !== 'none',
  }
}

function cookieList(cookies: ForwardedValuesConfig['cookies']): FilterList {
  if (cookies.forward === 'none') return keepNone
  if (cookies.forward === 'all') return keepAll
  const names = cookies.whitelistedNames ?? []
  return keepCookiesLike(names)
}
