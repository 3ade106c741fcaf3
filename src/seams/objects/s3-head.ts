import type { HeadObjectCommandOutput } from '@aws-sdk/client-s3'
import { decodeHeaderText } from './encoded-words.ts'
import type { ObjectHead, ObjectHeaders } from './objects.ts'
import { NO_TYPE } from './s3-upload.ts'

/** What an answer to GET or HEAD tells of an object of `size` bytes. */
export function headOf(key: string, size: number, output: HeadObjectCommandOutput): ObjectHead {
  const { ContentType: type } = output
  const headers: ObjectHeaders = {
    ...(type !== undefined && type !== NO_TYPE && { contentType: decodeHeaderText(type) }),
    ...header('cacheControl', output.CacheControl),
    ...header('contentDisposition', output.ContentDisposition),
    ...header('contentEncoding', output.ContentEncoding),
    ...header('contentLanguage', output.ContentLanguage),
    ...header('expires', output.ExpiresString),
  }
  const metadata = Object.fromEntries(
    Object.entries(output.Metadata ?? {}).map(([name, value]) => [
      name.toLowerCase(),
      decodeHeaderText(value),
    ]),
  )
  return {
    key,
    size,
    etag: output.ETag ?? '',
    lastModified: wholeSeconds(output.LastModified?.getTime() ?? 0),
    headers,
    metadata,
  }
}

function header(name: keyof ObjectHeaders, value: string | undefined): ObjectHeaders {
  return value === undefined ? {} : { [name]: decodeHeaderText(value) }
}

/** Some storages list milliseconds; a header has none. */
export function wholeSeconds(ms: number): number {
  return Math.floor(ms / 1_000) * 1_000
}
