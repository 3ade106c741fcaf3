import { createHash } from 'node:crypto'
import { Body } from '../../http/body.ts'
import type { EdgeResponse } from '../../visit.ts'
import type { Job, JobEdit } from './engine/job.ts'
import { ImageError } from './image-error.ts'
import { conditionOf, fromShelf, successHeaders } from './picture-response.ts'
import type { Asked, Engine, ImageService } from './service.ts'
import { forSource } from './for-source.ts'
import { contentTypeOf } from './source/content-type.ts'
import type { Picture } from './source/picture.ts'
import type { Edit, ImageTask } from './task.ts'
import { render, withSource } from './timed.ts'
import { keepVariant, mayKeep } from './variants/keep-variant.ts'
import { layerAddress } from './variants/place.ts'
import { recallByBytes } from './variants/recall.ts'
import { inputsOf, type VariantFacts } from './variants/variant-facts.ts'
import { ENGINE_VERSION, type VariantKey } from './variants/variant-key.ts'

/** A picture that stands as it is may be shown, but must not run anything. */
const SVG_POLICY = "default-src 'none'; style-src 'unsafe-inline'; sandbox"

/** Where a variant that is being made will be kept, and what is known of the one that is there. */
export interface Destination {
  readonly place: VariantKey | undefined
  readonly before: VariantFacts | undefined
}

/** An answer with a picture. */
export interface Transformed {
  readonly response: EdgeResponse
  /** There is no variant to keep: the original is the answer, or a drawing stays one. */
  readonly isOriginal: boolean
}

/** A picture with its edits made, or 304 where the viewer has that already; its result is handed over to be kept. */
export async function transform(
  service: ImageService,
  engine: Engine,
  asked: Asked,
  task: ImageTask,
  asAsked: readonly Edit[],
  picture: Picture,
  { place, before }: Destination,
): Promise<Transformed> {
  const type = contentTypeOf(picture.contentType, picture.bytes, service.isStrict)
  const isSvg = type === 'image/svg+xml'
  const { edits, isOriginal } = forSource(task, asAsked, picture.bytes)
  // A drawing stays one where only the viewer's Accept header asks for another format.
  if (isSvg && (isOriginal || (edits.length === 0 && task.output.isNegotiated)))
    return { response: await svgAsItIs(service, engine, asked, task, picture), isOriginal: true }
  if (isOriginal) {
    // What was kept is of another version of the source, which had to be changed.
    if (before !== undefined) service.shelf?.forget(place!)
    return { response: asItIs(service, asked, task, picture, type), isOriginal: true }
  }

  const inputs = [picture.bytes]
  const layers: Picture[] = []
  const jobEdits: JobEdit[] = []
  for (const { name, value } of edits) {
    if (name !== 'overlayWith') {
      jobEdits.push({ name, value })
      continue
    }
    const layer = await overlayOf(service, asked, value)
    layers.push(layer)
    jobEdits.push({ name, value, input: inputs.push(layer.bytes) - 1 })
  }
  const pictures = [picture, ...layers]
  if (before !== undefined) {
    const same = await recallByBytes(service.shelf!, place!, before, pictures, asked)
    if (same !== undefined) return variant(fromShelf(service, asked, task, same))
  }
  const etag = etagOf(service, task, jobEdits, pictures)
  // The validator is made of the source's, so an unchanged variant is recognised without decoding anything.
  const known = conditionOf(asked, successHeaders(service, task, picture, type, etag))
  if (known !== undefined) return variant(known)

  const job: Job = {
    ...jobOf(service, jobEdits, encoderOf(task.output.format), task.output.options),
    isAnimatedByDefault: type === 'image/gif',
    isDescription: task.output.isDescription === true,
    ...(task.output.quality !== undefined && { quality: task.output.quality }),
    ...(task.output.metadata !== undefined && { metadataWish: task.output.metadata }),
  }
  // Now, because the bytes of sources are others' when the answer is there; on another thread, while the process works.
  const hashed =
    place !== undefined && mayKeep(pictures) ? inputsOf(pictures, asked.request.nowMs) : undefined
  const { rendered, bytes } = await render(engine.pool, service, asked, job, inputs)
  const resultType = rendered.isForced ? `image/${rendered.format}` : typeOf(service, task, type)
  const headers = successHeaders(service, task, picture, resultType, etag)
  if (hashed !== undefined) {
    const { making } = asked
    const made = { bytes, contentType: resultType, etag, rendered, inputs: hashed, before, making }
    keepVariant(service.shelf!, place!, made)
  }
  return variant({ status: 200, headers, body: Body.bytes(bytes) })
}

function variant(response: EdgeResponse): Transformed {
  return { response, isOriginal: false }
}

/** A source in whose bytes nothing has to be changed. */
function asItIs(
  service: ImageService,
  asked: Asked,
  task: ImageTask,
  picture: Picture,
  type: string,
): EdgeResponse {
  const headers = successHeaders(service, task, picture, type, picture.etag)
  // The bytes are others' when the answer is there.
  return conditionOf(asked, headers) ?? { status: 200, headers, body: Body.bytes(Buffer.from(picture.bytes)) }
}

/** Any failure to get the picture that is laid over is the same error, but for a source that is not allowed. */
export async function overlayOf(service: ImageService, asked: Asked, value: unknown): Promise<Picture> {
  const address = layerAddress(value)
  service.sources.find(address.bucket)
  try {
    return await withSource(service, asked, address, (picture) =>
      // Held for as long as the picture it is laid over.
      Promise.resolve({ ...picture, bytes: Buffer.from(picture.bytes) }),
    )
  } catch (error) {
    throw new ImageError(400, 'OverlayImageException', 'The picture to lay over could not be read.', {
      cause: error,
    })
  }
}

/** A drawing that stays one, made harmless. */
export async function svgAsItIs(
  service: ImageService,
  engine: Engine,
  asked: Asked,
  task: ImageTask,
  picture: Picture,
): Promise<EdgeResponse> {
  // What was taken out is taken out the same way every time: the source's validator still tells versions apart.
  const headers = successHeaders(service, task, picture, 'image/svg+xml', picture.etag)
  headers.set('Content-Security-Policy', SVG_POLICY)
  const known = conditionOf(asked, headers)
  if (known !== undefined) return known
  const job: Job = { ...jobOf(service, [], undefined, {}), isDrawing: true }
  const { bytes } = await render(engine.pool, service, asked, job, [picture.bytes])
  return { status: 200, headers, body: Body.bytes(bytes) }
}

function jobOf(
  service: ImageService,
  edits: readonly JobEdit[],
  format: string | undefined,
  options: Job['options'],
): Job {
  const { metadata, limits, isStrict, faces, timeoutSeconds } = service
  return {
    edits,
    format,
    options,
    isAnimatedByDefault: false,
    metadata,
    limits,
    isStrict,
    faces,
    timeoutSeconds: Math.ceil(timeoutSeconds),
  }
}

/** `image/` and the chosen format; where none was chosen the type of the source, whatever an encoder edit made of it. */
function typeOf(service: ImageService, task: ImageTask, sourceType: string): string {
  if (task.output.isDescription === true) return 'application/json'
  const chosen = task.edits.findLast(({ name }) => name === 'toFormat')?.value ?? task.output.format
  if (typeof chosen === 'string')
    return chosen === 'jpg' && !service.isStrict ? 'image/jpeg' : `image/${chosen}`
  return sourceType === 'image/svg+xml' ? 'image/png' : sourceType
}

function encoderOf(format: string | undefined): string | undefined {
  return format === 'jpg' ? 'jpeg' : format
}

/** Of what the sources are and what is done with them. */
function etagOf(
  service: ImageService,
  task: ImageTask,
  edits: readonly JobEdit[],
  pictures: readonly Picture[],
): string {
  const hash = createHash('sha256')
  hash.update(
    JSON.stringify([ENGINE_VERSION, edits, task.output, service.metadata, service.isStrict, service.faces]),
  )
  for (const { etag, lastModified, bytes } of pictures) {
    if (etag === undefined && lastModified === undefined) hash.update(bytes)
    else hash.update(`\n${etag ?? ''}\n${lastModified ?? ''}\n${bytes.length}`)
  }
  return `"${hash.digest('base64url').slice(0, 27)}"`
}
