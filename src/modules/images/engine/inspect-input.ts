import { ImageError } from '../image-error.ts'
import type { Job } from './job.ts'
import { type InputFormat, probe } from './probe.ts'
import { sanitiseSvg } from './svg.ts'

/** A source whose header has been read and found within the limits. */
export interface Inspected {
  readonly bytes: Buffer
  readonly format: InputFormat
  readonly width: number
  readonly height: number
  readonly frames: number
  /** All frames are read. */
  readonly isAnimated: boolean
  readonly bitDepth: number
  /** Given where the bytes were made of a source of another format, by us. */
  readonly readFrom?: InputFormat
  /** What comes out when nothing else is asked for: SVG and HEIC have no encoder. */
  readonly outputFormat: string
}

/** Reads the header of a source and refuses what is too large or no picture, before anything native sees it. */
export function inspectInput(
  bytes: Buffer,
  { limits }: Pick<Job, 'limits'>,
  wantsFrames: boolean,
): Inspected {
  const found = probe(bytes)
  if (found === undefined)
    throw new ImageError(400, 'InstantiationError', 'The source is not a picture that can be read.')
  const { format, width, height, frames, bitDepth } = found
  const isAnimated = wantsFrames && frames > 1
  if (isAnimated && frames > limits.maxFrames)
    throw new ImageError(
      413,
      'TooLargeImageException',
      `The source has more than ${limits.maxFrames} frames.`,
    )
  const pixels = width * height * (isAnimated ? frames : 1)
  if (limits.maxPixels > 0 && pixels > limits.maxPixels)
    throw new ImageError(
      413,
      'TooLargeImageException',
      `The source has ${pixels} pixels, more than the limit of ${limits.maxPixels}.`,
    )
  let safe = bytes
  if (format === 'svg') {
    const sanitised = sanitiseSvg(bytes)
    if (sanitised === undefined)
      throw new ImageError(400, 'InstantiationError', 'The SVG is not well-formed or declares entities.')
    safe = sanitised
  }
  const outputFormat = format === 'svg' ? 'png' : format
  return { bytes: safe, format, width, height, frames, isAnimated, bitDepth, outputFormat }
}
