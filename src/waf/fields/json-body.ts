import { hexDigit } from '../transforms/hex.ts'
import type { FieldNode } from '../plan.ts'
import type { PeekedBody } from './body.ts'
import {
  type FieldValues,
  MATCHES,
  MATCHES_NOT,
  namedValues,
  NO_VALUES,
  oneValue,
  outcome,
} from './field-values.ts'

/** Objects and lists inside each other; deeper input counts as invalid. */
const MAX_DEPTH = 512

type JsonBodyNode = Extract<FieldNode, { kind: 'json-body' }>

/** Keys and values of a JSON body, those under the wanted pointers, or what its fallback says. */
export function jsonBody(body: PeekedBody, node: JsonBodyNode): FieldValues {
  if (body.isOversize && node.oversize !== undefined) return outcome(node.oversize)
  if (body.text === '') return NO_VALUES
  const reader = new LenientJson(body.text, node)
  const isValid = reader.read()
  if (!isValid && node.onInvalid === 'MATCH') return MATCHES
  if (!isValid && node.onInvalid === 'NO_MATCH') return MATCHES_NOT
  if (!isValid && node.onInvalid === 'EVALUATE_AS_STRING') return oneValue(body.text)
  return namedValues(reader.values, reader.names)
}

/**
 * The lenient parser that AWS WAF describes (DG:waf-rule-statement-fields-list): a missing comma, a missing colon and
 * repeated colons pass; bad characters, a key given twice, a cut-off end and a root that is neither object nor list
 * stop it, and what came before counts.
 */
class LenientJson {
  readonly values: string[] = []
  readonly names: string[] = []
  readonly #text: string
  readonly #node: JsonBodyNode
  readonly #path: string[] = []
  #at = 0

  constructor(text: string, node: JsonBodyNode) {
    this.#text = text
    this.#node = node
  }

  /** False when the text is not valid even so. */
  read(): boolean {
    this.#skipSpace()
    const first = this.#text[this.#at]
    if (first !== '{' && first !== '[') return false
    if (!this.#readValue()) return false
    this.#skipSpace()
    return this.#at === this.#text.length
  }

  #readValue(): boolean {
    const char = this.#text[this.#at]
    if (char === '{') return this.#readObject()
    if (char === '[') return this.#readList()
    if (char === '"') {
      const text = this.#readString()
      if (text === undefined) return false
      this.#emitValue(text)
      return true
    }
    return this.#readScalar()
  }

  #readObject(): boolean {
    if (this.#path.length >= MAX_DEPTH) return false
    this.#at++
    const keys = new Set<string>()
    for (;;) {
      this.#skipSeparators(',')
      const char = this.#text[this.#at]
      if (char === '}') {
        this.#at++
        return true
      }
      if (char !== '"') return false
      const key = this.#readString()
      if (key === undefined || keys.has(key)) return false
      keys.add(key)
      this.#path.push(key)
      this.#emitKey(key)
      this.#skipSeparators(':')
      if (!this.#readValue()) return false
      this.#path.pop()
    }
  }

  #readList(): boolean {
    if (this.#path.length >= MAX_DEPTH) return false
    this.#at++
    for (let index = 0; ; index++) {
      this.#skipSeparators(',')
      if (this.#text[this.#at] === ']') {
        this.#at++
        return true
      }
      this.#path.push(String(index))
      if (!this.#readValue()) return false
      this.#path.pop()
    }
  }

  #readScalar(): boolean {
    const start = this.#at
    while (this.#at < this.#text.length && isScalarByte(this.#text.charCodeAt(this.#at))) this.#at++
    const text = this.#text.slice(start, this.#at)
    // At the very end of a cut-off body a scalar may be half of one.
    if (!/^(?:true|false|null|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)$/.test(text)) return false
    this.#emitValue(text)
    return true
  }

  /** The text of a string with its escapes resolved, as UTF-8 bytes; undefined when it does not end. */
  #readString(): string | undefined {
    const text = this.#text
    let out = ''
    let start = ++this.#at
    for (; this.#at < text.length; this.#at++) {
      const code = text.charCodeAt(this.#at)
      if (code === 0x22) {
        out += text.slice(start, this.#at++)
        return out
      }
      if (code !== 0x5c) continue
      out += text.slice(start, this.#at)
      const escape = this.#readEscape()
      if (escape === undefined) return undefined
      out += escape
      start = this.#at + 1
    }
    return undefined
  }

  /** Leaves the position on the last character of the escape. */
  #readEscape(): string | undefined {
    const char = this.#text[++this.#at]
    if (char === undefined) return undefined
    if (char !== 'u') return ESCAPES[char] ?? undefined
    const unit = this.#readUnit(this.#at + 1)
    if (unit === undefined) return undefined
    this.#at += 4
    const isHigh = unit >= 0xd800 && unit < 0xdc00 && this.#text.startsWith('\\u', this.#at + 1)
    const low = isHigh ? this.#readUnit(this.#at + 3) : undefined
    if (low === undefined || low < 0xdc00 || low > 0xdfff) return utf8(String.fromCharCode(unit))
    this.#at += 6
    return utf8(String.fromCharCode(unit, low))
  }

  #readUnit(at: number): number | undefined {
    let unit = 0
    for (let i = at; i < at + 4; i++) {
      const digit = hexDigit(this.#text.charCodeAt(i))
      if (!(digit >= 0)) return undefined
      unit = unit * 16 + digit
    }
    return unit
  }

  #emitKey(key: string): void {
    if (this.#node.scope !== 'VALUE' && this.#isWanted(true)) this.#emit(key)
  }

  #emitValue(value: string): void {
    if (this.#node.scope !== 'KEY' && this.#isWanted(false)) this.#emit(value)
  }

  #emit(value: string): void {
    this.values.push(value)
    this.names.push(`/${this.#path.join('/')}`)
  }

  /** Under one of the pointers; of a pointer's own element the value counts and the key does not. */
  #isWanted(isKey: boolean): boolean {
    const { paths } = this.#node
    if (paths === undefined) return true
    const path = this.#path
    return paths.some(
      (parts) => path.length >= parts.length + (isKey ? 1 : 0) && parts.every((part, i) => part === path[i]),
    )
  }

  #skipSpace(): void {
    while (this.#at < this.#text.length && isSpace(this.#text.charCodeAt(this.#at))) this.#at++
  }

  #skipSeparators(separator: string): void {
    this.#skipSpace()
    while (this.#text[this.#at] === separator) {
      this.#at++
      this.#skipSpace()
    }
  }
}

const ESCAPES: Readonly<Record<string, string>> = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

function utf8(text: string): string {
  return text.charCodeAt(0) < 0x80 ? text : Buffer.from(text).toString('latin1')
}

function isSpace(code: number): boolean {
  return code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09
}

function isScalarByte(code: number): boolean {
  const lower = code | 0x20
  return (
    (code >= 0x30 && code <= 0x39) ||
    (lower >= 0x61 && lower <= 0x7a) ||
    code === 0x2b ||
    code === 0x2d ||
    code === 0x2e
  )
}
