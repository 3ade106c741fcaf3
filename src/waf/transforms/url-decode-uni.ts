import { hexByte, hexUnit } from './hex.ts'

/** As URL_DECODE, and `%uHHHH` becomes its low byte, full-width forms the ASCII character they look like. */
export function urlDecodeUni(text: string): string {
  if (!text.includes('%')) return text.includes('+') ? text.replaceAll('+', ' ') : text
  let out = ''
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2b) {
      out += `${text.slice(start, i)} `
      start = i + 1
    } else if (code === 0x25) {
      const isUnit = (text.charCodeAt(i + 1) | 0x20) === 0x75
      const byte = isUnit ? hexUnit(text, i + 2) : hexByte(text, i + 1)
      if (byte < 0) continue
      out += text.slice(start, i) + String.fromCharCode(byte)
      i += isUnit ? 5 : 2
      start = i + 1
    }
  }
  return start === 0 ? text : out + text.slice(start)
}
