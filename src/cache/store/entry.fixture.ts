import { createCipheriv, createHash } from 'node:crypto'
import type { Entry } from '../entry.ts'

/** An entry for tests: fresh for an hour, everything that is not given derived from `key`. */
export function entryFor(key: string, bodyBytes: number, more: Partial<Entry> = {}): Entry {
  return {
    key,
    baseKey: key,
    distributionId: 'E1',
    path: `/${key}`,
    status: 200,
    fields: ['Content-Type', 'text/plain', 'ETag', `"${key}"`],
    bodyBytes,
    requestedAt: 1_000,
    receivedAt: 1_010,
    initialAgeSeconds: 0,
    freshUntil: 3_601_000,
    staleWhileRevalidateUntil: 3_601_000,
    staleIfErrorUntil: 3_601_000,
    mustRevalidate: false,
    etag: `"${key}"`,
    lastModified: undefined,
    tags: [],
    vary: [],
    part: undefined,
    revision: 1,
    ...more,
  }
}

/** Bytes that only this seed gives: no two bodies of tests share a block. */
export function bytesFor(seed: string, length: number): Buffer {
  const key = createHash('sha256').update(seed).digest()
  const cipher = createCipheriv('aes-256-ctr', key, Buffer.alloc(16))
  return Buffer.concat([cipher.update(Buffer.alloc(length)), cipher.final()])
}
