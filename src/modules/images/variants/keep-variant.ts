import type { Rendered } from '../engine/job.ts'
import type { Picture } from '../source/sources.ts'
import type { Shelf } from './shelf.ts'
import { inputsOf, type VariantFacts } from './variant-facts.ts'
import type { VariantKey } from './variant-key.ts'

/** A result with what it was made of. */
export interface Made {
  readonly bytes: Buffer
  readonly contentType: string
  readonly etag: string
  readonly rendered: Rendered
  /** The picture, then what was laid over it. */
  readonly pictures: readonly Picture[]
  /** Of the variant that it takes the place of. */
  readonly before: VariantFacts | undefined
  readonly nowMs: number
}

/** Hands a result over to be kept, for when its viewer has been answered. */
export function keepVariant(shelf: Shelf, place: VariantKey, made: Made): void {
  const { bytes, contentType, etag, rendered, pictures, before, nowMs } = made
  shelf.keep(place, {
    bytes,
    heldBytes: pictures.reduce((sum, picture) => sum + picture.bytes.length, 0),
    replaces: before !== undefined,
    facts: async () => ({ contentType, etag, inputs: await inputsOf(pictures, nowMs), rendered }),
  })
}
