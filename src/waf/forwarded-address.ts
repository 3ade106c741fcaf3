import type { HeaderList } from '../http/header-list.ts'
import { canonicalAddress } from '../http/address.ts'

/** Addresses of a header that are looked at for the position ANY (DG:waf-rule-statement-forwarded-ip-address). */
const MAX_ADDRESSES = 10

/** `absent`: no such header; `malformed`: it holds no addresses separated by commas. */
export type Forwarded = 'absent' | 'malformed' | readonly string[]

/**
 * Client addresses out of a forwarding header: the first or the last, or up to the last ten. Several lines of the
 * header are one list (RFC 9110 section 5.3).
 */
export function forwardedAddresses(
  headers: HeaderList,
  name: string,
  position: 'FIRST' | 'LAST' | 'ANY',
): Forwarded {
  const field = headers.getJoined(name)
  if (field === undefined) return 'absent'
  if (position === 'FIRST') {
    const comma = field.indexOf(',')
    return oneAddress(comma === -1 ? field : field.slice(0, comma))
  }
  if (position === 'LAST') return oneAddress(field.slice(field.lastIndexOf(',') + 1))
  const addresses: string[] = []
  for (const part of field.split(',').slice(-MAX_ADDRESSES)) {
    const address = canonicalAddress(part.trim())
    if (address === undefined) return 'malformed'
    addresses.push(address)
  }
  return addresses
}

function oneAddress(text: string): Forwarded {
  const address = canonicalAddress(text.trim())
  return address === undefined ? 'malformed' : [address]
}
