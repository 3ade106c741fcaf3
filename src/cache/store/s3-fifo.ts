import { GhostQueue } from './ghost-queue.ts'

/** What the policy needs to know of a thing it orders, kept in the thing itself so that a hit allocates nothing. */
export interface Queued<T> {
  readonly hash: number
  /** Bytes it takes. */
  cost: number
  /** Uses since it last moved, at most 3. */
  uses: number
  queue: 'none' | 'small' | 'main'
  newer: T | undefined
  older: T | undefined
}

const MOST_USES = 3
const SMALL_SHARE = 0.1
const FEWEST_GHOSTS = 64
/** Items that one eviction spares because they are in use elsewhere: all of them may be. */
const MOST_SPARED = 64

/**
 * S3-FIFO (Yang and others, SOSP 2023): a small queue through which newcomers pass, a main queue for what was used
 * again, and the memory of what fell out of the small one. Bounded by bytes; every step is O(1), amortised.
 * One pass over many things that are asked for once never reaches the main queue.
 */
export class S3Fifo<T extends Queued<T>> {
  readonly #small = new Queue<T>('small')
  readonly #main = new Queue<T>('main')
  readonly #ghosts = new GhostQueue()
  readonly #smallBytes: number
  readonly #isInUse: ((item: T) => boolean) | undefined

  /** `isInUse` is asked of what would be evicted and has no uses; it may know of some that were not counted here. */
  constructor(maxBytes: number, isInUse?: (item: T) => boolean) {
    this.#smallBytes = maxBytes * SMALL_SHARE
    this.#isInUse = isInUse
  }

  get bytes(): number {
    return this.#small.bytes + this.#main.bytes
  }

  get count(): number {
    return this.#small.count + this.#main.count
  }

  /** Takes a newcomer in; into the main queue if it was there lately or `proven` says that it had been used. */
  add(item: T, proven = false): void {
    item.uses = 0
    const queue = this.#ghosts.take(item.hash) || proven ? this.#main : this.#small
    queue.push(item)
  }

  /** Counts a use. */
  touch(item: T): void {
    if (item.uses < MOST_USES) item.uses++
  }

  remove(item: T): void {
    if (item.queue === 'small') this.#small.remove(item)
    else if (item.queue === 'main') this.#main.remove(item)
  }

  /** Changes what an item costs, where it stands. */
  recost(item: T, cost: number): void {
    if (item.queue === 'small') this.#small.bytes += cost - item.cost
    else if (item.queue === 'main') this.#main.bytes += cost - item.cost
    item.cost = cost
  }

  /** Takes out the item that is least worth keeping, or says undefined when there is none. */
  evict(): T | undefined {
    for (let spared = 0; ;) {
      const fromSmall = this.#small.bytes > this.#smallBytes || this.#main.count === 0
      const item = fromSmall ? this.#small.oldest : this.#main.oldest
      if (item === undefined) return undefined
      if (fromSmall) {
        this.#small.remove(item)
        if (item.uses === 0 && !(spared < MOST_SPARED && this.#isInUse?.(item))) {
          this.#ghosts.add(item.hash, Math.max(FEWEST_GHOSTS, this.count))
          return item
        }
        if (item.uses === 0) spared++
        item.uses = 0
        this.#main.push(item)
      } else {
        this.#main.remove(item)
        if (item.uses > 0) item.uses--
        else if (spared < MOST_SPARED && this.#isInUse?.(item) === true) spared++
        else return item
        this.#main.push(item)
      }
    }
  }
}

class Queue<T extends Queued<T>> {
  readonly #name: 'small' | 'main'
  bytes = 0
  count = 0
  oldest: T | undefined = undefined
  #newest: T | undefined = undefined

  constructor(name: 'small' | 'main') {
    this.#name = name
  }

  push(item: T): void {
    item.queue = this.#name
    item.older = this.#newest
    item.newer = undefined
    if (this.#newest === undefined) this.oldest = item
    else this.#newest.newer = item
    this.#newest = item
    this.bytes += item.cost
    this.count++
  }

  remove(item: T): void {
    if (item.newer === undefined) this.#newest = item.older
    else item.newer.older = item.older
    if (item.older === undefined) this.oldest = item.newer
    else item.older.newer = item.newer
    item.queue = 'none'
    item.newer = undefined
    item.older = undefined
    this.bytes -= item.cost
    this.count--
  }
}
