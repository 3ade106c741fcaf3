import { htmlEntityDecode } from '../transforms/html-entity-decode.ts'
import type { Entry } from './entry.ts'

const ELEMENT_TEXT = '/*'
const ATTRIBUTES = '//@*'

/**
 * The texts and attribute values of an XML body, under the two XPath expressions rules use: the text of the whole
 * document for `/*`, and each attribute for `//@*`. Nothing is fetched, no entity is declared; markup that is not well
 * formed is an error, and what was read before it still counts.
 */
export function parseXmlBody(text: string): { readonly xml: readonly Entry[]; readonly error: string } {
  const xml: Entry[] = []
  let content = ''
  let error = ''
  let depth = 0
  let at = 0
  while (at < text.length) {
    const open = text.indexOf('<', at)
    if (open === -1) {
      content += text.slice(at)
      break
    }
    content += text.slice(at, open)
    if (text.startsWith('<![CDATA[', open)) {
      const end = text.indexOf(']]>', open)
      // No entities inside: what stands there is text as it is.
      content += text.slice(open + 9, end === -1 ? undefined : end).replaceAll('&', '&amp;')
      if (end === -1) error = 'XML: a CDATA section has no end'
      at = end === -1 ? text.length : end + 3
      continue
    }
    const end = endOfMarkup(text, open)
    if (end === -1) {
      error = 'XML: a tag has no end'
      content += text.slice(open)
      break
    }
    const second = text.charCodeAt(open + 1)
    if (second === 0x2f) depth--
    else if (second !== 0x21 && second !== 0x3f) {
      if (text.charCodeAt(end - 2) !== 0x2f) depth++
      readAttributes(text.slice(open + 1, end - 1), xml)
    }
    at = end
  }
  if (error === '' && depth !== 0) error = 'XML: tags do not match'
  const whole = htmlEntityDecode(content)
  if (whole.trim() !== '') xml.push({ key: ELEMENT_TEXT, name: ELEMENT_TEXT, value: whole })
  return { xml, error }
}

/** Behind the `>` that ends a tag, a comment, a declaration or an instruction; -1 where there is none. */
function endOfMarkup(text: string, open: number): number {
  if (text.startsWith('<!--', open)) return behind(text, '-->', open)
  if (text.charCodeAt(open + 1) === 0x3f) return behind(text, '?>', open)
  let quote = 0
  for (let i = open + 1; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (quote !== 0) {
      if (code === quote) quote = 0
    } else if (code === 0x22 || code === 0x27) quote = code
    else if (code === 0x3e) return i + 1
  }
  return -1
}

function behind(text: string, end: string, from: number): number {
  const at = text.indexOf(end, from)
  return at === -1 ? -1 : at + end.length
}

function readAttributes(tag: string, xml: Entry[]): void {
  let at = tag.search(/[\s/]/)
  while (at !== -1 && at < tag.length) {
    const equals = tag.indexOf('=', at)
    if (equals === -1) return
    let from = equals + 1
    while (from < tag.length && /\s/.test(tag[from]!)) from++
    const quote = tag[from]
    if (quote !== '"' && quote !== "'") {
      at = from
      if (from >= tag.length) return
      at++
      continue
    }
    const close = tag.indexOf(quote, from + 1)
    const value = tag.slice(from + 1, close === -1 ? undefined : close)
    xml.push({ key: ATTRIBUTES, name: ATTRIBUTES, value: htmlEntityDecode(value) })
    if (close === -1) return
    at = close + 1
  }
}
