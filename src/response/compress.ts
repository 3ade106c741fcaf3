import { normaliseAcceptEncoding } from '../http/accept-encoding.ts'
import { Body } from '../http/body.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import { type Coding, CompressedBody } from './compressed-body.ts'
import { addToVary } from './vary.ts'

/** Content-Length within which CloudFront compresses (DG:ServingCompressedFiles). */
const MIN_BYTES = 1_000
const MAX_BYTES = 10_000_000

/** Media types that CloudFront compresses (DG:ServingCompressedFiles). */
const COMPRESSIBLE: ReadonlySet<string> = new Set([
  ...under('application', 'dash+xml eot font font-sfnt javascript json opentype otf pdf pkcs7-mime protobuf'),
  ...under(
    'application',
    'rss+xml truetype ttf vnd.apple.mpegurl vnd.mapbox-vector-tile vnd.ms-fontobject wasm',
  ),
  ...under(
    'application',
    'xhtml+xml xml x-font-opentype x-font-truetype x-font-ttf x-httpd-cgi x-javascript',
  ),
  ...under('application', 'x-mpegurl x-opentype x-otf x-perl x-ttf'),
  ...under('font', 'eot opentype otf ttf'),
  'image/svg+xml',
  ...under('text', 'css csv html javascript js plain richtext tab-separated-values xml x-component'),
  ...under('text', 'x-java-source x-script'),
  'vnd.apple.mpegurl',
])

function under(type: string, subtypes: string): string[] {
  return subtypes.split(' ').map((subtype) => `${type}/${subtype}`)
}

/**
 * The response as it is to be stored and sent: compressed where all of CloudFront's conditions hold
 * (DG:ServingCompressedFiles), as it is otherwise. Changes the given response.
 */
export function compressResponse(passage: Passage, response: EdgeResponse): EdgeResponse {
  const coding = chooseCoding(passage, response)
  if (coding === undefined) return response
  const { headers } = response
  const length = Number(headers.get('content-length'))
  response.body = Body.stream(new CompressedBody(response.body, coding, length))
  headers.delete('content-length')
  headers.append('Content-Encoding', coding)
  addToVary(headers, 'Accept-Encoding')
  weakenETag(headers)
  return response
}

/** Which coding a response gets, or undefined; touches nothing. */
export function chooseCoding(passage: Passage, response: EdgeResponse): Coding | undefined {
  const { behavior, request, visit } = passage
  const { headers, status } = response
  const { cachePolicy } = behavior
  if (!behavior.compress || (!cachePolicy.gzip && !cachePolicy.brotli)) return undefined
  if (status !== 200 && status !== 403 && status !== 404) return undefined
  // A lifetime above 0. What else the lifetime depends on is known only when the response is stored.
  if (cachePolicy.maxTtlSeconds <= 0) return undefined
  if (request.method === 'HEAD' || response.body.kind === 'none') return undefined
  // Only what an origin sent is compressed, not the pages that the edge generates.
  if (visit.fault !== undefined) return undefined
  if (headers.has('content-encoding') || !hasFittingLength(headers)) return undefined
  const type = headers.get('content-type')
  if (type === undefined || !COMPRESSIBLE.has(mediaType(type))) return undefined
  // Listed among the headers of the cache key, Accept-Encoding is the origin's affair (fact sheet 8.4).
  if (cachePolicy.headers.includes('accept-encoding')) return undefined
  // CloudFront does not look at no-transform; a cache that follows the RFC must (RFC 9111 section 5.2.2.6).
  if (behavior.cacheProfile === 'rfc' && forbidsTransform(headers)) return undefined
  const accepted = normaliseAcceptEncoding(request.headers.getJoined('accept-encoding'), {
    gzip: cachePolicy.gzip,
    // Legacy settings know gzip only (fact sheet 8.2).
    brotli: cachePolicy.brotli && !cachePolicy.isLegacy,
    httpVersion: request.httpVersion,
  })
  if (accepted === undefined) return undefined
  return accepted === 'gzip' ? 'gzip' : 'br'
}

function hasFittingLength(headers: HeaderList): boolean {
  const text = headers.get('content-length')
  if (text === undefined || !DIGITS.test(text)) return false
  const length = Number(text)
  return length >= MIN_BYTES && length <= MAX_BYTES
}

const DIGITS = /^[0-9]{1,15}$/

/** The media type without its parameters, in lower case (RFC 9110 section 8.3.1). */
function mediaType(contentType: string): string {
  const end = contentType.indexOf(';')
  return (end === -1 ? contentType : contentType.slice(0, end)).trim().toLowerCase()
}

function forbidsTransform(headers: HeaderList): boolean {
  return headers.getJoined('cache-control')?.toLowerCase().includes('no-transform') === true
}

/** A strong ETag becomes weak, because the bytes are others now; one that is not valid goes (RFC 9110 section 8.8.1). */
function weakenETag(headers: HeaderList): void {
  const etag = headers.get('etag')
  if (etag === undefined || etag.startsWith('W/')) return
  if (etag.startsWith('"')) headers.set('ETag', `W/${etag}`)
  else headers.delete('etag')
}
