import { ImageError } from '../image-error.ts'
import { type EngineLimits, isRecord } from './edits.ts'
import type { Inspected } from './inspect-input.ts'
import type { JobEdit } from './job.ts'

/**
 * Refuses a job whose result, or something on the way to it, would be larger than allowed. The size is followed through
 * the edits that can make a picture grow; where an edit can only shrink it, the larger bound is kept. Gives the pixels of the
 * result at most.
 */
export function checkOutputSize(source: Inspected, edits: readonly JobEdit[], limits: EngineLimits): number {
  let width = source.width
  let height = source.height
  const frames = 1
  const mayTurn = edits.some(({ name, value }) => name === 'rotate' && value !== null)
  for (const { name, value } of edits) {
    if (name === 'resize') [width, height] = resized(width, height, value, source, mayTurn)
    else if (name === 'extend') [width, height] = extended(width, height, value)
    else if (name === 'affine') [width, height] = transformed(width, height, value)
    else if (name === 'rotate') [width, height] = rotated(width, height, value)
    else if (name === 'crop' || name === 'extract') {
      // A smaller area may have other proportions, which a later resize keeps.
      ;[width, height] = cut(width, height, value)
      continue
    } else continue
    const pixels = width * height * frames
    const isTooLarge =
      pixels > limits.maxOutputPixels || width > limits.maxOutputSide || height > limits.maxOutputSide
    if (!(pixels >= 0) || isTooLarge)
      throw new ImageError(
        400,
        name === 'resize' ? 'InvalidResizeException' : 'BadRequest',
        `The result would be larger than ${limits.maxOutputSide} pixels on a side or ${limits.maxOutputPixels} in all.`,
      )
  }
  return width * height
}

type Size = [width: number, height: number]

function resized(width: number, height: number, value: unknown, source: Inspected, mayTurn: boolean): Size {
  if (!isRecord(value)) return [width, height]
  const ratio = Number(value['ratio'] ?? 1)
  let wide = typeof value['width'] === 'number' ? value['width'] : undefined
  let high = typeof value['height'] === 'number' ? value['height'] : undefined
  if (ratio !== 1 && ratio > 0) {
    const isSized = wide !== undefined && high !== undefined
    wide = (isSized ? wide! : source.width) * ratio
    high = (isSized ? high! : source.height) * ratio
  }
  if (wide === undefined && high === undefined) return [width, height]
  // A turned picture swaps its sides, so the larger of both proportions bounds the side that is not given.
  const turned = Math.max(width / height, height / width)
  const across = mayTurn ? turned : width / height
  const down = mayTurn ? turned : height / width
  const longest = value['withoutEnlargement'] === true ? Math.max(width, height) : Number.POSITIVE_INFINITY
  const bounded = ([first, second]: Size): Size => [Math.min(first, longest), Math.min(second, longest)]
  if (wide === undefined) return bounded([high! * across, high!])
  if (high === undefined) return bounded([wide, wide * down])
  if (value['fit'] !== 'outside') return [wide, high]
  return bounded([Math.max(wide, high * across), Math.max(high, wide * down)])
}

function cut(width: number, height: number, value: unknown): Size {
  if (!isRecord(value)) return [width, height]
  const wide = Number(value['width'])
  const high = Number(value['height'])
  return wide > 0 && high > 0 ? [wide, high] : [width, height]
}

function extended(width: number, height: number, value: unknown): Size {
  if (typeof value === 'number') return [width + 2 * value, height + 2 * value]
  if (!isRecord(value)) return [width, height]
  const side = (name: string) => Number(value[name] ?? 0) || 0
  return [width + side('left') + side('right'), height + side('top') + side('bottom')]
}

function transformed(width: number, height: number, value: unknown): Size {
  const matrix = Array.isArray(value) ? value.flat().map(Number) : []
  const [a = 1, b = 0, c = 0, d = 1] = matrix
  return [Math.abs(a) * width + Math.abs(b) * height, Math.abs(c) * width + Math.abs(d) * height]
}

function rotated(width: number, height: number, value: unknown): Size {
  if (typeof value !== 'number') return [width, height]
  const angle = (value * Math.PI) / 180
  const cosine = Math.abs(Math.cos(angle))
  const sine = Math.abs(Math.sin(angle))
  return [Math.ceil(width * cosine + height * sine - 1e-6), Math.ceil(width * sine + height * cosine - 1e-6)]
}
