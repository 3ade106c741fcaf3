import { hexByte, hexDigit, hexUnit, isOctalDigit } from './hex.ts'

/** What one-letter escapes stand for; any other escaped character stands for itself. */
const LETTERS: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
}

/**
 * JavaScript escapes: `\uHHHH` (low byte, full-width forms folded), `\xHH`, octal up to `\377`, `\n` and its like,
 * any other `\c` becomes c. A backslash at the very end stays.
 */
export function jsDecode(text: string): string {
  return decode(text, false)
}

/** As JS_DECODE, and `\u{H…}` of ES6: the low byte, full-width forms folded. AWS does not say what else it knows. */
export function jsDecodeExt(text: string): string {
  return decode(text, true)
}

function decode(text: string, withBraces: boolean): string {
  let at = text.indexOf('\\')
  if (at === -1 || at === text.length - 1) return text
  let out = ''
  let start = 0
  while (at !== -1 && at + 1 < text.length) {
    out += text.slice(start, at)
    const next = text[at + 1]!
    const braced = withBraces && next === 'u' ? readBraces(text, at + 2) : undefined
    if (braced !== undefined) {
      out += braced.byte
      start = braced.end
    } else if (next === 'u' && hexUnit(text, at + 2) >= 0) {
      out += String.fromCharCode(hexUnit(text, at + 2))
      start = at + 6
    } else if (next === 'x' && hexByte(text, at + 2) >= 0) {
      out += String.fromCharCode(hexByte(text, at + 2))
      start = at + 4
    } else if (isOctalDigit(next.charCodeAt(0))) {
      start = endOfOctal(text, at + 1)
      out += String.fromCharCode(Number.parseInt(text.slice(at + 1, start), 8))
    } else {
      out += LETTERS[next] ?? next
      start = at + 2
    }
    at = text.indexOf('\\', start)
  }
  return out + text.slice(start)
}

/** Up to three digits, and only two where three would be more than 0377. */
function endOfOctal(text: string, from: number): number {
  let end = from
  while (end < text.length && end - from < 3 && isOctalDigit(text.charCodeAt(end))) end++
  return end - from === 3 && text.charCodeAt(from) > 0x33 ? end - 1 : end
}

function readBraces(text: string, from: number): { readonly byte: string; readonly end: number } | undefined {
  if (text.charCodeAt(from) !== 0x7b) return undefined
  let value = 0
  let at = from + 1
  for (; at < text.length && text.charCodeAt(at) !== 0x7d; at++) {
    const digit = hexDigit(text.charCodeAt(at))
    if (digit < 0) return undefined
    value = (value * 16 + digit) & 0xffffff
  }
  if (at === from + 1 || at >= text.length) return undefined
  const isFullWidth = value > 0xff00 && value < 0xff5f
  return { byte: String.fromCharCode(isFullWidth ? (value & 0xff) + 0x20 : value & 0xff), end: at + 1 }
}
