/** `32-126,9` as a table of allowed bytes; what is no byte or range allows nothing. */
export function parseByteRanges(argument: string): Uint8Array {
  const allowed = new Uint8Array(256)
  for (const part of argument.split(',')) {
    const found = /^\s*(\d{1,3})\s*(?:-\s*(\d{1,3})\s*)?$/.exec(part)
    // ModSecurity reads a word as the number 0, and an empty argument as no range at all.
    if (found === null) {
      if (part.trim() !== '') allowed[0] = 1
      continue
    }
    const first = Number(found[1])
    const last = Number(found[2] ?? found[1])
    if (first > 255 || last > 255 || first > last)
      throw new Error(`${part} is no range of bytes from 0 to 255`)
    allowed.fill(1, first, last + 1)
  }
  return allowed
}

/** A percent sign that two hexadecimal digits do not follow. */
export function isUrlEncodingBad(text: string): boolean {
  for (let at = text.indexOf('%'); at !== -1; at = text.indexOf('%', at + 1)) {
    if (!isHex(text.charCodeAt(at + 1)) || !isHex(text.charCodeAt(at + 2))) return true
  }
  return false
}

function isHex(code: number): boolean {
  const lower = code | 0x20
  return (code >= 0x30 && code <= 0x39) || (lower >= 0x61 && lower <= 0x66)
}

/** Bytes that are not UTF-8 (RFC 3629): stray continuations, cut sequences, overlong forms, surrogates. */
export function isUtf8Bad(text: string): boolean {
  for (let i = 0; i < text.length; i++) {
    const byte = text.charCodeAt(i)
    if (byte < 0x80) continue
    const length =
      byte >= 0xc2 && byte <= 0xdf ? 1 : (byte & 0xf0) === 0xe0 ? 2 : byte >= 0xf0 && byte <= 0xf4 ? 3 : 0
    if (length === 0) return true
    const second = text.charCodeAt(i + 1)
    if (byte === 0xe0 && second < 0xa0) return true
    if (byte === 0xed && second > 0x9f) return true
    if (byte === 0xf0 && second < 0x90) return true
    if (byte === 0xf4 && second > 0x8f) return true
    for (let k = 1; k <= length; k++)
      if ((text.charCodeAt(i + k) & 0xc0) !== 0x80 || i + k >= text.length) return true
    i += length
  }
  return false
}

/** Luhn's check over 13 to 19 digits, whatever stands between them. */
export function findCreditCard(text: string): boolean {
  const digits = digitsOf(text)
  if (digits.length < 13 || digits.length > 19) return false
  let sum = 0
  for (let i = 0; i < digits.length; i++) {
    const digit = digits[digits.length - 1 - i]!
    sum += i % 2 === 0 ? digit : digit < 5 ? digit * 2 : digit * 2 - 9
  }
  return sum % 10 === 0
}

/** A Brazilian CPF: eleven digits, not all alike, the last two check the others (mod 11). */
export function findCpf(text: string): boolean {
  const digits = digitsOf(text)
  if (digits.length !== 11 || digits.every((digit) => digit === digits[0])) return false
  return checkDigit(digits, 9) === digits[9] && checkDigit(digits, 10) === digits[10]
}

function checkDigit(digits: readonly number[], count: number): number {
  let sum = 0
  for (let i = 0; i < count; i++) sum += digits[i]! * (count + 1 - i)
  const rest = sum % 11
  return rest < 2 ? 0 : 11 - rest
}

/** A number of the US Social Security: nine digits, none of the three groups zero, the first below 740 and not 666. */
export function findSsn(text: string): boolean {
  const digits = digitsOf(text)
  if (digits.length !== 9) return false
  const all = digits.join('')
  const area = Number(all.slice(0, 3))
  const group = Number(all.slice(3, 5))
  const serial = Number(all.slice(5))
  if (area === 0 || area >= 740 || area === 666 || group === 0 || serial === 0) return false
  const isRun = digits.every((digit, i) => i === 0 || digit === digits[i - 1]! + 1)
  return !isRun && !digits.every((digit) => digit === digits[0])
}

/** An Austrian social insurance number: ten digits, the fourth checks the others (mod 11). */
export function findSvnr(text: string): boolean {
  const digits = digitsOf(text)
  if (digits.length !== 10) return false
  const weights = [3, 7, 9, 0, 5, 8, 4, 2, 1, 6]
  let sum = 0
  for (let i = 0; i < 10; i++) sum += weights[i]! * digits[i]!
  return sum % 11 === digits[3]
}

function digitsOf(text: string): number[] {
  const digits: number[] = []
  for (let i = 0; i < text.length; i++) {
    const digit = text.charCodeAt(i) - 0x30
    if (digit >= 0 && digit <= 9) digits.push(digit)
  }
  return digits
}
