import { Body, BodyTooLargeError } from '../../http/body.ts'
import type { EdgeResponse } from '../../visit.ts'
import { CodingError, decodeContent } from './content-coding.ts'
import { contentKindOf } from './formats/format.ts'
import { MalformedError } from './formats/found-field.ts'
import { openDocument, openText, type Opener } from './unprotect.ts'

/** Fields that name or promise other bytes than those that are sent now. */
const STALE = [
  'etag',
  'last-modified',
  'expires',
  'content-md5',
  'digest',
  'content-digest',
  'repr-digest',
  'accept-ranges',
  'age',
]

/**
 * The response with its encrypted values opened for one caller. Nobody else may ever be given it: it is `private, no-store`
 * (RFC 9111 section 5.2.2), whether anything was opened or not. A body that cannot be read stays as it is.
 */
export async function openResponse(
  response: EdgeResponse,
  method: string,
  opener: Opener,
  maxBytes: number,
): Promise<EdgeResponse & { readonly opened: number }> {
  const { headers } = response
  const kind = contentKindOf(headers.get('content-type'))
  for (const name of STALE) headers.delete(name)
  headers.set('Cache-Control', 'private, no-store')
  const isReadable = kind.kind === 'format' || kind.kind === 'text'
  if (method === 'HEAD' || response.body.kind === 'none' || !isReadable || response.status === 206) {
    if (method === 'HEAD') headers.delete('content-length')
    return Object.assign(response, { opened: 0 })
  }
  let raw: Buffer
  try {
    const { length } = response.body
    if (length !== undefined && length > maxBytes) return Object.assign(response, { opened: 0 })
    raw = await response.body.peek(maxBytes + 1)
    if (raw.length > maxBytes) return Object.assign(response, { opened: 0 })
    raw = await response.body.collect(maxBytes)
  } catch (error) {
    if (error instanceof BodyTooLargeError) return Object.assign(response, { opened: 0 })
    throw error
  }
  try {
    const bytes = await decodeContent(raw, headers.getJoined('content-encoding'), maxBytes)
    const { pieces, opened } =
      kind.kind === 'format'
        ? await openDocument(bytes, kind.format, kind.boundary, opener)
        : await openText(bytes.toString('utf8'), opener)
    const body = Buffer.concat(pieces)
    headers.delete('content-encoding')
    headers.set('Content-Length', String(body.length))
    return { ...response, body: Body.bytes(body), opened }
  } catch (error) {
    if (error instanceof MalformedError || error instanceof CodingError)
      return { ...response, body: Body.bytes(raw), opened: 0 }
    throw error
  }
}
