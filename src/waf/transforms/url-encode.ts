/** Everything but letters, digits and `*` becomes `%hh`, a space `+`. */
export function urlEncode(text: string): string {
  let out = ''
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code === 0x20) out += '+'
    else if (isPlain(code)) out += text[i]!
    else out += `%${(code & 0xff).toString(16).padStart(2, '0')}`
  }
  return out
}

function isPlain(code: number): boolean {
  if (code >= 0x30 && code <= 0x39) return true
  const lower = code | 0x20
  return (lower >= 0x61 && lower <= 0x7a) || code === 0x2a
}
