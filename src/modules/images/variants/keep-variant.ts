import { mayBeKeptShared, parseCacheControl } from '../../../http/cache-control.ts'
import type { Rendered } from '../engine/job.ts'
import type { SourceLifetime } from '../source/picture.ts'
import type { Making } from './makings.ts'
import type { Shelf } from './shelf.ts'
import type { VariantFacts, VariantInput } from './variant-facts.ts'
import type { VariantKey } from './variant-key.ts'

/** A result with what it was made of. */
export interface Made {
  readonly bytes: Buffer
  readonly contentType: string
  readonly etag: string
  readonly rendered: Rendered
  /** Of the picture, then of what was laid over it. */
  readonly inputs: Promise<readonly VariantInput[]>
  /** Of the variant that it takes the place of. */
  readonly before: VariantFacts | undefined
  readonly making: Making
}

/** Whether every source lets a shared cache keep what it gives (RFC 9111 section 3). */
export function mayKeep(sources: readonly Pick<SourceLifetime, 'cacheControl'>[]): boolean {
  return sources.every(({ cacheControl }) => mayBeKeptShared(parseCacheControl(cacheControl)))
}

/** Hands a result over to be kept, for when its viewer has been answered; not when its sources were invalidated meanwhile. */
export function keepVariant(shelf: Shelf, place: VariantKey, made: Made): void {
  const { bytes, contentType, etag, rendered, inputs, before, making } = made
  if (making.isVoid) return
  const facts = inputs.then((known) => ({ contentType, etag, inputs: known, rendered }))
  shelf.keep(place, { bytes, replaces: before !== undefined, facts, tags: making.tags })
}
