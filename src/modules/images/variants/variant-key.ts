import { createHash } from 'node:crypto'
import type { MetadataPolicy } from '../engine/job.ts'
import type { ImageSource } from '../source/sources.ts'
import type { Edit, OutputWish } from '../task.ts'

/** Counts up when results for equal edits change, so that what was made before is neither confirmed nor served. */
export const ENGINE_VERSION = 3

const MAX_LABEL_CHARACTERS = 600
const MAX_TAG_CHARACTERS = 1_000

/** What of a behavior changes results for equal edits. */
export interface RenderSettings {
  readonly metadata: MetadataPolicy
  readonly isStrict: boolean
  readonly faces: 'detector' | 'attention'
}

/** Where a variant is kept. */
export interface VariantKey {
  /** The key of its object: the prefix and what is done. */
  readonly key: string
  /** The beginning that all variants of one source share, ends in `/`. */
  readonly prefix: string
}

/**
 * The key of a variant: two letters that spread the keys evenly (`Room` bounds the store by them), the source, and what
 * is done with it. The source stands there in clear, so that a listing shows whose variant it is, on any kind of store.
 * What the source looks like is no part of it: a changed source's variant takes the place of the old one.
 */
export function variantKey(
  distributionId: string,
  source: ImageSource,
  key: string,
  edits: readonly Edit[],
  output: OutputWish,
  settings: RenderSettings,
): VariantKey {
  const prefix = sourcePrefix(distributionId, source, key)
  const wish = [
    ENGINE_VERSION,
    edits.map(({ name, value }) => [name, value]),
    output,
    settings.metadata,
    settings.isStrict,
    settings.faces,
  ]
  return { key: prefix + digest(JSON.stringify(wish)).slice(0, 32), prefix }
}

/** Nodes with the same configuration give one source the same prefix, whatever folder it is in there. */
function sourcePrefix(distributionId: string, source: ImageSource, key: string): string {
  const place =
    source.kind === 'origin'
      ? ['origin', distributionId, source.origin.name, source.prefix]
      : ['url', source.base.href]
  const hash = digest(JSON.stringify([...place, key]))
  return `${hash.slice(0, 2)}/${hash.slice(2, 26)}.${labelOf(source.name, key)}/`
}

function labelOf(name: string, key: string): string {
  const label = encodeURIComponent(`${name}/${key}`)
  if (label.length <= MAX_LABEL_CHARACTERS) return label
  // Cut between characters: half a percent-encoding could not be read back.
  let cut = label.slice(0, MAX_LABEL_CHARACTERS).replace(/%[0-9A-F]?$/, '')
  while (decoded(cut) === undefined) cut = cut.slice(0, -3)
  return cut
}

function decoded(label: string): string | undefined {
  try {
    return decodeURIComponent(label)
  } catch {
    return undefined
  }
}

/** What the key of an object says of the source; undefined for what is no variant. A long source key is cut. */
export function sourceOfKey(
  objectKey: string,
): { readonly name: string; readonly key: string; readonly isCut: boolean } | undefined {
  const label = KEY.exec(objectKey)?.[1]
  const text = label === undefined ? undefined : decoded(label)
  const slash = text?.indexOf('/') ?? -1
  if (label === undefined || text === undefined || slash === -1) return undefined
  // A label of nearly the longest length may have been cut, at most by the encoding of one character.
  const isCut = label.length > MAX_LABEL_CHARACTERS - 12
  return { name: text.slice(0, slash), key: text.slice(slash + 1), isCut }
}

/** Whether an object is a variant: a store may hold other things. */
export function isVariantKey(objectKey: string): boolean {
  return KEY.test(objectKey)
}

const KEY = /^[0-9a-f]{2}\/[0-9a-f]{24}\.([^/]+)\/[0-9a-f]{32}$/

/** The tag of everything that the module answers. */
export const ALL_TAG = 'images'

/** The tag of what is made of one source: `images:photos/cat.jpg`. */
export function sourceTag(name: string, key: string): string {
  const tag = `${ALL_TAG}:${encodeURIComponent(name)}/${key.split('/').map(encodeURIComponent).join('/')}`
  return tag.length <= MAX_TAG_CHARACTERS ? tag : `${ALL_TAG}:~${digest(tag).slice(0, 32)}`
}

/** The tag of answers that stand in for a variant until it is made. */
export function stopgapTag(objectKey: string): string {
  return `${ALL_TAG}:stopgap:${digest(objectKey).slice(0, 32)}`
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}
