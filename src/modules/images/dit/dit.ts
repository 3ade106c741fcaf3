import { randomUUID } from 'node:crypto'
import { ImageError } from '../image-error.ts'
import type { Dialect, Edit, ImageRequest, ImageTask, SourceAddress } from '../task.ts'
import { compileMappings, type Mapping } from './mappings.ts'
import type { Policy } from './policy.ts'
import { editOf, inRange, readQuery, type Transformation } from './transformations.ts'
import { acceptedFormat, breakpoint, density, type Look, viewportWidth } from './viewer.ts'
import { readWatermark, watermarkEdit } from './watermark.ts'

export interface DitSettings {
  readonly policies: ReadonlyMap<string, Policy>
  /** The policy of requests that name none. */
  readonly defaultPolicy: string | undefined
  /** Undefined sends every request to the first source. */
  readonly mappings: readonly Mapping[] | undefined
  /** Field in which a viewer names the source; undefined lets nobody. */
  readonly originHeader: string | undefined
  /** Folder between the folders of a request and its file, by source: the originPath of version 8. */
  readonly folders: ReadonlyMap<string, string>
  /** Where a picture named by its URL lies; undefined when its host is that of no source. */
  readonly addressOf: (url: URL) => SourceAddress | undefined
  readonly corsOrigin: string | undefined
}

const MAX_TRANSFORMATIONS = 10
const MAX_PATH = 2_048
const FORMATS = new Set(['jpg', 'jpeg', 'png', 'tiff', 'webp', 'gif', 'avif'])
/** Whatever order they are written in: faces first, then areas, then what is laid over them, then sizes, then the rest. */
const FIRST = ['smartCrop', 'extract', 'watermark', 'resize']

/** Where a request leads before its transformations are looked at. */
interface Place {
  readonly bucket: string | undefined
  /** Stands before the path. */
  readonly folder: string
  readonly policy: string | undefined
}

/** A request read through, and the fields that had a say in it. */
interface Read {
  readonly place: Place
  readonly chosen: ReadonlyMap<string, Transformation>
  readonly format: string | undefined
  readonly isNegotiated: boolean
  readonly quality: number | undefined
  readonly fields: ReadonlySet<string>
  /** Everything the fields say, rounded: with the path and the query it tells variants apart. */
  readonly said: string
}

/** The query dialect of Dynamic Image Transformation 8 (container architecture): mappings, transformations, policies, client hints. */
export function createDit(settings: DitSettings): Dialect {
  const find = settings.mappings && compileMappings(settings.mappings)
  const originHeader = settings.originHeader

  function placeOf({ path, host, headers }: ImageRequest): Place {
    const named = originHeader === undefined ? undefined : headers.getJoined(originHeader.toLowerCase())
    if (named !== undefined && named !== '') return namedPlace(named, settings.addressOf)
    if (find === undefined) return { bucket: undefined, folder: '', policy: undefined }
    const mapping = find(hostName(headers.getJoined('dit-host') ?? host), path)
    if (mapping === undefined)
      throw new ImageError(404, 'ORIGIN_NOT_FOUND', 'No mapping leads from this host or path to a source.')
    return { bucket: mapping.source, folder: '', policy: mapping.policy }
  }

  function policyOf({ query }: ImageRequest, place: Place): Policy | undefined {
    const name = new URLSearchParams(query ?? '').get('policyId') ?? place.policy ?? settings.defaultPolicy
    if (name === undefined) return undefined
    const policy = settings.policies.get(name)
    if (policy === undefined) throw new ImageError(404, 'POLICY_NOT_FOUND', `There is no policy ${name}.`)
    return policy
  }

  /** Looks only at the fields that count for this request, so that others neither multiply variants nor stand in Vary. */
  function read(request: ImageRequest): Read {
    const fields = new Set<string>(originHeader === undefined ? [] : [originHeader])
    const look = (name: string): string | undefined => {
      fields.add(name)
      // What the caller calls the Accept header of the request is not always what the viewer sent.
      return name === 'Accept' ? request.accept : request.headers.getJoined(name.toLowerCase())
    }
    const place = placeOf(request)
    const policy = policyOf(request, place)
    const chosen = new Map<string, Transformation>()
    for (const each of policyTransformations(policy, look)) chosen.set(each.type, each)
    const asked = readQuery(request.query).filter(isValidTransformation)
    const isAsked = (type: string) => asked.some((each) => each.type === type)
    const { autosize, quality: qualities, format: wish } = policy?.outputs ?? {}
    if (autosize !== undefined && !chosen.has('resize') && !isAsked('resize')) {
      const width = breakpoint(autosize, viewportWidth(look))
      if (width !== undefined)
        chosen.set('resize', {
          type: 'resize',
          value: { width, withoutEnlargement: true },
          from: 'policy autosize',
        })
    }
    for (const each of asked) chosen.set(each.type, each)
    const kept = new Map([...chosen].slice(0, MAX_TRANSFORMATIONS))
    const format = formatOf(kept.get('format'))
    const isNegotiated = format === undefined && wish === 'auto'
    const quality = qualityOf(kept.get('quality'), qualities, () => density(look))
    const negotiated = isNegotiated ? acceptedFormat(look) : undefined
    const fromPolicy = [...kept.values()].filter(({ from }) => from.startsWith('policy'))
    return {
      place,
      chosen: kept,
      format: negotiated ?? format,
      isNegotiated,
      quality,
      fields,
      said: JSON.stringify([
        place,
        negotiated ?? '',
        quality ?? '',
        fromPolicy.map(({ type, value }) => [type, value]),
      ]),
    }
  }

  function decode(request: ImageRequest): ImageTask {
    const { path } = request
    if (path.length > MAX_PATH)
      throw new ImageError(400, 'VALIDATION_ERROR', `The path has more than ${MAX_PATH} characters.`)
    const { place, chosen, format, isNegotiated, quality } = read(request)
    const edits = [...chosen.values()]
      .toSorted((a, b) => rank(a) - rank(b))
      .flatMap((each) => (each.type === 'watermark' ? layer(each) : (editOf(each) ?? [])))
    return {
      source: { bucket: place.bucket, key: keyOf(path, place, settings.folders) },
      edits: withFormat(edits, isNegotiated ? undefined : format, chosen.get('format')),
      output: { format, isNegotiated, options: quality === undefined ? {} : { quality } },
      response: { headers: [], cacheControl: undefined },
    }
  }

  /** A watermark may come from wherever pictures come from, and from nowhere else. */
  function layer({ value, from }: Transformation): readonly Edit[] {
    const watermark = readWatermark(value)
    if (watermark === undefined) return []
    const address = settings.addressOf(watermark.url)
    if (address === undefined)
      throw new ImageError(403, 'AccessDenied', 'The host of the watermark is not among the sources.')
    return [watermarkEdit(watermark, address, from)]
  }

  return {
    keyParts(request) {
      try {
        return `${read(request).said}?${request.query ?? ''}`
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        return `${error.code}?${request.query ?? ''}`
      }
    },
    admit: () => {},
    decode,
    errorBody: ({ code, message }) => ({
      contentType: 'application/json',
      body: JSON.stringify({ error: CODES[code] ?? code, message, requestId: randomUUID() }),
    }),
    errorStatus: ({ code }) => STATUSES[code],
    commonHeaders: [
      ['Accept-CH', 'Sec-CH-DPR, Sec-CH-Viewport-Width'],
      ['Access-Control-Allow-Origin', settings.corsOrigin ?? '*'],
    ],
    variesBy(request) {
      try {
        return [...read(request).fields]
      } catch (error) {
        if (!(error instanceof ImageError)) throw error
        return []
      }
    },
    defaultCacheControl: 'public, max-age=86400',
  }
}

/** The source whose URL a request names. Only what is registered: elsewhere anybody could read through the edge. */
function namedPlace(named: string, addressOf: DitSettings['addressOf']): Place {
  if (!URL.canParse(named))
    throw new ImageError(400, 'INVALID_URL', 'The field that names the origin is no URL.')
  const url = new URL(named)
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    throw new ImageError(400, 'UNSUPPORTED_PROTOCOL', 'The origin that is named must be an https URL.')
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/`
  const address = addressOf(url)
  if (address === undefined)
    throw new ImageError(403, 'ACCESS_DENIED', 'The origin that is named is not among the sources.')
  return { bucket: address.bucket, folder: address.key, policy: undefined }
}

/** Without the port; an address in brackets keeps them. */
function hostName(host: string): string {
  return host.replace(/:\d*$/, '')
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

const STATUSES: Readonly<Record<string, number>> = { RequestTypeError: 415, TimeoutException: 504 }

function policyTransformations(policy: Policy | undefined, look: Look): readonly Transformation[] {
  return (policy?.transformations ?? []).flatMap(({ transformation, value, condition }) => {
    if (condition !== undefined) {
      const said = look(condition.field)
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
  if (each.type === 'watermark') return readWatermark(each.value) !== undefined
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
  qualities: Policy['outputs']['quality'],
  density: () => number | undefined,
): number | undefined {
  if (each !== undefined && inRange(each.value, 1, 100)) return each.value
  const [first, ...ranges] = qualities ?? []
  if (ranges.length > 0) {
    const dpr = density()
    const found = ranges.find(
      (range): range is [number, number, number] =>
        Array.isArray(range) && dpr !== undefined && dpr >= range[0] && dpr <= range[1],
    )
    if (found !== undefined) return found[2]
  }
  return typeof first === 'number' ? first : undefined
}

/** The folders of the request, then the folder of the source, then the file, in the order of version 8. */
function keyOf(path: string, { bucket, folder }: Place, folders: DitSettings['folders']): string {
  const at = path.lastIndexOf('/') + 1
  const inner = bucket === undefined ? '' : (folders.get(bucket) ?? '')
  try {
    return `${folder}${decodeURIComponent(path.slice(1, at))}${inner}${decodeURIComponent(path.slice(at))}`
  } catch (error) {
    throw new ImageError(400, 'VALIDATION_ERROR', 'The path has broken percent-encoding.', { cause: error })
  }
}
