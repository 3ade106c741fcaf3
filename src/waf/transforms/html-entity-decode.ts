import { hexDigit } from './hex.ts'

/** Names this transformation knows, in lower case; AWS documents no others. */
const NAMED: Readonly<Record<string, string>> = { quot: '"', amp: '&', lt: '<', gt: '>', nbsp: '\xa0' }

/**
 * `&quot; &amp; &lt; &gt; &nbsp;` (0xA0), `&#xHH;` and `&#DDD;` become one byte; the `;` may be missing, names match
 * in any case and other names stay.
 */
export function htmlEntityDecode(text: string): string {
  let at = text.indexOf('&')
  if (at === -1) return text
  let out = ''
  let start = 0
  while (at !== -1) {
    const entity = readEntity(text, at)
    if (entity === undefined) {
      at = text.indexOf('&', at + 1)
      continue
    }
    out += text.slice(start, at) + entity.byte
    start = text.charCodeAt(entity.end) === 0x3b ? entity.end + 1 : entity.end
    at = text.indexOf('&', start)
  }
  return start === 0 ? text : out + text.slice(start)
}

interface Entity {
  readonly byte: string
  /** Where the text goes on, before a `;`. */
  readonly end: number
}

function readEntity(text: string, at: number): Entity | undefined {
  if (text.charCodeAt(at + 1) !== 0x23) return readNamed(text, at + 1)
  const isHex = (text.charCodeAt(at + 2) | 0x20) === 0x78
  const from = isHex ? at + 3 : at + 2
  const base = isHex ? 16 : 10
  let end = from
  let value = 0
  while (end < text.length) {
    const digit = hexDigit(text.charCodeAt(end))
    if (digit < 0 || digit >= base) break
    // Kept small: only the low byte is wanted, and very long numbers must not lose it to rounding.
    value = (value * base + digit) % 0x1000000
    end++
  }
  return end === from ? undefined : { byte: String.fromCharCode(value & 0xff), end }
}

function readNamed(text: string, from: number): Entity | undefined {
  let end = from
  while (end < text.length && end - from < 5 && isAlphanumeric(text.charCodeAt(end))) end++
  if (end < text.length && isAlphanumeric(text.charCodeAt(end))) return undefined
  const byte = NAMED[text.slice(from, end).toLowerCase()]
  return byte === undefined ? undefined : { byte, end }
}

function isAlphanumeric(code: number): boolean {
  const lower = code | 0x20
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x7a)
}
