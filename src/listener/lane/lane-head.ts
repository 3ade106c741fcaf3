/** A larger head is unusual enough for the ordinary way in, which has CloudFront's limits. */
export const MAX_LANE_HEAD_BYTES = 8192
const MAX_FIELDS = 64

/** A request head that the fast lane takes: HTTP/1.1, GET or HEAD, no body, the connection stays open. */
export interface LaneRequest {
  readonly kind: 'request'
  readonly method: 'GET' | 'HEAD'
  readonly path: string
  /** Without `?`; undefined when there was no `?`. */
  readonly query: string | undefined
  readonly host: string
  /** Names and values as received, in the flat form of `HeaderList`; whoever changes it takes a copy. */
  readonly rawHeaders: readonly string[]
  /** Bytes of the request line with its line end: the fields begin behind them. */
  readonly lineBytes: number
  /** Bytes up to and including the empty line: the next request begins behind them. */
  readonly length: number
  /** As `headBytes` of hygiene.ts counts them. */
  readonly headBytes: number
}

/** `incomplete`: so far nothing speaks against it. `hand-off`: the ordinary way in decides what this is. */
export type LaneHead = LaneRequest | { readonly kind: 'incomplete' } | { readonly kind: 'hand-off' }

const INCOMPLETE: LaneHead = Object.freeze({ kind: 'incomplete' })
const HAND_OFF: LaneHead = Object.freeze({ kind: 'hand-off' })

const TOKEN = 1
const VALUE = 2
const TARGET = 4

const CR = 13
const LF = 10
const TAB = 9
const SPACE = 32
const COLON = 58
const GET = Buffer.from('GET /')
const HEAD = Buffer.from('HEAD /')
const VERSION = Buffer.from(' HTTP/1.1\r\n')
const HEAD_END = Buffer.from('\r\n\r\n')
const CLASSES = classify()

/** Part of what hygiene.ts takes: a name or IPv4 address, perhaps with a port. */
const HOST = /^[A-Za-z0-9._-]+(?::\d{1,5})?$/

/**
 * Reads the request head at `start` by a grammar that only lists what is allowed (a strict part of RFC 9112 sections
 * 2 to 5): whatever is not in it, however harmless, is not refused but handed off. No field name may occur
 * twice, and a field that says anything about framing, expectations or another protocol is not taken.
 */
export function readLaneHead(bytes: Buffer, start: number): LaneHead {
  const end = Math.min(bytes.length, start + MAX_LANE_HEAD_BYTES)
  const ranOut = end - start < MAX_LANE_HEAD_BYTES ? INCOMPLETE : HAND_OFF
  if (start >= end) return ranOut

  const word = bytes[start] === GET[0] ? GET : HEAD
  const targetEnd = readRequestLine(bytes, start, end, word)
  if (targetEnd < 0) return targetEnd === SHORT_LINE ? ranOut : HAND_OFF
  let at = targetEnd + VERSION.length

  // One string for the whole head, of which all others are slices: a call per field costs more than the scan.
  const text = bytes.toString('latin1', start, start === 0 ? end : endOfHead(bytes, start, end))
  const rawHeaders: string[] = []
  let host: string | undefined
  let fieldBytes = 0
  let seen = 0
  for (;;) {
    if (at >= end) return ranOut
    const nameStart = at
    while (at < end && (CLASSES[bytes[at]!]! & TOKEN) !== 0) at++
    if (at >= end) return ranOut
    if (at === nameStart) break
    if (bytes[at] !== COLON) return HAND_OFF
    const name = text.slice(nameStart - start, at - start)
    at++
    if (at < end && bytes[at] === SPACE) at++
    const valueStart = at
    while (at < end && (CLASSES[bytes[at]!]! & VALUE) !== 0) at++
    if (at >= end) return ranOut
    if (bytes[at] !== CR) return HAND_OFF
    if (at + 1 >= end) return ranOut
    if (bytes[at + 1] !== LF) return HAND_OFF
    // White space around a value beyond the one usual space is unusual.
    if (at > valueStart && (isSpace(bytes[valueStart]!) || isSpace(bytes[at - 1]!))) return HAND_OFF
    const value = text.slice(valueStart - start, at - start)

    // Names are compared only where length and first letter leave it open whether one is there twice.
    const mark = 1 << ((name.length + (bytes[nameStart]! | SPACE) * 5) & 31)
    if ((seen & mark) !== 0 && hasName(rawHeaders, name)) return HAND_OFF
    seen |= mark
    if (name.length === 4 && name.toLowerCase() === 'host') {
      if (!HOST.test(value)) return HAND_OFF
      host = value
    } else if (!isAllowed(name, value)) return HAND_OFF
    if (rawHeaders.push(name, value) > MAX_FIELDS * 2) return HAND_OFF
    fieldBytes += name.length + value.length + 4
    at += 2
  }
  if (bytes[at] !== CR) return HAND_OFF
  if (at + 1 >= end) return ranOut
  if (bytes[at + 1] !== LF || host === undefined) return HAND_OFF

  const target = text.slice(word.length - 1, targetEnd - start)
  const lineBytes = targetEnd + VERSION.length - start
  return requestOf(word, target, host, rawHeaders, lineBytes, at + 2 - start, fieldBytes)
}

/**
 * Reads a head that differs from one read before in the request line alone, as those of a viewer mostly do: its fields
 * need no more than a comparison. Undefined when that is not so, whatever else it may be.
 */
export function readLikeBefore(
  bytes: Buffer,
  before: LaneRequest,
  beforeBytes: Buffer,
): LaneRequest | undefined {
  if (bytes.length > MAX_LANE_HEAD_BYTES) return undefined
  const word = bytes[0] === GET[0] ? GET : HEAD
  const targetEnd = readRequestLine(bytes, 0, bytes.length, word)
  if (targetEnd < 0) return undefined
  const lineBytes = targetEnd + VERSION.length
  if (bytes.length - lineBytes !== before.length - before.lineBytes) return undefined
  if (bytes.compare(beforeBytes, before.lineBytes, before.length, lineBytes) !== 0) return undefined
  const target = bytes.toString('latin1', word.length - 1, targetEnd)
  // Not what the fields take on the wire: a colon may have no space behind it.
  const fieldBytes = before.headBytes - before.lineBytes - 2
  return requestOf(word, target, before.host, before.rawHeaders, lineBytes, bytes.length, fieldBytes)
}

function requestOf(
  word: Buffer,
  target: string,
  host: string,
  rawHeaders: readonly string[],
  lineBytes: number,
  length: number,
  fieldBytes: number,
): LaneRequest {
  const question = target.indexOf('?')
  return {
    kind: 'request',
    method: word === GET ? 'GET' : 'HEAD',
    path: question === -1 ? target : target.slice(0, question),
    query: question === -1 ? undefined : target.slice(question + 1),
    host,
    rawHeaders,
    lineBytes,
    length,
    headBytes: lineBytes + 2 + fieldBytes,
  }
}

const SHORT_LINE = -1
const OTHER_LINE = -2

/** Where the target of a request line ends, before ` HTTP/1.1`; SHORT_LINE where the bytes end before the line does. */
function readRequestLine(bytes: Buffer, start: number, end: number, word: Buffer): number {
  const begun = compareWord(bytes, start, end, word)
  if (begun !== MATCH) return begun === SHORT ? SHORT_LINE : OTHER_LINE
  let at = start + word.length
  while (at < end && (CLASSES[bytes[at]!]! & TARGET) !== 0) at++
  const versioned = compareWord(bytes, at, end, VERSION)
  if (versioned === MATCH) return at
  return versioned === SHORT ? SHORT_LINE : OTHER_LINE
}

/** Fields with a say in framing, in the connection or in how the request is to be answered are for the ordinary way. */
function isAllowed(name: string, value: string): boolean {
  switch (name.length) {
    case 2:
      return name.toLowerCase() !== 'te'
    case 6:
      return name.toLowerCase() !== 'expect'
    case 7: {
      const lower = name.toLowerCase()
      return lower !== 'upgrade' && lower !== 'trailer'
    }
    case 10:
      return name.toLowerCase() !== 'connection' || value.toLowerCase() === 'keep-alive'
    case 14: {
      const lower = name.toLowerCase()
      return lower !== 'content-length' && lower !== 'http2-settings'
    }
    case 16:
      return name.toLowerCase() !== 'proxy-connection'
    case 17:
      return name.toLowerCase() !== 'transfer-encoding'
    default:
      return true
  }
}

function hasName(rawHeaders: readonly string[], name: string): boolean {
  const lower = name.toLowerCase()
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const other = rawHeaders[i]!
    if (other.length === lower.length && other.toLowerCase() === lower) return true
  }
  return false
}

const MATCH = 0
const SHORT = 1
const DIFFERENT = 2

/** Whether the bytes at `at` are `word`, are its beginning (SHORT), or are not (DIFFERENT). */
function compareWord(bytes: Buffer, at: number, end: number, word: Buffer): number {
  const stop = Math.min(end - at, word.length)
  for (let i = 0; i < stop; i++) if (bytes[at + i] !== word[i]) return DIFFERENT
  return stop === word.length ? MATCH : SHORT
}

/** Among pipelined requests the string of a head must not hold on to those behind it. */
function endOfHead(bytes: Buffer, start: number, end: number): number {
  const found = bytes.indexOf(HEAD_END, start)
  return found === -1 ? end : Math.min(end, found + HEAD_END.length)
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB
}

/** What each byte may be part of. */
function classify(): Uint8Array {
  const classes = new Uint8Array(256)
  const add = (characters: string, bit: number) => {
    for (const byte of Buffer.from(characters)) classes[byte] = classes[byte]! | bit
  }
  const letters = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  // RFC 9110 section 5.6.2.
  add(`${letters}!#$%&'*+-.^_\`|~`, TOKEN)
  // RFC 3986 section 2 without `#`, and `|`, which browsers leave as it is.
  add(`${letters}-._~:/?[]@!$&'()*+,;=%|`, TARGET)
  // RFC 9110 section 5.5 without obs-text.
  for (let code = SPACE; code < 0x7f; code++) classes[code] = classes[code]! | VALUE
  classes[TAB] = VALUE
  return classes
}
