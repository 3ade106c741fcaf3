import type { Secret } from '../../base/secret.ts'
import { SeamError } from '../seam-error.ts'
import { MAX_SECRET_BYTES } from './versions.ts'

/** CreateSecret: letters, digits and /_+=.@- */
const NAME = /^[A-Za-z0-9/_+=.@-]{1,512}$/

/** Refuses what no store takes: `invalid` for names and tokens, `limit` for values that are too long. */
export function checkPut(name: string, value: Secret, token: string): void {
  if (!NAME.test(name)) {
    throw new SeamError(
      'invalid',
      `"${name.slice(0, 80)}" is no name for a secret: expected 1 to 512 of letters, digits and /_+=.@-`,
    )
  }
  if (token.length < 32 || token.length > 64) {
    throw new SeamError(
      'invalid',
      `the token for "${name}" has ${token.length} characters; expected 32 to 64, for example a UUID`,
    )
  }
  const bytes = Buffer.byteLength(value.reveal())
  if (bytes > MAX_SECRET_BYTES) {
    throw new SeamError(
      'limit',
      `the value of "${name}" has ${bytes} bytes; ${MAX_SECRET_BYTES} is the limit`,
    )
  }
}
