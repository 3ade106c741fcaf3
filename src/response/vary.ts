import type { HeaderList } from '../http/header-list.ts'
import type { PlannedBehavior } from '../plan.ts'

/** Adds a field name to Vary unless it is there already or Vary is `*` (RFC 9110 section 12.5.5). */
export function addToVary(headers: HeaderList, name: string): void {
  const value = headers.getJoined('vary')
  if (value === undefined || value === '') {
    headers.set('Vary', name)
    return
  }
  const lower = name.toLowerCase()
  for (const each of value.split(',')) {
    const listed = each.trim().toLowerCase()
    if (listed === lower || listed === '*') return
  }
  headers.set('Vary', `${value}, ${name}`)
}

/**
 * Leaves in Vary what the edge tells responses apart by: Accept-Encoding, Cookie, the headers the policies forward,
 * and User-Agent where a device header stands for it (DG:RequestAndResponseBehaviorCustomOrigin). `*` survives
 * only where the minimum TTL is 0, because there the edge obeys it (DG:Expiration, content negotiation).
 */
export function filterVary(headers: HeaderList, behavior: PlannedBehavior): void {
  const value = headers.getJoined('vary')
  if (value === undefined || isAcceptEncoding(value)) return
  let kept = ''
  for (const each of value.split(',')) {
    const name = each.trim()
    if (name !== '' && isKept(name.toLowerCase(), behavior)) kept += kept === '' ? name : `, ${name}`
  }
  if (kept === '') headers.delete('vary')
  else if (kept !== value) headers.set('Vary', kept)
}

function isAcceptEncoding(value: string): boolean {
  return value.length === 15 && value.toLowerCase() === 'accept-encoding'
}

function isKept(name: string, behavior: PlannedBehavior): boolean {
  if (name === 'accept-encoding' || name === 'cookie') return true
  if (name === '*') return behavior.cachePolicy.minTtlSeconds === 0
  const { headerMode, headers, cloudFrontHeaders } = behavior.forwarding
  if (headerMode === 'all') return true
  if (headers.has(name) === (headerMode === 'listed')) return true
  return name === 'user-agent' && cloudFrontHeaders.some(isDeviceHeader)
}

/** `cloudfront-is-mobile-viewer` and its like. */
function isDeviceHeader(name: string): boolean {
  return name.startsWith('cloudfront-is-') && name.endsWith('-viewer')
}
