import { isRecord } from '../engine/edits.ts'
import type { Edit } from '../task.ts'
import { allowedHeaders } from './response-headers.ts'

/** What a request of the base64 form says; fields of the wrong type are as if they were not there. */
export interface Base64Request {
  readonly bucket: string | undefined
  readonly key: string
  readonly edits: readonly Edit[]
  readonly outputFormat: string | undefined
  readonly effort: unknown
  readonly headers: readonly (readonly [name: string, value: string])[]
}

export function readBase64Request(json: unknown): Base64Request {
  const fields = isRecord(json) ? json : {}
  const text = (name: string) => (typeof fields[name] === 'string' ? fields[name] : undefined)
  const edits = isRecord(fields['edits']) ? fields['edits'] : {}
  return {
    bucket: text('bucket'),
    // Used as it is: no percent-decoding.
    key: text('key') ?? '',
    edits: Object.entries(edits).map(([name, value]) => ({ name, value, from: `base64 edits.${name}` })),
    outputFormat: text('outputFormat'),
    effort: fields['effort'],
    headers: allowedHeaders(fields['headers']),
  }
}
