/**
 * A stored response, or a stored part of one. The head is plain data that fits in one line of an index; the body
 * is bytes in memory or stays on disk. Times are milliseconds since the epoch.
 */
export interface Entry {
  /** The cache key, and for a variant (Vary) or a part (206) what distinguishes it. */
  readonly key: string
  /** The key without variant or part: what invalidation and explain go by. */
  readonly baseKey: string
  readonly distributionId: string
  /** Path with query as in the key: invalidation by path compares it. */
  readonly path: string
  readonly status: number
  /** Fields to send, flat pairs, as the origin sent them after origin-response and compression; no Age. */
  readonly fields: readonly string[]
  readonly bodyBytes: number
  /** When the request for it left and when its head arrived. */
  readonly requestedAt: number
  readonly receivedAt: number
  /** Seconds it was old on arrival (RFC 9111 section 4.2.3). */
  readonly initialAgeSeconds: number
  /** Fresh before this moment. */
  readonly freshUntil: number
  /** Until when it may be served stale while it is refreshed, and when the origin fails. */
  readonly staleWhileRevalidateUntil: number
  readonly staleIfErrorUntil: number
  /** Whether a stale copy must not be used without asking the origin (must-revalidate, no-cache). */
  readonly mustRevalidate: boolean
  readonly etag: string | undefined
  readonly lastModified: string | undefined
  readonly tags: readonly string[]
  /** `rfc` profile: the fields it varies by, and the values of the request it answered. */
  readonly vary: readonly (readonly [name: string, value: string])[]
  /** A stored part: first and last byte and the size of the whole, which may be unknown. */
  readonly part:
    | { readonly first: number; readonly last: number; readonly size: number | undefined }
    | undefined
  /** Counts up with every change of the head (304, soft purge), so that stores keep the newest. */
  readonly revision: number
}

/** Bytes that an entry costs in memory beside its body: head, key and bookkeeping, roughly. */
export function headCost(entry: Entry): number {
  let bytes = 400 + entry.key.length * 2
  for (const field of entry.fields) bytes += field.length + 16
  for (const tag of entry.tags) bytes += tag.length + 32
  return bytes
}
