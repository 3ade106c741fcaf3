import { sniffFormat } from '../engine/probe.ts'
import { ImageError } from '../image-error.ts'

const KNOWN = new Set(
  ['png', 'jpeg', 'webp', 'tiff', 'gif', 'svg+xml', 'avif'].map((name) => `image/${name}`),
)

/** The type a source has: what its server says if that is a picture's, otherwise what its first bytes say. */
export function contentTypeOf(declared: string | undefined, start: Buffer, isStrict: boolean): string {
  const said = declared?.split(';')[0]!.trim().toLowerCase()
  if (said !== undefined && KNOWN.has(said)) return said
  const format = sniffFormat(start)
  // Version 7 answers 500 here, although the request was well-formed and the edge is, too.
  // HEIC is read for uploads alone (docs/decisions/0127).
  if (format === undefined || format === 'heic')
    throw new ImageError(
      isStrict ? 500 : 400,
      'RequestTypeError',
      format === 'heic'
        ? 'The source is HEIC, which is read for uploads alone: let images.optimise make derivatives of it.'
        : 'The source is not a picture of a known type.',
    )
  return format === 'svg' ? 'image/svg+xml' : `image/${format}`
}
