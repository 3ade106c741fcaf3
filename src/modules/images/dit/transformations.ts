import type { Edit } from '../task.ts'

/** A value of a query or a policy, typed as version 8 types it. */
export type Value = string | number | boolean | readonly Value[] | { readonly [key: string]: Value }

/** One transformation, by its type: `resize`, `blur`, …; where it stood is for explain. */
export interface Transformation {
  readonly type: string
  readonly value: Value
  readonly from: string
}

/** The types there are. */
export const TRANSFORMATION_TYPES = [
  ...['resize', 'extract', 'blur', 'sharpen', 'convolve', 'rotate', 'flip', 'flop', 'grayscale', 'normalize'],
  ...['animated', 'stripExif', 'stripIcc', 'tint', 'flatten', 'smartCrop', 'watermark', 'format', 'quality'],
] as const

const MAX_PARAMETERS = 50
const MAX_ARRAY = 10
/** Names that have parts: `resize.width=300` or `resize[width]=300`. */
const NAME = /^([a-zA-Z]+)(?:\.([a-zA-Z]\w*)|\[([a-zA-Z]\w*)\])?$/

/** The transformations of a query, in its order; names that could not be one are passed over. */
export function readQuery(query: string | undefined): readonly Transformation[] {
  const found = new Map<string, Value>()
  for (const [name, text] of [...new URLSearchParams(query ?? '')].slice(0, MAX_PARAMETERS)) {
    const [, type = '', dotted, bracketed] = NAME.exec(name) ?? []
    // A bare key counts as absent.
    if (type === '' || text === '' || type === 'policyId') continue
    const part = dotted ?? bracketed
    const before = found.get(type)
    if (part === undefined) found.set(type, typed(text))
    else found.set(type, { ...(isParts(before) && before), [part]: typed(text) })
  }
  return [...found].map(([type, value]) => ({ type, value, from: `query ${type}` }))
}

/** `300`, `true`, `[1,2]` or `1,2`, or text. */
function typed(text: string): Value {
  if (text.startsWith('[') && text.endsWith(']')) return items(text.slice(1, -1))
  if (text.includes(',')) return items(text)
  return scalar(text)
}

/** Splits at commas outside of inner brackets; one level of those, as watermarks have it. */
function items(text: string): readonly Value[] {
  const parts = text.match(/\[[^[\]]*\]|[^,[\]]+/g) ?? []
  return parts
    .slice(0, MAX_ARRAY)
    .map((part) => (part.startsWith('[') ? items(part.slice(1, -1)) : scalar(part.trim())))
}

function scalar(text: string): Value {
  if (text === 'true') return true
  if (text === 'false') return false
  return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
}

/** What a transformation asks of the engine; undefined where its value is not valid, which is passed over. */
export function editOf({ type, value, from }: Transformation): Edit | undefined {
  const edit = (name: string, argument: unknown): Edit => ({ name, value: argument, from })
  switch (type) {
    case 'resize': {
      const options = resizeOf(value)
      return options === undefined ? undefined : edit('resize', options)
    }
    case 'extract': {
      const [left, top, right, bottom] = wholeNumbers(value, 4) ?? []
      if (left === undefined || top === undefined || !(right! > left) || !(bottom! > top)) return undefined
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
    case 'stripExif':
    case 'stripIcc':
      return value === true ? edit('rotate', null) : undefined
    case 'tint':
    case 'flatten': {
      const colour = colourOf(value)
      return colour === undefined ? undefined : edit(type, type === 'tint' ? colour : { background: colour })
    }
    case 'smartCrop': {
      if (value === true) return edit('smartCrop', true)
      if (!isParts(value)) return undefined
      const { index = 0, padding = 0 } = value
      if (!inRange(index, 0, 15) || !Number.isInteger(index) || !inRange(padding, 0, MAX_SIDE))
        return undefined
      return edit('smartCrop', { faceIndex: index, padding })
    }
    default:
      return undefined
  }
}

const MAX_SIDE = 4_000
const FITS = new Set(['cover', 'contain', 'fill', 'inside', 'outside'])

/** sigma, and beside it whole numbers in sharp's own bounds. */
function isSharpening(value: Value): boolean {
  if (!isParts(value) || !inRange(value['sigma'], 1e-6, 10)) return false
  return Object.entries(value).every(
    ([name, number]) =>
      name === 'sigma' ||
      (['m1', 'm2', 'x1', 'y2', 'y3'].includes(name) && inRange(number, 0, 1e6) && Number.isInteger(number)),
  )
}

function resizeOf(value: Value): Readonly<Record<string, unknown>> | undefined {
  if (!isParts(value)) return undefined
  const { width, height, fit, background, withoutEnlargement, ratio } = value
  const isSide = (side: Value | undefined) =>
    side === undefined || (inRange(side, 1, MAX_SIDE) && Number.isInteger(side))
  const isNothing = width === undefined && height === undefined && ratio === undefined
  if (isNothing || !isSide(width) || !isSide(height)) return undefined
  if (fit !== undefined && !(typeof fit === 'string' && FITS.has(fit))) return undefined
  if (ratio !== undefined && !inRange(ratio, 0, 1)) return undefined
  const colour = background === undefined ? undefined : colourOf(background)
  return {
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    ...(fit !== undefined && { fit }),
    ...(colour !== undefined && { background: colour }),
    ...(ratio !== undefined && { ratio }),
    ...(withoutEnlargement === true && { withoutEnlargement }),
  }
}

/** A name, `#` and 3, 4, 6 or 8 hexadecimal digits, or `[r,g,b,a]`. */
function colourOf(value: Value): unknown {
  if (typeof value === 'string')
    return /^(?:#(?:[\da-f]{3,4}|[\da-f]{6}|[\da-f]{8})|[a-z]{3,20})$/i.test(value) ? value : undefined
  if (!Array.isArray(value)) return undefined
  const [r, g, b, alpha = 1] = value as readonly Value[]
  const isColour = [r, g, b].every((part) => inRange(part, 0, 255)) && inRange(alpha, 0, 1)
  return isColour ? { r, g, b, alpha } : undefined
}

function wholeNumbers(value: Value | undefined, count: number): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined
  const numbers = value.filter((each): each is number => Number.isInteger(each))
  return numbers.length === count && value.length === count ? numbers : undefined
}

export function inRange(value: Value | undefined, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most
}

function isParts(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && !Array.isArray(value)
}
