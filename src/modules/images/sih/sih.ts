import { ImageError } from '../image-error.ts'
import type { Dialect, Edit, ImageRequest, ImageTask, OutputWish } from '../task.ts'
import { readBase64Request } from './base64-request.ts'
import { secondsLeft } from './expiry.ts'
import { negotiate } from './negotiate.ts'
import { knownParameters, queryEdits } from './query.ts'
import { decodeBase64Json, requestTypeOf } from './request-type.ts'
import type { SihSettings } from './settings.ts'
import { checkSignature } from './signature.ts'
import { readThumborPath } from './thumbor-path.ts'

/**
 * The URLs of AWS's Serverless Image Handler 7 (Dynamic Image Transformation for CloudFront, Lambda architecture):
 * base64 JSON, Thumbor paths, custom rewrites, each with edits in the query.
 */
export function createSih(settings: SihSettings): Dialect {
  function keyParts({ query, accept }: ImageRequest): string {
    const parameters = knownParameters(query)
    // Signatures are checked before the cache is asked, so they tell nothing apart.
    const counted = [...parameters].filter(([name]) => name !== 'signature')
    const format = negotiate(accept, settings.autoFormats) ?? 'as-is'
    return [format, ...counted.map(([name, value]) => `${name}=${value}`)].join('&')
  }

  function admit({ path, query, nowMs }: ImageRequest): void {
    const parameters = knownParameters(query)
    if (settings.signingKeys !== undefined) checkSignature(path, parameters, settings.signingKeys())
    secondsLeft(parameters.get('expires'), nowMs)
  }

  function decode(request: ImageRequest): ImageTask {
    admit(request)
    const { path, nowMs } = request
    const parameters = knownParameters(request.query)
    const left = secondsLeft(parameters.get('expires'), nowMs)
    const read = readPath(path, settings)
    const edits = merge(read.edits, queryEdits(parameters))
    const output = outputOf(edits, read, request.accept, settings)
    return {
      source: { bucket: read.bucket, key: read.key },
      edits: read.isBase64 ? edits : moveQuality(edits, output.format),
      output,
      response: {
        headers: read.headers,
        cacheControl: left === undefined ? undefined : `max-age=${left},public`,
      },
    }
  }

  return {
    keyParts,
    admit,
    decode,
    errorBody: ({ status, code, message }) => ({
      contentType: 'application/json',
      body: JSON.stringify(
        // What is no error of the service's own has its fields in another order there.
        code === 'InternalError' ? { message, code, status } : { status, code, message },
      ),
    }),
    commonHeaders: [
      ['Access-Control-Allow-Methods', 'GET'],
      ['Access-Control-Allow-Headers', 'Content-Type, Authorization'],
      ['Access-Control-Allow-Credentials', 'true'],
      ...(settings.corsOrigin === undefined
        ? []
        : [['Access-Control-Allow-Origin', settings.corsOrigin] as const]),
    ],
    variesBy: () => (settings.autoFormats.length > 0 ? BY_ACCEPT : []),
    defaultCacheControl: 'max-age=31536000,public',
  }
}

interface ReadPath {
  readonly isBase64: boolean
  readonly bucket: string | undefined
  readonly key: string
  readonly edits: readonly Edit[]
  readonly outputFormat: string | undefined
  readonly effort: unknown
  readonly headers: readonly (readonly [name: string, value: string])[]
}

function readPath(path: string, settings: SihSettings): ReadPath {
  const type = requestTypeOf(path, settings.rewrite !== undefined)
  switch (type) {
    case 'default': {
      const request = readBase64Request(decodeBase64Json(path)?.json)
      if (request.bucket !== undefined && !settings.buckets.has(request.bucket)) throw noSuchBucket()
      return { isBase64: true, ...request }
    }
    case 'custom':
    case 'thumbor': {
      const rewritten = settings.rewrite?.(path) ?? path
      const read = readThumborPath(rewritten, settings)
      return { isBase64: false, ...read, outputFormat: undefined, effort: undefined, headers: [] }
    }
    case undefined:
      throw new ImageError(
        400,
        'RequestTypeError',
        'The path is neither base64 JSON nor a Thumbor path to a picture (jpg, jpeg, png, webp, tiff, tif, svg, gif, avif).',
      )
  }
}

export function noSuchBucket(): ImageError {
  return new ImageError(
    403,
    'ImageBucket::CannotAccessBucket',
    'This bucket is not among the allowed sources.',
  )
}

/** The query wins; an edit that it names is replaced whole, in its place. */
function merge(path: readonly Edit[], query: readonly Edit[]): readonly Edit[] {
  const merged = new Map(path.map((edit) => [edit.name, edit]))
  for (const edit of query) merged.set(edit.name, edit)
  // `flip=false` switches off what the path switched on.
  return [...merged.values()].filter(({ name, value }) => !(SWITCHES.has(name) && value === false))
}

const BY_ACCEPT = ['Accept'] as const
const SWITCHES = new Set(['flip', 'flop', 'greyscale', 'grayscale'])

/** `toFormat` wins, then what Accept asks for, then `outputFormat`. */
function outputOf(
  edits: readonly Edit[],
  read: ReadPath,
  accept: string | undefined,
  settings: SihSettings,
): OutputWish {
  const explicit = edits.find(({ name }) => name === 'toFormat')?.value
  const isNegotiable = settings.autoFormats.length > 0
  const negotiated = negotiate(accept, settings.autoFormats)
  const format = typeof explicit === 'string' ? explicit : (negotiated ?? read.outputFormat)
  const options = format === 'webp' && read.effort !== undefined ? { effort: effortOf(read.effort) } : {}
  return { format, isNegotiated: isNegotiable && typeof explicit !== 'string', options }
}

function effortOf(value: unknown): number {
  const effort = Math.trunc(Number(value))
  return effort >= 0 && effort <= 6 ? effort : 4
}

/** A quality that stands on another format than the one that comes out moves there. */
function moveQuality(edits: readonly Edit[], format: string | undefined): readonly Edit[] {
  if (format === undefined) return edits
  const target = format === 'jpg' ? 'jpeg' : format
  return edits.map((edit) =>
    QUALITIES.has(edit.name) && edit.name !== target ? { ...edit, name: target } : edit,
  )
}

const QUALITIES = new Set(['jpeg', 'png', 'webp', 'tiff', 'heif', 'gif', 'avif'])
