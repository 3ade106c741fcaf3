import sharp from 'sharp'
import { ImageError } from '../image-error.ts'
import type { Canvas } from './canvas.ts'
import { isRecord } from './edits.ts'
import type { Ask } from './job.ts'

/** A face as Rekognition's DetectFaces gives it: fractions of the picture. */
interface Box {
  readonly left: number
  readonly top: number
  readonly width: number
  readonly height: number
}

/**
 * Cuts out a face, with padding around it. Without a detector the box is where attention falls: a square of half the
 * shorter side. No face at all leaves the whole picture.
 */
export async function smartCrop(canvas: Canvas, value: unknown, ask: Ask): Promise<void> {
  const options = isRecord(value) ? value : {}
  const index = Math.trunc(Number(options['faceIndex'] ?? 0)) || 0
  const padding = Number(options['padding'] ?? 0) || 0
  const picture = await canvas.rendering()
  const answer = canvas.job.faces === 'detector' ? await ask('faces', picture.bytes) : USE_ATTENTION
  const boxes = isAttention(answer) ? [await attentionBox(canvas, picture)] : boxesOf(answer)
  if (boxes.length === 0) return
  const box = boxes[index]
  if (box === undefined)
    throw new ImageError(
      400,
      'SmartCrop::FaceIndexOutOfRange',
      'There is no face with this index; indexes count from 0.',
    )
  const left = Math.floor(box.left * picture.width - padding)
  const top = Math.floor(box.top * picture.height - padding)
  const right = left + Math.floor(box.width * picture.width + 2 * padding)
  const bottom = top + Math.floor(box.height * picture.height + 2 * padding)
  const area = {
    left: Math.max(0, left),
    top: Math.max(0, top),
    width: Math.min(picture.width, right) - Math.max(0, left),
    height: Math.min(picture.height, bottom) - Math.max(0, top),
  }
  // A negative padding can leave nothing of the face.
  if (!(area.width > 0 && area.height > 0))
    throw new ImageError(400, 'SmartCrop::PaddingOutOfBounds', 'The padding leaves nothing of the picture.')
  canvas.image.extract(area)
}

/** The answer that stands for "nobody can say: crop where attention falls". */
export const USE_ATTENTION = { fallback: 'attention' }

function isAttention(answer: unknown): boolean {
  return isRecord(answer) && answer['fallback'] === USE_ATTENTION.fallback
}

/** The boxes of a DetectFaces answer, clamped to the picture; anything else is no answer. */
function boxesOf(answer: unknown): Box[] {
  const details = isRecord(answer) ? answer['FaceDetails'] : undefined
  if (!Array.isArray(details))
    throw new ImageError(500, 'SmartCrop::Error', 'The face detector gave no answer that can be understood.')
  return details.map((detail: unknown) => {
    const box = isRecord(detail) && isRecord(detail['BoundingBox']) ? detail['BoundingBox'] : {}
    const fraction = (name: string) => Math.min(1, Math.max(0, Number(box[name]) || 0))
    const left = fraction('Left')
    const top = fraction('Top')
    return {
      left,
      top,
      width: Math.min(fraction('Width'), 1 - left),
      height: Math.min(fraction('Height'), 1 - top),
    }
  })
}

async function attentionBox(
  canvas: Canvas,
  picture: { readonly bytes: Buffer; readonly width: number; readonly height: number },
): Promise<Box> {
  const side = Math.max(1, Math.floor(Math.min(picture.width, picture.height) / 2))
  const { info } = await canvas.run(() =>
    sharp(picture.bytes)
      .resize(side, side, { fit: 'cover', position: 'attention' })
      .toBuffer({ resolveWithObject: true }),
  )
  // The focus is given in the scaled picture, before the cut.
  const scale = Math.min(picture.width, picture.height) / side
  const place = (focus: number | undefined, length: number) =>
    Math.min(length - side, Math.max(0, Math.round((focus ?? length / scale / 2) * scale - side / 2)))
  return {
    left: place(info.attentionX, picture.width) / picture.width,
    top: place(info.attentionY, picture.height) / picture.height,
    width: side / picture.width,
    height: side / picture.height,
  }
}
