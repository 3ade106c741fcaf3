import type { Sharp } from 'sharp'
import { ImageError } from '../image-error.ts'
import type { Canvas } from './canvas.ts'
import { isRecord } from './edits.ts'
import type { Ask, Derive, PeopleSearch } from './job.ts'

/** Pixels that services see of each side, where the original has them: faces of a twentieth of it are found. */
export const SHOWN_SIDE = 1_024
/** Wider and higher ones are made smaller: Amazon Rekognition takes 5 MB of bytes. */
const MOST_SIDE = 2_048

export function isShownToServices({ moderation, people }: Derive): boolean {
  return moderation !== undefined || people !== undefined
}

/**
 * Refuses a picture for what services see in it. Where one gives no answer the picture is not done: it is an error that may go
 * away, never a pass.
 */
export async function refuseByContent(
  canvas: Canvas,
  start: () => Sharp,
  { moderation, people }: Derive,
  ask: Ask,
): Promise<void> {
  const rendering = await canvas.run(() =>
    start()
      .resize(MOST_SIDE, MOST_SIDE, { fit: 'inside', withoutEnlargement: true })
      .flatten({ background: '#fff' })
      .jpeg({ quality: 90 })
      .toBuffer(),
  )
  if (moderation !== undefined) refuseLabels(await ask('moderation', rendering, moderation))
  if (people?.faces === true) refuseFaces(await ask('faces', rendering), people)
  if (people?.labels === true) refusePersons(await ask('labels', rendering, people.minConfidence), people)
}

/** Any label, as the service has been told from which confidence. */
function refuseLabels(answer: unknown): void {
  const labels = listOf(answer, 'ModerationLabels')
  if (labels === undefined)
    throw new ImageError(
      500,
      'ModerationError',
      'The moderation service gave no answer that can be understood.',
    )
  if (labels.length === 0) return
  const names = labels.map((label) => (isRecord(label) ? String(label['Name']) : '?'))
  throw new ImageError(
    400,
    'FAILED_MODERATION',
    `The moderation service sees: ${names.slice(0, 5).join(', ')}.`,
  )
}

/** DetectFaces gives every face with a confidence of its own. */
function refuseFaces(answer: unknown, { minConfidence }: PeopleSearch): void {
  const faces = listOf(answer, 'FaceDetails')
  if (faces === undefined) throw notUnderstood()
  const count = faces.filter((face) => isSure(face, minConfidence)).length
  if (count > 0) throw noPeople(count === 1 ? 'a face' : `${count} faces`)
}

/** DetectLabels: a label that is a person, or has one among its parents, as "Child" has. */
function refusePersons(answer: unknown, { minConfidence }: PeopleSearch): void {
  const labels = listOf(answer, 'Labels')
  if (labels === undefined) throw notUnderstood()
  const found = labels.find(
    (label) => isSure(label, minConfidence) && [label, ...(listOf(label, 'Parents') ?? [])].some(isPerson),
  )
  if (found !== undefined) throw noPeople(isRecord(found) ? String(found['Name']) : '?')
}

const PERSONS = new Set(['Person', 'People', 'Human'])

function isPerson(label: unknown): boolean {
  return isRecord(label) && PERSONS.has(String(label['Name']))
}

/** What says nothing of its confidence counts. */
function isSure(found: unknown, minConfidence: number): boolean {
  const confidence = isRecord(found) ? found['Confidence'] : undefined
  return typeof confidence !== 'number' || confidence >= minConfidence
}

function listOf(value: unknown, name: string): readonly unknown[] | undefined {
  const list = isRecord(value) ? value[name] : undefined
  return Array.isArray(list) ? list : undefined
}

function notUnderstood(): ImageError {
  return new ImageError(
    500,
    'DetectorError',
    'The service that finds people gave no answer that can be understood.',
  )
}

function noPeople(seen: string): ImageError {
  return new ImageError(400, 'NO_PEOPLE_ALLOWED', `The service that finds people sees: ${seen}.`)
}
