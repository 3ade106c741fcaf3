import type { Edit } from '../task.ts'
import { colourOf } from './colour.ts'
import { inRange, isParts, isWholeIn, type Value, wholeNumbers } from './value.ts'
import { readWatermark } from './watermark.ts'

export type { Value } from './value.ts'

/** One transformation, by its type: `resize`, `blur`, …; where it stood is for explain. */
export interface Transformation {
  readonly type: string
  readonly value: Value
  readonly from: string
}

/** Formats that a request or a policy may name. */
export const FORMATS = ['jpg', 'jpeg', 'png', 'tiff', 'webp', 'gif', 'avif'] as const

const MAX_SIDE = 4_000
const MAX_FACE = 15
const SWITCH = 'true or false'
const COLOUR = 'the name of a colour of CSS, # and 3, 4, 6 or 8 hexadecimal digits, or [r, g, b, alpha]'

/** The types there are, and for people what their values may be. */
const EXPECTED = {
  resize: `width or height as whole numbers from 1 to ${MAX_SIDE}, or ratio above 0 to 1; beside them fit (cover, contain, fill, inside, outside), background (a colour), withoutEnlargement (${SWITCH})`,
  extract: '[left, top, right, bottom] in whole pixels, right of left and below top',
  blur: 'a number from 0.3 to 1000',
  sharpen:
    'true or false, or sigma from 0.000001 to 10 and beside it m1, m2, x1, y2, y3 as whole numbers from 0',
  convolve: 'kernel, a list of nine whole numbers; width and height, if they are given, are 3',
  rotate: 'a number of degrees',
  flip: SWITCH,
  flop: SWITCH,
  grayscale: SWITCH,
  normalize: SWITCH,
  animated: SWITCH,
  stripExif: SWITCH,
  stripIcc: SWITCH,
  tint: COLOUR,
  flatten: COLOUR,
  smartCrop: `true or false, or index from 0 to ${MAX_FACE} and padding in whole pixels up to ${MAX_SIDE}`,
  watermark:
    '[url, [y, x, alpha, wRatio, hRatio]]: offsets in whole pixels or as 10p, alpha and shares from 0 to 1, one share at least',
  format: `one of ${FORMATS.join(', ')}`,
  quality: 'a whole number from 1 to 100',
} as const satisfies Record<string, string>

type Type = keyof typeof EXPECTED

export const TRANSFORMATION_TYPES: readonly string[] = Object.keys(EXPECTED)

const FITS = new Set(['cover', 'contain', 'fill', 'inside', 'outside'])
const RESIZE_PARTS = new Set(['width', 'height', 'fit', 'background', 'withoutEnlargement', 'ratio'])

/** The one name of types that policies of version 8 may spell in two ways. */
export function nameOf(type: string): string {
  if (type === 'greyscale') return 'grayscale'
  return type === 'normalise' ? 'normalize' : type
}

/** What the value of a type may be, for people; undefined for what is no type. */
export function expectedOf(type: string): string | undefined {
  return isType(type) ? EXPECTED[type] : undefined
}

function isType(type: string): type is Type {
  return Object.hasOwn(EXPECTED, type)
}

/** Invalid values of a query are passed over, and do not replace those of a policy. `false` is valid, and does. */
export function isValidTransformation(each: Transformation): boolean {
  const { type, value } = each
  if (!isType(type)) return false
  switch (type) {
    case 'flip':
    case 'flop':
    case 'grayscale':
    case 'normalize':
    case 'animated':
    case 'stripExif':
    case 'stripIcc':
      return typeof value === 'boolean'
    case 'format':
      return formatOf(value) !== undefined
    case 'quality':
      return isWholeIn(value, 1, 100)
    case 'watermark':
      return readWatermark(value) !== undefined
    case 'sharpen':
    case 'smartCrop':
      return value === false || editOf(each) !== undefined
    case 'resize':
    case 'extract':
    case 'blur':
    case 'convolve':
    case 'rotate':
    case 'tint':
    case 'flatten':
      return editOf(each) !== undefined
  }
}

export function formatOf(value: Value): string | undefined {
  const found = FORMATS.find((format) => format === value)
  return found === 'jpg' ? 'jpeg' : found
}

/** What a transformation asks of the engine; undefined where it asks nothing, and where its value is not valid. */
export function editOf({ type, value, from }: Transformation): Edit | undefined {
  const edit = (name: string, argument: unknown): Edit => ({ name, value: argument, from })
  switch (type) {
    case 'resize': {
      const options = resizeOf(value)
      return options === undefined ? undefined : edit('resize', options)
    }
    case 'extract': {
      const [left, top, right, bottom] = wholeNumbers(value, 4) ?? []
      if (left === undefined || top === undefined || left < 0 || top < 0) return undefined
      if (!(right! > left) || !(bottom! > top)) return undefined
      return edit('crop', { left, top, width: right! - left, height: bottom! - top })
    }
    case 'blur':
      return inRange(value, 0.3, 1000) ? edit('blur', value) : undefined
    case 'sharpen': {
      if (value === true) return edit('sharpen', undefined)
      return isSharpening(value) ? edit('sharpen', value) : undefined
    }
    case 'convolve': {
      if (!isParts(value)) return undefined
      const { width = 3, height = 3 } = value
      const kernel = wholeNumbers(value['kernel'], 9)
      // Nine numbers are a kernel of no other size.
      return kernel === undefined || width !== 3 || height !== 3
        ? undefined
        : edit('convolve', { width, height, kernel })
    }
    case 'rotate':
      return typeof value === 'number' ? edit('rotate', value % 360) : undefined
    case 'flip':
    case 'flop':
    case 'grayscale':
    case 'normalize':
      return value === true ? edit(type, true) : undefined
    case 'animated':
      return typeof value === 'boolean' ? edit('animated', value) : undefined
    case 'tint':
    case 'flatten': {
      const colour = colourOf(value)
      return colour === undefined ? undefined : edit(type, type === 'tint' ? colour : { background: colour })
    }
    case 'smartCrop': {
      if (value === true) return edit('smartCrop', true)
      if (!isParts(value)) return undefined
      const { index = 0, padding = 0 } = value
      if (!isWholeIn(index, 0, MAX_FACE) || !isWholeIn(padding, 0, MAX_SIDE)) return undefined
      return edit('smartCrop', { faceIndex: index, padding })
    }
    default:
      return undefined
  }
}

/** sigma, and beside it whole numbers in sharp's own bounds. */
function isSharpening(value: Value): boolean {
  if (!isParts(value) || !inRange(value['sigma'], 1e-6, 10)) return false
  return Object.entries(value).every(
    ([name, number]) =>
      name === 'sigma' || (['m1', 'm2', 'x1', 'y2', 'y3'].includes(name) && isWholeIn(number, 0, 1e6)),
  )
}

function resizeOf(value: Value): Readonly<Record<string, unknown>> | undefined {
  if (!isParts(value) || Object.keys(value).some((part) => !RESIZE_PARTS.has(part))) return undefined
  const { width, height, fit, background, withoutEnlargement, ratio } = value
  const isSide = (side: Value | undefined) => side === undefined || isWholeIn(side, 1, MAX_SIDE)
  const isNothing = width === undefined && height === undefined && !ratio
  if (isNothing || !isSide(width) || !isSide(height)) return undefined
  if (fit !== undefined && !(typeof fit === 'string' && FITS.has(fit))) return undefined
  if (ratio !== undefined && !inRange(ratio, 0, 1)) return undefined
  if (withoutEnlargement !== undefined && typeof withoutEnlargement !== 'boolean') return undefined
  const colour = background === undefined ? undefined : colourOf(background)
  if (background !== undefined && colour === undefined) return undefined
  return {
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(fit !== undefined && { fit }),
    ...(colour !== undefined && { background: colour }),
    ...(ratio !== undefined && { ratio }),
    ...(withoutEnlargement === true && { withoutEnlargement }),
  }
}
