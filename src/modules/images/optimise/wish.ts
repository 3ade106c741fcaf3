import type { ExifWish } from '../engine/exif.ts'
import type { JobDerivative } from '../engine/job.ts'

/** One size that is made of every original; a side that is left out follows from the other. */
export interface Size {
  readonly name: string
  readonly width?: number
  readonly height?: number
}

export const FORMATS = ['avif', 'webp', 'jpeg'] as const
export type Format = (typeof FORMATS)[number]

/** What is made of every original. It stands in the record of each, and another one makes it anew. */
export interface Wish {
  readonly sizes: readonly Size[]
  /** Quality by format, 1 to 100. */
  readonly formats: Partial<Readonly<Record<Format, number>>>
  /** What of EXIF is told in a file of its own; nothing when left out. */
  readonly exif?: ExifWish
}

/** The sizes of the upload resizer of AWS's sample "Happy Path". */
export const DEFAULT_SIZES: readonly Size[] = [
  { name: 'tile', width: 400, height: 400 },
  { name: 'scaled', width: 600 },
]

/** AVIF for those who take it, and JPEG, the sample's format, for the others (docs/decisions/0120). */
export const DEFAULT_FORMATS: readonly Format[] = ['avif', 'jpeg']

/** By eye and measure of equal worth (docs/decisions/0120). */
export const DEFAULT_QUALITY: Readonly<Record<Format, number>> = { avif: 55, webp: 75, jpeg: 75 }

const ENDINGS: Readonly<Record<Format, string>> = { avif: 'avif', webp: 'webp', jpeg: 'jpg' }

export function wishOf(
  sizes: readonly Size[],
  formats: readonly Format[],
  quality: Partial<Readonly<Record<Format, number>>> = {},
  exif: boolean | 'all' = false,
): Wish {
  return {
    sizes,
    formats: Object.fromEntries(
      formats.map((format) => [format, quality[format] ?? DEFAULT_QUALITY[format]]),
    ),
    ...(exif !== false && { exif: exif === 'all' ? exif : 'camera' }),
  }
}

/** One file that a wish asks for. */
export interface Wanted {
  readonly name: string
  readonly format: Format
  /** What its name has after the base: `-tile.jpg`. */
  readonly ending: string
  readonly contentType: string
  readonly job: JobDerivative
}

export function wantedOf({ sizes, formats }: Wish): readonly Wanted[] {
  return sizes.flatMap(({ name, width, height }) =>
    FORMATS.flatMap((format): Wanted | readonly [] => {
      const quality = formats[format]
      if (quality === undefined) return []
      return {
        name,
        format,
        ending: `-${name}.${ENDINGS[format]}`,
        contentType: `image/${format}`,
        job: {
          ...(width !== undefined && { width }),
          ...(height !== undefined && { height }),
          format,
          options: encoderOptions(format, quality),
        },
      }
    }),
  )
}

function encoderOptions(format: Format, quality: number): Readonly<Record<string, unknown>> {
  switch (format) {
    case 'jpeg':
      return { quality, mozjpeg: true }
    case 'webp':
      return { quality }
    case 'avif':
      // More effort costs more time than it saves bytes (docs/decisions/0120).
      return { quality, effort: 2 }
  }
}
