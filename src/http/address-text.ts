/*
 * IP addresses between text and numbers. Parsing is strict (no octal, no missing parts, no zone), because what a
 * parser forgives here an address list elsewhere does not.
 */

/** An IPv4 address as an unsigned 32-bit number, or -1. Leading zeros are refused: some readers take them as octal. */
export function parseIpv4(text: string): number {
  return parseIpv4Between(text, 0, text.length)
}

function parseIpv4Between(text: string, start: number, end: number): number {
  if (end - start < 7 || end - start > 15) return -1
  let address = 0
  let part = -1
  let dots = 0
  for (let i = start; i < end; i++) {
    const code = text.charCodeAt(i)
    if (code === DOT) {
      if (part === -1 || ++dots > 3) return -1
      address = address * 256 + part
      part = -1
    } else {
      if (code < ZERO || code > NINE || part === 0) return -1
      part = (part === -1 ? 0 : part * 10) + code - ZERO
      if (part > 255) return -1
    }
  }
  return dots === 3 && part !== -1 ? address * 256 + part : -1
}

/** Reads an IPv6 address (RFC 4291 section 2.2, without zone) into four 32-bit words; false if it is none. */
export function parseIpv6(text: string, words: Uint32Array): boolean {
  const length = text.length
  if (length < 2 || length > 45) return false
  words.fill(0)
  let group = 0
  let gap = -1
  let i = 0
  if (text.charCodeAt(0) === COLON) {
    if (text.charCodeAt(1) !== COLON) return false
    gap = 0
    i = 2
  }
  while (i < length) {
    if (group === 8) return false
    const start = i
    let value = 0
    let digit = -1
    while (i < length && (digit = hexDigit(text.charCodeAt(i))) !== -1 && i - start < 4) {
      value = value * 16 + digit
      i++
    }
    if (i < length && text.charCodeAt(i) === DOT) {
      // The last two groups may be written as an IPv4 address.
      const ipv4 = parseIpv4Between(text, start, length)
      if (ipv4 === -1 || group > 6) return false
      setGroup(words, group++, ipv4 >>> 16)
      setGroup(words, group++, ipv4 & 0xffff)
      break
    }
    if (i === start) return false
    setGroup(words, group++, value)
    if (i === length) break
    if (text.charCodeAt(i++) !== COLON) return false
    if (i < length && text.charCodeAt(i) === COLON) {
      if (gap !== -1) return false
      gap = group
      i++
    } else if (i === length) return false
  }
  if (gap === -1) return group === 8
  if (group === 8) return false
  openGap(words, gap, group)
  return true
}

/** The text of an IPv6 address as RFC 5952 wants it; an IPv4-mapped one as the IPv4 address it is. */
export function formatIpv6(words: Uint32Array): string {
  if (isMapped(words)) return formatIpv4(words[3]!)
  let bestStart = -1
  let bestLength = 1
  for (let start = 0; start < 8; start++) {
    let end = start
    while (end < 8 && groupAt(words, end) === 0) end++
    if (end - start > bestLength) {
      bestStart = start
      bestLength = end - start
    }
    if (end > start) start = end
  }
  let text = ''
  for (let group = 0; group < 8; group++) {
    if (group === bestStart) {
      text += '::'
      group += bestLength - 1
    } else {
      if (text !== '' && !text.endsWith(':')) text += ':'
      text += groupAt(words, group).toString(16)
    }
  }
  return text
}

/** The dotted text of an unsigned 32-bit number. */
export function formatIpv4(address: number): string {
  return `${address >>> 24}.${(address >>> 16) & 255}.${(address >>> 8) & 255}.${address & 255}`
}

/** True for `::ffff:0:0/96`: an IPv4 address in IPv6 dress (RFC 4291 section 2.5.5.2). */
export function isMapped(words: Uint32Array): boolean {
  return words[0] === 0 && words[1] === 0 && words[2] === 0xffff
}

function groupAt(words: Uint32Array, group: number): number {
  const word = words[group >> 1]!
  return group & 1 ? word & 0xffff : word >>> 16
}

function setGroup(words: Uint32Array, group: number, value: number): void {
  const at = group >> 1
  words[at] = group & 1 ? (words[at]! & 0xffff0000) | value : (words[at]! & 0xffff) | (value << 16)
}

/** Moves the groups behind `::` to the end. */
function openGap(words: Uint32Array, gap: number, groups: number): void {
  for (let from = groups - 1, to = 7; from >= gap; from--, to--) {
    setGroup(words, to, groupAt(words, from))
    if (from !== to) setGroup(words, from, 0)
  }
}

function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const ZERO = 0x30
const NINE = 0x39
const DOT = 0x2e
const COLON = 0x3a
