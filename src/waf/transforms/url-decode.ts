import { hexByte } from './hex.ts'

/** `%HH` becomes a byte and `+` a space; what is no valid escape stays. */
export function urlDecode(text: string): string {
  if (!text.includes('%')) return text.includes('+') ? text.replaceAll('+', ' ') : text
  let out = ''
  let start = 0
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x2b) {
      out += `${text.slice(start, i)} `
      start = i + 1
    } else if (code === 0x25) {
      const byte = hexByte(text, i + 1)
      if (byte < 0) continue
      out += text.slice(start, i) + String.fromCharCode(byte)
      i += 2
      start = i + 1
    }
  }
  return start === 0 ? text : out + text.slice(start)
}
