import { hexByte, isOctalDigit } from './hex.ts'

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
 * ANSI C escapes: `\a \b \f \n \r \t \v \\ \? \' \"`, `\xHH`, up to three octal digits (low byte). Of an unknown one
 * the backslash goes, as the shared vectors have it; a backslash at the very end stays.
 */
export function escapeSeqDecode(text: string): string {
  let at = text.indexOf('\\')
  if (at === -1 || at === text.length - 1) return text
  let out = ''
  let start = 0
  while (at !== -1 && at + 1 < text.length) {
    out += text.slice(start, at)
    const next = text[at + 1]!
    const byte = next === 'x' ? hexByte(text, at + 2) : -1
    if (byte >= 0) {
      out += String.fromCharCode(byte)
      start = at + 4
    } else if (isOctalDigit(next.charCodeAt(0))) {
      let end = at + 1
      while (end < text.length && end - at <= 3 && isOctalDigit(text.charCodeAt(end))) end++
      out += String.fromCharCode(Number.parseInt(text.slice(at + 1, end), 8) & 0xff)
      start = end
    } else {
      out += LETTERS[next] ?? next
      start = at + 2
    }
    at = text.indexOf('\\', start)
  }
  return out + text.slice(start)
}
