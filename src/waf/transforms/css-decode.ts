import { foldFullWidth, hexByte, hexDigit, isHexDigit } from './hex.ts'
import { isWhiteSpace } from './white-space.ts'

/**
 * CSS 2 escapes: a backslash and up to six hexadecimal digits become the byte of the last two (full-width forms
 * folded) and swallow one white space; backslash and newline vanish; `\c` becomes c; a backslash at the end vanishes.
 */
export function cssDecode(text: string): string {
  let at = text.indexOf('\\')
  if (at === -1) return text
  let out = ''
  let start = 0
  while (at !== -1) {
    out += text.slice(start, at)
    let end = at + 1
    while (end < text.length && end - at <= 6 && isHexDigit(text.charCodeAt(end))) end++
    const digits = end - at - 1
    if (digits > 0) {
      out += String.fromCharCode(byteOf(text, at + 1, digits))
      start = end < text.length && isWhiteSpace(text.charCodeAt(end)) ? end + 1 : end
    } else {
      const code = text.charCodeAt(at + 1)
      if (at + 1 < text.length && code !== 0x0a) out += text[at + 1]!
      // An escaped NUL byte counts as the escape `\0` and swallows one white space too: the shared vectors ask for it.
      start = code === 0 && isWhiteSpace(text.charCodeAt(at + 2)) ? at + 3 : at + 2
    }
    at = text.indexOf('\\', start)
  }
  return out + text.slice(start)
}

function byteOf(text: string, from: number, digits: number): number {
  if (digits === 1) return hexDigit(text.charCodeAt(from))
  const low = hexByte(text, from + digits - 2)
  // Full-width forms are recognised only where nothing but zeros stands before their four digits.
  if (digits < 4 || Number.parseInt(text.slice(from, from + digits - 4) || '0', 16) !== 0) return low
  return foldFullWidth(hexByte(text, from + digits - 4), low)
}
