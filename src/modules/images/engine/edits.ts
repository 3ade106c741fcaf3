import { ImageError } from '../image-error.ts'
import type { Edit } from '../task.ts'

/** What a job may cost at most; all of it is checked before a picture is decoded. */
export interface EngineLimits {
  /** Declared pixels of a source, all frames that are read together; 0 is no limit. */
  readonly maxPixels: number
  readonly maxFrames: number
  readonly maxOutputPixels: number
  /** Width or height of a result. */
  readonly maxOutputSide: number
}

/** Edits that are the method of sharp of the same name, with the value as its argument. */
const DIRECT = new Set([
  ...['removeAlpha', 'ensureAlpha', 'extractChannel', 'bandbool'],
  ...['tint', 'greyscale', 'grayscale'],
  ...['pipelineColourspace', 'pipelineColorspace', 'toColourspace', 'toColorspace'],
  ...['flip', 'flop', 'affine', 'sharpen', 'median', 'blur', 'flatten', 'unflatten', 'gamma', 'negate'],
  ...['normalise', 'normalize', 'clahe', 'convolve', 'threshold', 'linear', 'recomb', 'modulate'],
  ...['extend', 'extract', 'trim'],
])

/** Edits that choose or tune the encoder: kept to the end, because earlier edits may need the pixels. */
const ENCODERS = new Set(['jpeg', 'png', 'webp', 'gif', 'avif', 'tiff', 'heif', 'toFormat'])

const SPECIAL = new Set([
  ...['overlayWith', 'smartCrop', 'roundCrop', 'contentModeration', 'crop', 'animated', 'rotate', 'resize'],
])

/** Every edit that `kindOfEdit` knows. */
export const EDIT_NAMES: readonly string[] = [...DIRECT, ...ENCODERS, ...SPECIAL]

export type EditKind = 'direct' | 'encoder' | 'special'

/**
 * What the engine does with an edit, or undefined where it does not know it; unknown edits are passed over. Not known
 * on purpose: what takes a second picture by file name (`joinChannel`, `boolean`), `composite`, `raw`, `tile`, setters
 * of metadata.
 */
export function kindOfEdit(name: string): EditKind | undefined {
  if (DIRECT.has(name)) return 'direct'
  if (ENCODERS.has(name)) return 'encoder'
  return SPECIAL.has(name) ? 'special' : undefined
}

const MAX_EDITS = 100
const MAX_OVERLAYS = 10
const MAX_KERNEL_SIDE = 63
const MAX_MEDIAN = 50

/**
 * The edits that the engine will do, checked as far as that is possible without the picture. Throws ImageError for
 * what must not reach native code; arguments that sharp itself refuses are left to it.
 */
export function acceptEdits(edits: readonly Edit[], limits: EngineLimits): readonly Edit[] {
  const known = edits.filter(
    ({ name, value }) => kindOfEdit(name) !== undefined && !isSwitchedOff(name, value),
  )
  if (known.length > MAX_EDITS)
    throw new ImageError(400, 'BadRequest', `A request has at most ${MAX_EDITS} edits.`)
  if (known.filter(({ name }) => name === 'overlayWith').length > MAX_OVERLAYS)
    throw new ImageError(400, 'BadRequest', `A request has at most ${MAX_OVERLAYS} overlays.`)
  return known.map((edit) => {
    switch (edit.name) {
      case 'resize':
        return { ...edit, value: resizeArguments(edit.value, limits) }
      case 'sharpen':
        // sharp 0.35 takes a bare number for its mild fixed sharpen; before, the number was sigma.
        return typeof edit.value === 'number' ? { ...edit, value: { sigma: edit.value } } : edit
      case 'convolve':
        checkKernel(edit.value)
        return edit
      case 'median':
        if (typeof edit.value === 'number' && edit.value > MAX_MEDIAN)
          throw new ImageError(
            400,
            'BadRequest',
            `The window of median is at most ${MAX_MEDIAN} pixels wide.`,
          )
        return edit
      default:
        return edit
    }
  })
}

/** `false`, null and undefined switch an operation off; `rotate` gives them meanings of its own. */
function isSwitchedOff(name: string, value: unknown): boolean {
  if (name === 'rotate' || name === 'animated') return false
  return value === false && (name === 'smartCrop' || name === 'roundCrop' || name === 'contentModeration')
}

function resizeArguments(value: unknown, limits: EngineLimits): Readonly<Record<string, unknown>> {
  if (!isRecord(value)) return {}
  const width = side('width', value['width'], limits)
  const height = side('height', value['height'], limits)
  return { ...value, width, height }
}

/** Numeric text counts, fractions are rounded, null and nothing mean automatic. */
function side(name: string, value: unknown, limits: EngineLimits): number | undefined {
  if (value === undefined || value === null) return undefined
  const pixels =
    typeof value === 'number' || typeof value === 'string' ? Math.round(Number(value)) : Number.NaN
  if (!(pixels > 0))
    throw new ImageError(400, 'InvalidResizeException', `The ${name} of resize must be a number above 0.`)
  if (pixels > limits.maxOutputSide)
    throw new ImageError(
      400,
      'InvalidResizeException',
      `The ${name} of resize is at most ${limits.maxOutputSide} pixels here.`,
    )
  return pixels
}

function checkKernel(value: unknown): void {
  if (!isRecord(value)) return
  const { width, height } = value
  if (Number(width) > MAX_KERNEL_SIDE || Number(height) > MAX_KERNEL_SIDE)
    throw new ImageError(
      400,
      'BadRequest',
      `A kernel of convolve is at most ${MAX_KERNEL_SIDE} wide and high.`,
    )
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
