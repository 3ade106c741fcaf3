import { ImageError } from '../image-error.ts'
import type { ImageRequest } from '../task.ts'

const MAX_PATH = 2_048
const MAX_HOST = 253
/** Also percent-encoded: they would be in the key of the picture all the same. */
// oxlint-disable-next-line no-control-regex -- these are what is looked for
const CONTROL = /[\0-\x1f\x7f]|%(?:[01][\da-f]|7f)/i
/** Labels of a host name (RFC 1123 section 2.1, and `_`, which is in use), or an address in brackets; a port may follow. */
const HOST =
  /^(?:[\da-z_](?:[\da-z_-]{0,61}[\da-z_])?(?:\.[\da-z_](?:[\da-z_-]{0,61}[\da-z_])?)*\.?|\[[\da-f:.]+\])(?::\d{0,5})?$/i

/** What version 8 refuses before anything else. `host` is the one that mappings go by. Throws ImageError. */
export function checkRequest({ path }: ImageRequest, host: string): void {
  if (!path.startsWith('/') || path.length > MAX_PATH)
    throw invalid(`The path must begin with / and have at most ${MAX_PATH} characters.`)
  if (CONTROL.test(path)) throw invalid('The path must not have control characters.')
  if (host !== '' && (host.replace(/:\d*$/, '').length > MAX_HOST || !HOST.test(host)))
    throw invalid(`The host must be a host name of at most ${MAX_HOST} characters.`)
}

function invalid(message: string): ImageError {
  return new ImageError(400, 'VALIDATION_ERROR', message)
}
