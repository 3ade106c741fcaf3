import { isRecord } from '../engine/edits.ts'

const DENIED = new Set([
  ...['authorization', 'connection', 'server', 'transfer-encoding', 'referrer-policy', 'permissions-policy'],
  ...['www-authenticate', 'proxy-authenticate', 'x-api-key', 'set-cookie'],
])
const DENIED_PREFIXES = [
  ...['x-frame-', 'x-content-', 'x-xss-', 'strict-transport-', 'permissions-', 'x-amz-', 'x-amzn-'],
  ...['access-control-', 'cross-origin-', 'content-'],
]
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const MAX_FIELDS = 50

/** The response fields a request may set, of those it asks for: what is denied or malformed is dropped. */
export function allowedHeaders(value: unknown): readonly (readonly [name: string, value: string])[] {
  if (!isRecord(value)) return []
  return Object.entries(value)
    .filter((field): field is [string, string | number] => {
      const [name, text] = field
      const isText = typeof text === 'string' || typeof text === 'number'
      return isText && isAllowed(name) && /^[\t\x20-\x7e\x80-\xff]*$/.test(String(text))
    })
    .slice(0, MAX_FIELDS)
    .map(([name, text]) => [name, String(text)])
}

function isAllowed(name: string): boolean {
  const lower = name.toLowerCase()
  return TOKEN.test(name) && !DENIED.has(lower) && !DENIED_PREFIXES.some((prefix) => lower.startsWith(prefix))
}
