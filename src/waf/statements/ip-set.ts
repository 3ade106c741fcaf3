import type { AddressMatcher } from '../../http/address.ts'
import { forwardedAddresses } from '../forwarded-address.ts'
import type { ForwardedIp } from '../plan.ts'
import type { Matcher } from './matcher.ts'

/** Looks the client's address up in a set that may change while running (WAFV2 IPSetReferenceStatement). */
export function ipSetMatch(
  set: { readonly current: AddressMatcher },
  forwarded: (ForwardedIp & { readonly position: 'FIRST' | 'LAST' | 'ANY' }) | undefined,
): Matcher {
  if (forwarded === undefined) return (inspection) => set.current(inspection.request.client.address)
  return (inspection) => {
    const found = forwardedAddresses(inspection.request.headers, forwarded.header, forwarded.position)
    if (found === 'absent') return false
    if (found === 'malformed') return forwarded.onMalformed
    const contains = set.current
    return found.some((address) => contains(address))
  }
}
