import type { CacheFacts } from '../visit.ts'

/** Tells of a request as Cache-Status does (RFC 9211): a structured list with one member, this cache. */
export function writeCacheStatus(cacheName: string, facts: CacheFacts): string {
  let text = cacheName
  switch (facts.status) {
    case 'hit':
    case 'stale':
      text += '; hit'
      break
    case 'refresh-hit':
      // The stored response was used, after the origin was asked (RFC 9211 section 2.2).
      text += '; fwd=stale'
      break
    case 'miss':
    case 'bypass':
      text += `; fwd=${forwardReason(facts)}`
      break
  }
  if (facts.originStatus !== undefined && facts.status !== 'hit') text += `; fwd-status=${facts.originStatus}`
  if (facts.ttlSeconds !== undefined) text += `; ttl=${facts.ttlSeconds}`
  if (facts.stored === 'stored') text += '; stored'
  if (facts.why === 'collapsed') text += '; collapsed'
  const unkept =
    facts.stored === undefined || facts.stored === 'stored' ? '' : `, not stored: ${facts.stored}`
  const detail = facts.detail === undefined ? '' : ` (${facts.detail})`
  return `${text}; detail="${facts.why}${detail}${unkept}"`
}

/** RFC 9211 section 2.2. */
function forwardReason({ why }: CacheFacts): string {
  switch (why) {
    case 'method-not-cached':
      return 'method'
    case 'caching-disabled':
    case 'upgrade':
      return 'bypass'
    case 'vary-differs':
      return 'vary-miss'
    case 'range-not-stored':
      return 'partial'
    case 'asked-by-viewer':
      return 'request'
    case 'expired':
    case 'must-revalidate':
      return 'stale'
    case 'never-stored':
    case 'key-differs':
      return 'uri-miss'
    default:
      return 'miss'
  }
}
