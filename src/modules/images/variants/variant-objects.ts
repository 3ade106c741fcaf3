import { Body } from '../../../http/body.ts'
import type { ObjectHead, Objects } from '../../../seams/objects/objects.ts'
import { allVariants } from './room.ts'
import { PurgeTally } from './select-sources.ts'
import type { KeptVariant, Purged, SourceSelection } from './shelf.ts'
import { readFacts, type VariantFacts } from './variant-facts.ts'

/** How a variant stands in a store of objects. */

/** The name under which the facts stand among the metadata of an object. */
const FACTS = 'edgeward-variant'
/** Up to here a variant is read whole before it is answered with. */
const MAX_READ_BYTES = 1 << 20

export type DatedVariant = KeptVariant & {
  /** When it was put. */
  readonly lastModified: number
}

/** Undefined for what is not there, or is no variant of this version. */
export async function readVariant(objects: Objects, key: string): Promise<DatedVariant | undefined> {
  const found = await objects.get(key)
  if (found === undefined) return undefined
  const { head, body, length } = found
  const facts = factsOf(head)
  const { lastModified } = head
  if (facts === undefined) {
    body.destroy()
    return undefined
  }
  if (length > MAX_READ_BYTES) return { facts, lastModified, body: Body.stream(body, length) }
  // A short one is read before anything is promised to the viewer: what cannot be read is made anew.
  const bytes = await Body.stream(body, length).collect(MAX_READ_BYTES)
  if (bytes.length !== length) throw new Error(`${bytes.length} bytes came where there are ${length}`)
  return { facts, lastModified, body: Body.bytes(bytes) }
}

/** Removes variants from a store, whether an edge uses it or not. */
export async function purgeObjects(
  objects: Objects,
  selection: SourceSelection | undefined,
): Promise<Purged> {
  const tally = new PurgeTally(selection)
  for await (const { key, size } of allVariants(objects, '')) {
    if (!tally.selects(key)) continue
    await objects.delete(key)
    tally.count(key, size)
  }
  return tally.result()
}

export function factsOf({ metadata, headers }: ObjectHead): VariantFacts | undefined {
  return readFacts(metadata[FACTS], headers.contentType)
}

export function headOf({ contentType }: VariantFacts, text: string) {
  return { headers: { contentType }, metadata: { [FACTS]: text } }
}
