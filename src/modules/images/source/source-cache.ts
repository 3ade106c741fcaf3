import { mayBeKeptShared, parseCacheControl } from '../../../http/cache-control.ts'
import type { HeaderList } from '../../../http/header-list.ts'
import { lifetimeGiven } from '../../../http/lifetime-given.ts'
import type { HeldPicture } from './held-picture.ts'
import type { SourceLifetime } from './picture.ts'

/** One picture may take this share of the cache; larger ones would push out everything else. */
const MAX_SHARE = 4

/** A picture that is kept; one that is not fresh must be asked about before it is used. */
export interface KeptPicture {
  readonly held: HeldPicture
  readonly isFresh: boolean
}

/**
 * Originals, kept so that the next variant of one need not fetch it again; the least recently used go first. It obeys
 * what a source says to shared caches (RFC 9111 sections 3 and 4.2). Whoever uses it asks for other ids after an
 * invalidation: a variant that is made anew must not be made of an old original.
 */
export class SourceCache {
  readonly #maxBytes: number
  readonly #kept = new Map<string, { readonly held: HeldPicture; readonly freshUntil: number }>()
  #bytes = 0
  /** For metrics. */
  readonly counts = { hits: 0, confirmed: 0, misses: 0 }

  /** `maxBytes` for all pictures together; 0 keeps nothing. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  find(id: string, nowMs: number): KeptPicture | undefined {
    const found = this.#kept.get(id)
    if (found === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, found)
    return { held: found.held, isFresh: nowMs < found.freshUntil }
  }

  /** Keeps a picture until it has to be asked about, in milliseconds since the epoch; not at all for undefined. */
  keep(id: string, held: HeldPicture, until: number | undefined): void {
    held.hold()
    this.drop(id)
    if (until === undefined || held.cost > this.#maxBytes / MAX_SHARE) {
      held.release()
      return
    }
    this.#kept.set(id, { held, freshUntil: until })
    this.#bytes += held.cost
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= this.#maxBytes) break
      this.drop(oldest)
    }
  }

  drop(id: string): void {
    const found = this.#kept.get(id)
    if (found === undefined) return
    this.#kept.delete(id)
    this.#bytes -= found.held.cost
    found.held.release()
  }
}

/**
 * Until when a picture may be used without asking, by what its source says of it and the `Age` and `Vary` of the last answer;
 * undefined where it must not be kept. One whose source does not say how long counts for `unsaidMs`.
 */
export function freshUntil(
  { cacheControl, expires }: SourceLifetime,
  answer: HeaderList,
  nowMs: number,
  unsaidMs: number,
): number | undefined {
  const directives = parseCacheControl(cacheControl)
  if (!mayBeKeptShared(directives) || answer.getJoined('vary')?.includes('*') === true) return undefined
  if (directives.has('no-cache')) return nowMs
  const given = lifetimeGiven(directives, expires, nowMs)
  if (given === undefined) return nowMs + unsaidMs
  const age = Number(answer.get('age') ?? 0)
  return nowMs + Math.max(0, given.seconds - (Number.isFinite(age) ? age : 0)) * 1000
}
