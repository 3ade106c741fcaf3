import { hexByte } from './hex.ts'

/** Hexadecimal literals of SQL in place: `0x4142` becomes `AB`. */
export function sqlHexDecode(text: string): string {
  let out = ''
  let start = 0
  let at = text.indexOf('0')
  while (at !== -1) {
    if ((text.charCodeAt(at + 1) | 0x20) !== 0x78 || hexByte(text, at + 2) < 0) {
      at = text.indexOf('0', at + 1)
      continue
    }
    out += text.slice(start, at)
    start = at + 2
    for (let byte = hexByte(text, start); byte >= 0; byte = hexByte(text, start)) {
      out += String.fromCharCode(byte)
      start += 2
    }
    at = text.indexOf('0', start)
  }
  return start === 0 ? text : out + text.slice(start)
}
