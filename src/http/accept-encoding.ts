/** Accept-Encoding reduced to what an edge may answer with; brotli comes first, as it is preferred. */
export type AcceptedCodings = 'br,gzip' | 'br' | 'gzip'

/** Which codings a cache policy turns on, and the viewer's HTTP version where it is not yet known to be 1.1 or later. */
export interface EnabledCodings {
  readonly gzip: boolean
  readonly brotli: boolean
  readonly httpVersion?: string
}

/**
 * Accept-Encoding (all its lines joined by commas) as CloudFront normalises it for cache key, origin request and
 * compression: the enabled codings it names, or undefined when it names none, is missing, or comes from an HTTP/1.0
 * viewer (DG:cache-key-understand-cache-policy). A coding with weight 0 is refused (RFC 9110 section 12.4.2);
 * `*` names nothing.
 */
export function normaliseAcceptEncoding(
  value: string | undefined,
  enabled: EnabledCodings,
): AcceptedCodings | undefined {
  if (value === undefined || value === '' || enabled.httpVersion === '1.0') return undefined
  const lower = value.toLowerCase()
  const brotli = enabled.brotli && names(lower, 'br')
  const gzip = enabled.gzip && names(lower, 'gzip')
  if (brotli) return gzip ? 'br,gzip' : 'br'
  return gzip ? 'gzip' : undefined
}

/** Whether a list names a coding with a weight above 0. Both are in lower case. */
function names(list: string, coding: string): boolean {
  for (let at = list.indexOf(coding); at !== -1; at = list.indexOf(coding, at + 1)) {
    let before = at - 1
    while (before >= 0 && isBlank(list.charCodeAt(before))) before--
    if (before >= 0 && list.charCodeAt(before) !== COMMA) continue
    let after = at + coding.length
    while (after < list.length && isBlank(list.charCodeAt(after))) after++
    if (after === list.length || list.charCodeAt(after) === COMMA) return true
    if (list.charCodeAt(after) === SEMICOLON && hasWeight(list, after + 1)) return true
  }
  return false
}

/** Whether the parameters that begin at `start` leave a weight above 0; one that is no number counts as 0. */
function hasWeight(list: string, start: number): boolean {
  const comma = list.indexOf(',', start)
  const parameters = comma === -1 ? list.slice(start) : list.slice(start, comma)
  for (const parameter of parameters.split(';')) {
    const text = parameter.trim()
    if (text.startsWith('q=')) return Number(text.slice(2)) > 0
  }
  return true
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

const COMMA = 0x2c
const SEMICOLON = 0x3b
