import type { Description } from './describe.ts'
import type { ExifFacts } from './exif.ts'
import { encodeFrame, type Frame, FrameReader } from './frames.ts'

/*
 * How several results of one picture cross from the process that made them. Apart from `derive.ts`, because the edge reads
 * it and must not load what decodes pictures.
 */

/** What the bytes of a result of `derive` hold. */
export interface Derived {
  /** In the order in which they were asked for. */
  readonly made: readonly { readonly width: number; readonly height: number; readonly bytes: Buffer }[]
  /** Of the upright original. */
  readonly description: Description
  /** Undefined where none was asked for, or there is none that can be read. */
  readonly exif: ExifFacts | undefined
}

interface Head {
  readonly made: readonly { readonly width: number; readonly height: number; readonly bytes: number }[]
  readonly description: Description
  readonly exif?: ExifFacts
}

/** In the process: all results in one piece. */
export function writeDerived({ made, description, exif }: Derived): Buffer {
  const head: Head = {
    made: made.map((each) => ({ ...each, bytes: each.bytes.length })),
    description,
    ...(exif !== undefined && { exif }),
  }
  const frame = encodeFrame(
    head,
    made.map((each) => each.bytes),
  )
  return Buffer.concat(frame)
}

/** Reads what `writeDerived` wrote. */
export function readDerived(bytes: Buffer): Derived {
  const frames: Frame[] = []
  new FrameReader((frame) => frames.push(frame), bytes.length).push(bytes)
  const [frame] = frames
  if (frame === undefined) throw new Error('an image process gave derivatives that are cut short')
  const head = frame.head as Head // `writeDerived` wrote it.
  let at = 0
  const made = head.made.map((each) => ({ ...each, bytes: frame.body.subarray(at, (at += each.bytes)) }))
  return { made, description: head.description, exif: head.exif }
}
