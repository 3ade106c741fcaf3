import type { OriginVisit, Visit } from '../visit.ts'

const ENCODED = /[\0-\x20\x7f-\uffff<>"#%{}|\\^~[\]`']/
const EACH_ENCODED = /[\0-\x20\x7f-\u{10ffff}<>"#%{}|\\^~[\]`']/gu

/**
 * Percent-encodes a log value as CloudFront does (DG:standard-logs-reference): bytes 0 to 32 and 127 and above, and
 * the characters < > " # % { } | \ ^ ~ [ ] ` '. Header values are latin1, one character per byte.
 */
export function encodeValue(text: string): string {
  return ENCODED.test(text) ? text.replace(EACH_ENCODED, encodeCharacter) : text
}

function encodeCharacter(character: string): string {
  const code = character.charCodeAt(0)
  if (code < 256) return percent(code)
  let encoded = ''
  for (const byte of Buffer.from(character)) encoded += percent(byte)
  return encoded
}

function percent(byte: number): string {
  return `%${byte < 16 ? '0' : ''}${byte.toString(16).toUpperCase()}`
}

/** A value, or `-` for none. */
export function orDash(value: string | undefined): string {
  return value === undefined || value === '' ? '-' : encodeValue(value)
}

const REMEMBERED = 1000
const REMEMBERED_LENGTH = 512

/**
 * `orDash` that remembers: a user agent always has spaces, and few of them make most of the traffic. Bounded in
 * number and length.
 */
export function createRemembering(): (value: string | undefined) => string {
  const known = new Map<string, string>()
  return (value) => {
    if (value === undefined || value === '') return '-'
    let encoded = known.get(value)
    if (encoded !== undefined) return encoded
    encoded = encodeValue(value)
    if (value.length > REMEMBERED_LENGTH) return encoded
    if (known.size >= REMEMBERED) known.clear()
    known.set(value, encoded)
    return encoded
  }
}

const BELOW_A_SECOND: readonly string[] = Array.from(
  { length: 1000 },
  (_, ms) => `0.${String(ms).padStart(3, '0')}`,
)

/** Seconds with three decimals. */
export function seconds(ms: number): string {
  const whole = ms > 0 ? Math.round(ms) : 0
  if (whole < 1000) return BELOW_A_SECOND[whole]!
  const rest = whole % 1000
  return `${(whole - rest) / 1000}.${rest < 10 ? '00' : rest < 100 ? '0' : ''}${rest}`
}

export interface Moment {
  readonly date: string
  readonly time: string
}

/** Gives date and time in UTC, made once per second. */
export function createMoments(): (ms: number) => Moment {
  let second = Number.NaN
  let moment: Moment = { date: '', time: '' }
  return (ms) => {
    const now = Math.floor(ms / 1000)
    if (now !== second) {
      second = now
      const text = new Date(now * 1000).toISOString()
      moment = { date: text.slice(0, 10), time: text.slice(11, 19) }
    }
    return moment
  }
}

/** When the response ended, in milliseconds since the epoch. */
export function endedAt(visit: Visit): number {
  return visit.startedAt + durationOf(visit)
}

export function durationOf(visit: Visit): number {
  return (visit.finishedAt ?? visit.startedMonotonic) - visit.startedMonotonic
}

export function firstByteOf(visit: Visit): number {
  return (visit.firstByteAt ?? visit.finishedAt ?? visit.startedMonotonic) - visit.startedMonotonic
}

/** `http`, `https`, `ws` or `wss`. */
export function protocolOf(visit: Visit): string {
  const isSecure = visit.request.scheme === 'https'
  return visit.isTunnel ? (isSecure ? 'wss' : 'ws') : isSecure ? 'https' : 'http'
}

/** The TLS cipher under the name OpenSSL gives it, or `-`. */
export function cipherOf(visit: Visit): string {
  return visit.request.connection.tls?.cipher ?? '-'
}

/** Bytes to the viewer with their head, and from the viewer with theirs. */
export function sentBytes(visit: Visit): number {
  return visit.headerBytes + visit.bodyBytes
}

export function receivedBytes(visit: Visit): number {
  return (
    visit.request.headBytes +
    (visit.isTunnel ? visit.requestBodyBytes : (visit.request.body.length ?? visit.requestBodyBytes))
  )
}

/** `200`, or `000` when the viewer left before the response began. */
export function statusOf(visit: Visit): string {
  return visit.status === 0 ? '000' : String(visit.status)
}

export function originMoment(visit: Visit, which: 'firstByteAt' | 'lastByteAt'): string {
  const origin: OriginVisit | undefined = visit.origins.at(-1)
  const at = origin?.[which]
  return origin === undefined || at === undefined ? '-' : seconds(at - origin.startedAt)
}

/** `Content-Range` of what was sent, as first and last byte. */
export function rangeOf(visit: Visit): readonly [first: string, last: string] {
  const match = /^bytes (\d+)-(\d+)\//.exec(visit.responseHeaders?.get('content-range') ?? '')
  return match === null ? ['-', '-'] : [match[1]!, match[2]!]
}
