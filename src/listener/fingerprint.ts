import { hash } from 'node:crypto'
import type { ClientHello } from './client-hello.ts'

/**
 * The JA3 fingerprint of a client: version, ciphers, extensions, groups and point formats as decimal numbers in the
 * order offered, GREASE left out, and the MD5 of that text in hexadecimal (github.com/salesforce/ja3).
 */
export function ja3(hello: ClientHello): { readonly text: string; readonly hash: string } {
  const text =
    `${hello.legacyVersion},${joinDecimal(hello.cipherSuites)},${joinDecimal(hello.extensions)},` +
    `${joinDecimal(hello.supportedGroups)},${hello.ecPointFormats.join('-')}`
  return { text, hash: hash('md5', text) }
}

/**
 * The JA4 fingerprint of a client, for example `t13d1516h2_8daaf6152771_e5627efa2ab1`
 * (github.com/FoxIO-LLC/ja4, technical_details/JA4.md). `transport` is `t` for TLS over TCP, `q` for QUIC.
 */
export function ja4(hello: ClientHello, transport: 't' | 'q'): string {
  const ciphers = withoutGrease(hello.cipherSuites)
  const extensions = withoutGrease(hello.extensions)
  const name = extensions.includes(EXTENSION_SERVER_NAME) ? 'd' : 'i'
  const head = `${transport}${ja4Version(hello)}${name}${twoDigits(ciphers.length)}${twoDigits(extensions.length)}`
  const hashed = extensions.filter((type) => type !== EXTENSION_SERVER_NAME && type !== EXTENSION_ALPN)
  const algorithms = withoutGrease(hello.signatureAlgorithms)
  const extensionText = joinSortedHex(hashed) + (algorithms.length > 0 ? `_${joinHex(algorithms)}` : '')
  const cipherHash = ciphers.length > 0 ? shortHash(joinSortedHex(ciphers)) : NOTHING_HASHED
  const extensionHash = hashed.length > 0 ? shortHash(extensionText) : NOTHING_HASHED
  return `${head}${ja4Alpn(hello.alpnProtocols)}_${cipherHash}_${extensionHash}`
}

/** True for the values clients make up so that servers stay tolerant: 0x0a0a, 0x1a1a … 0xfafa (RFC 8701). */
export function isGrease(value: number): boolean {
  return (value & 0x0f0f) === 0x0a0a && value >>> 8 === (value & 0xff)
}

const EXTENSION_SERVER_NAME = 0
const EXTENSION_ALPN = 16
const NOTHING_HASHED = '000000000000'

const VERSION_CODES: ReadonlyMap<number, string> = new Map([
  [0x0304, '13'],
  [0x0303, '12'],
  [0x0302, '11'],
  [0x0301, '10'],
  [0x0300, 's3'],
  [0x0002, 's2'],
  [0xfeff, 'd1'],
  [0xfefd, 'd2'],
  [0xfefc, 'd3'],
])

/** The highest supported version; `legacy_version` only counts without that extension. */
function ja4Version(hello: ClientHello): string {
  let highest = -1
  for (const version of hello.supportedVersions)
    if (!isGrease(version) && version > highest) highest = version
  return VERSION_CODES.get(highest === -1 ? hello.legacyVersion : highest) ?? '00'
}

/** First and last character of the first protocol, or of its hexadecimal form if either is not alphanumeric. */
function ja4Alpn(protocols: readonly string[]): string {
  const first = protocols.find((protocol) => !isGreaseProtocol(protocol))
  if (first === undefined || first === '') return '00'
  const head = first.charCodeAt(0)
  const tail = first.charCodeAt(first.length - 1)
  if (isAlphanumeric(head) && isAlphanumeric(tail)) return first[0]! + first[first.length - 1]!
  return (head >>> 4).toString(16) + (tail & 15).toString(16)
}

/** GREASE among protocols is the same two bytes (RFC 8701 section 2). */
function isGreaseProtocol(protocol: string): boolean {
  return protocol.length === 2 && isGrease((protocol.charCodeAt(0) << 8) | protocol.charCodeAt(1))
}

function isAlphanumeric(code: number): boolean {
  const lower = code | 0x20
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a)
}

function withoutGrease(values: readonly number[]): number[] {
  return values.filter((value) => !isGrease(value))
}

function joinDecimal(values: readonly number[]): string {
  return withoutGrease(values).join('-')
}

function joinSortedHex(values: readonly number[]): string {
  return joinHex(values.toSorted((a, b) => a - b))
}

function joinHex(values: readonly number[]): string {
  let text = ''
  for (const value of values) text += (text === '' ? '' : ',') + value.toString(16).padStart(4, '0')
  return text
}

function twoDigits(count: number): string {
  return String(Math.min(count, 99)).padStart(2, '0')
}

function shortHash(text: string): string {
  return hash('sha256', text).slice(0, 12)
}
