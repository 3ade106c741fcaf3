import { createHash } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { AWS_URL, type FeedConfig } from './config.ts'

/** Today's document has 1.8 MB. */
const MAX_BYTES = 32 * 1024 ** 2
const TIMEOUT_MS = 60_000

export type Fetch = typeof globalThis.fetch

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
  const { response, bytes } = await get(
    url,
    fetch,
    MAX_BYTES,
    etag === undefined ? {} : { 'if-none-match': etag },
  )
  if (response.status === 304) return { kind: 'unchanged' }
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
  return documentOf(bytes, response.headers.get('etag') ?? undefined)
}

/** Gets a small text, such as a certificate. Nobody is followed elsewhere. */
export async function fetchText(url: string, fetch: Fetch): Promise<string> {
  const { response, bytes } = await get(url, fetch, 64 * 1024, {}, 'error')
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
  return bytes.toString('utf8')
}

async function get(
  url: string,
  fetch: Fetch,
  maxBytes: number,
  headers: Readonly<Record<string, string>>,
  redirect: 'follow' | 'error' = 'follow',
) {
  let response: Response
  const chunks: Uint8Array[] = []
  try {
    response = await fetch(url, { headers, redirect, signal: AbortSignal.timeout(TIMEOUT_MS) })
    let size = 0
    for await (const chunk of response.body ?? []) {
      size += chunk.length
      if (size > maxBytes) throw new Error(`it has more than ${maxBytes} bytes`)
      chunks.push(chunk)
    }
  } catch (error) {
    const reason =
      error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)
    throw new Error(`${url} cannot be read: ${reason}`, { cause: error })
  }
  return { response, bytes: Buffer.concat(chunks) }
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
