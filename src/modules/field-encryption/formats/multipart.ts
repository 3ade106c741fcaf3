import { isUtf8 } from 'node:buffer'
import type { PathMatcher } from '../path-pattern.ts'
import { type FoundField, MalformedError, type Scanner, type Syntax } from './found-field.ts'
import { pathOfName } from './urlencoded.ts'

/** A part's content is written as it is. */
const plainSyntax: Syntax = { id: 2, read: (literal) => literal, writers: [(text) => text] }

const MAX_HEAD_BYTES = 16_384
const CRLF2 = Buffer.from('\r\n\r\n')

export interface MultipartScannerOptions {
  readonly matcher: PathMatcher
  readonly everyText: boolean
  readonly boundary: string
}

/**
 * Reads multipart/form-data (RFC 7578). Fields are told, files are not: a part with a file name belongs to whoever takes
 * files. A part that is not UTF-8 is no text and is malformed only when its name fits.
 */
export class MultipartScanner implements Scanner {
  readonly #options: MultipartScannerOptions
  readonly #delimiter: Buffer
  #state: 'preamble' | 'head' | 'epilogue' = 'preamble'
  #before = 0
  #searched = 0

  constructor(options: MultipartScannerOptions) {
    this.#options = options
    this.#delimiter = Buffer.from(`\r\n--${options.boundary}`)
  }

  scan(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number {
    let at = 0
    for (;;) {
      const next = this.#step(window, at, isLast, found)
      if (next === undefined) break
      at = next
      if (this.#state === 'epilogue') {
        at = window.length
        break
      }
    }
    if (isLast && this.#state !== 'epilogue') throw this.#malformed(at, 'the closing boundary is missing')
    this.#before += at
    return at
  }

  /** Reads one delimiter or part that begins at `at`; gives where it ends, or undefined when more is needed. */
  #step(window: Buffer, at: number, isLast: boolean, found: (field: FoundField) => void): number | undefined {
    if (this.#state === 'preamble') {
      // The first delimiter needs no line break before it.
      const bare = this.#delimiter.subarray(2)
      if (window.length < bare.length + 2) return undefined
      const isFirst = window.subarray(at, at + bare.length).equals(bare)
      const start = isFirst ? at - 2 : window.indexOf(this.#delimiter, at)
      if (start === -1) {
        if (isLast || window.length > MAX_HEAD_BYTES)
          throw this.#malformed(at, 'no part begins with the boundary')
        return undefined
      }
      return this.#afterDelimiter(window, start + this.#delimiter.length)
    }
    const headEnd = window.indexOf(CRLF2, at - 2 < 0 ? at : at - 2)
    if (headEnd === -1) {
      if (window.length - at > MAX_HEAD_BYTES)
        throw this.#malformed(at, `the head of a part is longer than ${MAX_HEAD_BYTES} bytes`)
      return undefined
    }
    const contentStart = headEnd + CRLF2.length
    const end = window.indexOf(this.#delimiter, Math.max(contentStart - 2, at + this.#searched))
    if (end === -1) {
      this.#searched = Math.max(0, window.length - at - this.#delimiter.length)
      return undefined
    }
    const after = this.#afterDelimiter(window, end + this.#delimiter.length)
    if (after === undefined) return undefined
    this.#searched = 0
    this.#part(window, at, headEnd, contentStart, Math.max(end, contentStart), found)
    return after
  }

  /** Behind a delimiter: the next part, or the end. */
  #afterDelimiter(window: Buffer, at: number): number | undefined {
    if (window.length < at + 2) return undefined
    if (window[at] === 0x2d && window[at + 1] === 0x2d) {
      this.#state = 'epilogue'
      return at + 2
    }
    const lineEnd = window.indexOf('\r\n', at)
    if (lineEnd === -1) {
      if (window.length - at > 256) throw this.#malformed(at, 'a boundary is followed by something else')
      return undefined
    }
    for (let i = at; i < lineEnd; i++)
      if (window[i] !== 0x20 && window[i] !== 0x09)
        throw this.#malformed(at, 'a boundary is followed by something else')
    this.#state = 'head'
    return lineEnd + 2
  }

  #part(
    window: Buffer,
    at: number,
    headEnd: number,
    start: number,
    end: number,
    found: (field: FoundField) => void,
  ): void {
    const head = window.toString('utf8', at, Math.max(at, headEnd))
    const disposition = /^content-disposition:[ \t]*form-data[ \t]*;(.*)$/im.exec(head)?.[1]
    const name = disposition === undefined ? undefined : parameterOf(disposition, 'name')
    if (name === undefined)
      throw this.#malformed(at, 'a part has no Content-Disposition: form-data with a name')
    if (
      parameterOf(disposition!, 'filename') !== undefined ||
      parameterOf(disposition!, 'filename*') !== undefined
    )
      return
    const path = pathOfName(name)
    const pattern = this.#options.matcher.match(path)
    if (pattern === -1 && !this.#options.everyText) return
    const content = window.subarray(start, end)
    if (!isUtf8(content)) {
      if (pattern === -1) return
      throw this.#malformed(start, 'the text of a field is not UTF-8')
    }
    found({ start, end, pattern, path: () => path, type: 's', text: content.toString(), syntax: plainSyntax })
  }

  #malformed(at: number, problem: string): MalformedError {
    return new MalformedError('multipart', this.#before + at, problem)
  }
}

/** A parameter of a header field; quotes are escaped as browsers do (%22) or with a backslash. */
function parameterOf(text: string, name: string): string | undefined {
  for (const [, key, quoted, plain] of text.matchAll(
    /([!#$%&'*+.^_`|~\w-]+)[ \t]*=[ \t]*(?:"((?:[^"\\]|\\.)*)"|([^;\s]*))/g,
  )) {
    if (key!.toLowerCase() !== name) continue
    if (quoted === undefined) return plain
    return quoted
      .replace(/\\(.)/g, '$1')
      .replaceAll('%22', '"')
      .replaceAll('%0D', '\r')
      .replaceAll('%0A', '\n')
  }
  return undefined
}

/** The boundary of a multipart content type; undefined where there is none that RFC 2046 section 5.1.1 allows. */
export function boundaryOf(contentType: string): string | undefined {
  const found = parameterOf(contentType.slice(contentType.indexOf(';') + 1), 'boundary')
  return found !== undefined && /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/.test(found) ? found : undefined
}
