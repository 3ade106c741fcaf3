import { randomUUID } from 'node:crypto'
import { ImageError } from '../image-error.ts'
import type { Dialect, Edit, ImageRequest, ImageTask, MetadataWish, SourceAddress } from '../task.ts'
import { checkRequest } from './check-request.ts'
import { compileMappings, type Mapping } from './mappings.ts'
import { AUTOSIZE, merge } from './merge.ts'
import type { Policy } from './policy.ts'
import { readQuery } from './read-query.ts'
import { editOf, formatOf, isValidTransformation, type Transformation } from './transformations.ts'
import { isParts } from './value.ts'
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
  /** Transformations of one request; further ones are passed over. MAX_TRANSFORMATIONS. */
  readonly maxTransformations: number
}

/** Whatever order they are written in: faces first, then areas, then what is laid over them, then sizes, then the rest. */
const FIRST = ['smartCrop', 'extract', 'watermark', 'resize']

/** How long browsers remember that they are asked for hints. */
const HINTS_LIFETIME_SECONDS = 86_400

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
  /** By type, a size of `outputs` by `AUTOSIZE`. */
  readonly chosen: ReadonlyMap<string, Transformation>
  /** `format: auto` chose the format, or would have, had Accept named one. */
  readonly isNegotiated: boolean
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
    const mapping = find(hostName(hostOf({ host, headers })), path)
    if (mapping === undefined)
      throw new ImageError(404, 'ORIGIN_NOT_FOUND', 'No mapping leads from this host or path to a source.')
    return { bucket: mapping.source, folder: '', policy: mapping.policy }
  }

  function policyOf({ query }: ImageRequest, place: Place): Policy | undefined {
    const asked = new URLSearchParams(query ?? '').get('policyId')
    const name = asked === null || asked === '' ? (place.policy ?? settings.defaultPolicy) : asked
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
    checkRequest(request, hostOf(request))
    const place = placeOf(request)
    const policy = policyOf(request, place)
    const asked = readQuery(request.query).filter(isValidTransformation)
    const all = merge(policy, asked, look)
    const chosen = new Map([...all].slice(0, settings.maxTransformations))
    const isNegotiated = policy?.outputs.format === 'auto' && !asked.some(({ type }) => type === 'format')
    const fromPolicy = [...chosen].filter(([, { from }]) => from.startsWith('policy'))
    return {
      place,
      chosen,
      isNegotiated,
      fields,
      said: JSON.stringify([place, fromPolicy.map(([key, { value }]) => [key, value])]),
    }
  }

  function decode(request: ImageRequest): ImageTask {
    const { path } = request
    const { place, chosen, isNegotiated } = read(request)
    const edits = [...chosen]
      .toSorted(([, a], [, b]) => rank(a) - rank(b))
      .flatMap(([key, each]) => (key === AUTOSIZE ? autosizeEdit(each) : editsOf(each)))
    const format = chosen.get('format')
    const quality = chosen.get('quality')?.value
    const name = format && formatNameOf(format)
    return {
      source: { bucket: place.bucket, key: keyOf(path, place, settings.folders) },
      // A format that was asked for stands among the edits, so that explain shows where it came from.
      edits:
        format === undefined || isNegotiated
          ? edits
          : [...edits, { name: 'toFormat', value: name, from: format.from }],
      output: {
        format: name,
        isNegotiated,
        ...(isNegotiated && { skipsSameFormat: true }),
        metadata: metadataOf(chosen),
        options: quality === undefined ? {} : { quality },
      },
      response: { headers: [], cacheControl: undefined },
    }
  }

  function editsOf(each: Transformation): readonly Edit[] {
    if (each.type === 'watermark') return layer(each)
    const edit = editOf(each)
    return edit === undefined ? [] : [edit]
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
      ['Accept-CH-Lifetime', String(HINTS_LIFETIME_SECONDS)],
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

/** Only for pictures that are wide enough, and there in the place of the size that the policy gives otherwise. */
function autosizeEdit({ value, from }: Transformation): readonly Edit[] {
  const { width } = isParts(value) ? value : {}
  return typeof width === 'number' ? [{ name: 'resize', value, from, fromWidth: width }] : []
}

/** Negotiated formats are more than those that may be named. */
function formatNameOf({ value }: Transformation): string | undefined {
  return formatOf(value) ?? (typeof value === 'string' ? value : undefined)
}

/** Metadata and profile stay as they are unless told; EXIF keeps which side is up, as there. */
function metadataOf(chosen: ReadonlyMap<string, Transformation>): MetadataWish {
  const isOn = (type: string) => chosen.get(type)?.value === true
  return {
    exif: isOn('stripExif') ? 'orientation' : 'keep',
    keepsRest: true,
    profile: isOn('stripIcc') ? 'none' : 'keep',
  }
}

function rank({ type }: Transformation): number {
  const index = FIRST.indexOf(type)
  return index === -1 ? FIRST.length : index
}

/** The host that mappings go by: where the edge function of version 8 runs before, it has written it here. */
function hostOf({ host, headers }: Pick<ImageRequest, 'host' | 'headers'>): string {
  return headers.getJoined('dit-host') ?? host
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
