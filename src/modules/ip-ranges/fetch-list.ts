import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { type Fetch, fetchBytes } from '../../http/fetch-text.ts'
import { AWS_URL, type FeedConfig } from './config.ts'

/** Today's document has 1.8 MB. */
const MAX_BYTES = 32 * 1024 ** 2

export type Fetched =
  | { readonly kind: 'unchanged' }
  | {
      readonly kind: 'document'
      readonly text: string
      readonly md5: string
      readonly etag: string | undefined
    }

/** Gets the list of a feed, or learns by its ETag that it is the one of before. Rejects with a sentence. */
export async function fetchList(
  config: FeedConfig,
  etag: string | undefined,
  fetch: Fetch,
): Promise<Fetched> {
  if (config.file !== undefined) return documentOf(await readFile(config.file), undefined)
  const url = config.url ?? AWS_URL
  const { response, bytes } = await fetchBytes(
    url,
    fetch,
    MAX_BYTES,
    etag === undefined ? {} : { 'if-none-match': etag },
  )
  if (response.status === 304) return { kind: 'unchanged' }
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
  return documentOf(bytes, response.headers.get('etag') ?? undefined)
}

function documentOf(bytes: Buffer, etag: string | undefined): Fetched {
  // MD5 is what AWS's notification gives; the message that brings it is signed.
  return {
    kind: 'document',
    text: bytes.toString('utf8'),
    md5: createHash('md5').update(bytes).digest('hex'),
    etag,
  }
}
