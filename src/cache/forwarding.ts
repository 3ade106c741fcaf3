import { unite } from '../http/filter-list.ts'
import type { Forwarding, PlannedCachePolicy } from '../plan.ts'
import { type CompiledOriginRequestPolicy, isCloudFrontHeader } from './config.ts'

/**
 * What travels to the origin under a cache policy and an origin request policy together, which is more than the key
 * (DG:understanding-how-origin-request-policies-and-cache-policies-work-together, fact sheet 6.5): what either
 * policy lists always travels, and a block list holds back only what the cache policy does not list.
 */
export function compileForwarding(
  cachePolicy: PlannedCachePolicy,
  originRequestPolicy: CompiledOriginRequestPolicy | undefined,
): Forwarding {
  const keyed = cachePolicy.headers.filter((name) => !isCloudFrontHeader(name))
  const cloudFrontHeaders = new Set(cachePolicy.headers.filter(isCloudFrontHeader))
  for (const name of originRequestPolicy?.cloudFrontHeaders ?? []) cloudFrontHeaders.add(name)
  const cookies =
    originRequestPolicy === undefined
      ? cachePolicy.cookies
      : unite(cachePolicy.cookies, originRequestPolicy.cookies)
  const queryStrings =
    originRequestPolicy === undefined
      ? cachePolicy.queryStrings
      : unite(cachePolicy.queryStrings, originRequestPolicy.queryStrings)
  return {
    ...forwardedHeaders(keyed, originRequestPolicy),
    cloudFrontHeaders: [...cloudFrontHeaders],
    cookies,
    queryStrings,
    cookiesForwarded: cookies.mode !== 'none',
  }
}

function forwardedHeaders(
  keyed: readonly string[],
  policy: CompiledOriginRequestPolicy | undefined,
): Pick<Forwarding, 'headerMode' | 'headers'> {
  switch (policy?.headerMode) {
    case undefined:
    case 'none':
      return { headerMode: 'listed', headers: new Set(keyed) }
    case 'allow':
      return { headerMode: 'listed', headers: new Set([...keyed, ...policy!.headers]) }
    case 'all':
      return { headerMode: 'all', headers: new Set() }
    case 'deny':
      return { headerMode: 'all-except', headers: policy!.headers.difference(new Set(keyed)) }
  }
}
