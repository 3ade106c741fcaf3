import { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadBucketCommand,
  HeadObjectCommand,
  ListObjectsV2Command,
  type S3Client,
} from '@aws-sdk/client-s3'
import { SeamError } from '../seam-error.ts'
import { partsOf } from './body-parts.ts'
import { badContinuation, checkListing } from './check-listing.ts'
import { checkedHeaders, checkedMetadata } from './check-put.ts'
import { MAX_KEY_BYTES, checkKey } from './key-path.ts'
import type {
  ListObjectsOptions,
  ObjectHead,
  ObjectPage,
  ObjectRange,
  ObjectRead,
  Objects,
  ObjectSummary,
  PutObjectOptions,
} from './objects.ts'
import { checkRange, outside } from './resolve-range.ts'
import { type S3ObjectsOptions, s3ClientOf } from './s3-client.ts'
import { type S3Place, faultOf, s3SeamError } from './s3-error.ts'
import { headOf, wholeSeconds } from './s3-head.ts'
import { type Stored, Upload } from './s3-upload.ts'

const CONTINUATION = 's3.'
const CONTENT_RANGE = /^bytes (\d+)-(\d+)\/(\d+)$/
const CLIMBS = /(?:^|\/)\.\.?(?:\/|$)/

/** Objects in a bucket of S3, or of a storage that speaks its protocol, under their keys. Nothing is asked before the first call. */
export function openS3Objects(options: S3ObjectsOptions): Objects {
  return new S3Objects(s3ClientOf(options), options)
}

class S3Objects implements Objects {
  readonly #client: S3Client
  readonly #options: S3ObjectsOptions
  readonly #place: S3Place
  /** An answer to HEAD does not tell a missing bucket from a missing object; asked once. */
  #bucketIsThere: Promise<void> | undefined
  #isClosed = false

  constructor(client: S3Client, options: S3ObjectsOptions) {
    const { bucket, endpoint, region, setting } = options
    this.#client = client
    this.#options = options
    this.#place = { bucket, where: endpoint ?? `S3${region === undefined ? '' : ` in ${region}`}`, setting }
  }

  async get(key: string, { range }: { readonly range?: ObjectRange } = {}): Promise<ObjectRead | undefined> {
    const where = this.#whereIs(key)
    if (range !== undefined) checkRange(key, range)
    const output = await this.#unlessMissing(key, async () =>
      this.#client.send(
        new GetObjectCommand({ ...where, ...(range !== undefined && { Range: rangeHeaderOf(range) }) }),
      ),
    )
    if (output === undefined) return undefined
    const { Body: body, ContentRange: sent, ContentLength: length = 0 } = output
    if (!(body instanceof Readable)) throw new Error('the body of an object is no stream of Node.js')
    const part = sent === undefined ? undefined : parseContentRange(sent)
    if (range !== undefined && part === undefined) {
      body.destroy()
      // RFC 9110 section 14.2 lets a server ignore a range of nothing.
      if (length === 0 || ('suffix' in range && range.suffix === 0)) throw outside(key, length)
      throw new SeamError(
        'unavailable',
        `${this.#place.where} does not answer ranges, and one was asked of "${key}"`,
      )
    }
    return {
      head: headOf(key, part?.size ?? length, output),
      range: part === undefined ? undefined : { start: part.start, end: part.end },
      length,
      body,
    }
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const where = this.#whereIs(key)
    const output = await this.#unlessMissing(key, () => this.#client.send(new HeadObjectCommand(where)))
    if (output !== undefined) return headOf(key, output.ContentLength ?? 0, output)
    await (this.#bucketIsThere ??= this.#lookForBucket())
    return undefined
  }

  async put(
    key: string,
    body: Readable | Uint8Array | string,
    options: PutObjectOptions = {},
  ): Promise<ObjectHead> {
    let upload: Upload | undefined
    try {
      const { ifNoneMatch, ifMatch, length } = options
      const where = this.#whereIs(key)
      const headers = checkedHeaders(key, options.headers ?? {})
      const metadata = checkedMetadata(key, options.metadata ?? {})
      const explain = (error: unknown): Error => this.#putError(key, options, error)
      const { clock } = this.#options
      upload = new Upload(this.#client, { where, headers, metadata, ifNoneMatch, ifMatch, clock, explain })
      let stored: Stored | undefined
      for await (const part of partsOf(key, body, length)) stored = await upload.send(part)
      if (stored === undefined) throw new Error(`the object "${key}" had no last part`)
      return { key, ...stored, headers, metadata }
    } catch (error) {
      // The stream was given to us: nobody else will end it.
      if (body instanceof Readable) body.destroy()
      await upload?.abandon()
      throw error
    }
  }

  async delete(key: string): Promise<void> {
    const where = this.#whereIs(key)
    await this.#unlessMissing(key, () => this.#client.send(new DeleteObjectCommand(where)))
  }

  async list(options: ListObjectsOptions = {}): Promise<ObjectPage> {
    this.#checkOpen()
    checkListing(options)
    const { prefix = '', delimiter = '', limit, continuation } = options
    if (continuation?.startsWith(CONTINUATION) === false) throw badContinuation()
    const before = this.#options.prefix
    // No key is as long, and the service refuses to look for it.
    if (Buffer.byteLength(before + prefix) > MAX_KEY_BYTES)
      return { objects: [], prefixes: [], continuation: undefined }
    const output = await this.#asked(`listing "${prefix}"`, () =>
      this.#client.send(
        new ListObjectsV2Command({
          Bucket: this.#options.bucket,
          Prefix: before + prefix,
          // A key may hold characters that no XML can.
          EncodingType: 'url',
          ...(delimiter !== '' && { Delimiter: delimiter }),
          ...(limit !== undefined && { MaxKeys: limit }),
          ...(continuation !== undefined && { ContinuationToken: continuation.slice(CONTINUATION.length) }),
        }),
      ),
    )
    const isEncoded = output.EncodingType === 'url'
    const keyOf = (text: string): string => (isEncoded ? this.#decoded(text) : text).slice(before.length)
    const objects = (output.Contents ?? []).map(({ Key, Size, ETag, LastModified }): ObjectSummary => ({
      key: keyOf(Key ?? ''),
      size: Size ?? 0,
      etag: ETag ?? '',
      lastModified: wholeSeconds(LastModified?.getTime() ?? 0),
    }))
    return {
      // The prefix itself, which consoles make so that an empty folder shows, is no key of this store.
      objects: objects.filter(({ key }) => key !== ''),
      prefixes: (output.CommonPrefixes ?? []).map(({ Prefix }) => keyOf(Prefix ?? '')),
      continuation:
        output.IsTruncated === true && output.NextContinuationToken !== undefined
          ? CONTINUATION + output.NextContinuationToken
          : undefined,
    }
  }

  async close(): Promise<void> {
    this.#isClosed = true
    this.#client.destroy()
    return await Promise.resolve()
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close()
  }

  /** Bucket and whole key of an object. Throws `closed` and `invalid`. */
  #whereIs(key: string): { readonly Bucket: string; readonly Key: string } {
    this.#checkOpen()
    checkKey(key)
    const { bucket, prefix, setting } = this.#options
    const whole = prefix + key
    if (Buffer.byteLength(whole) > MAX_KEY_BYTES)
      throw new SeamError(
        'invalid',
        `the object key "${key.slice(0, 80)}…" is too long: with the prefix of ${setting} it has more than ${MAX_KEY_BYTES} bytes`,
      )
    // S3 keeps such keys apart; other storages and proxies before them resolve the path, perhaps into another bucket.
    if (CLIMBS.test(whole))
      throw new SeamError(
        'invalid',
        `the object key "${key}" has a segment "." or "..", which is not asked of S3`,
      )
    return { Bucket: bucket, Key: whole }
  }

  /** What a call gives, or undefined where it finds no object. */
  async #unlessMissing<T>(key: string, call: () => Promise<T>): Promise<T | undefined> {
    return await this.#asked(`the object "${key}"`, async () => {
      try {
        return await call()
      } catch (error) {
        const { name, status } = faultOf(error)
        if (status === 404 && name !== 'NoSuchBucket') return undefined
        throw error
      }
    })
  }

  async #asked<T>(about: string, call: () => Promise<T>): Promise<T> {
    try {
      return await call()
    } catch (error) {
      throw s3SeamError(this.#place, about, error)
    }
  }

  #putError(key: string, { ifMatch }: PutObjectOptions, error: unknown): SeamError {
    const { name, status } = faultOf(error)
    if (ifMatch !== undefined && status === 404 && name !== 'NoSuchBucket')
      return new SeamError('not-found', `there is no object "${key}" to replace`)
    return s3SeamError(this.#place, `the object "${key}"`, error)
  }

  async #lookForBucket(): Promise<void> {
    try {
      await this.#client.send(new HeadBucketCommand({ Bucket: this.#options.bucket }))
    } catch (error) {
      // Who may read objects need not be allowed to ask this.
      if (faultOf(error).status !== 404) return
      this.#bucketIsThere = undefined
      const { bucket, where, setting } = this.#place
      throw new SeamError(
        'not-found',
        `there is no bucket "${bucket}" (${where}). Make the bucket, or correct ${setting}.bucket`,
      )
    }
  }

  #decoded(text: string): string {
    try {
      return decodeURIComponent(text.replaceAll('+', ' '))
    } catch (error) {
      throw new SeamError(
        'corrupt',
        `${this.#place.where} lists a key that is not encoded as it says: ${text}`,
        {
          cause: error,
        },
      )
    }
  }

  #checkOpen(): void {
    if (!this.#isClosed) return
    throw new SeamError(
      'closed',
      `the objects in the bucket "${this.#options.bucket}" were used after they had been closed`,
    )
  }
}

function rangeHeaderOf(range: ObjectRange): string {
  return 'suffix' in range ? `bytes=-${range.suffix}` : `bytes=${range.start}-${range.end ?? ''}`
}

function parseContentRange(
  text: string,
): { readonly start: number; readonly end: number; readonly size: number } | undefined {
  const match = CONTENT_RANGE.exec(text)
  return match === null
    ? undefined
    : { start: Number(match[1]), end: Number(match[2]), size: Number(match[3]) }
}
