import { type Entry, NO_ENTRIES } from './entry.ts'
import { parseJsonBody } from './parse-json-body.ts'
import { type MultipartFlags, parseMultipart } from './parse-multipart.ts'
import { parsePairs } from './parse-pairs.ts'
import { parseXmlBody } from './parse-xml-body.ts'

/** What a body says, whatever its processor. */
export interface BodyFacts {
  readonly args: readonly Entry[]
  readonly files: readonly Entry[]
  /** Contents of files, as latin1 text, under the same names. */
  readonly fileContents: readonly Entry[]
  readonly partHeaders: readonly Entry[]
  readonly xml: readonly Entry[]
  /** Why it could not be read, or empty. */
  readonly error: string
  readonly multipart: MultipartFlags | undefined
}

export const NO_BODY_FACTS: BodyFacts = {
  args: NO_ENTRIES,
  files: NO_ENTRIES,
  fileContents: NO_ENTRIES,
  partHeaders: NO_ENTRIES,
  xml: NO_ENTRIES,
  error: '',
  multipart: undefined,
}

/** The processor that a content type asks for, as ModSecurity's recommended configuration chooses it. */
export function processorOf(contentType: string): string {
  const type = contentType.slice(0, 256).toLowerCase()
  if (type.startsWith('application/x-www-form-urlencoded')) return 'URLENCODED'
  if (type.startsWith('multipart/form-data')) return 'MULTIPART'
  if (/^(?:application\/(?:[a-z0-9.+-]+\+)?json)/.test(type)) return 'JSON'
  return /^(?:application\/(?:[a-z0-9.+-]+\+)?|text\/)xml/.test(type) ? 'XML' : ''
}

/** Reads a body with a processor; one of another name reads nothing. */
export function readBody(processor: string, text: string, contentType: string): BodyFacts {
  switch (processor) {
    case 'URLENCODED':
      return { ...NO_BODY_FACTS, args: parsePairs(text) }
    case 'MULTIPART':
      return { ...NO_BODY_FACTS, ...parseMultipart(text, contentType) }
    case 'JSON':
      return { ...NO_BODY_FACTS, ...parseJsonBody(text) }
    case 'XML':
      return { ...NO_BODY_FACTS, ...parseXmlBody(text) }
    default:
      return NO_BODY_FACTS
  }
}
