import { entryFor } from '../../src/cache/store/entry.fixture.ts'
import { MemoryStore } from '../../src/cache/store/memory.ts'
import type { Trace } from './traces.ts'

/** Share of requests and of bytes that a cache of so many bytes answers. */
export interface HitRatio {
  readonly requests: number
  readonly bytes: number
}

/** Bytes an object costs beside its body, for every policy alike: what the store counts for an entry like these. */
const OVERHEAD = overheadOfStore()

export type Policy = (trace: Trace, maxBytes: number) => HitRatio

/** Plays a trace: `ask` says whether the object is there, and takes it in when it is not. */
function play(
  { objects, sizes }: Trace,
  ask: (object: number, cost: number, at: number) => boolean,
): HitRatio {
  let hits = 0
  let hitBytes = 0
  let allBytes = 0
  for (let at = 0; at < objects.length; at++) {
    const object = objects[at]!
    const size = sizes[object]!
    allBytes += size
    if (!ask(object, size + OVERHEAD, at)) continue
    hits++
    hitBytes += size
  }
  return { requests: hits / objects.length, bytes: hitBytes / allBytes }
}

/** The store itself, with real entries; bodies of the same length share their bytes, which are counted all the same. */
export const edgeward: Policy = (trace, maxBytes) => {
  const store = new MemoryStore({ maxBytes, maxObjectBytes: maxBytes, report: () => {} })
  const bodies = new Map<number, Buffer>()
  return play(trace, (object, cost) => {
    const key = String(object)
    if (store.get(key) !== undefined) return true
    const size = cost - OVERHEAD
    let bytes = bodies.get(size)
    if (bytes === undefined) bodies.set(size, (bytes = Buffer.allocUnsafeSlow(size)))
    store.putBytes(entryFor(key, size), bytes)
    return false
  })
}

/** Exact LRU: a Map keeps the order of insertion. */
export const lru: Policy = (trace, maxBytes) => {
  const kept = new Map<number, number>()
  let used = 0
  return play(trace, (object, cost) => {
    const isHit = kept.delete(object)
    if (!isHit) {
      if (cost > maxBytes) return false
      used += cost
      for (const [oldest, freed] of kept) {
        if (used <= maxBytes) break
        kept.delete(oldest)
        used -= freed
      }
    }
    kept.set(object, cost)
    return isHit
  })
}

/**
 * Belady's choice with the future known: what is asked for again latest goes first, and an object that is asked for
 * later than all that is kept does not come in. For objects of one size it is the best there is; of several sizes the
 * best is not known (NP-hard), and this is the usual yardstick.
 */
export const belady: Policy = (trace, maxBytes) => {
  const { objects } = trace
  const next = nextUses(objects)
  const kept = new Map<number, { cost: number; next: number }>()
  const heap = new LatestFirst()
  let used = 0
  return play(trace, (object, cost, at) => {
    const known = kept.get(object)
    const isHit = known !== undefined
    if (isHit) used -= known.cost
    kept.delete(object)
    const nextUse = next[at]!
    if (nextUse === NEVER || cost > maxBytes) return isHit
    kept.set(object, { cost, next: nextUse })
    heap.push(nextUse, object)
    used += cost
    while (used > maxBytes) {
      const latest = heap.pop()
      const victim = kept.get(latest.object)
      // What was used since it was noted stands in the heap once more.
      if (victim === undefined || victim.next !== latest.next) continue
      kept.delete(latest.object)
      used -= victim.cost
    }
    return isHit
  })
}

const NEVER = 0xffff_ffff

function nextUses(objects: Uint32Array): Uint32Array {
  const next = new Uint32Array(objects.length)
  const seen = new Map<number, number>()
  for (let at = objects.length - 1; at >= 0; at--) {
    next[at] = seen.get(objects[at]!) ?? NEVER
    seen.set(objects[at]!, at)
  }
  return next
}

/** A heap that gives the latest next use first. */
class LatestFirst {
  readonly #items: { next: number; object: number }[] = []

  push(next: number, object: number): void {
    const items = this.#items
    let at = items.length
    items.push({ next, object })
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (items[parent]!.next >= next) break
      items[at] = items[parent]!
      at = parent
    }
    items[at] = { next, object }
  }

  pop(): { next: number; object: number } {
    const items = this.#items
    const top = items[0]!
    const last = items.pop()!
    if (items.length > 0) {
      let at = 0
      for (;;) {
        let child = at * 2 + 1
        if (child >= items.length) break
        if (child + 1 < items.length && items[child + 1]!.next > items[child]!.next) child++
        if (items[child]!.next <= last.next) break
        items[at] = items[child]!
        at = child
      }
      items[at] = last
    }
    return top
  }
}

function overheadOfStore(): number {
  const store = new MemoryStore({ maxBytes: 1 << 20, report: () => {} })
  store.putBytes(entryFor('1000', 1000), Buffer.allocUnsafeSlow(1000))
  return store.stats().bytes - 1000
}
