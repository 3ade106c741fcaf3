import { ImageError } from '../image-error.ts'
import type { Canvas } from './canvas.ts'
import { isRecord } from './edits.ts'
import type { Ask } from './job.ts'

/** Blurs a picture for which the detector names one of the unwanted labels, or any label where none are listed. */
export async function moderate(canvas: Canvas, value: unknown, ask: Ask): Promise<void> {
  if (value !== true && !isRecord(value)) return
  const options = isRecord(value) ? value : {}
  const minConfidence = Number(options['minConfidence'] ?? 75)
  const blur = Math.ceil(Number(options['blur'] ?? 50))
  const unwanted = Array.isArray(options['moderationLabels'])
    ? options['moderationLabels'].map(String)
    : undefined
  const { bytes } = await canvas.rendering()
  const answer = await ask('moderation', bytes, minConfidence)
  const labels = isRecord(answer) ? answer['ModerationLabels'] : undefined
  if (!Array.isArray(labels))
    throw new ImageError(
      500,
      'Rekognition::DetectModerationLabelsError',
      'The moderation service gave no answer that can be understood.',
    )
  const names = labels.map((label: unknown) => (isRecord(label) ? String(label['Name']) : ''))
  const isUnwanted = unwanted === undefined ? names.length > 0 : names.some((name) => unwanted.includes(name))
  if (isUnwanted && blur >= 0.3 && blur <= 1000) canvas.image.blur(blur)
}
