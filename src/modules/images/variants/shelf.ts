import type { NameSelector } from '../../../http/name-selector.ts'
import type { Body } from '../../../http/body.ts'
import type { VariantFacts } from './variant-facts.ts'
import type { VariantKey } from './variant-key.ts'

/** A variant that is kept. Whoever has it takes or discards the body. */
export interface KeptVariant {
  readonly facts: VariantFacts
  readonly body: Body
}

/** A variant that was just made. */
export interface NewVariant {
  readonly bytes: Buffer
  /** Of the source there was another version: what is kept of that one goes. */
  readonly replaces: boolean
  readonly facts: Promise<VariantFacts>
  /** Of what it is made, as the tags of its answer. */
  readonly tags: readonly string[]
}

/** Which sources: all, one by its key, or all whose key begins with a text; in all buckets unless one is named. */
export interface SourceSelection {
  readonly bucket: string | undefined
  readonly key: { readonly exact: string } | { readonly prefix: string }
}

/** What a purge took away. */
export interface Purged {
  readonly variants: number
  readonly bytes: number
  /** The sources of which they were, as `bucket` and key; those with very long keys are left out. */
  readonly sources: readonly { readonly bucket: string; readonly key: string }[]
}

export function totalOf(purged: readonly Purged[]): Purged {
  return {
    variants: purged.reduce((sum, { variants }) => sum + variants, 0),
    bytes: purged.reduce((sum, { bytes }) => sum + bytes, 0),
    sources: purged.flatMap(({ sources }) => sources),
  }
}

/** Counted since the start, for metrics. */
export interface ShelfCounts {
  /** Answered out of the shelf. */
  served: number
  /** Asked for, and not there. */
  missing: number
  /** Not served, because a source had changed. */
  changed: number
  stored: number
  /** Put anew because it is used, so that other processes see it. */
  renewed: number
  /** Not kept: too large, or too many waited to be written. */
  skipped: number
  /** Gave way to others. */
  evicted: number
  /** Removed because the source changed or went away, or by a purge. */
  removed: number
  /** The store could not be read or written. */
  failed: number
}

export function newShelfCounts(): ShelfCounts {
  return {
    served: 0,
    missing: 0,
    changed: 0,
    stored: 0,
    renewed: 0,
    skipped: 0,
    evicted: 0,
    removed: 0,
    failed: 0,
  }
}

/**
 * Where finished variants are kept, bounded by bytes. No method rejects and none holds up a request for long: what a
 * shelf cannot do is counted and reported, and the picture is made anew.
 */
export interface Shelf {
  /** Whether results of quick formats are kept too, or only those that take long. */
  readonly keepsAll: boolean
  readonly counts: ShelfCounts
  /** Bytes that are kept, as far as this process knows. */
  readonly bytes: number
  /** `tags` as for keeping it: a shelf may write it anew when it is used. */
  find(key: string, tags: readonly string[]): Promise<KeptVariant | undefined>
  /** The facts alone, for explain: counts nothing. */
  peek(key: string): Promise<VariantFacts | undefined>
  /** Keeps a variant, later, in the place of one under the same key. */
  keep(place: VariantKey, variant: NewVariant): void
  /** Puts other facts to the bytes that are kept, later. */
  restate(key: string, facts: VariantFacts, tags: readonly string[]): void
  /** Removes the variants of a source, later. */
  forget(source: Pick<VariantKey, 'prefix'>): void
  /** Removes what is kept of these sources, whoever kept it, and what waits to be. */
  purge(selection: SourceSelection | undefined, tags: NameSelector): Promise<Purged>
  /**
   * Somebody has invalidated these tags: what waits to be kept is not kept, and what this process has kept where the other
   * one may have looked already is taken back. Gives the tags of what was still there.
   */
  takeBack(tags: NameSelector): Promise<readonly string[]>
  /** Resolves when what was handed over so far is kept or given up. */
  flush(): Promise<void>
  close(): Promise<void>
}
