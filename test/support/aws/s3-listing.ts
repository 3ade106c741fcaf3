import { ServiceError } from './json-service.ts'
import type { StoredObject } from './s3.ts'

/** The answer to ListObjectsV2, in the order of the keys' bytes and in pages whose tokens only this bucket understands. */
export function listBucket(
  bucket: string,
  objects: ReadonlyMap<string, StoredObject>,
  query: URLSearchParams,
): string {
  const prefix = query.get('prefix') ?? ''
  const delimiter = query.get('delimiter') ?? ''
  const limit = Number(query.get('max-keys') ?? 1_000)
  if (!Number.isInteger(limit) || limit < 0 || limit > 1_000)
    throw new ServiceError('InvalidArgument', 'Argument maxKeys must be an integer between 0 and 2147483647')
  const write = query.get('encoding-type') === 'url' ? encodeUrl : encodeXml
  const token = query.get('continuation-token')
  const after = token === null ? undefined : readToken(bucket, token)
  const entries: { readonly name: string; readonly object: StoredObject | undefined }[] = []
  const keys = [...objects.keys()].toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const key of keys) {
    if (!key.startsWith(prefix)) continue
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length)
    const common = end === -1 ? undefined : key.slice(0, end + delimiter.length)
    const name = common ?? key
    if (entries.at(-1)?.name === name && common !== undefined) continue
    entries.push({ name, object: common === undefined ? objects.get(key) : undefined })
  }
  const rest = entries.filter(({ name }) => after === undefined || isAfter(name, after))
  const page = rest.slice(0, limit)
  const contents = page.map(({ name, object }) =>
    object === undefined
      ? `<CommonPrefixes><Prefix>${write(name)}</Prefix></CommonPrefixes>`
      : `<Contents><Key>${write(name)}</Key><LastModified>${new Date(object.lastModified).toISOString()}</LastModified><ETag>${encodeXml(object.etag)}</ETag><Size>${object.bytes.length}</Size><StorageClass>STANDARD</StorageClass></Contents>`,
  )
  const isTruncated = rest.length > page.length
  const encoding = query.get('encoding-type') === 'url' ? '<EncodingType>url</EncodingType>' : ''
  const next = isTruncated
    ? `<NextContinuationToken>${writeToken(bucket, page.at(-1)!.name)}</NextContinuationToken>`
    : ''
  return `<?xml version="1.0" encoding="UTF-8"?>\n<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${bucket}</Name><KeyCount>${page.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${isTruncated}</IsTruncated>${encoding}${next}${contents.join('')}</ListBucketResult>`
}

function isAfter(name: string, after: string): boolean {
  return Buffer.compare(Buffer.from(name), Buffer.from(after)) > 0
}

function writeToken(bucket: string, last: string): string {
  return Buffer.from(JSON.stringify([bucket, last])).toString('base64')
}

function readToken(bucket: string, token: string): string {
  try {
    const [owner, last] = JSON.parse(Buffer.from(token, 'base64').toString()) as [string, string]
    if (owner === bucket) return last
  } catch {
    // Told below.
  }
  throw new ServiceError('InvalidArgument', 'The continuation token provided is incorrect')
}

/** As S3 does: a space is a plus, and slashes stay. */
function encodeUrl(text: string): string {
  return encodeURIComponent(text).replaceAll('%20', '+').replaceAll('%2F', '/')
}

function encodeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
