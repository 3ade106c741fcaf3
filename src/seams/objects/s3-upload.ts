import { createHash } from 'node:crypto'
import {
  AbortMultipartUploadCommand,
  type CompletedPart,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  PutObjectCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import type { Clock } from '../../base/clock.ts'
import type { Part } from './body-parts.ts'
import { encodeHeaderText } from './encoded-words.ts'
import type { ObjectHeaders } from './objects.ts'

/** What S3 itself says of an object without a type. Sent all the same: clients and other storages have other defaults. */
export const NO_TYPE = 'binary/octet-stream'

const HEADERS = {
  contentType: 'content-type',
  cacheControl: 'cache-control',
  contentDisposition: 'content-disposition',
  contentEncoding: 'content-encoding',
  contentLanguage: 'content-language',
  expires: 'expires',
} as const satisfies Record<keyof ObjectHeaders, string>

export interface UploadPlan {
  readonly where: { readonly Bucket: string; readonly Key: string }
  readonly headers: ObjectHeaders
  readonly metadata: Readonly<Record<string, string>>
  readonly ifNoneMatch: '*' | undefined
  readonly ifMatch: string | undefined
  readonly clock: Clock
  /** An error of the service in the words of the seam. */
  readonly explain: (error: unknown) => Error
}

export interface Stored {
  readonly etag: string
  readonly size: number
  readonly lastModified: number
}

/**
 * One object on its way to S3: in one request where it is one part, else as an upload in parts, of which one is sent
 * while the next is read. Nothing is seen of it before the last part; conditions are judged then.
 */
export class Upload {
  readonly #client: S3Client
  readonly #plan: UploadPlan
  readonly #parts: CompletedPart[] = []
  #id: string | undefined
  #inFlight: Promise<void> = Promise.resolve()
  #size = 0
  #lastModified = 0

  constructor(client: S3Client, plan: UploadPlan) {
    this.#client = client
    this.#plan = plan
  }

  /** Sends a part; gives what is stored after the last one. */
  async send(part: Part): Promise<Stored | undefined> {
    this.#size += part.bytes.length
    try {
      if (part.isLast && part.number === 1) return await this.#sendWhole(part.bytes)
      const id = (this.#id ??= await this.#begin())
      await this.#inFlight
      this.#inFlight = this.#sendPart(id, part)
      // Whoever awaits it next gets the error.
      this.#inFlight.catch(ignoreHere)
      if (!part.isLast) return undefined
      await this.#inFlight
      return await this.#complete(id)
    } catch (error) {
      throw this.#plan.explain(error)
    }
  }

  /** Takes back what was sent of an upload that will not be completed; what S3 keeps of it costs money. */
  async abandon(): Promise<void> {
    await this.#inFlight.catch(ignoreHere)
    if (this.#id === undefined) return
    try {
      await this.#client.send(new AbortMultipartUploadCommand({ ...this.#plan.where, UploadId: this.#id }))
    } catch {
      // The put has failed for a reason its caller is told; a lifecycle rule of the bucket is there for the rest.
    }
  }

  async #sendWhole(bytes: Buffer): Promise<Stored> {
    const command = new PutObjectCommand({
      ...this.#described(),
      ...this.#conditions(),
      Body: bytes,
      ContentMD5: md5Of(bytes),
    })
    this.#prepare(command.middlewareStack)
    const { ETag } = await this.#client.send(command)
    return { etag: ETag ?? '', size: this.#size, lastModified: this.#lastModified }
  }

  async #begin(): Promise<string> {
    const command = new CreateMultipartUploadCommand(this.#described())
    // The two steps look at neither input nor output, which is all that their types differ in.
    this.#prepare(command.middlewareStack as unknown as PutObjectCommand['middlewareStack'])
    const { UploadId } = await this.#client.send(command)
    if (UploadId === undefined) throw new Error('the upload that was begun has no id')
    return UploadId
  }

  async #sendPart(id: string, { number, bytes }: Part): Promise<void> {
    const { ETag } = await this.#client.send(
      new UploadPartCommand({
        ...this.#plan.where,
        UploadId: id,
        PartNumber: number,
        Body: bytes,
        ContentMD5: md5Of(bytes),
      }),
    )
    this.#parts.push({ PartNumber: number, ...(ETag !== undefined && { ETag }) })
  }

  async #complete(id: string): Promise<Stored> {
    const { ETag } = await this.#client.send(
      new CompleteMultipartUploadCommand({
        ...this.#plan.where,
        ...this.#conditions(),
        UploadId: id,
        MultipartUpload: { Parts: this.#parts },
      }),
    )
    this.#id = undefined
    return { etag: ETag ?? '', size: this.#size, lastModified: this.#lastModified }
  }

  #described() {
    const { where, metadata } = this.#plan
    return {
      ...where,
      Metadata: Object.fromEntries(
        Object.entries(metadata).map(([name, value]) => [name, encodeHeaderText(value)]),
      ),
    }
  }

  #conditions() {
    const { ifNoneMatch, ifMatch } = this.#plan
    return {
      ...(ifNoneMatch !== undefined && { IfNoneMatch: ifNoneMatch }),
      ...(ifMatch !== undefined && { IfMatch: ifMatch }),
    }
  }

  /**
   * What the SDK's commands do not carry: headers exactly as they are given (it takes Expires as a date only, and has a
   * type of its own), and the time of the answer, which is what S3 will give as Last-Modified: of a put its own, of
   * an upload in parts that of its beginning.
   */
  #prepare(stack: PutObjectCommand['middlewareStack']): void {
    const { headers, clock } = this.#plan
    stack.add(
      (next) => async (args) => {
        const sent = fieldsOf(args.request)
        if (sent !== undefined) {
          sent['content-type'] = NO_TYPE
          for (const name of Object.keys(HEADERS) as (keyof ObjectHeaders)[]) {
            const value = headers[name]
            if (value !== undefined) sent[HEADERS[name]] = encodeHeaderText(value)
          }
        }
        return await next(args)
      },
      // Before it is signed.
      { step: 'build', name: 'headersAsGiven' },
    )
    stack.add(
      (next) => async (args) => {
        const result = await next(args)
        const date = Date.parse(fieldsOf(result.response)?.['date'] ?? '')
        this.#lastModified = Math.floor((Number.isNaN(date) ? clock.now() : date) / 1_000) * 1_000
        return result
      },
      { step: 'deserialize', name: 'timeOfAnswer' },
    )
  }
}

/** The headers of a request or an answer, which the SDK types as unknown on its way. */
function fieldsOf(message: unknown): Record<string, string> | undefined {
  if (typeof message !== 'object' || message === null || !('headers' in message)) return undefined
  // HttpRequest and HttpResponse of the SDK have their headers in a plain object.
  return message.headers as Record<string, string>
}

function md5Of(bytes: Buffer): string {
  return createHash('md5').update(bytes).digest('base64')
}

function ignoreHere(): void {}
