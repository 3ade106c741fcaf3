import { hexDigit } from '../transforms/hex.ts'

/** Entities that hide a scheme or a call. */
const NAMED: Readonly<Record<string, string>> = {
  amp: '&',
  apos: "'",
  bsol: '\\',
  colon: ':',
  comma: ',',
  excl: '!',
  gt: '>',
  lpar: '(',
  lt: '<',
  newline: '\n',
  nbsp: ' ',
  num: '#',
  period: '.',
  quot: '"',
  rpar: ')',
  semi: ';',
  sol: '/',
  tab: '\t',
}

/** Resolves character references in an attribute's value, as browsers do: of any length, the `;` may be missing. */
export function decodeEntities(text: string): string {
  let at = text.indexOf('&')
  if (at === -1) return text
  let out = ''
  let start = 0
  for (; at !== -1; at = text.indexOf('&', Math.max(start, at + 1))) {
    const found = text.charCodeAt(at + 1) === 0x23 ? readNumber(text, at + 2) : readName(text, at + 1)
    if (found === undefined) continue
    out += text.slice(start, at) + found.char
    start = text[found.end] === ';' ? found.end + 1 : found.end
  }
  return start === 0 ? text : out + text.slice(start)
}

interface Reference {
  readonly char: string
  readonly end: number
}

function readNumber(text: string, from: number): Reference | undefined {
  const isHex = (text.charCodeAt(from) | 0x20) === 0x78
  const base = isHex ? 16 : 10
  let end = isHex ? from + 1 : from
  const first = end
  let value = 0
  for (; end < text.length; end++) {
    const digit = hexDigit(text.charCodeAt(end))
    if (digit < 0 || digit >= base) break
    value = Math.min(value * base + digit, 0x110000)
  }
  return end === first ? undefined : { char: value < 0x100 ? String.fromCharCode(value) : '?', end }
}

function readName(text: string, from: number): Reference | undefined {
  let end = from
  while (end < text.length && end - from < 8 && isLetter(text.charCodeAt(end))) end++
  const char = NAMED[text.slice(from, end).toLowerCase()]
  return char === undefined ? undefined : { char, end }
}

function isLetter(code: number): boolean {
  const lower = code | 0x20
  return lower >= 0x61 && lower <= 0x7a
}
