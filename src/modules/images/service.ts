import type { Clock } from '../../base/clock.ts'
import { Fault } from '../../faults.ts'
import { Body } from '../../http/body.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { EdgeResponse } from '../../visit.ts'
import { acceptEdits, type EngineLimits } from './engine/edits.ts'
import type { Gate } from './engine/gate.ts'
import type { Ask, MetadataPolicy } from './engine/job.ts'
import type { Pool } from './engine/pool.ts'
import { ImageError } from './image-error.ts'
import { conditionOf, fromShelf, successHeaders } from './picture-response.ts'
import { contentTypeOf } from './source/content-type.ts'
import { pictureOf } from './source/picture.ts'
import type { Sources } from './source/sources.ts'
import type { Spent } from './spent.ts'
import type { Dialect, Edit, ImageRequest, ImageTask, SourceAddress } from './task.ts'
import { inTurn, withSource } from './timed.ts'
import { overlayOf, svgAsItIs, transform } from './transform.ts'
import { isUntouched } from './untouched.ts'
import type { Making, Makings } from './variants/makings.ts'
import { isSlow, placeOf, recallAt, tagsOf } from './variants/place.ts'
import { recallByBytes } from './variants/recall.ts'
import type { Shelf } from './variants/shelf.ts'
import { type SlowFormats, type SlowWork, standIn } from './variants/slow-formats.ts'
import type { VariantFacts } from './variants/variant-facts.ts'
import type { VariantKey } from './variants/variant-key.ts'

/** What one behavior does with pictures, compiled. */
export interface ImageService {
  readonly dialect: Dialect
  readonly sources: Sources
  readonly limits: EngineLimits
  readonly maxSourceBytes: number
  readonly metadata: MetadataPolicy
  readonly isStrict: boolean
  readonly faces: 'detector' | 'attention'
  readonly ask: Ask
  readonly fallback: SourceAddress | undefined
  readonly timeoutSeconds: number
  readonly distributionId: string
  /** Where results are kept beyond the edge's cache; undefined for nowhere. */
  readonly shelf: Shelf | undefined
  readonly makings: Makings
  /** How formats that take long are made after a first answer; undefined when viewers wait for them. */
  readonly slow: SlowFormats | undefined
}

export interface Engine {
  readonly clock: Clock
  readonly pool: Pool
  readonly gate: Gate
}

/** One request for a picture, with what the line knows of it. */
export interface Asked {
  readonly request: ImageRequest
  readonly method: string
  /** Conditions of the viewer or of the cache. */
  readonly headers: HeaderList
  readonly client: string
  /** Fires when nobody waits any more. */
  readonly signal: AbortSignal
  /** For operators: why it failed. */
  readonly note: (cause: string) => void
  /** Names by which the answer can be invalidated. */
  readonly tag: (tags: readonly string[]) => void
  /** For Server-Timing. */
  readonly spent: Spent
  /** What comes of it is kept only while this is not void. */
  readonly making: Making
}

const METHODS = 'GET, HEAD, OPTIONS'
/** Answers a request for a picture: as it is, transformed, not modified, or with an error in the dialect's words. */
export async function answer(
  service: ImageService,
  engine: Engine,
  request: Omit<Asked, 'making'>,
): Promise<EdgeResponse | Fault> {
  const { dialect, makings } = service
  const { method } = request
  if (method !== 'GET' && method !== 'HEAD') return answerOther(service, method)
  let task: ImageTask | undefined
  let making: Making | undefined
  try {
    task = dialect.decode(request.request)
    const tags = tagsOf(service, task)
    request.tag(tags)
    making = makings.begin(tags)
    const response = await obtain(service, engine, { ...request, making }, task)
    if (method !== 'HEAD') return response
    const { length } = response.body
    if (length !== undefined && !response.headers.has('content-length'))
      response.headers.append('Content-Length', String(length))
    response.body.discard()
    return { ...response, body: Body.none() }
  } catch (error) {
    return failure(service, request, task, error)
  } finally {
    if (making !== undefined) makings.end(making)
  }
}

async function obtain(
  service: ImageService,
  engine: Engine,
  asked: Asked,
  task: ImageTask,
): Promise<EdgeResponse> {
  const edits = acceptEdits(task.edits, service.limits)
  if (isUntouched(edits, task.output)) return passThrough(service, engine, asked, task)
  const place = placeOf(service, task, edits)
  const found = place && (await recallAt(service, asked, task, edits, place))
  if (found?.kind === 'current') return fromShelf(service, asked, task, found)
  const make = (by: ImageService, pool: Pool, of: Asked, before: VariantFacts | undefined) =>
    withSource(by, of, task.source, (picture) =>
      transform(by, { ...engine, pool }, of, task, edits, picture, { place, before }),
    )
  try {
    if (place !== undefined && isSlow(service, task)) {
      const same = found && (await sameBytes(service, engine, asked, task, edits, place, found.facts))
      if (same !== undefined) return fromShelf(service, asked, task, same)
      const work: SlowWork = {
        obtain: (request, quick) => obtain(service, engine, { ...asked, request }, quick),
        make,
      }
      const first = await standIn(service, asked, { task, edits, place }, work)
      if (first !== undefined) return first
    }
    const { response } = await inTurn(engine, asked, () => make(service, engine.pool, asked, found?.facts))
    return response
  } catch (error) {
    // What was made of a source goes with it.
    if (found !== undefined && error instanceof ImageError && error.status === 404)
      service.shelf?.forget(place!)
    throw error
  }
}

/** What is kept of a slow format whose source does not say that it is the same: read, because it costs less than to make it. */
function sameBytes(
  service: ImageService,
  engine: Engine,
  asked: Asked,
  task: ImageTask,
  edits: readonly Edit[],
  place: VariantKey,
  before: VariantFacts,
) {
  return inTurn(engine, asked, () =>
    withSource(service, asked, task.source, async (picture) => {
      const pictures = [picture]
      for (const { name, value } of edits)
        if (name === 'overlayWith') pictures.push(await overlayOf(service, asked, value))
      return recallByBytes(service.shelf!, place, before, pictures, asked)
    }),
  )
}

/** The original, not decoded; only an SVG is read through, and made harmless. */
async function passThrough(
  service: ImageService,
  engine: Engine,
  asked: Asked,
  task: ImageTask,
): Promise<EdgeResponse> {
  const startedAt = asked.spent.now()
  const response = await service.sources.open(task.source, asked.signal)
  asked.spent.since('img-fetch', startedAt)
  const { headers, body } = response
  try {
    const type = contentTypeOf(headers.get('content-type'), await body.peek(4096), service.isStrict)
    if (type === 'image/svg+xml') {
      return await inTurn(engine, asked, async () => {
        const bytes = await body.collect(service.maxSourceBytes)
        return svgAsItIs(service, engine, asked, task, pictureOf(headers, bytes))
      })
    }
    const picture = pictureOf(headers, Buffer.alloc(0))
    const fields = successHeaders(service, task, picture, type, picture.etag)
    const condition = conditionOf(asked, fields)
    if (condition !== undefined) {
      body.discard()
      return condition
    }
    return { status: 200, headers: fields, body }
  } catch (error) {
    body.discard()
    throw error
  }
}

/** An error in the dialect's words, or the fallback picture with the status of the error. */
async function failure(
  service: ImageService,
  asked: Omit<Asked, 'making'>,
  task: ImageTask | undefined,
  error: unknown,
): Promise<EdgeResponse | Fault> {
  const known = error instanceof ImageError || error instanceof Fault
  asked.note(describe(error))
  const status = error instanceof ImageError ? error.status : error instanceof Fault ? error.row.status : 500
  if (service.fallback !== undefined && status !== 499) {
    const shown = await fallbackFor(service, asked, task, status)
    if (shown !== undefined) return shown
  }
  // An origin that fails is for the line to settle: failover, stale copies, custom error pages.
  if (error instanceof Fault) return error
  if (error instanceof ImageError) return errorResponse(service.dialect, error)
  if (known) return new Fault('InternalError')
  return errorResponse(
    service.dialect,
    new ImageError(500, 'InternalError', 'The request could not be served.', { cause: error }),
  )
}

async function fallbackFor(
  service: ImageService,
  asked: Pick<Asked, 'signal' | 'method' | 'note'>,
  task: ImageTask | undefined,
  status: number,
): Promise<EdgeResponse | undefined> {
  try {
    const { headers, body } = await service.sources.open(service.fallback!, asked.signal)
    const fields = new HeaderList(service.dialect.commonHeaders.flat())
    fields.append('Content-Type', contentTypeOf(headers.get('content-type'), await body.peek(4096), true))
    fields.append('X-Content-Type-Options', 'nosniff')
    const lastModified = headers.get('last-modified')
    if (lastModified !== undefined) fields.append('Last-Modified', lastModified)
    const asRequested = task?.response.headers.find(([name]) => name.toLowerCase() === 'cache-control')?.[1]
    fields.append(
      'Cache-Control',
      headers.getJoined('cache-control') ?? asRequested ?? service.dialect.defaultCacheControl,
    )
    if (asked.method === 'HEAD') body.discard()
    return { status, headers: fields, body: asked.method === 'HEAD' ? Body.none() : body }
  } catch (error) {
    asked.note(`the fallback picture: ${describe(error)}`)
    return undefined
  }
}

export function errorResponse(dialect: Dialect, error: ImageError): EdgeResponse {
  const { contentType, body } = dialect.errorBody(error)
  const headers = new HeaderList(dialect.commonHeaders.flat())
  headers.append('Content-Type', contentType)
  headers.append('X-Content-Type-Options', 'nosniff')
  if (error.retryAfterSeconds !== undefined) headers.append('Retry-After', String(error.retryAfterSeconds))
  // What only holds for this moment is not kept.
  if (error.status === 429 || error.status === 503 || error.status === 499)
    headers.append('Cache-Control', 'no-store')
  const status = dialect.errorStatus?.(error) ?? error.status
  return { status, headers, body: Body.bytes(body) }
}

function answerOther({ dialect }: ImageService, method: string): EdgeResponse {
  if (method === 'OPTIONS') {
    const headers = new HeaderList([...dialect.commonHeaders.flat(), 'Allow', METHODS])
    return { status: 204, headers, body: Body.none() }
  }
  const refused = errorResponse(
    dialect,
    new ImageError(405, 'MethodNotAllowed', 'Pictures are asked for with GET or HEAD.'),
  )
  refused.headers.append('Allow', METHODS)
  return refused
}

function describe(error: unknown): string {
  const texts: string[] = []
  for (let at: unknown = error; at instanceof Error && texts.length < 4; at = at.cause)
    texts.push(at instanceof ImageError ? `${at.code}: ${at.message}` : at.message)
  return texts.length === 0 ? String(error) : texts.join(': ')
}
