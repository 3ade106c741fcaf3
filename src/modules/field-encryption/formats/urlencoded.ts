import { isUtf8 } from 'node:buffer'
import type { PathMatcher, PathSegment } from '../path-pattern.ts'
import { type FoundField, MalformedError, type Scanner, type Syntax } from './found-field.ts'

/** How form values are written by browsers (URL Standard), by encodeURIComponent, and by RFC 3986 section 2.3. */
export const formSyntax: Syntax = {
  id: 1,
  read: (literal) => decodeForm(Buffer.from(literal)),
  writers: [
    (text) => new URLSearchParams([['', text]]).toString().slice(1),
    (text) => encodeURIComponent(text.toWellFormed()),
    (text) => encodeURIComponent(text.toWellFormed()).replace(/[!'()*]/g, (each) => percent(each)),
  ],
}

function percent(character: string): string {
  return `%${character.charCodeAt(0).toString(16).toUpperCase()}`
}

export interface FormScannerOptions {
  readonly matcher: PathMatcher
  readonly everyText: boolean
  /** What to call it where it is malformed. */
  readonly format: string
}

/** Reads `name=value&…` (application/x-www-form-urlencoded, and query strings). */
export class FormScanner implements Scanner {
  readonly #options: FormScannerOptions
  #before = 0
  /** Where the next `&` is looked for. */
  #searched = 0

  constructor(options: FormScannerOptions) {
    this.#options = options
  }

  scan(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number {
    let at = 0
    for (;;) {
      let end = window.indexOf(0x26, Math.max(at, this.#searched))
      if (end === -1) {
        if (!isLast) {
          this.#searched = window.length - at
          break
        }
        end = window.length
      }
      this.#pair(window, at, end, found)
      this.#searched = 0
      at = end + 1
      if (at > window.length) break
      if (at === window.length && !isLast) break
    }
    const used = Math.min(at, window.length)
    this.#before += used
    return used
  }

  #pair(window: Buffer, start: number, end: number, found: (field: FoundField) => void): void {
    if (start === end) return
    const equals = window.indexOf(0x3d, start)
    const nameEnd = equals === -1 || equals > end ? end : equals
    const name = this.#decode(window, start, nameEnd)
    const valueStart = Math.min(nameEnd + 1, end)
    const text = this.#decode(window, valueStart, end)
    const path = pathOfName(name)
    const pattern = this.#options.matcher.match(path)
    if (pattern === -1 && !this.#options.everyText) return
    // A name without `=` has no value, and nothing to hide.
    if (nameEnd === end) return
    found({ start: valueStart, end, pattern, path: () => path, type: 's', text, syntax: formSyntax })
  }

  #decode(window: Buffer, start: number, end: number): string {
    let isPlain = true
    for (let i = start; i < end; i++) {
      const byte = window[i]!
      if (byte === 0x25 || byte === 0x2b || byte > 0x7e || byte < 0x20) {
        isPlain = false
        break
      }
    }
    if (isPlain) return window.toString('latin1', start, end)
    const decoded = decodeForm(window.subarray(start, end))
    if (decoded === undefined) {
      throw new MalformedError(
        this.#options.format,
        this.#before + start,
        'a % is not followed by two hexadecimal digits, or the text is not UTF-8',
      )
    }
    return decoded
  }
}

/** A name or value with its escapes resolved (URL Standard, section 5.1, but strict); undefined where it is malformed. */
function decodeForm(text: Buffer): string | undefined {
  const bytes = Buffer.allocUnsafe(text.length)
  let length = 0
  for (let i = 0; i < text.length; i++) {
    const byte = text[i]!
    if (byte === 0x2b) bytes[length++] = 0x20
    else if (byte === 0x25) {
      const high = hexValue(text[i + 1])
      const low = hexValue(text[i + 2])
      if (high === -1 || low === -1) return undefined
      bytes[length++] = high * 16 + low
      i += 2
    } else bytes[length++] = byte
  }
  const decoded = bytes.subarray(0, length)
  return isUtf8(decoded) ? decoded.toString() : undefined
}

function hexValue(byte: number | undefined): number {
  if (byte === undefined) return -1
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30
  const lower = byte | 0x20
  return lower >= 0x61 && lower <= 0x66 ? lower - 0x57 : -1
}

const BRACKETS = /\[([^\]]*)\]/g

/**
 * The path of a form field: `user[card][number]` and `user.card.number` are `user`, `card`, `number`; `tags[]` and `tags[0]` are
 * an index of `tags`.
 */
export function pathOfName(name: string): readonly PathSegment[] {
  const bracket = name.indexOf('[')
  const head = bracket === -1 ? name : name.slice(0, bracket)
  const path: PathSegment[] = head.includes('.') ? head.split('.').filter((part) => part !== '') : [head]
  if (bracket === -1) return path
  for (const [, inner] of name.slice(bracket).matchAll(BRACKETS))
    path.push(inner === '' ? 0 : /^\d{1,9}$/.test(inner!) ? Number(inner) : inner!)
  return path
}
