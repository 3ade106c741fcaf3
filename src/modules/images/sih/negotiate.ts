/**
 * The first of the formats that a viewer names in its Accept header. Wildcards count for nothing, as in the original:
 * every browser sends them. A weight of 0 refuses (RFC 9110 section 12.4.2).
 */
export function negotiate(
  accept: string | undefined,
  formats: readonly ('avif' | 'webp')[],
): 'avif' | 'webp' | undefined {
  if (accept === undefined || formats.length === 0) return undefined
  const lower = accept.toLowerCase()
  return formats.find((format) => {
    const at = lower.indexOf(`image/${format}`)
    if (at === -1) return false
    const comma = lower.indexOf(',', at)
    return !/;\s*q=0(?:\.0*)?\s*(?:$|;)/.test(lower.slice(at, comma === -1 ? undefined : comma))
  })
}
