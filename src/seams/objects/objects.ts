import type { Readable } from 'node:stream'

/** What travels with an object, in HTTP's words; S3 calls these system metadata. */
export interface ObjectHeaders {
  readonly contentType?: string
  readonly cacheControl?: string
  readonly contentDisposition?: string
  readonly contentEncoding?: string
  readonly contentLanguage?: string
  readonly expires?: string
}

/** What a listing tells of an object: S3 lists neither headers nor metadata. */
export interface ObjectSummary {
  readonly key: string
  readonly size: number
  /**
   * Names one content of the object, between quotes. The MD5 of the bytes in hex in a folder and for what S3 took in
   * one piece; another text for uploads in parts (`"…-7"`) and for buckets that encrypt with keys of AWS KMS.
   */
  readonly etag: string
  /** Milliseconds since the Unix epoch; whole seconds in S3. */
  readonly lastModified: number
}

/** Everything about an object but its bytes. */
export interface ObjectHead extends ObjectSummary {
  readonly headers: ObjectHeaders
  /** User metadata; names are lower case. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Bytes `start` to `end`, both counted from 0 and inclusive; or the last `suffix` bytes (RFC 9110 section 14.1.2). */
export type ObjectRange = { readonly start: number; readonly end?: number } | { readonly suffix: number }

export interface ObjectRead {
  readonly head: ObjectHead
  /** The bytes sent: all of them, or the range, which is within the object. Both ends inclusive. */
  readonly range: { readonly start: number; readonly end: number } | undefined
  /** Bytes in `body`. */
  readonly length: number
  /** Has one owner, who reads it to the end or destroys it. */
  readonly body: Readable
}

/** `ifNoneMatch: '*'` writes only where there is nothing; `ifMatch` only over the object with this ETag. */
export interface PutObjectOptions {
  readonly headers?: ObjectHeaders
  readonly metadata?: Readonly<Record<string, string>>
  readonly ifNoneMatch?: '*'
  readonly ifMatch?: string
  /** The number of bytes announced; another number is `invalid`, and nothing is stored. */
  readonly length?: number
}

export interface ListObjectsOptions {
  readonly prefix?: string
  /** Keys that have this after the prefix are given as one common prefix, up to and including it. */
  readonly delimiter?: string
  /** Where to go on: `continuation` of the page before. */
  readonly continuation?: string
  /** Objects and prefixes together, 1 to 1,000; 1,000 unless given. */
  readonly limit?: number
}

/** One page of a listing, in the order of the keys' UTF-8 bytes. */
export interface ObjectPage {
  readonly objects: readonly ObjectSummary[]
  readonly prefixes: readonly string[]
  /** Undefined on the last page. */
  readonly continuation: string | undefined
}

/**
 * Objects by key, in the shape of S3. A key is any well-formed text of 1 to 1,024 UTF-8 bytes: no character has a
 * meaning, `a//b` and `a/` are keys like others, and `a` and `a/b` live side by side. A put is seen as a whole or
 * not at all, also by readers of the object it replaces. Segments `.` and `..` mean nothing in a folder and are refused
 * (`invalid`) by S3 drivers, because some storages resolve them.
 */
export interface Objects extends AsyncDisposable {
  /** The object, or undefined. Rejects with `range` when the range begins behind the end (416). */
  get(key: string, options?: { readonly range?: ObjectRange }): Promise<ObjectRead | undefined>
  head(key: string): Promise<ObjectHead | undefined>
  /**
   * Stores an object. Rejects with `conflict` when its condition does not hold (412; `not-found` for an `ifMatch`
   * where there is nothing), with `invalid` or `limit`, and with the stream's error when `body` fails.
   */
  put(key: string, body: Readable | Uint8Array | string, options?: PutObjectOptions): Promise<ObjectHead>
  /** Removes an object; content when there is none, as S3. */
  delete(key: string): Promise<void>
  list(options?: ListObjectsOptions): Promise<ObjectPage>
  close(): Promise<void>
}
