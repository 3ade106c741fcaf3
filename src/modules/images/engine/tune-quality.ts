import { automaticQuality, hasAutomaticQuality } from './automatic-quality.ts'
import type { Canvas } from './canvas.ts'
import { isRecord } from './edits.ts'
import type { JobEdit } from './job.ts'

/** What sharp encodes with where nothing is said; formats without loss have none. */
const DEFAULT_QUALITY: Readonly<Record<string, number>> = { jpeg: 80, webp: 80, avif: 50, heif: 50, tiff: 80 }
/** Looking at the pixels means to hold them: above this the default quality stands. */
const MAX_PIXELS = 16_000_000

/**
 * Options of the encoder that a wish about quality comes down to, or undefined where there is nothing to change. Animations
 * and results of many megapixels are not looked at.
 */
export async function tuneQuality(
  canvas: Canvas,
  format: string,
  encoders: readonly JobEdit[],
  pixels: number,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const { job, source } = canvas
  if (job.quality === undefined) return undefined
  const { isAutomatic, factor } = job.quality
  const given = givenQuality(job.options, encoders)
  const isLookedAt =
    isAutomatic &&
    given === undefined &&
    !source.isAnimated &&
    pixels <= MAX_PIXELS &&
    hasAutomaticQuality(format)
  if (isLookedAt) {
    const { quality, options } = automaticQuality(await canvas.pixels(), format)
    return { ...options, quality: lowered(quality, factor) }
  }
  const quality = given ?? DEFAULT_QUALITY[format]
  return quality === undefined || factor === 1 ? undefined : { quality: lowered(quality, factor) }
}

/** The number of the request: among the options of the format, or in the last encoder edit that has one. */
function givenQuality(
  options: Readonly<Record<string, unknown>>,
  encoders: readonly JobEdit[],
): number | undefined {
  const said = [options, ...encoders.map(({ value }) => value)].flatMap((value) =>
    isRecord(value) && typeof value['quality'] === 'number' ? [value['quality']] : [],
  )
  return said.at(-1)
}

function lowered(quality: number, factor: number): number {
  return Math.max(1, Math.round(quality * factor))
}
