import { formatIpv4, formatIpv6 } from '../http/address-text.ts'
import { canonicalAddress } from '../http/address.ts'
import type { Endpoint } from '../visit.ts'

/**
 * What the beginning of a connection says as a PROXY protocol header. `length` is how many bytes it takes.
 * Without `source` and `destination` the real ends of the connection count; `isLocal` marks a connection that the
 * proxy made for itself (a health check).
 */
export type ProxyHeader =
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'absent' }
  | { readonly kind: 'invalid'; readonly reason: string }
  | {
      readonly kind: 'found'
      readonly length: number
      readonly isLocal: boolean
      readonly source: Endpoint | undefined
      readonly destination: Endpoint | undefined
    }

/** The longest version 2 header taken, in bytes; the specification allows 64 KB but wants it to fit one segment. */
export const MAX_PROXY_HEADER_BYTES = 4096

/**
 * Reads a PROXY protocol header, version 1 or 2, from the first bytes of a connection
 * (haproxy.org, proxy-protocol.txt, sections 2.1 and 2.2). Never throws; bytes behind the header are left alone.
 */
export function parseProxyHeader(bytes: Buffer): ProxyHeader {
  if (bytes.length === 0) return INCOMPLETE
  if (bytes[0] === SIGNATURE_V2[0]) return parseV2(bytes)
  return parseV1(bytes)
}

const INCOMPLETE: ProxyHeader = Object.freeze({ kind: 'incomplete' })
const ABSENT: ProxyHeader = Object.freeze({ kind: 'absent' })
const SIGNATURE_V1: readonly number[] = [...Buffer.from('PROXY ')]
const SIGNATURE_V2: readonly number[] = [...Buffer.from('\r\n\r\n\0\r\nQUIT\n')]
/** Section 2.1: no line, CRLF included, is longer. */
const MAX_V1_BYTES = 107

function parseV1(bytes: Buffer): ProxyHeader {
  const signature = matchSignature(bytes, SIGNATURE_V1)
  if (signature !== undefined) return signature
  const searched = Math.min(bytes.length, MAX_V1_BYTES)
  let end = SIGNATURE_V1.length
  while (end < searched && bytes[end] !== CR && bytes[end] !== LF) end++
  if (end === MAX_V1_BYTES) return invalid(`no CRLF within the ${MAX_V1_BYTES} bytes of a version 1 line`)
  if (end === bytes.length) return INCOMPLETE
  if (bytes[end] === LF) return invalid('a line feed without carriage return in the version 1 line')
  if (end + 1 === MAX_V1_BYTES) return invalid(`no CRLF within the ${MAX_V1_BYTES} bytes of a version 1 line`)
  if (end + 1 === bytes.length) return INCOMPLETE
  if (bytes[end + 1] !== LF) return invalid('a carriage return without line feed in the version 1 line')
  return parseV1Line(bytes.toString('latin1', SIGNATURE_V1.length, end), end + 2)
}

function parseV1Line(line: string, length: number): ProxyHeader {
  const parts = line.split(' ')
  // Whatever follows UNKNOWN is to be ignored (section 2.1).
  if (parts[0] === 'UNKNOWN') return found(length, false)
  if (parts[0] !== 'TCP4' && parts[0] !== 'TCP6') return invalid('version 1 needs TCP4, TCP6 or UNKNOWN')
  if (parts.length !== 5) return invalid('version 1 needs two addresses and two ports')
  const source = parseEndpoint(parts[0], parts[1]!, parts[3]!)
  const destination = parseEndpoint(parts[0], parts[2]!, parts[4]!)
  if (source === undefined) return invalid(`version 1 has no valid ${parts[0]} source`)
  if (destination === undefined) return invalid(`version 1 has no valid ${parts[0]} destination`)
  return found(length, false, source, destination)
}

function parseEndpoint(family: 'TCP4' | 'TCP6', addressText: string, portText: string): Endpoint | undefined {
  if (addressText.includes(':') !== (family === 'TCP6')) return undefined
  const address = canonicalAddress(addressText)
  if (address === undefined || !/^(?:0|[1-9]\d{0,4})$/.test(portText)) return undefined
  const port = Number(portText)
  return port > 65_535 ? undefined : { address, port }
}

const V2_HEAD_BYTES = 16

function parseV2(bytes: Buffer): ProxyHeader {
  const signature = matchSignature(bytes, SIGNATURE_V2)
  if (signature !== undefined) return signature
  if (bytes.length > 12 && bytes[12]! >>> 4 !== 2) return invalid('the binary header is not of version 2')
  if (bytes.length > 12 && (bytes[12]! & 15) > 1)
    return invalid('version 2 has a command other than LOCAL or PROXY')
  if (bytes.length < V2_HEAD_BYTES) return INCOMPLETE
  const length = V2_HEAD_BYTES + bytes.readUInt16BE(14)
  if (length > MAX_PROXY_HEADER_BYTES) {
    return invalid(`version 2 announces ${length} bytes, more than ${MAX_PROXY_HEADER_BYTES}`)
  }
  if (bytes.length < length) return INCOMPLETE
  // LOCAL: everything behind the head, the family included, is to be discarded (section 2.2).
  if ((bytes[12]! & 15) === 0) return found(length, true)
  return parseV2Proxied(bytes.subarray(0, length))
}

function parseV2Proxied(header: Buffer): ProxyHeader {
  const family = header[13]! >>> 4
  const transport = header[13]! & 15
  if (family > 3 || transport > 2) return invalid('version 2 has an unassigned address family or transport')
  // Nothing of an unspecified family or transport is used, so nothing of it needs to be proven.
  if (family === 0 || transport === 0) return found(header.length, false)
  const tlvStart = V2_HEAD_BYTES + V2_ADDRESS_BYTES[family]!
  if (header.length < tlvStart) return invalid('version 2 is too short for its addresses')
  const problem = checkTlvs(header, tlvStart)
  if (problem !== undefined) return invalid(problem)
  if (family === 3) return found(header.length, false)
  const size = family === 1 ? 4 : 16
  const ports = V2_HEAD_BYTES + 2 * size
  return found(
    header.length,
    false,
    { address: readAddress(header, V2_HEAD_BYTES, size), port: header.readUInt16BE(ports) },
    { address: readAddress(header, V2_HEAD_BYTES + size, size), port: header.readUInt16BE(ports + 2) },
  )
}

/** Bytes of the address block by family: unspecified, IPv4, IPv6, UNIX. */
const V2_ADDRESS_BYTES: readonly number[] = [0, 12, 36, 216]

function readAddress(header: Buffer, at: number, size: number): string {
  if (size === 4) return formatIpv4(header.readUInt32BE(at))
  const words = new Uint32Array(4)
  for (let i = 0; i < 4; i++) words[i] = header.readUInt32BE(at + i * 4)
  return formatIpv6(words)
}

const PP2_TYPE_CRC32C = 0x03

/** Walks the type-length-value fields behind the addresses; a checksum among them must be right (section 2.2.3). */
function checkTlvs(header: Buffer, start: number): string | undefined {
  let at = start
  while (at < header.length) {
    if (at + 3 > header.length) return 'version 2 ends within a TLV'
    const end = at + 3 + header.readUInt16BE(at + 1)
    if (end > header.length) return 'version 2 has a TLV that is longer than the header'
    if (header[at] === PP2_TYPE_CRC32C) {
      if (end !== at + 7) return 'version 2 has a CRC32C TLV that is not of four bytes'
      if (crc32cWithout(header, at + 3) !== header.readUInt32BE(at + 3)) {
        return 'version 2 has a CRC32C that does not match its header'
      }
    }
    at = end
  }
  return undefined
}

/** The CRC32C of all bytes, with the four at `hole` taken as zero (RFC 4960 appendix B). */
function crc32cWithout(bytes: Buffer, hole: number): number {
  let crc = 0xffffffff
  for (let i = 0; i < bytes.length; i++) {
    const byte = i >= hole && i < hole + 4 ? 0 : bytes[i]!
    crc = CRC32C_TABLE[(crc ^ byte) & 255]! ^ (crc >>> 8)
  }
  return (crc ^ 0xffffffff) >>> 0
}

const CRC32C_TABLE = buildCrc32cTable()

function buildCrc32cTable(): Readonly<Uint32Array> {
  const table = new Uint32Array(256)
  for (let i = 0; i < 256; i++) {
    let value = i
    // The Castagnoli polynomial, bits reversed.
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ 0x82f63b78 : value >>> 1
    table[i] = value
  }
  return table
}

/** Undefined once the whole signature is there; else whether it may still come. */
function matchSignature(bytes: Buffer, signature: readonly number[]): ProxyHeader | undefined {
  const compared = Math.min(bytes.length, signature.length)
  for (let i = 0; i < compared; i++) if (bytes[i] !== signature[i]) return ABSENT
  return bytes.length < signature.length ? INCOMPLETE : undefined
}

function found(length: number, isLocal: boolean, source?: Endpoint, destination?: Endpoint): ProxyHeader {
  return { kind: 'found', length, isLocal, source, destination }
}

function invalid(reason: string): ProxyHeader {
  return { kind: 'invalid', reason }
}

const CR = 0x0d
const LF = 0x0a
