/** Where an address is and whose network it is in; what is not known is missing. */
export interface Place {
  /** ISO 3166-1 alpha-2, upper case. */
  readonly country?: string
  /** In English. */
  readonly countryName?: string
  /** The part of an ISO 3166-2 code behind the country: at most three characters. */
  readonly region?: string
  readonly regionName?: string
  readonly city?: string
  /** Degrees. */
  readonly latitude?: number
  readonly longitude?: number
  /** Of the United States only. */
  readonly metroCode?: string
  readonly postalCode?: string
  /** IANA name. */
  readonly timeZone?: string
  /** Number of the autonomous system. */
  readonly asn?: number
}

/** Names of the fields that hold text. */
type TextField =
  | 'country'
  | 'countryName'
  | 'region'
  | 'regionName'
  | 'city'
  | 'metroCode'
  | 'postalCode'
  | 'timeZone'

/** The same, while it is being gathered. */
export type PlaceDraft = { -readonly [Field in keyof Place]: Place[Field] }

/**
 * Adds to a place what a database record says and the place does not know yet. Records are read by their shape:
 * GeoIP2 and GeoLite2 Country, City, ASN and ISP (https://dev.maxmind.com/geoip/docs/databases), and the flat records
 * of country, city and ASN databases by others (`country_code`, `state1`, `postcode`, …). Anything else adds nothing.
 */
export function addRecord(place: PlaceDraft, record: unknown): void {
  const country = pick(record, 'country')
  const countryCode =
    pick(country, 'iso_code') ??
    pick(record, 'registered_country', 'iso_code') ??
    pick(record, 'country_code') ??
    country
  if (typeof countryCode === 'string' && /^[A-Z]{2}$/.test(countryCode) && countryCode !== 'ZZ') {
    place.country ??= countryCode
  }
  setText(place, 'countryName', englishName(country))
  const region = pick(record, 'subdivisions', 0)
  const regionCode = pick(region, 'iso_code')
  if (typeof regionCode === 'string' && regionCode.length <= 3) setText(place, 'region', regionCode)
  setText(place, 'regionName', englishName(region) ?? pick(record, 'state1') ?? pick(record, 'region'))
  const city = pick(record, 'city')
  setText(place, 'city', englishName(city) ?? city)
  const location = pick(record, 'location') ?? record
  const latitude = pick(location, 'latitude')
  const longitude = pick(location, 'longitude')
  if (isDegrees(latitude, 90) && isDegrees(longitude, 180) && place.latitude === undefined) {
    place.latitude = latitude
    place.longitude = longitude
  }
  const metroCode = pick(location, 'metro_code')
  setText(place, 'metroCode', typeof metroCode === 'number' ? String(metroCode) : metroCode)
  setText(place, 'postalCode', pick(record, 'postal', 'code') ?? pick(record, 'postcode'))
  setText(place, 'timeZone', pick(location, 'time_zone') ?? pick(record, 'timezone'))
  const asn = asnOf(
    pick(record, 'autonomous_system_number') ??
      pick(record, 'traits', 'autonomous_system_number') ??
      pick(record, 'asn'),
  )
  if (asn !== undefined) place.asn ??= asn
}

function setText(place: PlaceDraft, field: TextField, value: unknown): void {
  if (typeof value === 'string' && value !== '') place[field] ??= value
}

function englishName(value: unknown): unknown {
  return pick(value, 'names', 'en')
}

function isDegrees(value: unknown, most: number): value is number {
  return typeof value === 'number' && Math.abs(value) <= most
}

/** A number, or text like `AS15169`. */
function asnOf(value: unknown): number | undefined {
  const asn = typeof value === 'string' ? Number(value.replace(/^AS/, '')) : value
  return typeof asn === 'number' && Number.isSafeInteger(asn) && asn > 0 ? asn : undefined
}

/** The member at a path of names and indexes, or undefined wherever the path ends early. */
function pick(value: unknown, ...path: readonly (string | number)[]): unknown {
  let current = value
  for (const key of path) {
    if (typeof current !== 'object' || current === null || !Object.hasOwn(current, key)) return undefined
    // The cast says only what was just asked: the object has this member, of a type still unknown.
    current = (current as Record<string | number, unknown>)[key]
  }
  return current
}
