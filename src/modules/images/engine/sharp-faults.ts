import { ImageError } from '../image-error.ts'
import type { Inspected } from './inspect-input.ts'

/** Calls a method of sharp that checks its arguments; what it refuses is a failure of processing unless told otherwise. */
export function guarded(
  work: () => void,
  { status, code } = { status: 500, code: 'ProcessingFailure' },
): void {
  try {
    work()
  } catch (error) {
    const message =
      status === 400
        ? 'The arguments of an edit are out of bounds.'
        : 'An edit has arguments that are not possible.'
    throw new ImageError(status, code, message, { cause: error })
  }
}

/** Loaders by the names in which libvips and its decoders complain. */
const DECODING =
  /load|VipsJpeg|Jpeg|JPEG|pngload|libspng|spng|libpng|webp: unable to parse|nsgif|gifload|tiff|TIFF|heif|rsvg|svg|unsupported image format|corrupt header|Input buffer|out of order read|bad seek|premature end|decode/

/** What sharp and libvips said about the pixels, as an ImageError. */
export function faultOf(error: unknown, isStrict: boolean, source: Inspected): ImageError {
  if (error instanceof ImageError) return error
  const text = error instanceof Error ? error.message : String(error)
  const as = (status: number, code: string, message: string) =>
    new ImageError(status, code, message, { cause: error })
  if (/bad extract area/.test(text)) {
    return isStrict
      ? as(500, 'ProcessingFailure', 'The picture could not be processed.')
      : as(400, 'Crop::AreaOutOfBounds', 'The area to cut out reaches beyond the picture.')
  }
  if (/exceeds pixel limit/.test(text))
    return as(413, 'TooLargeImageException', 'The source has more pixels than are allowed.')
  if (/too large for the/.test(text))
    return as(400, 'BadRequest', 'The result is larger than its format can hold.')
  if (/timeout/i.test(text)) return as(503, 'TimeoutException', 'The picture could not be processed in time.')
  if (/same dimensions or smaller/.test(text))
    return as(400, 'BadRequest', 'The picture to lay over is larger than the one below it.')
  if (source.format === 'avif' && source.bitDepth > 8)
    return as(400, 'BadRequest', 'AVIF with more than 8 bits per channel cannot be edited.')
  if (DECODING.test(text) && !/save|encod/.test(text))
    return as(400, 'InstantiationError', 'The source is damaged and cannot be read.')
  return as(500, 'ProcessingFailure', 'The picture could not be processed.')
}
