import { ImageError } from '../image-error.ts'
import type { Edit, MetadataWish } from '../task.ts'

/**
 * The parameters of readable URLs: `?w=400&h=300&fit=cover&f=auto`. Each is read by one function, and explain, errors and the
 * guide name it as it stands in the URL.
 */
export interface Parameters {
  readonly edits: readonly Edit[]
  /** `auto` leaves the choice to the Accept header; undefined keeps the source's. */
  readonly format: string | undefined
  /** `auto` is found for each picture; undefined takes the default of the encoder. */
  readonly quality: number | 'auto' | undefined
  /** Name of a source. */
  readonly source: string | undefined
  /** Undefined keeps metadata, and makes colours sRGB. */
  readonly metadata: MetadataWish | undefined
}

const FITS = ['cover', 'contain', 'fill', 'inside', 'outside'] as const
const PLACES = [
  ...['center', 'top', 'right-top', 'right', 'right-bottom', 'bottom', 'left-bottom', 'left', 'left-top'],
  ...['attention', 'entropy', 'face'],
] as const
const FORMATS = ['auto', 'avif', 'webp', 'jpeg', 'jpg', 'png', 'gif', 'tiff', 'json'] as const
const COLOUR = /^(?:[\da-f]{3,4}|[\da-f]{6}|[\da-f]{8}|[a-z]{3,20})$/i
const HEX = /^[\da-f]+$/i

/** What changes the picture, in the order of the guide. */
export const PICTURE_PARAMETERS = [
  ...['w', 'h', 'dpr', 'fit', 'at', 'enlarge', 'crop', 'trim', 'rotate', 'flip', 'flop'],
  ...['grey', 'blur', 'sharpen', 'bg', 'still', 'f', 'q', 'meta', 'profile', 'from'],
] as const
/** What only says who asks and for how long. */
export const LINK_PARAMETERS = ['expires', 's'] as const

const PICTURE_NAMES: ReadonlySet<string> = new Set(PICTURE_PARAMETERS)
const LINK_NAMES: ReadonlySet<string> = new Set(LINK_PARAMETERS)

export function isPictureParameter(name: string): boolean {
  return PICTURE_NAMES.has(name)
}

/** The parameters that count, decoded, the last value of each, sorted by name; what is unknown is passed over. */
export function knownParameters(query: string | undefined): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  for (const [name, value] of new URLSearchParams(query ?? ''))
    if (PICTURE_NAMES.has(name) || LINK_NAMES.has(name)) found.set(name, value)
  return new Map([...found].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Two queries with equal text make equal pictures. */
export function canonicalText(parameters: ReadonlyMap<string, string>): string {
  const pairs = [...parameters].filter(([name]) => PICTURE_NAMES.has(name))
  return new URLSearchParams(pairs).toString()
}

/** Throws ImageError that names the parameter and says what it may be. `from` is where they stood, for explain. */
export function readParameters(parameters: ReadonlyMap<string, string>, from: string): Parameters {
  const edits: Edit[] = []
  const add = (name: string, value: unknown, ...names: string[]) =>
    edits.push({ name, value, from: `${from} ${names.join(', ')}` })
  const has = (name: string) => parameters.has(name)

  const crop = list(parameters, 'crop')
  if (crop !== undefined) {
    const [left, top, width, height] = crop
    add('crop', { left, top, width, height }, 'crop')
  }
  if (flag(parameters, 'trim')) add('trim', undefined, 'trim')
  const sizing = ['w', 'h', 'dpr', 'fit', 'at', 'enlarge'].filter(has)
  const background = colour(parameters, 'bg')
  const place = oneOf(parameters, 'at', PLACES)
  const density = number(parameters, 'dpr', 0.1, 5) ?? 1
  const fit = oneOf(parameters, 'fit', FITS)
  const width = number(parameters, 'w', 1, 65_535, true)
  const height = number(parameters, 'h', 1, 65_535, true)
  const enlarges = flag(parameters, 'enlarge')
  if (place === 'face') add('smartCrop', true, 'at')
  if (width !== undefined || height !== undefined)
    add(
      'resize',
      {
        ...(width !== undefined && { width: Math.max(1, Math.round(width * density)) }),
        ...(height !== undefined && { height: Math.max(1, Math.round(height * density)) }),
        ...(fit !== undefined && { fit }),
        ...(place !== undefined && place !== 'face' && { position: place.replace('-', ' ') }),
        ...(background !== undefined && { background }),
        withoutEnlargement: !enlarges,
      },
      ...sizing,
    )
  else if (sizing.some((name) => name !== 'at'))
    throw wrong(sizing[0]!, 'a part of a size: w or h must stand beside it')
  const angle = number(parameters, 'rotate', -360, 360)
  if (angle !== undefined) add('rotate', angle, 'rotate')
  for (const [name, edit] of SWITCHES) if (flag(parameters, name)) add(edit, true, name)
  const blur = number(parameters, 'blur', 0.3, 200)
  if (blur !== undefined) add('blur', blur, 'blur')
  const sharpen = number(parameters, 'sharpen', 0.1, 10)
  if (sharpen !== undefined) add('sharpen', { sigma: sharpen }, 'sharpen')
  if (background !== undefined) add('flatten', { background }, 'bg')
  if (flag(parameters, 'still')) add('animated', false, 'still')
  const format = oneOf(parameters, 'f', FORMATS)
  return {
    edits,
    format: format === 'jpg' ? 'jpeg' : format,
    quality: parameters.get('q') === 'auto' ? 'auto' : number(parameters, 'q', 1, 100, true),
    source: parameters.get('from'),
    metadata: metadataOf(parameters),
  }
}

/** `copyright` and `none` drop XMP and IPTC too, which say the same in other words. */
function metadataOf(parameters: ReadonlyMap<string, string>): MetadataWish | undefined {
  const meta = oneOf(parameters, 'meta', ['keep', 'copyright', 'none'])
  const profile = oneOf(parameters, 'profile', ['keep', 'srgb'])
  if ((meta === undefined || meta === 'keep') && profile === undefined) return undefined
  return {
    exif: meta === 'none' ? 'strip' : (meta ?? 'keep'),
    keepsRest: meta === undefined || meta === 'keep',
    profile: profile === 'keep' ? 'keep' : meta === 'copyright' || meta === 'none' ? 'none' : 'srgb',
  }
}

/** Hints have put a number there before parameters are read, where the behavior has them. */
const OR_AUTO: Readonly<Record<string, string>> = {
  w: ', or auto where the behavior has `hints`',
  dpr: ', or auto where the behavior has `hints`',
  q: ', or auto',
}

const SWITCHES = [
  ['flip', 'flip'],
  ['flop', 'flop'],
  ['grey', 'greyscale'],
] as const

function number(
  parameters: ReadonlyMap<string, string>,
  name: string,
  least: number,
  most: number,
  isWhole = false,
): number | undefined {
  const text = parameters.get(name)
  if (text === undefined) return undefined
  const value = /^-?\d{1,7}(?:\.\d{1,6})?$/.test(text) ? Number(text) : Number.NaN
  if (!(value >= least && value <= most) || (isWhole && !Number.isInteger(value)))
    throw wrong(
      name,
      `a ${isWhole ? 'whole number' : 'number'} from ${least} to ${most}${OR_AUTO[name] ?? ''}`,
    )
  return value
}

function flag(parameters: ReadonlyMap<string, string>, name: string): boolean {
  const text = parameters.get(name)
  if (text === undefined || text === '0') return false
  if (text === '1' || text === '') return true
  throw wrong(name, '1 or 0')
}

function oneOf<Value extends string>(
  parameters: ReadonlyMap<string, string>,
  name: string,
  values: readonly Value[],
): Value | undefined {
  const text = parameters.get(name)
  if (text === undefined) return undefined
  const found = values.find((value) => value === text)
  if (found === undefined) throw wrong(name, `one of ${values.join(', ')}`)
  return found
}

function list(parameters: ReadonlyMap<string, string>, name: string): readonly number[] | undefined {
  const text = parameters.get(name)
  if (text === undefined) return undefined
  if (!/^\d{1,6}(?:,\d{1,6}){3}$/.test(text)) throw wrong(name, 'four whole numbers: left,top,width,height')
  return text.split(',').map(Number)
}

/** A name of CSS, or hexadecimal digits without the `#` that would end the query. */
function colour(parameters: ReadonlyMap<string, string>, name: string): string | undefined {
  const text = parameters.get(name)
  if (text === undefined) return undefined
  if (!COLOUR.test(text)) throw wrong(name, 'the name of a colour, or its hexadecimal digits without #')
  return HEX.test(text) ? `#${text}` : text
}

function wrong(name: string, expected: string): ImageError {
  return new ImageError(400, 'InvalidParameter', `The parameter ${name} must be ${expected}.`)
}
