import { randomUUID } from 'node:crypto'
import { ImageError } from '../image-error.ts'
import type { Dialect, Edit, ImageRequest, ImageTask } from '../task.ts'
import type { Policy } from './policy.ts'
import { editOf, inRange, readQuery, type Transformation } from './transformations.ts'

export interface DitSettings {
  readonly policies: ReadonlyMap<string, Policy>
  /** The policy of requests that name none. */
  readonly defaultPolicy: string | undefined
  readonly corsOrigin: string | undefined
}

const MAX_TRANSFORMATIONS = 10
const MAX_PATH = 2_048
/** Version 8's order of preference, as far as the engine makes them. */
const AUTOMATIC = ['webp', 'avif', 'jpeg', 'png', 'tiff', 'gif'] as const
const FORMATS = new Set(['jpg', 'jpeg', 'png', 'tiff', 'webp', 'gif', 'avif'])
const VIEWPORTS = [320, 480, 768, 1024, 1200, 1440, 1920]
/** Whatever order they are written in: faces first, then areas, then sizes, then the rest. */
const FIRST = ['smartCrop', 'extract', 'resize']

/** The query dialect of Dynamic Image Transformation 8 (container architecture): transformations, policies, client hints. */
export function createDit(settings: DitSettings): Dialect {
  const conditionFields = new Set<string>()
  for (const { transformations } of settings.policies.values())
    for (const { condition } of transformations)
      if (condition !== undefined) conditionFields.add(condition.field.toLowerCase())
  const fields = [...conditionFields].sort()
  const isAutomatic = [...settings.policies.values()].some(({ outputs }) => outputs.format === 'auto')

  function policyOf({ query }: ImageRequest): Policy | undefined {
    const name = new URLSearchParams(query ?? '').get('policyId') ?? settings.defaultPolicy
    if (name === undefined) return undefined
    const policy = settings.policies.get(name)
    if (policy === undefined) throw new ImageError(404, 'POLICY_NOT_FOUND', `There is no policy ${name}.`)
    return policy
  }

  function decode(request: ImageRequest): ImageTask {
    const { path, query } = request
    if (path.length > MAX_PATH)
      throw new ImageError(400, 'VALIDATION_ERROR', `The path has more than ${MAX_PATH} characters.`)
    const policy = policyOf(request)
    const chosen = new Map<string, Transformation>()
    for (const each of policyTransformations(policy, request)) chosen.set(each.type, each)
    const hints = hintsOf(request)
    const width = policy?.outputs.autosize && breakpoint(policy.outputs.autosize, hints.viewportWidth)
    if (width !== undefined && !chosen.has('resize'))
      chosen.set('resize', {
        type: 'resize',
        value: { width, withoutEnlargement: true },
        from: 'policy autosize',
      })
    for (const each of readQuery(query)) if (isValidTransformation(each)) chosen.set(each.type, each)
    const all = [...chosen.values()].slice(0, MAX_TRANSFORMATIONS)
    const edits = all.toSorted((a, b) => rank(a) - rank(b)).flatMap((each) => editOf(each) ?? [])
    const format = formatOf(chosen.get('format'))
    const isNegotiated = format === undefined && policy?.outputs.format === 'auto'
    const quality = qualityOf(chosen.get('quality'), policy, hints.dpr)
    return {
      source: { bucket: undefined, key: keyOf(path) },
      edits: withFormat(edits, format, chosen.get('format')),
      output: {
        format: isNegotiated ? accepted(request.accept) : format,
        isNegotiated,
        options: quality === undefined ? {} : { quality },
      },
      response: { headers: [], cacheControl: undefined },
    }
  }

  return {
    keyParts(request) {
      const { dpr, viewportWidth } = hintsOf(request)
      const conditions = fields.map((field) => `${field}:${request.headers.getJoined(field) ?? ''}`)
      const format = isAutomatic ? (accepted(request.accept) ?? '') : ''
      const parts = [format, dpr ?? '', viewportWidth ?? '', ...conditions]
      return `${parts.map(String).map(encodeURIComponent).join('&')}?${request.query ?? ''}`
    },
    admit: () => {},
    decode,
    errorBody: ({ code, message }) => ({
      contentType: 'application/json',
      body: JSON.stringify({ error: CODES[code] ?? code, message, requestId: randomUUID() }),
    }),
    commonHeaders: [
      ['Accept-CH', 'Sec-CH-DPR, Sec-CH-Viewport-Width'],
      ['Access-Control-Allow-Origin', settings.corsOrigin ?? '*'],
    ],
    variesByAccept: () => isAutomatic,
    defaultCacheControl: 'public, max-age=86400',
  }
}

/** Names of version 8 for what the engine and the sources call otherwise. */
const CODES: Readonly<Record<string, string>> = {
  NoSuchKey: 'ImageNotFound',
  'ImageBucket::CannotAccessBucket': 'AccessDenied',
  'ImageRetrieval::CannotRetrieveImage': 'FetchError',
  RequestTypeError: 'InvalidImage',
  TimeoutException: 'RequestTimeout',
  InternalError: 'INTERNAL_ERROR',
}

function policyTransformations(policy: Policy | undefined, request: ImageRequest): readonly Transformation[] {
  return (policy?.transformations ?? []).flatMap(({ transformation, value, condition }) => {
    if (condition !== undefined) {
      const said = request.headers.getJoined(condition.field.toLowerCase())
      const wanted = typeof condition.value === 'string' ? [condition.value] : condition.value
      if (said === undefined || !wanted.includes(said)) return []
    }
    return [{ type: transformation, value, from: 'policy' }]
  })
}

/** Invalid values of a query are passed over, and do not replace those of a policy. */
export function isValidTransformation(each: Transformation): boolean {
  if (each.type === 'format') return formatOf(each) !== undefined
  if (each.type === 'quality') return inRange(each.value, 1, 100)
  return editOf(each) !== undefined
}

function rank({ type }: Transformation): number {
  const index = FIRST.indexOf(type)
  return index === -1 ? FIRST.length : index
}

function formatOf(each: Transformation | undefined): string | undefined {
  if (each === undefined || typeof each.value !== 'string' || !FORMATS.has(each.value)) return undefined
  return each.value === 'jpg' ? 'jpeg' : each.value
}

/** A format that was asked for stands among the edits, so that explain shows where it came from. */
function withFormat(edits: readonly Edit[], format: string | undefined, each: Transformation | undefined) {
  return format === undefined ? edits : [...edits, { name: 'toFormat', value: format, from: each!.from }]
}

function qualityOf(
  each: Transformation | undefined,
  policy: Policy | undefined,
  dpr: number | undefined,
): number | undefined {
  if (each !== undefined && inRange(each.value, 1, 100)) return each.value
  const [first, ...ranges] = policy?.outputs.quality ?? []
  const found = ranges.find(
    (range): range is [number, number, number] =>
      Array.isArray(range) && dpr !== undefined && dpr >= range[0] && dpr <= range[1],
  )
  return found?.[2] ?? (typeof first === 'number' ? first : undefined)
}

/** The first width above the viewport's, else the largest; nothing for viewers that do not tell theirs. */
function breakpoint(widths: readonly number[], viewport: number | undefined): number | undefined {
  if (viewport === undefined) return undefined
  const sorted = widths.toSorted((a, b) => a - b)
  return sorted.find((width) => width > viewport) ?? sorted.at(-1)
}

interface Hints {
  readonly dpr: number | undefined
  readonly viewportWidth: number | undefined
}

/** As the edge function of version 8 rounds them, so that few variants are kept. */
function hintsOf({ headers }: ImageRequest): Hints {
  const number = (name: string) => {
    const text = headers.getJoined(name) ?? ''
    return /^\d{1,5}(?:\.\d{1,4})?$/.test(text) ? Number(text) : undefined
  }
  const dpr = number('sec-ch-dpr')
  const width = number('sec-ch-viewport-width')
  return {
    dpr: dpr === undefined ? undefined : Math.min(5, Math.round(dpr * 10) / 10),
    viewportWidth:
      width === undefined ? undefined : (VIEWPORTS.find((each) => each >= width) ?? VIEWPORTS.at(-1)),
  }
}

function accepted(accept: string | undefined): string | undefined {
  const lower = accept?.toLowerCase() ?? ''
  return AUTOMATIC.find((format) => lower.includes(`image/${format}`))
}

function keyOf(path: string): string {
  try {
    return decodeURIComponent(path.slice(1))
  } catch (error) {
    throw new ImageError(400, 'VALIDATION_ERROR', 'The path has broken percent-encoding.', { cause: error })
  }
}
