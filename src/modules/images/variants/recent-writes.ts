import type { Clock } from '../../../base/clock.ts'
import { isAnySelected, type NameSelector } from '../../../http/name-selector.ts'

/** Longer than a process takes to hear what another one has invalidated (a second), with room for one that stalls. */
const REMEMBERED_MS = 60_000
const MAX_REMEMBERED = 10_000

/** What this process has written into a shared store a moment ago, the oldest first. */
export class RecentWrites {
  readonly #clock: Clock
  readonly #writes = new Map<string, { readonly tags: readonly string[]; readonly at: number }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** To be called before the write. */
  note(key: string, tags: readonly string[]): void {
    const now = this.#clock.monotonic()
    this.#writes.delete(key)
    this.#writes.set(key, { tags, at: now })
    this.#forget(now)
  }

  /** Gives those with one of the tags, and forgets them. */
  take(selected: NameSelector): { readonly key: string; readonly tags: readonly string[] }[] {
    this.#forget(this.#clock.monotonic())
    const found: { key: string; tags: readonly string[] }[] = []
    for (const [key, { tags }] of this.#writes) {
      if (!isAnySelected(selected, tags)) continue
      this.#writes.delete(key)
      found.push({ key, tags })
    }
    return found
  }

  #forget(now: number): void {
    for (const [oldest, { at }] of this.#writes) {
      if (at + REMEMBERED_MS > now && this.#writes.size <= MAX_REMEMBERED) break
      this.#writes.delete(oldest)
    }
  }
}
