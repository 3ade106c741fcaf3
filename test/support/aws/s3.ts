import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { decodeHeaderText } from '../../../src/seams/objects/encoded-words.ts'
import type { Clock } from '../../../src/base/clock.ts'
import { type FakeService, serve, ServiceError } from './json-service.ts'
import { listBucket } from './s3-listing.ts'
import { checkSignature, type S3Account } from './s3-signature.ts'

export interface StoredObject {
  readonly bytes: Buffer
  readonly etag: string
  readonly lastModified: number
  /** System headers and metadata, as they go back. */
  readonly headers: Readonly<Record<string, string>>
}

interface StoredUpload {
  readonly key: string
  readonly begun: number
  readonly headers: Readonly<Record<string, string>>
  readonly parts: Map<number, Buffer>
}

export interface FakeS3Options {
  readonly clock: Clock
  readonly buckets?: readonly string[]
  readonly account?: S3Account
}

export interface FakeS3 extends FakeService {
  readonly account: S3Account
  readonly buckets: ReadonlyMap<string, Map<string, StoredObject>>
  /** Uploads in parts that were begun and neither completed nor given up. */
  readonly uploads: ReadonlyMap<string, unknown>
  /** The next request of this operation gets this error instead of being carried out. */
  failNext(operation: string, error: ServiceError): void
}

export const S3_ACCOUNT: S3Account = {
  region: 'eu-central-1',
  accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  secretAccessKey: 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
}

const MIN_PART_BYTES = 5 * 1024 ** 2
const SYSTEM_HEADERS = [
  'content-type',
  'cache-control',
  'content-disposition',
  'content-encoding',
  'content-language',
  'expires',
]

interface Asked {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly query: URLSearchParams
  readonly bucket: string
  readonly key: string
  readonly body: Buffer
}

/**
 * The part of S3 that objects need, with the bucket in the path, as AWS documents it: signatures, digests, conditions,
 * ranges, uploads in parts, listings in pages, metadata as RFC 2047 words. What is not understood is refused.
 */
export async function fakeS3({
  clock,
  buckets: names = ['photos'],
  account = S3_ACCOUNT,
}: FakeS3Options): Promise<FakeS3> {
  const buckets = new Map(names.map((name) => [name, new Map<string, StoredObject>()]))
  const uploads = new Map<string, StoredUpload>()
  const failures = new Map<string, ServiceError>()
  const calls: FakeService['calls'] = []
  let nextUpload = 1

  const operations: Readonly<Record<string, (asked: Asked) => void>> = {
    HeadBucket({ response }) {
      response.end()
    },
    ListObjectsV2({ response, query, bucket }) {
      response.setHeader('content-type', 'application/xml')
      response.end(listBucket(bucket, buckets.get(bucket)!, query))
    },
    GetObject: (asked) => answerObject(asked, true),
    HeadObject: (asked) => answerObject(asked, false),
    DeleteObject({ response, bucket, key }) {
      buckets.get(bucket)!.delete(key)
      response.writeHead(204).end()
    },
    PutObject({ request, response, bucket, key, body }) {
      checkDigest(request, body)
      const objects = buckets.get(bucket)!
      checkConditions(request, objects.get(key))
      const etag = `"${createHash('md5').update(body).digest('hex')}"`
      objects.set(key, { bytes: body, etag, lastModified: clock.now(), headers: storedHeaders(request) })
      response.setHeader('etag', etag)
      response.end()
    },
    CreateMultipartUpload({ request, response, bucket, key }) {
      const id = `upload-${nextUpload++}`
      uploads.set(id, { key, begun: clock.now(), headers: storedHeaders(request), parts: new Map() })
      answerXml(
        response,
        `<InitiateMultipartUploadResult><Bucket>${bucket}</Bucket><UploadId>${id}</UploadId></InitiateMultipartUploadResult>`,
      )
    },
    UploadPart(asked) {
      checkDigest(asked.request, asked.body)
      const number = Number(asked.query.get('partNumber'))
      if (!Number.isInteger(number) || number < 1 || number > 10_000)
        throw new ServiceError(
          'InvalidArgument',
          'Part number must be an integer between 1 and 10000, inclusive',
        )
      uploadOf(asked).parts.set(number, asked.body)
      asked.response.setHeader('etag', `"${createHash('md5').update(asked.body).digest('hex')}"`)
      asked.response.end()
    },
    CompleteMultipartUpload(asked) {
      const { request, response, query, bucket, key, body } = asked
      const upload = uploadOf(asked)
      const objects = buckets.get(bucket)!
      checkConditions(request, objects.get(key))
      const listed = [...body.toString().matchAll(/<Part>(.*?)<\/Part>/gs)].map(([, text = '']) => ({
        number: Number(/<PartNumber>(\d+)</.exec(text)?.[1]),
        etag: /<ETag>(.*?)</.exec(text)?.[1]?.replaceAll('&quot;', '"'),
      }))
      if (listed.length === 0)
        throw new ServiceError('MalformedXML', 'The XML you provided was not well-formed')
      const pieces = listed.map(({ number, etag }, index) => {
        if (index > 0 && number <= listed[index - 1]!.number)
          throw new ServiceError('InvalidPartOrder', 'The list of parts was not in ascending order.')
        const bytes = upload.parts.get(number)
        if (bytes === undefined || etag !== `"${createHash('md5').update(bytes).digest('hex')}"`)
          throw new ServiceError('InvalidPart', 'One or more of the specified parts could not be found.')
        if (bytes.length < MIN_PART_BYTES && index < listed.length - 1)
          throw new ServiceError(
            'EntityTooSmall',
            'Your proposed upload is smaller than the minimum allowed size',
          )
        return bytes
      })
      const digests = pieces.map((bytes) => createHash('md5').update(bytes).digest())
      const etag = `"${createHash('md5').update(Buffer.concat(digests)).digest('hex')}-${pieces.length}"`
      objects.set(key, {
        bytes: Buffer.concat(pieces),
        etag,
        lastModified: upload.begun,
        headers: upload.headers,
      })
      uploads.delete(query.get('uploadId')!)
      answerXml(
        response,
        `<CompleteMultipartUploadResult><ETag>${etag.replaceAll('"', '&quot;')}</ETag></CompleteMultipartUploadResult>`,
      )
    },
    AbortMultipartUpload(asked) {
      uploadOf(asked)
      uploads.delete(asked.query.get('uploadId')!)
      asked.response.writeHead(204).end()
    },
  }

  function uploadOf({ query, key }: Asked): StoredUpload {
    const upload = uploads.get(query.get('uploadId') ?? '')
    if (upload !== undefined && upload.key === key) return upload
    throw new ServiceError('NoSuchUpload', 'The specified upload does not exist.', 404)
  }

  function answerObject({ request, response, bucket, key }: Asked, hasBody: boolean): void {
    const object = buckets.get(bucket)!.get(key)
    if (object === undefined) throw new ServiceError('NoSuchKey', 'The specified key does not exist.', 404)
    const { bytes, etag, lastModified, headers } = object
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
    response.setHeader('etag', etag)
    response.setHeader('last-modified', new Date(lastModified).toUTCString())
    response.setHeader('accept-ranges', 'bytes')
    const range = rangeOf(request.headers.range, bytes.length)
    if (range !== undefined) {
      response.statusCode = 206
      response.setHeader('content-range', `bytes ${range.start}-${range.end}/${bytes.length}`)
    }
    const sent = range === undefined ? bytes : bytes.subarray(range.start, range.end + 1)
    response.setHeader('content-length', sent.length)
    response.end(hasBody ? sent : undefined)
  }

  const service = await serve(
    calls,
    async (request, response) => {
      const body = await buffer(request)
      response.setHeader('date', new Date(clock.now()).toUTCString())
      checkSignature(request, body, account)
      const [path = '', search = ''] = (request.url ?? '').split('?')
      const [, bucket = '', ...rest] = path.split('/').map(decodeURIComponent)
      const key = rest.join('/')
      const query = new URLSearchParams(search)
      const operation = operationOf(request.method ?? '', key, query)
      calls.push({ operation, input: { bucket, key, ...request.headers } })
      const failure = failures.get(operation)
      if (failure !== undefined) {
        failures.delete(operation)
        throw failure
      }
      if (Buffer.byteLength(key) > 1_024) throw new ServiceError('KeyTooLongError', 'Your key is too long')
      if (/(?:^|\/)\.\.?(?:\/|$)/.test(key))
        throw new ServiceError('InvalidURI', "Couldn't parse the specified URI.")
      if (!buckets.has(bucket))
        throw new ServiceError('NoSuchBucket', 'The specified bucket does not exist', 404)
      const run = operations[operation]
      if (run === undefined) throw new ServiceError('NotImplemented', operation, 501)
      run({ request, response, query, bucket, key, body })
    },
    ({ name, message }) => ({
      type: 'application/xml',
      body: `<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>${name}</Code><Message>${message}</Message><RequestId>4442587FB7D0A2F9</RequestId></Error>`,
    }),
  )
  return Object.assign(service, {
    account,
    buckets,
    uploads,
    failNext: (operation: string, error: ServiceError) => void failures.set(operation, error),
  })
}

function operationOf(method: string, key: string, query: URLSearchParams): string {
  if (key === '') {
    if (method === 'HEAD') return 'HeadBucket'
    return method === 'GET' && query.get('list-type') === '2' ? 'ListObjectsV2' : `${method} of a bucket`
  }
  if (query.has('uploads')) return 'CreateMultipartUpload'
  if (query.has('uploadId')) {
    if (method === 'PUT') return 'UploadPart'
    return method === 'POST' ? 'CompleteMultipartUpload' : 'AbortMultipartUpload'
  }
  const names: Record<string, string> = {
    GET: 'GetObject',
    HEAD: 'HeadObject',
    PUT: 'PutObject',
    DELETE: 'DeleteObject',
  }
  return names[method] ?? `${method} of an object`
}

function answerXml(response: ServerResponse, xml: string): void {
  response.setHeader('content-type', 'application/xml')
  response.end(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`)
}

function checkDigest(request: IncomingMessage, body: Buffer): void {
  if (request.headers['content-length'] === undefined)
    throw new ServiceError('MissingContentLength', 'You must provide the Content-Length HTTP header.', 411)
  if (request.headers['content-md5'] !== createHash('md5').update(body).digest('base64'))
    throw new ServiceError('BadDigest', 'The Content-MD5 you specified did not match what we received.')
}

/** S3 User Guide, "How to prevent object overwrites with conditional writes". */
function checkConditions(request: IncomingMessage, before: StoredObject | undefined): void {
  const { 'if-none-match': ifNoneMatch, 'if-match': ifMatch } = request.headers
  if (ifNoneMatch !== undefined && ifNoneMatch !== '*')
    throw new ServiceError('NotImplemented', 'A header you provided implies functionality that is not', 501)
  const isHeld =
    (ifNoneMatch === undefined || before === undefined) && (ifMatch === undefined || ifMatch === before?.etag)
  if (isHeld) return
  if (ifMatch !== undefined && before === undefined)
    throw new ServiceError('NoSuchKey', 'The specified key does not exist.', 404)
  throw new ServiceError(
    'PreconditionFailed',
    'At least one of the pre-conditions you specified did not hold',
    412,
  )
}

/** Metadata is decoded before it is stored, and bounded; what is not ASCII goes back in Q words of RFC 2047. */
function storedHeaders(request: IncomingMessage): Record<string, string> {
  const stored: Record<string, string> = {}
  let metadataBytes = 0
  for (const [name, given] of Object.entries(request.headers)) {
    const value = String(given)
    if (/[^\t\x20-\x7e]/.test(value))
      throw new ServiceError('InvalidArgument', `the header ${name} is not US-ASCII`)
    if (SYSTEM_HEADERS.includes(name)) stored[name] = value
    if (!name.startsWith('x-amz-meta-')) continue
    const text = decodeHeaderText(value)
    metadataBytes += name.length - 'x-amz-meta-'.length + Buffer.byteLength(text)
    stored[name] = /^[\t\x20-\x7e]*$/.test(text) ? text : qWord(text)
  }
  if (metadataBytes > 2_048)
    throw new ServiceError(
      'MetadataTooLarge',
      'Your metadata headers exceed the maximum allowed metadata size',
    )
  return stored
}

function qWord(text: string): string {
  const bytes = [...Buffer.from(text)].map((byte) =>
    /[A-Za-z0-9]/.test(String.fromCharCode(byte))
      ? String.fromCharCode(byte)
      : `=${byte.toString(16).toUpperCase().padStart(2, '0')}`,
  )
  return `=?UTF-8?Q?${bytes.join('')}?=`
}

function rangeOf(header: string | undefined, size: number): { start: number; end: number } | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(header ?? '')
  if (match === null) return undefined
  const [, first = '', last = ''] = match
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start >= size || end < start)
    throw new ServiceError('InvalidRange', 'The requested range is not satisfiable', 416)
  return { start, end }
}
