import { isUtf8 } from 'node:buffer'

/**
 * Header text as functions see it. On the wire a field is bytes, which HeaderList holds as one character each;
 * functions are given them as UTF-8 where they are that, else as ISO-8859-1 (DG:lambda-event-structure).
 */
export function textOf(wire: string): string {
  if (!hasHighCharacters(wire)) return wire
  const bytes = Buffer.from(wire, 'latin1')
  return isUtf8(bytes) ? bytes.toString('utf8') : wire
}

/** Text of a function as it goes on the wire: UTF-8, one character per byte. */
export function wireOf(text: string): string {
  return hasHighCharacters(text) ? Buffer.from(text, 'utf8').toString('latin1') : text
}

/** A header name made of lower-case words: `x-my-header` as `X-My-Header`. */
export function capitalised(lowerName: string): string {
  return lowerName.replace(FIRST_LETTERS, upper)
}

/** The first character that cannot stand in a field value, percent-encoded; undefined when there is none. */
export function invalidValueCharacter(value: string): string | undefined {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i)
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return percentEncoded(code)
  }
  return undefined
}

/** Whether a name is a token (RFC 9110 section 5.6.2). */
export function isFieldName(name: string): boolean {
  return TOKEN.test(name)
}

/** One ASCII character as `%XX`. */
export function percentEncoded(code: number): string {
  return `%${code.toString(16).toUpperCase().padStart(2, '0')}`
}

function hasHighCharacters(text: string): boolean {
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) > 0x7f) return true
  return false
}

const FIRST_LETTERS = /(?<=^|-)[a-z]/g
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/

function upper(letter: string): string {
  return letter.toUpperCase()
}
