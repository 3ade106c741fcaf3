import { forwardedAddresses } from '../forwarded-address.ts'
import type { Inspection } from '../inspection.ts'
import type { ForwardedIp } from '../plan.ts'
import type { Matcher } from './matcher.ts'

/**
 * Compares the country of the client, and labels the request with country and region whether it matches or not
 * (WAFV2 GeoMatchStatement). What is not known is `XX`.
 */
export function geoMatch(countries: ReadonlySet<string>, forwarded: ForwardedIp | undefined): Matcher {
  if (forwarded === undefined) {
    return (inspection) => countries.has(labelPlace(inspection, inspection.place, 'awswaf:clientip:geo:'))
  }
  return (inspection) => {
    const found = forwardedAddresses(inspection.request.headers, forwarded.header, 'FIRST')
    if (found === 'absent') return false
    if (found === 'malformed') return forwarded.onMalformed
    return countries.has(labelPlace(inspection, inspection.placeOf(found[0]!), 'awswaf:forwardedip:geo:'))
  }
}

function labelPlace(
  inspection: Inspection,
  place: { readonly country?: string; readonly region?: string },
  prefix: string,
): string {
  const country = place.country ?? 'XX'
  inspection.addLater(`${prefix}country:${country}`)
  inspection.addLater(`${prefix}region:${country}-${place.region ?? 'XX'}`)
  return country
}
