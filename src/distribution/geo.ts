import { createRequire } from 'node:module'
import { open, type Reader, type Response } from 'maxmind'
import { canonicalAddress, compileCidrs } from '../http/address.ts'
import { addRecord, type Place, type PlaceDraft } from './geo-record.ts'
import { RecentAnswers } from './recent-answers.ts'

export type { Place } from './geo-record.ts'

/** Which databases to open: MMDB files of MaxMind or others. */
export interface GeoOptions {
  /** Country or city database; undefined is the country database that comes with the package. */
  readonly countryFile?: string | undefined
  /** ASN database; undefined means that networks are not known, unless the other file names them. */
  readonly asnFile?: string | undefined
}

/** Finds out where addresses are. */
export interface Geo {
  /** Never throws: an address that is private, unknown or none gives a place without anything in it. */
  lookup(ip: string): Place
}

const DEFAULT_DATABASE = '@ip-location-db/geo-whois-asn-country-mmdb/geo-whois-asn-country.mmdb'
const MAX_RECENT = 16_384
/** The longest text of an address: IPv6 with an IPv4 tail. */
const MAX_ADDRESS_LENGTH = 45
const NOWHERE: Place = Object.freeze({})

/**
 * Addresses that are in no country, because many networks use the same: private, loopback, link-local, shared and
 * unspecified (RFC 6890 section 2.2, RFC 4193, RFC 4291).
 */
const NOT_GLOBAL = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '224.0.0.0/3',
  '::/127',
  'fc00::/7',
  'fe80::/10',
  'ff00::/8',
]

/**
 * Opens the databases, whole, into memory. Rejects with an Error that names the file and what to do when one is missing
 * or is no MMDB database.
 */
export async function openGeo(options: GeoOptions): Promise<Geo> {
  const { countryFile = defaultCountryFile(), asnFile } = options
  const files = [{ setting: 'geo.countryFile', file: countryFile }]
  if (asnFile !== undefined) files.push({ setting: 'geo.asnFile', file: asnFile })
  const readers = await Promise.all(files.map(({ setting, file }) => openDatabase(setting, file)))
  const isNotGlobal = compileCidrs(NOT_GLOBAL)
  const countryNames = new Intl.DisplayNames(['en'], { type: 'region', fallback: 'none' })
  const recent = new RecentAnswers<Place>(MAX_RECENT)

  function lookup(ip: string): Place {
    const known = recent.get(ip)
    if (known !== undefined) return known
    if (ip.length > MAX_ADDRESS_LENGTH) return NOWHERE
    const address = canonicalAddress(ip)
    if (address === undefined) return NOWHERE
    const place = isNotGlobal(address) ? NOWHERE : placeOf(address)
    recent.set(ip, place)
    return place
  }

  function placeOf(address: string): Place {
    const draft: PlaceDraft = {}
    for (const reader of readers) addRecord(draft, readRecord(reader, address))
    if (draft.country !== undefined) {
      const name = countryNames.of(draft.country)
      if (name !== undefined) draft.countryName ??= name
    }
    return Object.freeze(draft)
  }

  return { lookup }
}

function defaultCountryFile(): string {
  return createRequire(import.meta.url).resolve(DEFAULT_DATABASE)
}

async function openDatabase(setting: string, file: string): Promise<Reader<Response>> {
  let reader: Reader<Response>
  try {
    // Answers are remembered by address above; the reader's own cache of records can be small.
    reader = await open<Response>(file, { cache: { max: 1000 } })
  } catch (cause) {
    const isMissing = cause instanceof Error && 'code' in cause && cause.code === 'ENOENT'
    const found = isMissing ? 'there is no such file' : cause instanceof Error ? cause.message : String(cause)
    throw unusable(setting, file, found, cause)
  }
  const { binaryFormatMajorVersion, nodeCount, searchTreeSize } = reader.metadata
  if (binaryFormatMajorVersion !== 2 || !(nodeCount > 0) || !(searchTreeSize > 0)) {
    throw unusable(setting, file, 'its metadata is not that of an MMDB database of format 2')
  }
  return reader
}

function unusable(setting: string, file: string, found: string, cause?: unknown): Error {
  const message = `${setting}: cannot use ${file}: ${found}; name a readable .mmdb file (GeoLite2, GeoIP2 or one of the same format), or leave ${setting} out`
  return new Error(message, { cause })
}

function readRecord(reader: Reader<Response>, address: string): unknown {
  // A tree of IPv4 addresses would take the first bits of an IPv6 address for an IPv4 address.
  if (reader.metadata.ipVersion === 4 && address.includes(':')) return undefined
  try {
    return reader.get(address)
  } catch {
    // A damaged part of the file must not cost the request: an unknown place is served.
    return undefined
  }
}
