import { encode } from 'blurhash'
import sharp, { type Sharp } from 'sharp'
import { rgbaToThumbHash } from 'thumbhash'
import type { Canvas } from './canvas.ts'
import type { Rendered } from './job.ts'

/** What a page needs before the picture is there: its size, its main colour, and three stand-ins for it. */
export interface Description {
  /** Of the variant that the same URL without `f=json` gives. */
  readonly width: number
  readonly height: number
  readonly frames: number
  readonly hasAlpha: boolean
  /** `#rrggbb`: the most common colour, as libvips counts them in a histogram of 16 x 16 x 16. */
  readonly dominant: string
  /** BlurHash of 4 x 3 components, or 3 x 4 for what is higher than wide. */
  readonly blurhash: string
  /** ThumbHash in base64: 25 bytes at most, with proportions and transparency. */
  readonly thumbhash: string
  /** A WebP of at most 16 pixels on a side as a data URL. */
  readonly lqip: string
  readonly original: {
    readonly format: string
    readonly width: number
    readonly height: number
    readonly bytes: number
  }
}

const LQIP_SIDE = 16
/** BlurHash looks at averages: more pixels change nothing but the time. */
const HASHED_SIDE = 32
/** The largest side that ThumbHash takes. */
const THUMB_SIDE = 100

/** Describes what the edits so far make, as JSON. `bytes` is the length of the source. */
export async function describe(
  canvas: Canvas,
  bytes: number,
): Promise<{ readonly rendered: Rendered; readonly bytes: Buffer }> {
  const { source } = canvas
  const settled = await canvas.settle()
  const description = await describePixels(canvas, () => sharp(settled.bytes), settled, bytes)
  return {
    rendered: {
      format: 'json',
      isForced: false,
      width: settled.width,
      height: settled.height,
      frames: source.isAnimated ? source.frames : 1,
    },
    bytes: Buffer.from(JSON.stringify(description)),
  }
}

/** Describes pixels that were made of the source of a canvas and stand for a picture of `size`. */
export async function describePixels(
  canvas: Canvas,
  first: () => Sharp,
  size: { readonly width: number; readonly height: number },
  bytes: number,
): Promise<Description> {
  const { source } = canvas
  const { hasAlpha } = await first().metadata()
  // Statistics are of what goes into a pipeline, not of what comes out of it.
  const opaque = hasAlpha
    ? sharp(
        await canvas.run(() =>
          first().flatten({ background: '#fff' }).png({ compressionLevel: 0 }).toBuffer(),
        ),
      )
    : first()
  const { dominant } = await canvas.run(() => opaque.stats())
  const small = await canvas.run(() =>
    first()
      .resize(HASHED_SIDE, HASHED_SIDE, { fit: 'inside' })
      .flatten({ background: '#fff' })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw()
      .toBuffer({ resolveWithObject: true }),
  )
  // Not flattened: it tells transparency.
  const thumb = await canvas.run(() =>
    first()
      .resize(THUMB_SIDE, THUMB_SIDE, { fit: 'inside', withoutEnlargement: true })
      .toColourspace('srgb')
      .ensureAlpha()
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true }),
  )
  const tiny = await canvas.run(() =>
    first().resize(LQIP_SIDE, LQIP_SIDE, { fit: 'inside' }).webp({ quality: 30 }).toBuffer(),
  )
  const [across, down] = size.width >= size.height ? [4, 3] : [3, 4]
  return {
    width: size.width,
    height: size.height,
    frames: source.isAnimated ? source.frames : 1,
    hasAlpha,
    dominant: `#${[dominant.r, dominant.g, dominant.b].map((part) => part.toString(16).padStart(2, '0')).join('')}`,
    blurhash: encode(new Uint8ClampedArray(small.data), small.info.width, small.info.height, across, down),
    thumbhash: Buffer.from(rgbaToThumbHash(thumb.info.width, thumb.info.height, thumb.data)).toString(
      'base64',
    ),
    lqip: `data:image/webp;base64,${tiny.toString('base64')}`,
    original: { format: source.readFrom ?? source.format, width: source.width, height: source.height, bytes },
  }
}
