import { type Indexed, indexCost } from './entry-index.ts'
import { keyHash } from './key-hash.ts'
import type { Queued } from './s3-fifo.ts'
import type { Identity } from './selection.ts'

/** One entry on a shelf: who it is, where its body is, and its places in the queues and lists. */
export class Kept<P> implements Queued<Kept<P>>, Indexed<Kept<P>> {
  /** May be exchanged for another that says the same, so that an old head is not held beside a new one. */
  about: Identity
  readonly hash: number
  /** Where head and body are: what the store behind the shelf needs. */
  place: P
  cost: number
  /** Bytes of memory that finding it takes. */
  indexBytes: number
  order: number
  /** When it was put or last changed, in the order of everything that happened to the shelf. */
  sequence = 0
  isGone = false
  uses = 0
  queue: 'none' | 'small' | 'main' = 'none'
  newer: Kept<P> | undefined = undefined
  older: Kept<P> | undefined = undefined
  links: Indexed<Kept<P>>['links'] = []

  constructor(about: Identity, place: P, cost: number, order: number) {
    this.about = about
    this.hash = keyHash(about.key)
    this.place = place
    this.cost = cost
    this.order = order
    this.indexBytes = memoryOf(about)
  }
}

/** Bytes of memory for an entry's place on a shelf: its strings, this object, links, maps, and its ghost later. */
export function memoryOf(about: Identity): number {
  let bytes = 260 + indexCost(about) + about.key.length + about.path.length
  if (about.baseKey !== about.key) bytes += about.baseKey.length
  for (const tag of about.tags) bytes += tag.length
  return bytes
}

/** An entry that is on its way into a store. What happens to it meanwhile is noted here. */
export interface Pending {
  readonly about: Identity
  readonly sequence: number
  /** It was invalidated, deleted or replaced: it may not come in any more. */
  isDead: boolean
  /** Softly invalidated as of this moment (milliseconds since the epoch); 0 when not. */
  softAt: number
}

/** Whether two heads stand in the same lists of tags. */
export function haveSameTags(one: Identity, other: Identity): boolean {
  return one.tags.length === other.tags.length && one.tags.every((tag, i) => tag === other.tags[i])
}
