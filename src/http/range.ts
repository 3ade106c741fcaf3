/** Bytes from `first` to `last`, both inclusive. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** What a Range field asks of a representation of known size (RFC 9110 section 14). */
export type RangeAnswer =
  | { readonly kind: 'whole' }
  | { readonly kind: 'range'; readonly range: ByteRange }
  | { readonly kind: 'unsatisfiable' }

const WHOLE: RangeAnswer = { kind: 'whole' }
const MAX_RANGES = 100

/**
 * One satisfiable range is served as it is. Several ranges, and a field that is not valid, are answered with the
 * whole (RFC 9110 section 14.2 allows to ignore Range; CloudFront answers lists it does not accept that way).
 */
export function resolveRange(field: string | undefined, size: number): RangeAnswer {
  if (field === undefined) return WHOLE
  const match = /^bytes[ \t]*=[ \t]*(.+)$/i.exec(field)
  if (match === null) return WHOLE
  const specs = match[1]!.split(',')
  if (specs.length > MAX_RANGES) return WHOLE
  let found: ByteRange | undefined
  let satisfiable = 0
  for (const spec of specs) {
    const text = spec.trim()
    if (text === '') continue
    const parts = /^(\d*)-(\d*)$/.exec(text)
    if (parts === null || (parts[1] === '' && parts[2] === '')) return WHOLE
    const range = satisfy(parts[1]!, parts[2]!, size)
    if (range === 'invalid') return WHOLE
    if (range === undefined) continue
    satisfiable++
    found = range
  }
  if (found === undefined) return { kind: 'unsatisfiable' }
  return satisfiable === 1 && specs.length === 1 ? { kind: 'range', range: found } : WHOLE
}

function satisfy(first: string, last: string, size: number): ByteRange | undefined | 'invalid' {
  if (first === '') {
    const suffix = Number(last)
    if (suffix === 0 || size === 0) return undefined
    return { first: Math.max(0, size - suffix), last: size - 1 }
  }
  const from = Number(first)
  const to = last === '' ? size - 1 : Number(last)
  if (last !== '' && to < from) return 'invalid'
  if (from >= size) return undefined
  return { first: from, last: Math.min(to, size - 1) }
}

/** Reads `Content-Range: bytes 0-9/100`; the size is undefined for `*`. */
export function parseContentRange(
  field: string | undefined,
): { first: number; last: number; size: number | undefined } | undefined {
  const match =
    field === undefined ? null : /^bytes[ \t]+(\d{1,15})-(\d{1,15})\/(\d{1,15}|\*)$/i.exec(field.trim())
  if (match === null) return undefined
  const first = Number(match[1])
  const last = Number(match[2])
  const size = match[3] === '*' ? undefined : Number(match[3])
  if (last < first || (size !== undefined && last >= size)) return undefined
  return { first, last, size }
}
