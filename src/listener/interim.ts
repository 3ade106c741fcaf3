import { STATUS_CODES } from 'node:http'
import type { HeaderList } from '../http/header-list.ts'

/** Fields that an interim response of an origin must not bring to a viewer: they concern a connection or a body. */
const NOT_PASSED: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'content-length',
])

/** An interim response as it goes over an HTTP/1.1 connection (RFC 9110 section 15.2). */
export function interimHead(status: number, headers: HeaderList): string {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Interim'}\r\n`
  for (const [name, value] of headers)
    if (!NOT_PASSED.has(name.toLowerCase())) head += `${name}: ${value}\r\n`
  return `${head}\r\n`
}

/** The same as fields of HTTP/2. */
export function interimFields(status: number, headers: HeaderList): Record<string, string | number> {
  const fields: Record<string, string | number> = { ':status': status }
  for (const [name, value] of headers) {
    const lower = name.toLowerCase()
    if (NOT_PASSED.has(lower)) continue
    const before = fields[lower]
    fields[lower] = before === undefined ? value : `${before}, ${value}`
  }
  return fields
}
