import { isUtf8 } from 'node:buffer'
import type { PathMatcher, PathState } from '../path-pattern.ts'
import { type FoundField, MalformedError, type Scanner, type Syntax } from './found-field.ts'

/** How text between tags is written: by most writers, with `>` left alone, and with quotes escaped too. */
export const textSyntax: Syntax = {
  id: 3,
  read: textOf,
  writers: [
    (text) => text.replace(/[&<>]/g, named),
    (text) => text.replace(/[&<]/g, named),
    (text) => text.replace(/[&<>"']/g, named),
    (text) => text.replace(/[&<>"]/g, named),
  ],
}

/** How attribute values are written, between double or single quotes. */
export const attributeSyntax: Syntax = {
  id: 4,
  read: (literal) => unescapeXml(literal.slice(1, -1)),
  writers: [
    (text) => `"${text.replace(/[&<>"]/g, named)}"`,
    (text) => `"${text.replace(/[&<"]/g, named)}"`,
    (text) => `'${text.replace(/[&<>']/g, named)}'`,
    (text) => `'${text.replace(/[&<']/g, named)}'`,
    (text) => `"${text.replace(/[&<>"']/g, named)}"`,
  ],
}

const NAMES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

function named(character: string): string {
  return NAMES[character]!
}

interface Element {
  readonly name: string
  readonly localName: string
  readonly state: PathState
  /** Text so far, as spans of the window; told when the element closes without elements inside. */
  textStart: number
  hasElements: boolean
}

export interface XmlScannerOptions {
  readonly matcher: PathMatcher
  readonly everyText: boolean
}

const MAX_DEPTH = 100_000
const NAME = /^[\p{L}_:][\p{L}\p{N}\p{M}_:.·-]*$/u
const ATTRIBUTE = /[ \t\r\n]+([^\s=<>"'/&]+)[ \t\r\n]*=[ \t\r\n]*("[^"<]*"|'[^'<]*')/y

/**
 * Reads XML 1.0 and tells the text of elements that hold text only, and attributes (`@name`), by local name. A document type
 * is refused, because entities could hide or multiply what stands in it. No namespace is looked up.
 */
export class XmlScanner implements Scanner {
  readonly #options: XmlScannerOptions
  readonly #open: Element[] = []
  #before = 0
  #at = 0
  #hadRoot = false

  constructor(options: XmlScannerOptions) {
    this.#options = options
  }

  scan(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number {
    if (this.#before === 0 && this.#at === 0) {
      if (window[0] === 0xef && window[1] === 0xbb && window[2] === 0xbf) this.#at = 3
      else if ((window[0] === 0xfe && window[1] === 0xff) || (window[0] === 0xff && window[1] === 0xfe))
        throw this.#malformed('only UTF-8 is read')
    }
    for (;;) {
      const next = this.#step(window, isLast, found)
      if (next === undefined) break
      this.#at = next
    }
    if (isLast) {
      if (this.#at < window.length) throw this.#malformed('the text breaks off')
      if (this.#open.length > 0 || !this.#hadRoot) throw this.#malformed('the document breaks off')
    }
    // The text of the innermost element may still become a field.
    const current = this.#open.at(-1)
    const used =
      current === undefined || current.hasElements ? this.#at : Math.min(this.#at, current.textStart)
    this.#before += used
    this.#at -= used
    if (current !== undefined) current.textStart -= used
    return used
  }

  #step(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number | undefined {
    const at = this.#at
    if (at >= window.length) return undefined
    if (window[at] !== 0x3c) {
      const next = window.indexOf(0x3c, at)
      const end = next === -1 ? window.length : next
      if (this.#open.length === 0 && !isSpace(window, at, end))
        throw this.#malformed('text stands outside of the document')
      return next === -1 && !isLast ? undefined : end
    }
    const kind = window[at + 1]
    if (kind === undefined) return isLast ? this.#breaksOff() : undefined
    if (kind === 0x21) return this.#bang(window, isLast)
    if (kind === 0x3f) return this.#upTo(window, '?>', at + 2, isLast)
    const end = this.#endOfTag(window)
    if (end === undefined) return isLast ? this.#breaksOff() : undefined
    const tag = this.#utf8(window, at, end)
    if (kind === 0x2f) this.#close(tag, window, found)
    else this.#openTag(tag, window, end, found)
    return end
  }

  #bang(window: Buffer, isLast: boolean): number | undefined {
    const at = this.#at
    const start = window.toString('latin1', at, at + 9)
    if (start.startsWith('<!--')) return this.#upTo(window, '-->', at + 4, isLast)
    if (start === '<![CDATA[') {
      if (this.#open.length === 0) throw this.#malformed('text stands outside of the document')
      return this.#upTo(window, ']]>', at + 9, isLast)
    }
    if ('<!DOCTYPE'.startsWith(start.toUpperCase()) && start.length < 9 && !isLast) return undefined
    if ('<![CDATA['.startsWith(start) && !isLast) return undefined
    if (start.toUpperCase() === '<!DOCTYPE') throw this.#malformed('a document type is not taken')
    if ('<!--'.startsWith(start) && !isLast) return undefined
    throw this.#malformed('a declaration is not known')
  }

  #upTo(window: Buffer, mark: string, from: number, isLast: boolean): number | undefined {
    const found = window.indexOf(mark, from)
    if (found !== -1) return found + mark.length
    return isLast ? this.#breaksOff() : undefined
  }

  #breaksOff(): never {
    throw this.#malformed('the document breaks off')
  }

  /** Behind the `>` of the tag at `#at`; quotes may hold one. */
  #endOfTag(window: Buffer): number | undefined {
    let quote = 0
    for (let at = this.#at + 1; at < window.length; at++) {
      const byte = window[at]!
      if (quote !== 0) {
        if (byte === quote) quote = 0
      } else if (byte === 0x22 || byte === 0x27) quote = byte
      else if (byte === 0x3e) return at + 1
    }
    return undefined
  }

  #openTag(tag: string, window: Buffer, end: number, found: (field: FoundField) => void): void {
    const isEmpty = tag.endsWith('/>')
    const inner = tag.slice(1, isEmpty ? -2 : -1)
    const name = /^[^\s/]*/.exec(inner)![0]
    if (!NAME.test(name)) throw this.#malformed('a tag has no name')
    const parent = this.#open.at(-1)
    if (parent === undefined && this.#hadRoot) throw this.#malformed('a second document begins')
    if (this.#open.length >= MAX_DEPTH) throw this.#malformed(`more than ${MAX_DEPTH} levels`)
    this.#hadRoot = true
    if (parent !== undefined) parent.hasElements = true
    const localName = localOf(name)
    const { matcher } = this.#options
    const state = matcher.step(parent?.state ?? matcher.start, localName)
    this.#attributes(inner, name.length, state, localName, found)
    if (!isEmpty) this.#open.push({ name, localName, state, textStart: end, hasElements: false })
  }

  #attributes(
    inner: string,
    from: number,
    state: PathState,
    element: string,
    found: (field: FoundField) => void,
  ): void {
    let at = from
    const seen = new Set<string>()
    const tell = this.#options.everyText || state.at.length > 0
    // Bytes and characters differ where a tag holds more than ASCII.
    let bytesAt = this.#at + 1 + Buffer.byteLength(inner.slice(0, from))
    while (inner.slice(at).trim() !== '') {
      ATTRIBUTE.lastIndex = at
      const match = ATTRIBUTE.exec(inner)
      if (match === null) throw this.#malformed('a tag holds something that is no attribute')
      const [whole, name, literal] = match
      if (!NAME.test(name!) || seen.has(name!))
        throw this.#malformed('an attribute stands twice or has no name')
      seen.add(name!)
      at += whole.length
      bytesAt += Buffer.byteLength(whole)
      const text = this.#unescape(literal!.slice(1, -1))
      if (!tell || name === 'xmlns' || name!.startsWith('xmlns:')) continue
      const segment = `@${localOf(name!)}`
      const pattern = this.#options.matcher.step(state, segment).accepted
      if (pattern === -1 && !this.#options.everyText) continue
      const start = bytesAt - Buffer.byteLength(literal!)
      found({
        start,
        end: bytesAt,
        pattern,
        path: this.#pathGetter(element, segment),
        type: 's',
        text,
        syntax: attributeSyntax,
      })
    }
  }

  #close(tag: string, window: Buffer, found: (field: FoundField) => void): void {
    const element = this.#open.pop()
    const name = tag.slice(2, -1).trimEnd()
    if (element?.name !== name) throw this.#malformed('a tag is closed that is not open')
    if (element.hasElements) return
    const pattern = element.state.accepted
    const start = element.textStart
    const end = this.#at
    const raw = this.#utf8(window, start, end)
    const text = textOf(raw)
    if (text === undefined) throw this.#malformed('an entity is not known')
    if ((pattern === -1 && !this.#options.everyText) || start === end) return
    found({
      start,
      end,
      pattern,
      path: this.#pathGetter(element.localName),
      type: 's',
      text,
      syntax: textSyntax,
    })
  }

  #unescape(text: string): string {
    const unescaped = unescapeXml(text)
    if (unescaped === undefined) throw this.#malformed('an entity is not known')
    return unescaped
  }

  #pathGetter(...last: string[]): () => string[] {
    const path = this.#open.length > 64 ? undefined : this.#open.map((element) => element.localName)
    return () => (path === undefined ? ['…', ...last] : [...path, ...last])
  }

  #utf8(window: Buffer, start: number, end: number): string {
    const bytes = window.subarray(start, end)
    if (!isUtf8(bytes)) throw this.#malformed('the text is not UTF-8')
    return bytes.toString()
  }

  #malformed(problem: string): MalformedError {
    return new MalformedError('XML', this.#before + this.#at, problem)
  }
}

/** Text with its entities resolved; undefined where one is not known. */
function unescapeXml(text: string): string | undefined {
  if (!text.includes('&')) return text
  let isKnown = true
  const unescaped = text.replace(/&([^;&\s]{0,32})(;?)/g, (_whole, reference: string, end: string) => {
    const numeric = /^#(?:x([0-9a-fA-F]{1,6})|(\d{1,7}))$/.exec(reference)
    const code =
      numeric === null ? 0 : Number.parseInt(numeric[1] ?? numeric[2]!, numeric[1] === undefined ? 10 : 16)
    if (end === ';' && code > 0 && code <= 0x10ffff) return String.fromCodePoint(code)
    if (end === ';' && Object.hasOwn(ENTITIES, reference)) return ENTITIES[reference]!
    isKnown = false
    return ''
  })
  return isKnown ? unescaped : undefined
}

/** The text of an element that may hold sections and comments too. */
function textOf(raw: string): string | undefined {
  let text: string | undefined = ''
  let at = 0
  const add = (more: string | undefined): void => {
    text = text === undefined || more === undefined ? undefined : text + more
  }
  for (const match of raw.matchAll(/<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>/g)) {
    add(unescapeXml(raw.slice(at, match.index)))
    add(match[1] ?? '')
    at = match.index + match[0].length
  }
  add(unescapeXml(raw.slice(at)))
  return text
}

function localOf(name: string): string {
  return name.slice(name.indexOf(':') + 1)
}

function isSpace(window: Buffer, start: number, end: number): boolean {
  for (let at = start; at < end; at++) {
    const byte = window[at]!
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return false
  }
  return true
}
