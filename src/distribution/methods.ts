import { METHODS } from 'node:http'

/** Methods whose responses may be kept, in the two sets that CloudFront has (fact sheet 5.2). */
const GET_HEAD: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const GET_HEAD_OPTIONS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const ALL: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'])

/** Every method that HTTP servers know, but those that concern the connection itself (RFC 9110 section 9.3). */
const EVERY: ReadonlySet<string> = new Set(
  METHODS.filter((method) => method !== 'CONNECT' && method !== 'TRACE'),
)

/**
 * The set of allowed methods that a list means, in any order; undefined when CloudFront has no such set. CloudFront's
 * `all` is seven methods; in the `rfc` profile it is all that there are.
 */
export function allowedMethodSet(
  methods: 'all' | readonly string[],
  cacheProfile: 'cloudfront' | 'rfc' = 'cloudfront',
): ReadonlySet<string> | undefined {
  if (methods === 'all') return cacheProfile === 'rfc' ? EVERY : ALL
  return [GET_HEAD, GET_HEAD_OPTIONS, ALL].find((set) => isSame(set, methods))
}

/** The set of cached methods that a list means; undefined when CloudFront has no such set. */
export function cachedMethodSet(methods: readonly string[]): ReadonlySet<string> | undefined {
  return [GET_HEAD, GET_HEAD_OPTIONS].find((set) => isSame(set, methods))
}

function isSame(set: ReadonlySet<string>, methods: readonly string[]): boolean {
  return new Set(methods).size === set.size && methods.every((method) => set.has(method))
}
