import { decodeEntities } from './entities.ts'
import {
  DANGEROUS_ATTRIBUTES,
  DANGEROUS_ELEMENTS,
  DANGEROUS_SCHEMES,
  DANGEROUS_STYLES,
  EVENT_HANDLERS,
  HARMLESS_DATA,
} from './dangerous.ts'

/** Longest part of an attribute's value that is looked at: what is dangerous about it stands at its beginning. */
const MAX_VALUE = 8_192

/** Whether an element is dangerous; the name may carry a namespace. */
export function isDangerousElement(name: string): boolean {
  if (DANGEROUS_ELEMENTS.has(name)) return true
  const colon = name.lastIndexOf(':')
  return colon !== -1 && DANGEROUS_ELEMENTS.has(name.slice(colon + 1))
}

/**
 * Whether an attribute is dangerous. `isSure` is false where the text only might stand inside a tag: then only names
 * that are certainly handlers count.
 */
export function isDangerousAttribute(name: string, value: string, isSure: boolean): boolean {
  if (EVENT_HANDLERS.has(name)) return isSure || value !== ''
  if (isSure && /^on[a-z]{4,}$/.test(name) && value !== '') return true
  if (DANGEROUS_ATTRIBUTES.has(name)) return true
  if (name.startsWith('xmlns:')) return true
  if (value === '') return false
  const text = value.length > MAX_VALUE ? value.slice(0, MAX_VALUE) : value
  if (isDangerousUrl(text)) return true
  return name === 'style' && isDangerousStyle(text)
}

/** Whether a URL runs what follows its scheme, looking past what browsers look past. */
export function isDangerousUrl(value: string): boolean {
  const url = bare(decodeEntities(value))
  if (url.startsWith('data:')) return !HARMLESS_DATA.test(url)
  return (
    DANGEROUS_SCHEMES.some((scheme) => url.startsWith(scheme)) ||
    /^(?:url=|\d+;url=)(?:javascript|data|vbscript):/.test(url)
  )
}

function isDangerousStyle(value: string): boolean {
  // Comments and escapes may stand inside any word of a style.
  const style = bare(decodeEntities(value))
    .replaceAll(/\/\*.*?\*\//g, '')
    .replaceAll(/\\([0-9a-f]{1,6}) ?/g, unescapeCss)
    .replaceAll('\\', '')
  // No style that people write needs escapes of plain letters.
  if (/\\(?:0{0,4}[46][1-9a-f]|0{0,4}[57][0-9a])/i.test(value)) return true
  return DANGEROUS_STYLES.some((part) => style.includes(part))
}

function unescapeCss(_match: string, digits: string): string {
  const code = Number.parseInt(digits, 16)
  return code < 0x100 ? String.fromCharCode(code).toLowerCase() : ''
}

/** Lower case, without control characters, white space and bytes beyond ASCII. */
function bare(text: string): string {
  let out = ''
  let start = 0
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : 0
    if (code > 0x20 && code < 0x7f) continue
    out += text.slice(start, i)
    start = i + 1
  }
  return out.toLowerCase()
}
