import type { Entry } from './entry.ts'

const MAX_DEPTH = 128
const MAX_VALUES = 10_000

/**
 * A JSON body as arguments: `{"a":{"b":["x"]}}` is `json.a.b.0=x`. Every occurrence of a repeated key counts, because
 * readers behind the edge differ in which one they take. What was read before an error still counts.
 */
export function parseJsonBody(text: string): { readonly args: readonly Entry[]; readonly error: string } {
  const reader = new JsonReader(text)
  try {
    reader.readDocument()
    return { args: reader.args, error: '' }
  } catch (error) {
    if (!(error instanceof JsonBodyError)) throw error
    return { args: reader.args, error: error.message }
  }
}

class JsonBodyError extends Error {}

class JsonReader {
  readonly args: Entry[] = []
  readonly #text: string
  #at = 0

  constructor(text: string) {
    this.#text = text
  }

  readDocument(): void {
    this.#skip()
    // A byte order mark is no JSON, and many readers look past it.
    if (this.#text.startsWith('\xef\xbb\xbf', this.#at)) this.#at += 3
    this.#readValue('json', 0)
    this.#skip()
    if (this.#at < this.#text.length) this.#fail('something follows the end of the document')
  }

  #fail(message: string): never {
    throw new JsonBodyError(`JSON: ${message} at byte ${this.#at}`)
  }

  #skip(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at)
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return
      this.#at++
    }
  }

  #add(name: string, value: string): void {
    if (this.args.length >= MAX_VALUES) this.#fail(`more than ${MAX_VALUES} values`)
    this.args.push({ key: name.toLowerCase(), name, value })
  }

  #readValue(name: string, depth: number): void {
    if (depth > MAX_DEPTH) this.#fail(`nested more than ${MAX_DEPTH} deep`)
    const code = this.#text.charCodeAt(this.#at)
    if (code === 0x7b) this.#readObject(name, depth)
    else if (code === 0x5b) this.#readArray(name, depth)
    else if (code === 0x22) this.#add(name, this.#readString())
    else this.#readWord(name)
  }

  #readObject(name: string, depth: number): void {
    this.#at++
    this.#skip()
    if (this.#take(0x7d)) return
    for (;;) {
      this.#skip()
      if (this.#text.charCodeAt(this.#at) !== 0x22) this.#fail('a name in quotes is expected')
      const key = this.#readString()
      this.#skip()
      if (!this.#take(0x3a)) this.#fail('a colon is expected')
      this.#skip()
      this.#readValue(`${name}.${key}`, depth + 1)
      this.#skip()
      if (this.#take(0x7d)) return
      if (!this.#take(0x2c)) this.#fail('a comma or a closing brace is expected')
    }
  }

  #readArray(name: string, depth: number): void {
    this.#at++
    this.#skip()
    if (this.#take(0x5d)) return
    for (let index = 0; ; index++) {
      this.#skip()
      this.#readValue(`${name}.${index}`, depth + 1)
      this.#skip()
      if (this.#take(0x5d)) return
      if (!this.#take(0x2c)) this.#fail('a comma or a closing bracket is expected')
    }
  }

  #take(code: number): boolean {
    if (this.#text.charCodeAt(this.#at) !== code) return false
    this.#at++
    return true
  }

  #readWord(name: string): void {
    const start = this.#at
    while (this.#at < this.#text.length && /[\w+.-]/.test(this.#text[this.#at]!)) this.#at++
    const word = this.#text.slice(start, this.#at)
    if (!/^(?:true|false|null|-?\d[\d.eE+-]*)$/.test(word)) {
      this.#at = start
      this.#fail('a value is expected')
    }
    this.#add(name, word === 'null' ? '' : word)
  }

  #readString(): string {
    const text = this.#text
    let start = ++this.#at
    let out = ''
    for (;;) {
      const code = text.charCodeAt(this.#at)
      if (code === 0x22) {
        out += text.slice(start, this.#at++)
        return out
      }
      if (Number.isNaN(code)) {
        // What there is of it is looked at all the same.
        this.#add('json', out + text.slice(start))
        this.#fail('a string has no end')
      }
      if (code !== 0x5c) {
        this.#at++
        continue
      }
      out += text.slice(start, this.#at) + this.#readEscape()
      start = this.#at
    }
  }

  #readEscape(): string {
    const char = this.#text[this.#at + 1]
    this.#at += 2
    switch (char) {
      case 'b':
        return '\b'
      case 'f':
        return '\f'
      case 'n':
        return '\n'
      case 'r':
        return '\r'
      case 't':
        return '\t'
      case 'u': {
        const first = this.#readHex()
        // Two halves of a pair are one character.
        if (first >= 0xd800 && first < 0xdc00 && this.#text.startsWith('\\u', this.#at)) {
          this.#at += 2
          return utf8(String.fromCharCode(first, this.#readHex()))
        }
        return utf8(String.fromCharCode(first))
      }
      case undefined:
        return this.#fail('an escape has no end')
      default:
        return char
    }
  }

  #readHex(): number {
    const digits = this.#text.slice(this.#at, this.#at + 4)
    if (!/^[0-9A-Fa-f]{4}$/.test(digits)) this.#fail('four hexadecimal digits are expected')
    this.#at += 4
    return Number.parseInt(digits, 16)
  }
}

function utf8(text: string): string {
  return text.charCodeAt(0) < 0x80 ? text : Buffer.from(text, 'utf8').toString('latin1')
}
