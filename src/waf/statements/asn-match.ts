import { forwardedAddresses } from '../forwarded-address.ts'
import type { ForwardedIp } from '../plan.ts'
import type { Matcher } from './matcher.ts'

/** Compares the autonomous system of the client; an address that belongs to none counts as 0 (WAFV2 AsnMatchStatement). */
export function asnMatch(numbers: ReadonlySet<number>, forwarded: ForwardedIp | undefined): Matcher {
  if (forwarded === undefined) {
    return (inspection) => numbers.has((inspection.clientAsn = inspection.place.asn ?? 0))
  }
  return (inspection) => {
    const found = forwardedAddresses(inspection.request.headers, forwarded.header, 'FIRST')
    if (found === 'absent') return false
    if (found === 'malformed') return forwarded.onMalformed
    return numbers.has((inspection.forwardedAsn = inspection.placeOf(found[0]!).asn ?? 0))
  }
}
