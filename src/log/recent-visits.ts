import { Body } from '../http/body.ts'
import type { Visit } from '../visit.ts'

/** The last visits. Adding one costs a slot of a ring; finding one by its request id looks through them. */
export class RecentVisits {
  readonly #limit: number
  readonly #ring: Visit[] = []
  /** Where the next visit goes, once the ring is full. */
  #next = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  add(visit: Visit): void {
    if (this.#limit === 0) return
    const kept = visit.request.body.kind === 'none' ? visit : withoutBody(visit)
    if (this.#ring.length < this.#limit) {
      this.#ring.push(kept)
      return
    }
    this.#ring[this.#next] = kept
    this.#next = this.#next + 1 === this.#limit ? 0 : this.#next + 1
  }

  find(requestId: string): Visit | undefined {
    return this.#ring.find((visit) => visit.request.id === requestId)
  }

  /** At most `count` of them, newest first. */
  latest(count: number): Visit[] {
    const oldestFirst = [...this.#ring.slice(this.#next), ...this.#ring.slice(0, this.#next)]
    return oldestFirst.toReversed().slice(0, Math.max(0, count))
  }
}

/** A body may hold megabytes, or a connection that is long closed: a visit that is kept must not keep those. */
function withoutBody(visit: Visit): Visit {
  const kept = Object.assign(Object.create(Object.getPrototypeOf(visit)) as Visit, visit, {
    request: { ...visit.request, body: Body.none() },
  })
  kept.requestBodyBytes ||= visit.request.body.length ?? 0
  return kept
}
