import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../base/secret.ts'
import { ImageError } from '../image-error.ts'

/**
 * What is signed: the path with its leading slash, and the other parameters sorted by name, as they were received.
 */
export function stringToSign(path: string, parameters: ReadonlyMap<string, string>): string {
  const rest = [...parameters]
    .filter(([name]) => name !== 'signature')
    .map(([name, value]) => `${name}=${value}`)
  return rest.length === 0 ? path : `${path}?${rest.join('&')}`
}

/** The signature that the original service expects: HMAC-SHA256 in lower-case hexadecimal. */
export function sign(key: Secret, text: string): string {
  return createHmac('sha256', key.reveal()).update(text).digest('hex')
}

/** Throws unless one of the keys made the signature. Every key is tried, so that time tells nothing. */
export function checkSignature(
  path: string,
  parameters: ReadonlyMap<string, string>,
  keys: readonly Secret[],
): void {
  const given = parameters.get('signature')
  if (given === undefined || given === '')
    throw new ImageError(
      400,
      'AuthorizationQueryParametersError',
      'The query parameter signature is required.',
    )
  if (keys.length === 0)
    throw new ImageError(500, 'SignatureValidationFailure', 'The signature could not be checked.')
  const text = stringToSign(path, parameters)
  const received = Buffer.from(given)
  let isGood = false
  for (const key of keys) {
    const expected = Buffer.from(sign(key, text))
    if (received.length === expected.length && timingSafeEqual(received, expected)) isGood = true
  }
  if (!isGood) throw new ImageError(403, 'SignatureDoesNotMatch', 'The signature does not match the request.')
}
