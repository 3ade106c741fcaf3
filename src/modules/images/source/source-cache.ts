import { parseCacheControl } from '../../../http/cache-control.ts'
import type { HeaderList } from '../../../http/header-list.ts'
import { lifetimeGiven } from '../../../http/lifetime-given.ts'
import type { HeldPicture } from './held-picture.ts'

/** One picture may take this share of the cache; larger ones would push out everything else. */
const MAX_SHARE = 4

export interface SourceCacheOptions {
  /** Bytes of all pictures together; 0 keeps nothing. */
  readonly maxBytes: number
  /** How long a picture counts, in milliseconds, whose source does not say. */
  readonly unsaidMs: number
}

/** A picture that is kept; one that is not fresh must be asked about before it is used. */
export interface KeptPicture {
  readonly held: HeldPicture
  readonly isFresh: boolean
}

/**
 * Originals, kept so that the next variant of one need not fetch it again; the least recently used go first. It obeys
 * what a source says to shared caches (RFC 9111 sections 3 and 4.2). After an invalidation others ids are asked for: a variant
 * that is made anew must not be made of an old original.
 */
export class SourceCache {
  readonly #options: SourceCacheOptions
  readonly #kept = new Map<string, { readonly held: HeldPicture; readonly freshUntil: number }>()
  #bytes = 0
  /** For metrics. */
  readonly counts = { hits: 0, confirmed: 0, misses: 0 }

  constructor(options: SourceCacheOptions) {
    this.#options = options
  }

  get bytes(): number {
    return this.#bytes
  }

  get pictures(): number {
    return this.#kept.size
  }

  find(id: string, nowMs: number): KeptPicture | undefined {
    const found = this.#kept.get(id)
    if (found === undefined) return undefined
    this.#kept.delete(id)
    this.#kept.set(id, found)
    return { held: found.held, isFresh: nowMs < found.freshUntil }
  }

  /** Keeps a picture that came with these fields, unless they forbid it. */
  keep(id: string, held: HeldPicture, headers: HeaderList, nowMs: number): void {
    const { maxBytes, unsaidMs } = this.#options
    const lifetimeMs = lifetimeMsOf(headers, nowMs, unsaidMs)
    held.hold()
    this.drop(id)
    if (lifetimeMs === undefined || held.cost > maxBytes / MAX_SHARE) {
      held.release()
      return
    }
    this.#kept.set(id, { held, freshUntil: nowMs + lifetimeMs })
    this.#bytes += held.cost
    for (const oldest of this.#kept.keys()) {
      if (this.#bytes <= maxBytes) break
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

/** How long a picture may be used without asking; undefined where it must not be kept at all. */
function lifetimeMsOf(headers: HeaderList, nowMs: number, unsaidMs: number): number | undefined {
  const directives = parseCacheControl(headers.getJoined('cache-control'))
  if (directives.has('no-store') || directives.has('private')) return undefined
  if (headers.getJoined('vary')?.includes('*') === true) return undefined
  if (directives.has('no-cache')) return 0
  const given = lifetimeGiven(headers, directives, nowMs)
  if (given === undefined) return unsaidMs
  const age = Number(headers.get('age') ?? 0)
  return Math.max(0, given.seconds - (Number.isFinite(age) ? age : 0)) * 1000
}
