/** The value of a hexadecimal digit given as a character code, or -1. */
export function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

/** The byte of two hexadecimal digits at `at`, or -1 where there are none. */
export function hexByte(text: string, at: number): number {
  if (at + 1 >= text.length) return -1
  const high = hexDigit(text.charCodeAt(at))
  const low = hexDigit(text.charCodeAt(at + 1))
  return high < 0 || low < 0 ? -1 : high * 16 + low
}

/**
 * The byte that four hexadecimal digits at `at` stand for, or -1: the low byte, and full-width forms (U+FF01 to
 * U+FF5E) as the ASCII character they look like.
 */
export function hexUnit(text: string, at: number): number {
  const high = hexByte(text, at)
  const low = hexByte(text, at + 2)
  if (high < 0 || low < 0) return -1
  return foldFullWidth(high, low)
}

/** The low byte of a UTF-16 unit, full-width forms folded to ASCII. */
export function foldFullWidth(high: number, low: number): number {
  return high === 0xff && low > 0 && low < 0x5f ? low + 0x20 : low
}

export function isHexDigit(code: number): boolean {
  return hexDigit(code) >= 0
}

export function isOctalDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x37
}
