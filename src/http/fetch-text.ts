const TIMEOUT_MS = 60_000

export type Fetch = typeof globalThis.fetch

/** Gets a small text, such as a certificate. Nobody is followed elsewhere. */
export async function fetchText(url: string, fetch: Fetch): Promise<string> {
  const { response, bytes } = await fetchBytes(url, fetch, 64 * 1024, {}, 'error')
  if (response.status !== 200) throw new Error(`${url} answered ${response.status}`)
  return bytes.toString('utf8')
}

/** Gets a body of at most `maxBytes`, within a minute. Rejects with a sentence. */
export async function fetchBytes(
  url: string,
  fetch: Fetch,
  maxBytes: number,
  headers: Readonly<Record<string, string>>,
  redirect: 'follow' | 'error' = 'follow',
): Promise<{ readonly response: Response; readonly bytes: Buffer }> {
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
