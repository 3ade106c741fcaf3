import sharp, { type Sharp } from 'sharp'
import { ImageError } from '../image-error.ts'
import type { Canvas } from './canvas.ts'
import { copyrightOf } from './copyright.ts'
import { describePixels } from './describe.ts'
import type { EngineLimits } from './edits.ts'
import { writeDerived } from './derived.ts'
import { exifFacts } from './exif.ts'
import type { Inspected } from './inspect-input.ts'
import type { Ask, Derive, JobDerivative, Rendered } from './job.ts'
import { keepColours } from './metadata.ts'
import { checkOutputSize } from './output-size.ts'
import { isShownToServices, refuseByContent, SHOWN_SIDE } from './refuse-by-content.ts'

/** Results are made of pixels at least twice as wide and high, where the original has them: finer ones show no difference. */
const OVERSIZE = 2

/** Refuses a source before it is decoded, in the words of AWS's upload resizer. */
export function checkSource(
  source: Inspected,
  { minSide, types, derivatives }: Derive,
  limits: EngineLimits,
): void {
  if (types !== undefined && !types.includes(source.format))
    throw new ImageError(
      400,
      'UNSUPPORTED_TYPE',
      `The picture is ${source.format}; allowed: ${types.join(', ')}.`,
    )
  const { width, height } = source
  if (Math.min(width, height) < minSide)
    throw new ImageError(
      400,
      'IMAGE_TOO_SMALL',
      `The picture has ${width} x ${height} pixels; each side must have at least ${minSide}.`,
    )
  for (const derivative of derivatives)
    checkOutputSize(
      source,
      [
        { name: 'rotate', value: 'auto' },
        { name: 'resize', value: resizeOf(derivative) },
      ],
      limits,
    )
}

/** Decodes once, and makes all derivatives and the description of what was decoded. */
export async function derive(
  canvas: Canvas,
  what: Derive,
  bytes: number,
  ask: Ask,
): Promise<{ readonly rendered: Rendered; readonly bytes: Buffer }> {
  const { derivatives, exif } = what
  const isShown = isShownToServices(what)
  const header = await canvas.run(() => canvas.image.metadata())
  const { width, height } = uprightSize(canvas.source, header)
  await keepColours(canvas.image, canvas.source, () => Promise.resolve(header))
  const tags = canvas.job.metadata === 'strip' ? undefined : copyrightOf(canvas.source.bytes)
  const needed = neededSize(derivatives, isShown ? SHOWN_SIDE : 0)
  // Before the decoder is asked, so that it may skip what nobody sees: JPEG is read at a half, a quarter or an eighth.
  if (needed !== undefined) canvas.image.resize({ ...needed, fit: 'outside', withoutEnlargement: true })
  const pixels = await canvas.run(() =>
    canvas.image.toColourspace('srgb').raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true }),
  )
  const { width: across, height: down, channels } = pixels.info
  const start = () => sharp(pixels.data, { raw: { width: across, height: down, channels } })
  if (isShown) await refuseByContent(canvas, start, what, ask)
  const made = []
  for (const derivative of derivatives) {
    const { data, info } = await canvas.run(() =>
      resultOf(start(), derivative, tags)
        .timeout({ seconds: canvas.job.timeoutSeconds })
        .toBuffer({ resolveWithObject: true }),
    )
    made.push({ width: info.width, height: info.height, bytes: data })
  }
  const description = await describePixels(canvas, start, { width, height }, bytes)
  return {
    rendered: { format: 'derived', isForced: false, width, height, frames: 1 },
    bytes: writeDerived({ made, description, exif: exif && (await exifFacts(header.exif, exif)) }),
  }
}

function resizeOf({ width, height }: JobDerivative) {
  return {
    ...(width !== undefined && { width }),
    ...(height !== undefined && { height }),
    fit: 'cover' as const,
    withoutEnlargement: true,
  }
}

function resultOf(image: Sharp, derivative: JobDerivative, tags: ReturnType<typeof copyrightOf>): Sharp {
  if (tags !== undefined) image.withExif({ IFD0: tags })
  image.resize(resizeOf(derivative))
  // JPEG has no transparency: white shows through, as on a page.
  if (derivative.format === 'jpeg') image.flatten({ background: '#fff' })
  return image.toFormat(derivative.format as 'jpeg', derivative.options)
}

/** A box that holds enough pixels for all of them, and `least` on each side. */
function neededSize(
  derivatives: readonly JobDerivative[],
  least: number,
): { width?: number; height?: number } | undefined {
  const largest = (side: 'width' | 'height') =>
    Math.max(least, ...derivatives.map((each) => OVERSIZE * (each[side] ?? 0)))
  const [width, height] = [largest('width'), largest('height')]
  if (width === 0 && height === 0) return undefined
  return { ...(width > 0 && { width }), ...(height > 0 && { height }) }
}

/** Tags 5 to 8 lay a picture on its side (Exif 2.32, Orientation). */
function uprightSize(
  { width, height }: Inspected,
  { orientation = 1 }: { readonly orientation?: number | undefined },
) {
  return orientation >= 5 ? { width: height, height: width } : { width, height }
}
