/**
 * Pairs of hexadecimal digits to bytes. Characters that are no digits give the nibble that plain arithmetic on them
 * gives, as ModSecurity has it, and a single one at the end is dropped.
 */
export function hexDecode(text: string): string {
  let out = ''
  for (let i = 0; i + 1 < text.length; i += 2) {
    out += String.fromCharCode((nibble(text.charCodeAt(i)) * 16 + nibble(text.charCodeAt(i + 1))) & 0xff)
  }
  return out
}

/** Each byte as two small hexadecimal digits. */
export function hexEncode(text: string): string {
  return Buffer.from(text, 'latin1').toString('hex')
}

function nibble(code: number): number {
  return code >= 0x41 ? (code & 0xdf) - 0x37 : code - 0x30
}
