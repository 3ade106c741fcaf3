/** The head of an HTTP/1.1 response, as an origin sent it. */
export interface ResponseHead {
  readonly minorVersion: 0 | 1
  readonly status: number
  /** Flat name/value pairs as received. */
  readonly fields: string[]
}

/** How the end of a response body is known (RFC 9112 section 6.3). */
export type Framing =
  | { readonly kind: 'none' }
  | { readonly kind: 'length'; readonly length: number }
  | { readonly kind: 'chunked' }
  | { readonly kind: 'until-close' }

const CR = 13
const LF = 10
const SP = 32
const TAB = 9
const COLON = 58

/** Token characters of RFC 9110 section 5.6.2, by code. */
const isToken = new Uint8Array(256)
for (const character of "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") {
  isToken[character.charCodeAt(0)] = 1
}

/**
 * Parses a response head. `text` is latin1, from the status line to the empty line, without the latter's CRLF CRLF.
 * Returns a sentence that says what is wrong instead of a head where it is not HTTP (RFC 9112 sections 4 and 5).
 */
export function parseResponseHead(text: string): ResponseHead | string {
  if (!text.startsWith('HTTP/1.'))
    return `the answer begins with ${show(text)}, not with an HTTP/1 status line`
  const minor = text.charCodeAt(7) - 48
  if ((minor !== 0 && minor !== 1) || text.charCodeAt(8) !== SP)
    return `the status line ${show(text)} has a wrong version`
  const status =
    digit(text.charCodeAt(9)) * 100 + digit(text.charCodeAt(10)) * 10 + digit(text.charCodeAt(11))
  const afterStatus = text.charCodeAt(12)
  if (
    !(status >= 100 && status <= 999) ||
    !(Number.isNaN(afterStatus) || afterStatus === SP || afterStatus === CR)
  ) {
    return `the status line ${show(text)} has no three-digit status`
  }
  let at = text.indexOf('\r\n')
  const fields: string[] = []
  if (hasControl(text, 12, at === -1 ? text.length : at)) return 'the reason phrase has a control character'
  if (at === -1) return { minorVersion: minor, status, fields }
  at += 2
  const end = text.length
  while (at < end) {
    let lineEnd = text.indexOf('\r\n', at)
    if (lineEnd === -1) lineEnd = end
    const first = text.charCodeAt(at)
    if (first === SP || first === TAB) {
      // obs-fold: a gateway may replace it by a space (RFC 9112 section 5.2).
      if (fields.length === 0) return 'the first field line begins with a space'
      if (hasControl(text, at, lineEnd)) return 'a folded field line has a control character'
      fields[fields.length - 1] = `${fields[fields.length - 1]!} ${text.slice(at, lineEnd).trim()}`
      at = lineEnd + 2
      continue
    }
    let colon = at
    while (colon < lineEnd && isToken[text.charCodeAt(colon)] === 1) colon++
    if (colon === at || text.charCodeAt(colon) !== COLON)
      return `the field line ${show(text.slice(at))} is not "name: value"`
    let from = colon + 1
    while (from < lineEnd && isBlank(text.charCodeAt(from))) from++
    let to = lineEnd
    while (to > from && isBlank(text.charCodeAt(to - 1))) to--
    if (hasControl(text, from, to)) return `the value of ${text.slice(at, colon)} has a control character`
    fields.push(text.slice(at, colon), text.slice(from, to))
    at = lineEnd + 2
  }
  return { minorVersion: minor, status, fields }
}

/** How the body of a response ends, or a sentence that says why that cannot be known safely. */
export function framingOf(head: ResponseHead, requestMethod: string): Framing | string {
  let length: number | undefined
  let isChunked = false
  let isOpaque = false
  const fields = head.fields
  for (let i = 0; i < fields.length; i += 2) {
    const name = fields[i]!
    if (name.length === 14 && name.toLowerCase() === 'content-length') {
      for (const part of fields[i + 1]!.split(',')) {
        const text = part.trim()
        if (!/^\d{1,15}$/.test(text)) return `Content-Length is ${show(fields[i + 1]!)}, not a number`
        if (length !== undefined && length !== Number(text))
          return 'there are several different Content-Length values'
        length = Number(text)
      }
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      const coding = fields[i + 1]!.toLowerCase()
      if (isChunked || isOpaque || !TOKEN.test(coding) || CODINGS.has(coding))
        return `Transfer-Encoding ${show(fields[i + 1]!)} is not understood`
      // A word that names no coding says nothing of the bytes, and without chunked they end with the connection
      // (RFC 9112 section 6.3).
      if (coding === 'chunked') isChunked = true
      else isOpaque = true
    }
  }
  if (requestMethod === 'HEAD' || head.status === 204 || head.status === 304) return NO_BODY
  // Transfer-Encoding overrides Content-Length (RFC 9112 section 6.3).
  if (isChunked) return head.minorVersion === 0 ? 'an HTTP/1.0 answer is chunked' : CHUNKED
  if (isOpaque && length !== undefined) return 'there is a Content-Length beside a Transfer-Encoding'
  if (length !== undefined) return { kind: 'length', length }
  return UNTIL_CLOSE
}

/** Codings that change the bytes (RFC 9112 section 7), which would have to be undone. */
const CODINGS = new Set(['gzip', 'x-gzip', 'deflate', 'compress', 'x-compress'])
const TOKEN = /^[!#$%&'*+.^_`|~0-9a-z-]+$/
const NO_BODY: Framing = { kind: 'none' }
const CHUNKED: Framing = { kind: 'chunked' }
const UNTIL_CLOSE: Framing = { kind: 'until-close' }

function digit(code: number): number {
  return code >= 48 && code <= 57 ? code - 48 : Number.NaN
}

function isBlank(code: number): boolean {
  return code === SP || code === TAB
}

function hasControl(text: string, from: number, to: number): boolean {
  for (let i = from; i < to; i++) {
    const code = text.charCodeAt(i)
    if ((code < SP && code !== TAB) || code === 127 || code === LF || code === CR) return true
  }
  return false
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 40))
}
