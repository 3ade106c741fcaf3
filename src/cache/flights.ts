import type { Passage } from '../visit.ts'
import type { Flight } from './flight.ts'
import { isSelected, type Selector } from './store/selection.ts'
import { pathInKey } from './key.ts'

/** The fetches under way. */
export class Flights {
  readonly #shared = new Map<string, Flight>()
  readonly #refreshing = new Map<string, Flight>()
  readonly #all = new Set<Flight>()
  readonly #byPassage = new WeakMap<Passage, Flight>()

  get size(): number {
    return this.#all.size
  }

  /** Requests that wait for one of them. */
  get waiting(): number {
    let count = 0
    for (const flight of this.#all) count += flight.waiters.length
    return count
  }

  /** The fetch that others may wait for under a key. */
  shared(key: string): Flight | undefined {
    return this.#shared.get(key)
  }

  /** What renews a key at this moment, in the background or for somebody who waits. */
  refreshing(key: string): Flight | undefined {
    return this.#refreshing.get(key) ?? this.#shared.get(key)
  }

  /** The fetch that a passage is for. */
  of(passage: Passage): Flight | undefined {
    return this.#byPassage.get(passage)
  }

  begin(flight: Flight): void {
    this.#all.add(flight)
    this.#byPassage.set(flight.passage, flight)
    if (flight.isShared) this.#shared.set(flight.key, flight)
    if (flight.isRefresh) this.#refreshing.set(flight.key, flight)
    flight.onAbandoned = () => this.end(flight)
  }

  end(flight: Flight): void {
    this.#all.delete(flight)
    if (this.#refreshing.get(flight.key) === flight) this.#refreshing.delete(flight.key)
    if (this.#shared.get(flight.key) === flight) this.#shared.delete(flight.key)
  }

  /** Makes sure that nothing that is fetched at this moment is kept if the selection has it. */
  invalidate(selector: Selector): void {
    for (const flight of this.#all) {
      const about = flight.arriving?.entry ?? {
        key: flight.key,
        baseKey: flight.key,
        distributionId: flight.passage.distribution.id,
        path: pathInKey(flight.key),
        tags: NO_TAGS,
      }
      if (flight.arriving === undefined && selector.tags !== undefined) {
        // Whether it has one of the tags is known when its head has come, unless a module has said so before.
        const { tags = NO_TAGS } = flight.passage
        if (isSelected(selector, { ...about, tags })) this.#kill(flight)
        else if (isSelected({ ...selector, tags: undefined }, about))
          flight.invalidatedTags = [...(flight.invalidatedTags ?? []), selector.tags]
      } else if (isSelected(selector, about)) this.#kill(flight)
    }
  }

  #kill(flight: Flight): void {
    flight.isDead = true
    if (this.#shared.get(flight.key) === flight) this.#shared.delete(flight.key)
  }
}

const NO_TAGS: readonly string[] = []
