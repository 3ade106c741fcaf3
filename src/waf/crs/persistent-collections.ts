import type { CollectionName } from './collections.ts'

/** A variable of a persistent collection. */
interface Kept {
  value: string
  /** Milliseconds since the epoch; undefined while only the collection ends. */
  endsAt: number | undefined
}

interface Bag {
  readonly variables: Map<string, Kept>
  endsAt: number
}

const MAX_BAGS = 10_000
const MAX_VARIABLES = 64

/**
 * Collections that outlive a request (`initcol`), in the memory of this process. Both their number and their size are
 * bounded: the one that was opened longest ago goes first.
 */
export class PersistentCollections {
  readonly #bags = new Map<string, Bag>()
  readonly #seconds: number

  constructor(seconds: number) {
    this.#seconds = seconds
  }

  open(collection: CollectionName, name: string, now: number): string {
    const id = `${collection}\n${name}`
    const found = this.#bags.get(id)
    this.#bags.delete(id)
    const bag =
      found !== undefined && found.endsAt > now ? found : { variables: new Map<string, Kept>(), endsAt: 0 }
    bag.endsAt = now + this.#seconds * 1_000
    this.#bags.set(id, bag)
    if (this.#bags.size > MAX_BAGS)
      for (const oldest of this.#bags.keys()) {
        this.#bags.delete(oldest)
        break
      }
    return id
  }

  get(id: string, key: string, now: number): string | undefined {
    const kept = this.#bags.get(id)?.variables.get(key)
    return kept === undefined || (kept.endsAt !== undefined && kept.endsAt <= now) ? undefined : kept.value
  }

  entries(id: string, now: number): [string, string][] {
    const all: [string, string][] = []
    for (const [key, { value, endsAt }] of this.#bags.get(id)?.variables ?? []) {
      if (endsAt === undefined || endsAt > now) all.push([key, value])
    }
    return all
  }

  set(id: string, key: string, value: string | undefined): void {
    const variables = this.#bags.get(id)?.variables
    if (variables === undefined) return
    if (value === undefined) variables.delete(key)
    else if (variables.has(key) || variables.size < MAX_VARIABLES) {
      variables.set(key, { value, endsAt: variables.get(key)?.endsAt })
    }
  }

  expire(id: string, key: string, at: number): void {
    const kept = this.#bags.get(id)?.variables.get(key)
    if (kept !== undefined) kept.endsAt = at
  }
}
