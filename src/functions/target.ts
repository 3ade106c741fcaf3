import { percentEncoded } from './header-text.ts'
import { pages, type Problems } from './problems.ts'

/** URI and query string together stay below this many characters (DG:lambda-event-structure). */
export const MAX_TARGET_CHARACTERS = 8192

/** Checks a URI that a function changed; reports under `field`. */
export function checkUri(uri: unknown, field: string, problems: Problems): uri is string {
  const page = problems.kind === 'lambda-edge' ? pages.lambdaEvent : pages.functionEvent
  if (typeof uri !== 'string') {
    problems.invalid(field, `must be a string, and is ${typeName(uri)}`, page)
    return false
  }
  if (!uri.startsWith('/')) {
    problems.invalid(field, `must begin with "/", and is ${JSON.stringify(shorten(uri))}`, page)
    return false
  }
  const bad = badCharacter(uri, '#?')
  if (bad === undefined) return true
  problems.invalid(field, `must not contain the character ${bad}; percent-encode it`, page)
  return false
}

/** Checks a query string that a function changed; reports under `field`. */
export function checkQuery(query: unknown, field: string, problems: Problems): query is string {
  const page = problems.kind === 'lambda-edge' ? pages.lambdaEvent : pages.functionEvent
  if (typeof query !== 'string') {
    problems.invalid(field, `must be a string, and is ${typeName(query)}`, page)
    return false
  }
  const bad = badCharacter(query, '#')
  if (bad === undefined) return true
  problems.invalid(field, `must not contain the character ${bad}; percent-encode it`, page)
  return false
}

/** Checks the limit on URI and query string together. */
export function checkTargetLength(uri: string, query: string, field: string, problems: Problems): void {
  const characters = uri.length + query.length
  if (characters < MAX_TARGET_CHARACTERS) return
  problems.invalid(
    field,
    `and the query string must be shorter than ${MAX_TARGET_CHARACTERS} characters together, and are ${characters}`,
    problems.kind === 'lambda-edge' ? pages.lambdaEvent : pages.limits,
  )
}

/** What is not ASCII as UTF-8 in percent-encoding, so that a request target stays one (RFC 9112 section 3.2). */
export function encodeTarget(text: string): string {
  return text.replace(NOT_ASCII, encodeRun)
}

/** How a value is called in messages: `null`, `an array`, `a number`. */
export function typeName(value: unknown): string {
  if (value === null) return 'null'
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return 'an array'
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`
}

/** Text for a message, cut where it is long. */
export function shorten(text: string): string {
  return text.length <= 80 ? text : `${text.slice(0, 77)}...`
}

const NOT_ASCII = /[\u0080-\uffff]+/g

function encodeRun(run: string): string {
  let encoded = ''
  for (const byte of Buffer.from(run, 'utf8')) encoded += percentEncoded(byte)
  return encoded
}

function badCharacter(text: string, forbidden: string): string | undefined {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i)
    if (code <= 0x20 || code === 0x7f || forbidden.includes(text[i]!)) return percentEncoded(code)
  }
  return undefined
}
