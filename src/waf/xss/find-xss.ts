import type { Found } from '../statements/matcher.ts'
import { isDangerousAttribute, isDangerousElement, isDangerousUrl } from './judge.ts'

/** Where a value may stand in a page: between tags, inside a tag, or inside an attribute in one of four ways of quoting. */
type PageContext = 'data' | 'tag' | 'unquoted' | "'" | '"' | '`'

/**
 * Looks for HTML that would run script, reading the value with an HTML tokenizer in every context it may stand in:
 * dangerous elements and attributes, handlers, URLs that run, comments that old browsers read.
 */
export function findXss(value: string): Found | undefined {
  const hasTag = value.includes('<')
  const hasValue = value.includes('=')
  // A colon may be an entity.
  if (!hasTag && !hasValue && !value.includes(':') && !value.includes('&')) return undefined
  // Browsers look past NUL bytes anywhere in a tag; positions are then those of the whole value.
  const hasNulls = value.includes('\0')
  const text = hasNulls ? value.replaceAll('\0', '') : value
  const found = findIn(text, hasTag, hasValue)
  return found !== undefined && hasNulls ? { ...found, start: 0, end: value.length } : found
}

function findIn(text: string, hasTag: boolean, hasValue: boolean): Found | undefined {
  // A whole value that is a URL or an attribute counts only where it also calls or assigns something.
  const isCode = CODE.test(text)
  if (isCode && isDangerousUrl(text.slice(0, 64)))
    return { start: 0, end: text.length, matchedData: [text.slice(0, 64)] }
  if (hasTag) {
    const found = new PageReader(text, 'data').find()
    if (found !== undefined) return found
  }
  if (!hasValue) return undefined
  for (const quote of QUOTES) {
    const isPossible = quote === 'unquoted' || (quote === 'tag' ? isCode : text.includes(quote))
    if (!isPossible) continue
    const found = new PageReader(text, quote).find()
    if (found !== undefined) return found
  }
  return undefined
}

/** Calls, template calls, assignments, and the entities that hide them. */
const CODE = /[(`;[]|&[#l]|%28/
const QUOTES: readonly PageContext[] = ['unquoted', 'tag', "'", '"', '`']

/** Characters of a comment that are looked at. */
const MAX_COMMENT = 512

class PageReader {
  readonly #text: string
  #at = 0
  readonly #context: PageContext

  constructor(text: string, context: PageContext) {
    this.#text = text
    this.#context = context
  }

  find(): Found | undefined {
    if (this.#context === 'data') return this.#findInData()
    // The value began inside an attribute: what ends it decides where the tag goes on.
    if (this.#context === 'unquoted') this.#skipUnquoted()
    else if (this.#context !== 'tag') {
      const end = this.#text.indexOf(this.#context)
      if (end === -1) return undefined
      this.#at = end + 1
    }
    return this.#readAttributes(false) ?? this.#findInData()
  }

  #findInData(): Found | undefined {
    for (;;) {
      const open = this.#text.indexOf('<', this.#at)
      if (open === -1) return undefined
      this.#at = open + 1
      const found = this.#readTag(open)
      if (found !== undefined) return found
    }
  }

  #readTag(open: number): Found | undefined {
    const next = this.#text[this.#at]
    if (next === '!') return this.#readMarkup(open)
    if (next === '?' || next === '%') return this.#readInstruction(open)
    if (next === '/') this.#at++
    const start = this.#at
    while (this.#at < this.#text.length && !endsName(this.#text.charCodeAt(this.#at))) this.#at++
    const name = this.#text.slice(start, this.#at).toLowerCase()
    if (name === '' || !/^[a-z]/.test(name)) {
      this.#at = start
      return undefined
    }
    if (isDangerousElement(name)) return this.#found(open, this.#at, name)
    return this.#readAttributes(true)
  }

  /** `<!--…-->`, `<!DOCTYPE`, `<!ENTITY`, `<![CDATA[`. */
  #readMarkup(open: number): Found | undefined {
    const text = this.#text
    if (!text.startsWith('!--', this.#at)) {
      if (
        /^!(?:\[cdata\[|doctype|entity|attlist|element|notation)/i.test(text.slice(this.#at, this.#at + 12))
      ) {
        return this.#found(open, Math.min(open + 12, text.length), text.slice(open + 1, open + 10))
      }
      return undefined
    }
    // Looked at only so far, so that many comments that never end cost no more than one.
    const inside = text.slice(this.#at + 3, this.#at + MAX_COMMENT)
    const close = inside.indexOf('>')
    const end = close === -1 ? -1 : this.#at + 3 + close
    // Conditional comments and back quotes end a comment early in old browsers.
    if (/^\s*\[if|`|\[endif/i.test(close === -1 ? inside : inside.slice(0, close)))
      return this.#found(open, end === -1 ? text.length : end + 1, 'comment')
    // Where a comment ends differs between browsers, so what is inside is read as if it were not one.
    this.#at += 3
    return undefined
  }

  #readInstruction(open: number): Found | undefined {
    const name = /^[?%]\s*([a-z!:_-]+)/i.exec(this.#text.slice(this.#at, this.#at + 40))
    if (name === null) return undefined
    return this.#found(open, Math.min(open + name[0].length + 1, this.#text.length), name[1]!)
  }

  /** Attributes up to the end of the tag; the position is behind `>` then, or at the end of the text. */
  #readAttributes(isSure: boolean): Found | undefined {
    const text = this.#text
    while (this.#at < text.length) {
      const code = text.charCodeAt(this.#at)
      if (code === 0x3e) {
        this.#at++
        return undefined
      }
      // A new tag before the old one ended: browsers differ, so both readings are followed.
      if (code === 0x3c) return undefined
      if (isFiller(code)) {
        this.#at++
        continue
      }
      const start = this.#at
      while (this.#at < text.length && !endsAttributeName(text.charCodeAt(this.#at))) this.#at++
      const name = cleanName(text.slice(start, this.#at))
      const value = this.#readValue()
      if (isDangerousAttribute(name, value, isSure)) return this.#found(start, this.#at, name)
      if (this.#at === start) this.#at++
    }
    return undefined
  }

  /** The value of an attribute, or empty text where there is no `=`. */
  #readValue(): string {
    const text = this.#text
    let at = this.#at
    while (at < text.length && isBlank(text.charCodeAt(at))) at++
    if (text[at] !== '=') return ''
    at++
    while (at < text.length && (isBlank(text.charCodeAt(at)) || text[at] === '=')) at++
    const quote = text[at]
    this.#at = at
    if (quote === '"' || quote === "'" || quote === '`') {
      const end = text.indexOf(quote, at + 1)
      if (end !== -1) {
        this.#at = end + 1
        return text.slice(at + 1, end)
      }
      // Never closed: the page's own quotes would close it somewhere, so it is read up to the end.
      this.#at = text.length
      return text.slice(at + 1)
    }
    this.#skipUnquoted()
    return text.slice(at, this.#at)
  }

  #skipUnquoted(): void {
    while (this.#at < this.#text.length) {
      const code = this.#text.charCodeAt(this.#at)
      if (isBlank(code) || code === 0x3e) return
      this.#at++
    }
  }

  #found(start: number, end: number, what: string): Found {
    return {
      start,
      end,
      matchedData: [this.#text[start] === '<' ? '<' : '', what].filter((part) => part !== ''),
    }
  }
}

/** Everything up to the space and a few bytes beyond ASCII that browsers took for white space. */
function isBlank(code: number): boolean {
  return code <= 0x20 || code === 0xa0
}

/** Between attributes: white space, slashes, stray quotes. */
function isFiller(code: number): boolean {
  return isBlank(code) || code === 0x2f || code === 0x22 || code === 0x27 || code === 0x60
}

function endsName(code: number): boolean {
  return isBlank(code) || code === 0x2f || code === 0x3e || code === 0x3c
}

function endsAttributeName(code: number): boolean {
  return (
    isBlank(code) ||
    code === 0x3d ||
    code === 0x2f ||
    code === 0x3e ||
    code === 0x3c ||
    code === 0x22 ||
    code === 0x27
  )
}

/** A name without the bytes that some browser looks past. */
function cleanName(name: string): string {
  return /^[\w:.-]*$/.test(name) ? name.toLowerCase() : name.replaceAll(/[^\w:.-]/g, '').toLowerCase()
}
