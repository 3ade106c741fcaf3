import { createHmac } from 'node:crypto'

/** HMAC-SHA256 in base64url of the path with its leading slash, `?`, and the parameters but `s`, sorted and form-encoded. */
export function signatureOf(key: string, path: string, parameters: ReadonlyMap<string, string>): string {
  const pairs = [...parameters].filter(([name]) => name !== 's').sort(([a], [b]) => (a < b ? -1 : 1))
  return createHmac('sha256', key)
    .update(`${path}?${new URLSearchParams(pairs).toString()}`)
    .digest('base64url')
}
