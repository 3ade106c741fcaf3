import { acceptEdits } from '../engine/edits.ts'
import { ImageError } from '../image-error.ts'
import type { ImageService } from '../service.ts'
import type { ImageRequest } from '../task.ts'
import { isSlow, placeOf } from './place.ts'
import { STOPGAP_SECONDS, withoutFormat } from './stopgap.ts'

/** What is kept for a request, and what would be answered in the place of a slow format. Nothing is asked of a source. */
export async function explainVariant(
  service: ImageService,
  request: ImageRequest,
): Promise<readonly string[]> {
  const { shelf, slow, dialect, limits } = service
  if (shelf === undefined) return []
  try {
    const task = dialect.decode(request)
    const place = placeOf(service, task, acceptEdits(task.edits, limits))
    if (place === undefined) return []
    const facts = await shelf.peek(place.key)
    if (facts !== undefined) {
      const { width, height } = facts.rendered
      return [
        `images: kept as ${facts.contentType}, ${width} x ${height}, served if the source is still the same`,
      ]
    }
    const lines = ['images: nothing is kept of this variant']
    if (!isSlow(service, task)) return lines
    const accept = withoutFormat(request.accept, 'avif')
    const instead = dialect.decode({ ...request, accept }).output.format ?? 'the format of the source'
    lines.push(
      `images: ${instead} for ${STOPGAP_SECONDS} seconds, ${MADE[slow!.upgrades.stateOf(place.key)]}`,
    )
    return lines
  } catch (error) {
    // Told by the lines of the task.
    if (error instanceof ImageError) return []
    throw error
  }
}

const MADE = {
  none: 'and the AVIF will be made in the background',
  waiting: 'while the AVIF waits to be made in the background',
  running: 'while the AVIF is being made in the background',
  left: 'because the AVIF came to nothing; it will be tried again',
} as const
