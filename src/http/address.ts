import { formatIpv6, isMapped, parseIpv4, parseIpv6 } from './address-text.ts'

/**
 * A socket's address in its plain form: `::ffff:1.2.3.4` becomes `1.2.3.4`, a zone (`%eth0`) is dropped, IPv6 is
 * canonical (RFC 5952). Text that is no address is given back as it is; use `canonicalAddress` for text of others.
 */
export function normaliseAddress(address: string): string {
  if (!address.includes(':')) return address
  const zone = address.indexOf('%')
  return canonicalAddress(zone === -1 ? address : address.slice(0, zone)) ?? address
}

/** The plain form of an address that somebody else wrote (a header, a PROXY line), or undefined if it is none. */
export function canonicalAddress(text: string): string | undefined {
  if (parseIpv4(text) !== -1) return text
  const words = new Uint32Array(4)
  return parseIpv6(text, words) ? formatIpv6(words) : undefined
}

/** True if an address lies in one of the compiled ranges; text that is no address lies in none. */
export type AddressMatcher = (address: string) => boolean

/**
 * Compiles ranges (`10.0.0.0/8`, `2001:db8::/32`, or a single address) to a matcher that does two parses and one
 * binary search, for lists of any length. Bits behind the prefix are ignored. IPv4-mapped IPv6, in the list or
 * asked for, counts as IPv4. Throws an Error naming every bad entry (the first ten) and what is wrong with it.
 */
export function compileCidrs(cidrs: readonly string[]): AddressMatcher {
  const ipv4: Ipv4Range[] = []
  const ipv6: Ipv6Range[] = []
  const problems: string[] = []
  for (let i = 0; i < cidrs.length; i++) {
    const range = parseCidr(cidrs[i]!)
    if (typeof range === 'string') problems.push(`entry ${i + 1}: ${range}`)
    else if (range.family === 4) ipv4.push(range)
    else ipv6.push(range)
  }
  if (problems.length > 0) {
    const shown = problems.slice(0, 10).join('; ')
    const rest = problems.length > 10 ? `; and ${problems.length - 10} more` : ''
    throw new Error(`${problems.length} of ${cidrs.length} address ranges are not valid: ${shown}${rest}`)
  }
  return matcher(mergeIpv4(ipv4), mergeIpv6(ipv6))
}

/** What is wrong with an address range, as a sentence that says what to write instead; undefined if nothing is. */
export function describeCidrProblem(cidr: string): string | undefined {
  const range = parseCidr(cidr)
  return typeof range === 'string' ? range : undefined
}

interface Ipv4Range {
  readonly family: 4
  readonly first: number
  readonly last: number
}

interface Ipv6Range {
  readonly family: 6
  readonly first: Uint32Array
  readonly last: Uint32Array
}

function parseCidr(cidr: string): Ipv4Range | Ipv6Range | string {
  const slash = cidr.indexOf('/')
  const text = slash === -1 ? cidr : cidr.slice(0, slash)
  const ipv4 = parseIpv4(text)
  const words = new Uint32Array(4)
  if (ipv4 === -1 && !parseIpv6(text, words)) {
    return `"${shorten(cidr)}" is not an IP address or range; write it like 192.0.2.0/24 or 2001:db8::/32`
  }
  const widest = ipv4 === -1 ? 128 : 32
  const prefix = slash === -1 ? widest : parsePrefix(cidr, slash + 1)
  if (prefix < 0 || prefix > widest) {
    return `"${shorten(cidr)}" needs a prefix length from 0 to ${widest} after the slash`
  }
  if (ipv4 !== -1) return ipv4Range(ipv4, prefix)
  if (prefix >= 96 && isMapped(words)) return ipv4Range(words[3]!, prefix - 96)
  const last = new Uint32Array(4)
  for (let i = 0; i < 4; i++) {
    const mask = maskOf(Math.min(32, Math.max(0, prefix - i * 32)))
    words[i] = words[i]! & mask
    last[i] = words[i]! | ~mask
  }
  return { family: 6, first: words, last }
}

function ipv4Range(address: number, prefix: number): Ipv4Range {
  const mask = maskOf(prefix)
  return { family: 4, first: (address & mask) >>> 0, last: (address | ~mask) >>> 0 }
}

/** The 32-bit mask of a prefix; a shift by 32 would be a shift by 0. */
function maskOf(prefix: number): number {
  return prefix === 0 ? 0 : -1 << (32 - prefix)
}

function parsePrefix(text: string, start: number): number {
  const digits = text.length - start
  if (digits < 1 || digits > 3 || (digits > 1 && text[start] === '0')) return -1
  let prefix = 0
  for (let i = start; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit < 0 || digit > 9) return -1
    prefix = prefix * 10 + digit
  }
  return prefix
}

function shorten(text: string): string {
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

/** Disjoint ranges in ascending order; a bound is one word for IPv4 and four for IPv6. */
interface SortedRanges {
  readonly first: Uint32Array
  readonly last: Uint32Array
}

function mergeIpv4(ranges: Ipv4Range[]): SortedRanges {
  // Of two that start alike the wider comes first, so that it swallows the other.
  ranges.sort((a, b) => a.first - b.first || b.last - a.last)
  const first = new Uint32Array(ranges.length)
  const last = new Uint32Array(ranges.length)
  let count = 0
  for (const range of ranges) {
    // CIDR blocks nest or are apart, so a range either lies in the one before or starts a new one.
    if (count > 0 && range.first <= last[count - 1]!) continue
    first[count] = range.first
    last[count++] = range.last
  }
  return { first: first.slice(0, count), last: last.slice(0, count) }
}

function mergeIpv6(ranges: Ipv6Range[]): SortedRanges {
  ranges.sort((a, b) => compareWords(a.first, 0, b.first) || -compareWords(a.last, 0, b.last))
  const first = new Uint32Array(ranges.length * 4)
  const last = new Uint32Array(ranges.length * 4)
  let count = 0
  for (const range of ranges) {
    if (count > 0 && compareWords(last, (count - 1) * 4, range.first) >= 0) continue
    first.set(range.first, count * 4)
    last.set(range.last, count++ * 4)
  }
  return { first: first.slice(0, count * 4), last: last.slice(0, count * 4) }
}

function matcher(ipv4: SortedRanges, ipv6: SortedRanges): AddressMatcher {
  // One scratch per matcher: a lookup allocates nothing.
  const words = new Uint32Array(4)
  return (address) => {
    const number = parseIpv4(address)
    if (number !== -1) return includesIpv4(ipv4, number)
    if (!parseIpv6(address, words)) return false
    return isMapped(words) ? includesIpv4(ipv4, words[3]!) : includesIpv6(ipv6, words)
  }
}

function includesIpv4(ranges: SortedRanges, address: number): boolean {
  const first = ranges.first
  let low = 0
  let high = first.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (first[middle]! <= address) low = middle + 1
    else high = middle
  }
  return low > 0 && address <= ranges.last[low - 1]!
}

function includesIpv6(ranges: SortedRanges, words: Uint32Array): boolean {
  const first = ranges.first
  let low = 0
  let high = first.length >> 2
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareWords(first, middle * 4, words) <= 0) low = middle + 1
    else high = middle
  }
  return low > 0 && compareWords(ranges.last, (low - 1) * 4, words) >= 0
}

function compareWords(a: Uint32Array, at: number, b: Uint32Array): number {
  for (let i = 0; i < 4; i++) {
    const difference = a[at + i]! - b[i]!
    if (difference !== 0) return difference
  }
  return 0
}
