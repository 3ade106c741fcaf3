import { timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../base/secret.ts'
import { ImageError } from '../image-error.ts'
import { negotiate } from '../sih/negotiate.ts'
import type { Dialect, Edit, ImageRequest, ImageTask, QualityWish } from '../task.ts'
import { ACCEPT_CH, type HintSettings, type ResolvedHints, resolveHints } from './hints.ts'
import { canonicalText, knownParameters, type Parameters, readParameters } from './parameters.ts'
import { signatureOf } from './sign.ts'

export interface ReadableSettings {
  /** What `f=auto` and, where there are any, URLs without `f` choose among, best first. */
  readonly autoFormats: readonly ('avif' | 'webp')[]
  /** Parameters by the first segment of the path that stands for them. */
  readonly presets: ReadonlyMap<string, string>
  /** Keys that count at this moment, newest first; undefined serves presets alone. */
  readonly signingKeys: (() => readonly Secret[]) | undefined
  readonly corsOrigin: string | undefined
  /** Undefined passes client hints over. */
  readonly hints: HintSettings | undefined
  readonly buckets: ReadonlySet<string>
}

const EXPIRES = /^\d{1,12}$/

/**
 * Readable URLs, Edgeward's own: `/photo.jpg?w=400&h=300&fit=cover&f=auto`, or a preset, `/card/photo.jpg`. A stranger cannot
 * make the edge work on sizes nobody wants: parameters are those of a preset, or signed.
 */
export function createReadable(settings: ReadableSettings): Dialect {
  const presets = new Map([...settings.presets].map(([name, text]) => [name, knownParameters(text)]))
  const free = new Set([...presets.values()].map(canonicalText))
  const automatic = settings.autoFormats.length > 0 ? settings.autoFormats : (['avif', 'webp'] as const)

  /** Whether the Accept header chooses the format: asked to by `f=auto`, or by the configuration where there is no `f`. */
  function isAutomatic(parameters: ReadonlyMap<string, string>): boolean {
    const format = parameters.get('f')
    return format === 'auto' || (format === undefined && settings.autoFormats.length > 0)
  }

  /** The preset's parameters, and over them those of the query. */
  function read({ path, query }: ImageRequest) {
    const own = knownParameters(query)
    const [, name = '', rest] = /^\/([^/]*)\/(.+)$/.exec(path) ?? []
    const preset = presets.get(name)
    return preset === undefined || rest === undefined
      ? { own, all: own, key: path.slice(1), preset: undefined }
      : { own, all: new Map([...preset, ...own]), key: rest, preset: name }
  }

  function hintsOf(all: ReadonlyMap<string, string>, { headers }: ImageRequest): ResolvedHints {
    return settings.hints === undefined
      ? { parameters: all, savesData: false, fields: [] }
      : resolveHints(all, headers, settings.hints)
  }

  function admit(request: ImageRequest): void {
    const { own } = read(request)
    const text = canonicalText(own)
    if (own.has('s')) {
      checkSignature(request.path, own, settings.signingKeys?.())
      return
    }
    if (text === '' || free.has(text)) return
    throw new ImageError(
      403,
      'ParametersNotAllowed',
      settings.signingKeys === undefined
        ? 'Only the presets of this site are served.'
        : 'Other parameters than those of a preset must be signed (parameter s).',
    )
  }

  function decode(request: ImageRequest): ImageTask {
    admit(request)
    const { own, all, key, preset } = read(request)
    const left = secondsLeft(own, request.nowMs)
    const from =
      preset === undefined ? 'query' : `preset ${preset}${canonicalText(own) === '' ? '' : ' and query'}`
    const hints = hintsOf(all, request)
    const parameters = readParameters(hints.parameters, from)
    const isNegotiated = isAutomatic(all)
    const isDescription = parameters.format === 'json'
    const format = isDescription
      ? undefined
      : isNegotiated
        ? negotiate(request.accept, automatic)
        : parameters.format
    return {
      source: { bucket: sourceOf(parameters, settings), key: decodedKey(key) },
      edits: upright(parameters, isDescription || isMade(parameters, format, isNegotiated)),
      output: {
        format,
        isNegotiated,
        ...(isDescription && { isDescription }),
        ...(parameters.metadata !== undefined && { metadata: parameters.metadata }),
        options: typeof parameters.quality === 'number' ? { quality: parameters.quality } : {},
        ...qualityOf(parameters, hints, settings.hints),
      },
      response: {
        headers: [],
        cacheControl: left === undefined ? undefined : `max-age=${left},public`,
      },
    }
  }

  return {
    keyParts(request) {
      const { all } = read(request)
      const expires = all.get('expires')
      const format = isAutomatic(all) ? (negotiate(request.accept, automatic) ?? 'as-is') : 'fixed'
      const { parameters, savesData } = hintsOf(all, request)
      const parts = [format, canonicalText(parameters)]
      if (savesData) parts.push('save-data')
      if (expires !== undefined) parts.push(`expires=${expires}`)
      return parts.join('&')
    },
    admit(request) {
      admit(request)
      secondsLeft(read(request).own, request.nowMs)
    },
    decode,
    errorBody: ({ status, code, message }) => ({
      contentType: 'application/json',
      body: JSON.stringify({ status, code, message }),
    }),
    commonHeaders: [
      ...(settings.hints === undefined ? [] : [['Accept-CH', ACCEPT_CH] as const]),
      ...(settings.corsOrigin === undefined
        ? []
        : [['Access-Control-Allow-Origin', settings.corsOrigin] as const]),
    ],
    variesBy(request) {
      const { all } = read(request)
      const { fields } = hintsOf(all, request)
      return isAutomatic(all) ? ['Accept', ...fields] : fields
    },
    defaultCacheControl: 'max-age=31536000,public',
  }
}

/** Whether the original would not do, though nothing changes what it shows. */
function isMade(
  { quality, metadata }: Parameters,
  format: string | undefined,
  isNegotiated: boolean,
): boolean {
  const isOther =
    metadata !== undefined && (!metadata.keepsRest || metadata.exif !== 'keep' || metadata.profile !== 'keep')
  return quality === 'auto' || isOther || (format !== undefined && !isNegotiated)
}

/** Phones write pictures on their side and say so in a tag: whoever reads pixels must turn them first. */
function upright({ edits }: Parameters, isConverted: boolean): readonly Edit[] {
  if (edits.length === 0 && !isConverted) return edits
  return [{ name: 'rotate', value: 'auto', from: 'upright by its EXIF tag' }, ...edits]
}

function qualityOf(
  { quality }: Parameters,
  { savesData }: ResolvedHints,
  settings: HintSettings | undefined,
): { readonly quality?: QualityWish } {
  const factor = savesData ? (settings?.saveDataFactor ?? 1) : 1
  return quality === 'auto' || factor < 1 ? { quality: { isAutomatic: quality === 'auto', factor } } : {}
}

function sourceOf({ source }: Parameters, { buckets }: ReadableSettings): string | undefined {
  if (source !== undefined && !buckets.has(source))
    throw new ImageError(
      403,
      'SourceNotAllowed',
      'This source is not among those of the site (parameter from).',
    )
  return source
}

function decodedKey(key: string): string {
  try {
    return decodeURIComponent(key)
  } catch (error) {
    throw new ImageError(400, 'InvalidPath', 'The path has broken percent-encoding.', { cause: error })
  }
}

/** Every key is tried, so that time tells nothing. */
function checkSignature(
  path: string,
  parameters: ReadonlyMap<string, string>,
  keys: readonly Secret[] | undefined,
): void {
  const received = Buffer.from(parameters.get('s') ?? '')
  let isGood = false
  for (const key of keys ?? []) {
    const expected = Buffer.from(signatureOf(key.reveal(), path, parameters))
    if (received.length === expected.length && timingSafeEqual(received, expected)) isGood = true
  }
  if (!isGood)
    throw new ImageError(
      403,
      'SignatureDoesNotMatch',
      'The signature (parameter s) does not match the request.',
    )
}

/** `expires` in seconds since 1970 counts where it is signed; elsewhere anybody could have written it. */
function secondsLeft(parameters: ReadonlyMap<string, string>, nowMs: number): number | undefined {
  const text = parameters.get('expires')
  if (text === undefined || !parameters.has('s')) return undefined
  if (!EXPIRES.test(text))
    throw new ImageError(400, 'InvalidParameter', 'The parameter expires must be seconds since 1970.')
  const left = Math.floor(Number(text) - nowMs / 1000)
  if (left <= 0) throw new ImageError(403, 'LinkExpired', 'The link has expired.')
  return left
}
