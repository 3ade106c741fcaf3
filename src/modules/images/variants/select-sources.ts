import { createNameSelector, type NameSelector } from '../../../http/name-selector.ts'
import type { ModuleInvalidation } from '../../module.ts'
import type { Purged, SourceSelection } from './shelf.ts'
import { ALL_TAG, sourceOfKey, sourceTag, STOPGAP_TAGS, tagsBeginning } from './variant-key.ts'

/** Counts what a purge takes away, and of which sources it was. */
export class PurgeTally {
  readonly #selection: SourceSelection | undefined
  readonly #sources = new Map<string, { readonly bucket: string; readonly key: string }>()
  #variants = 0
  #bytes = 0

  constructor(selection: SourceSelection | undefined) {
    this.#selection = selection
  }

  /** Whether the object of this key is to go: a variant of a selected source, or any when all are. */
  selects(objectKey: string): boolean {
    if (this.#selection === undefined) return true
    const { bucket, key: wanted } = this.#selection
    const source = sourceOfKey(objectKey)
    if (source === undefined || (bucket !== undefined && source.name !== bucket)) return false
    const { key, isCut } = source
    if ('prefix' in wanted) return key.startsWith(wanted.prefix) || (isCut && wanted.prefix.startsWith(key))
    // Of a cut key it is not known how it ends: rather one variant too many is made anew.
    return key === wanted.exact || (isCut && wanted.exact.startsWith(key))
  }

  count(objectKey: string, bytes: number): void {
    this.#variants++
    this.#bytes += bytes
    const source = sourceOfKey(objectKey)
    if (source === undefined || source.isCut) return
    const { name: bucket, key } = source
    this.#sources.set(`${bucket}\n${key}`, { bucket, key })
  }

  result(): Purged {
    return { variants: this.#variants, bytes: this.#bytes, sources: [...this.#sources.values()] }
  }
}

/** `photos/cat.jpg` is one source, `photos/*` are all whose key begins so, `*` are all. */
export function readSelection(source: string, bucket: string | undefined): SourceSelection {
  const key = source.replace(/^\/+/, '')
  return { bucket, key: key.endsWith('*') ? { prefix: key.slice(0, -1) } : { exact: key } }
}

/** The tags of a selection, as an invalidation names them, in sources of these names. */
export function tagsSelected(
  selection: SourceSelection | undefined,
  names: ReadonlySet<string>,
): readonly string[] {
  if (selection === undefined) return [ALL_TAG]
  const { bucket, key } = selection
  const wanted = bucket === undefined ? names : new Set([bucket]).intersection(names)
  return [...wanted].flatMap((name) =>
    'exact' in key ? sourceTag(name, key.exact) : tagsBeginning(name, key.prefix),
  )
}

/** Which pictures an invalidation is about; undefined for none. By paths it is about answers, not about sources. */
export function concerned({ paths, tags, soft }: ModuleInvalidation): NameSelector | undefined {
  // What is kept here is only served after its source was asked, so that it is never fresh.
  if (soft === true || paths !== undefined) return undefined
  if (tags === undefined) return createNameSelector([ALL_TAG])
  const ours = tags.filter(
    (tag) => tag.endsWith('*') || (tag.startsWith(ALL_TAG) && !tag.startsWith(STOPGAP_TAGS)),
  )
  return ours.length === 0 ? undefined : createNameSelector(ours)
}
