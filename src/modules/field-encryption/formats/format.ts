import type { PathMatcher } from '../path-pattern.ts'
import type { Scanner } from './found-field.ts'
import { JsonScanner } from './json.ts'
import { boundaryOf, MultipartScanner } from './multipart.ts'
import { FormScanner } from './urlencoded.ts'
import { XmlScanner } from './xml.ts'

/** The formats in which fields have names. `text` has none: only detectors look into it. */
export const FORMATS = ['json', 'ndjson', 'form', 'multipart', 'xml', 'query'] as const
export type Format = (typeof FORMATS)[number]

/** What a content type says: a format, text without fields, something else, or a charset that is not read. */
export type ContentKind =
  | { readonly kind: 'format'; readonly format: Format; readonly boundary: string | undefined }
  | { readonly kind: 'text' }
  | { readonly kind: 'unknown' }
  | { readonly kind: 'malformed'; readonly why: string }

const CHARSETS = new Set(['utf-8', 'utf8', 'us-ascii', 'ascii'])

/** Reads a Content-Type (RFC 9110 section 8.3); undefined is a body without one. */
export function contentKindOf(contentType: string | undefined): ContentKind {
  if (contentType === undefined) return { kind: 'unknown' }
  const type = /^[^;,\s]*/.exec(contentType.trim())![0].toLowerCase()
  const charset = /;\s*charset\s*=\s*"?([^\s";]+)/i.exec(contentType)?.[1]?.toLowerCase()
  const format = formatOf(type)
  if (format === undefined && !type.startsWith('text/')) return { kind: 'unknown' }
  if (charset !== undefined && !CHARSETS.has(charset))
    return { kind: 'malformed', why: `the charset ${charset} is not read; send UTF-8` }
  if (format === undefined) return { kind: 'text' }
  const boundary = format === 'multipart' ? boundaryOf(contentType) : undefined
  if (format === 'multipart' && boundary === undefined)
    return { kind: 'malformed', why: 'the content type names no boundary' }
  return { kind: 'format', format, boundary }
}

function formatOf(type: string): Format | undefined {
  if (type === 'application/x-www-form-urlencoded') return 'form'
  if (type === 'multipart/form-data') return 'multipart'
  if (type === 'application/x-ndjson' || type === 'application/jsonl' || type === 'application/jsonlines')
    return 'ndjson'
  if (type === 'application/json' || type === 'text/json' || type.endsWith('+json')) return 'json'
  if (type === 'application/xml' || type === 'text/xml' || type.endsWith('+xml')) return 'xml'
  return undefined
}

export interface ScanOptions {
  readonly matcher: PathMatcher
  /** Tell every text, not only what fits a pattern. */
  readonly everyText: boolean
  readonly boundary: string | undefined
}

/** A scanner for one document. */
export function createScanner(format: Format, { matcher, everyText, boundary }: ScanOptions): Scanner {
  switch (format) {
    case 'json':
    case 'ndjson':
      return new JsonScanner({ matcher, everyText, takesContainers: true, isSequence: format === 'ndjson' })
    case 'form':
      return new FormScanner({ matcher, everyText, format: 'form' })
    case 'query':
      return new FormScanner({ matcher, everyText, format: 'query string' })
    case 'multipart':
      // A content type without a boundary was refused before.
      return new MultipartScanner({ matcher, everyText, boundary: boundary! })
    case 'xml':
      return new XmlScanner({ matcher, everyText })
  }
}
