/** Methods whose responses may be kept, in the two sets that CloudFront has (fact sheet 5.2). */
const GET_HEAD: ReadonlySet<string> = new Set(['GET', 'HEAD'])
const GET_HEAD_OPTIONS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const ALL: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'])

/** The set of allowed methods that a list means, in any order; undefined when CloudFront has no such set. */
export function allowedMethodSet(methods: 'all' | readonly string[]): ReadonlySet<string> | undefined {
  if (methods === 'all') return ALL
  return [GET_HEAD, GET_HEAD_OPTIONS, ALL].find((set) => isSame(set, methods))
}

/** The set of cached methods that a list means; undefined when CloudFront has no such set. */
export function cachedMethodSet(methods: readonly string[]): ReadonlySet<string> | undefined {
  return [GET_HEAD, GET_HEAD_OPTIONS].find((set) => isSame(set, methods))
}

function isSame(set: ReadonlySet<string>, methods: readonly string[]): boolean {
  return new Set(methods).size === set.size && methods.every((method) => set.has(method))
}
