import type { Asked } from '../service.ts'
import type { Picture, SourceLifetime } from '../source/picture.ts'
import type { Sources } from '../source/sources.ts'
import type { SourceAddress } from '../task.ts'
import type { KeptVariant, Shelf } from './shelf.ts'
import { inputsOf, renamed, type VariantFacts } from './variant-facts.ts'
import type { VariantKey } from './variant-key.ts'

/** What is kept of a variant, after its sources were asked. */
export type Recalled =
  /** It still holds, and for so long. */
  | { readonly kind: 'current'; readonly kept: KeptVariant; readonly lifetime: SourceLifetime }
  /** A source has changed, or does not say: its bytes tell. */
  | { readonly kind: 'doubtful'; readonly facts: VariantFacts }

/**
 * Looks for a variant and asks its sources, the picture first, whether they still are what it was made of. Nothing of a
 * picture is read but the variant. Throws ImageError or Fault where a source cannot be asked.
 */
export async function recall(
  shelf: Shelf,
  sources: Sources,
  key: string,
  addresses: readonly SourceAddress[],
  { signal, spent, making }: Pick<Asked, 'signal' | 'spent' | 'making'>,
): Promise<Recalled | undefined> {
  const lookedAt = spent.now()
  const kept = await shelf.find(key, making.tags)
  if (kept === undefined) return undefined
  const foundAt = spent.now()
  const { facts, body } = kept
  let lifetime: SourceLifetime | undefined
  try {
    for (const [index, address] of addresses.entries()) {
      const state = await sources.check(address, facts.inputs[index]?.known ?? [], signal)
      if (state.kind === 'doubtful') {
        body.discard()
        return { kind: 'doubtful', facts }
      }
      lifetime ??= state.lifetime
    }
  } catch (error) {
    body.discard()
    throw error
  } finally {
    spent.since('img-fetch', foundAt)
  }
  spent.add('img-stored', foundAt - lookedAt)
  // There is always the picture itself.
  return { kind: 'current', kept, lifetime: lifetime! }
}

/**
 * What is kept of a variant whose sources have other names and the same bytes: a release has copied them anew. Their new
 * names are noted. Undefined, and counted, when they are others.
 */
export async function recallByBytes(
  shelf: Shelf,
  { key }: VariantKey,
  before: VariantFacts,
  pictures: readonly Picture[],
  { request, making, spent }: Pick<Asked, 'request' | 'making' | 'spent'>,
): Promise<Omit<Extract<Recalled, { kind: 'current' }>, 'kind'> | undefined> {
  const facts = renamed(before, await inputsOf(pictures, request.nowMs))
  if (facts === undefined) {
    shelf.counts.changed++
    return undefined
  }
  const startedAt = spent.now()
  const kept = await shelf.find(key, making.tags)
  if (kept === undefined) return undefined
  spent.since('img-stored', startedAt)
  if (!making.isVoid) shelf.restate(key, facts, making.tags)
  return { kept, lifetime: pictures[0]! }
}
