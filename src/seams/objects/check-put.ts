import { SeamError } from '../seam-error.ts'
import type { ObjectHeaders } from './objects.ts'

/** S3: user metadata is bounded to 2 KB, names and values together. */
const MAX_METADATA_BYTES = 2_048
const MAX_HEADER_CHARACTERS = 1_024
const METADATA_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/
// oxlint-disable-next-line no-control-regex -- control characters are what must not reach a header
const CONTROL = /[\u0000-\u0008\u000a-\u001f\u007f]/

const HEADER_NAMES = [
  'contentType',
  'cacheControl',
  'contentDisposition',
  'contentEncoding',
  'contentLanguage',
  'expires',
] as const satisfies readonly (keyof ObjectHeaders)[]

/** The headers of a put, without what is not there. Throws `invalid` or `limit`. */
export function checkedHeaders(key: string, headers: ObjectHeaders): ObjectHeaders {
  const checked: Partial<Record<(typeof HEADER_NAMES)[number], string>> = {}
  for (const name of HEADER_NAMES) {
    const value = headers[name]
    if (value === undefined) continue
    checkValue(key, name, value)
    if (value.length > MAX_HEADER_CHARACTERS) {
      throw new SeamError(
        'limit',
        `${name} of the object "${key}" is longer than ${MAX_HEADER_CHARACTERS} characters`,
      )
    }
    checked[name] = value
  }
  return checked
}

/** The metadata of a put, names in lower case. Throws `invalid` or `limit`. */
export function checkedMetadata(
  key: string,
  metadata: Readonly<Record<string, string>>,
): Record<string, string> {
  let bytes = 0
  // HTTP names have no case; S3 keeps them in lower case.
  const entries = Object.entries(metadata).map(([name, value]): [string, string] => [
    name.toLowerCase(),
    value,
  ])
  for (const [name, value] of entries) {
    if (!METADATA_NAME.test(name)) {
      throw new SeamError(
        'invalid',
        `the object "${key}" has metadata ${JSON.stringify(name)}, which is no header name`,
      )
    }
    checkValue(key, name, value)
    bytes += Buffer.byteLength(name) + Buffer.byteLength(value)
  }
  if (bytes > MAX_METADATA_BYTES) {
    throw new SeamError(
      'limit',
      `the metadata of the object "${key}" has ${bytes} bytes; ${MAX_METADATA_BYTES} is the limit`,
    )
  }
  return Object.fromEntries(entries)
}

function checkValue(key: string, name: string, value: string): void {
  if (CONTROL.test(value) || !value.isWellFormed()) {
    throw new SeamError('invalid', `${name} of the object "${key}" has characters that no header can carry`)
  }
}
