import { isRecord } from '../engine/edits.ts'
import type { Asked, ImageService } from '../service.ts'
import type { Edit, ImageTask, SourceAddress } from '../task.ts'
import { recall, type Recalled } from './recall.ts'
import { ALL_TAG, sourceTag, variantKey, type VariantKey } from './variant-key.ts'

/** Tags beyond these are left out: overlays of overlays. */
const MAX_TAGS = 12

/** Where a result is kept; undefined for nowhere. Throws ImageError for a source that is not allowed. */
export function placeOf(
  service: ImageService,
  task: ImageTask,
  edits: readonly Edit[],
): VariantKey | undefined {
  const { shelf, sources, distributionId } = service
  if (shelf === undefined || (!shelf.keepsAll && !isSlow(service, task))) return undefined
  // What a detector finds is not only a matter of the picture: another model, another answer.
  if (edits.some(({ name }) => asksDetector(service, name))) return undefined
  const { bucket, key } = task.source
  return variantKey(distributionId, sources.find(bucket), key, edits, task.output, service)
}

/** Whether a format takes so long that something else is answered until it is there; never one that a URL asks for. */
export function isSlow({ slow }: ImageService, { output }: ImageTask): boolean {
  return slow !== undefined && output.isNegotiated && output.format === 'avif'
}

function asksDetector({ faces }: ImageService, edit: string): boolean {
  return edit === 'contentModeration' || (edit === 'smartCrop' && faces === 'detector')
}

/** What is kept there, after the source and what is laid over it were asked. */
export function recallAt(
  { shelf, sources }: ImageService,
  asked: Asked,
  task: ImageTask,
  edits: readonly Edit[],
  { key }: VariantKey,
): Promise<Recalled | undefined> {
  return recall(shelf!, sources, key, [task.source, ...layersOf(edits)], asked)
}

/** By which an answer can be invalidated: as a picture, and as made of each source that the task names. */
export function tagsOf({ sources }: ImageService, { source, edits }: ImageTask): readonly string[] {
  const tags = [ALL_TAG]
  for (const { bucket, key } of [source, ...layersOf(edits)])
    if (bucket === undefined || sources.names.has(bucket))
      tags.push(sourceTag(sources.find(bucket).name, key))
  return tags.slice(0, MAX_TAGS)
}

function layersOf(edits: readonly Edit[]): readonly SourceAddress[] {
  return edits.flatMap(({ name, value }) => (name === 'overlayWith' ? [layerAddress(value)] : []))
}

/** Where the picture is that an `overlayWith` lays over. */
export function layerAddress(value: unknown): SourceAddress {
  const { bucket, key } = isRecord(value) ? value : {}
  return {
    bucket: typeof bucket === 'string' ? bucket : undefined,
    key: typeof key === 'string' ? key : '',
  }
}
