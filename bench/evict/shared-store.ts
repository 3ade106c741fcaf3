import { createRandom, type Trace } from './traces.ts'

/** What a process that evicts knows of uses: none, its own, everybody's to the day, everybody's to half of
 * the time that variants stay, everybody's. */
export const POLICIES = ['put', 'own', 'daily', 'touch', 'all'] as const
export type Policy = (typeof POLICIES)[number]

export interface SharedStoreOptions {
  readonly processes: number
  /** Of each process. */
  readonly edgeBytes: number
  readonly storeBytes: number
  /** How often all processes begin anew: edge caches and what they knew of uses are lost. */
  readonly restarts: number
}

const GROUPS = 16
const OBJECT_BYTES = 2_048
const FULL_ENOUGH = 0.9
/** Uses that a process remembers. */
const MAX_REMEMBERED = 10_000
/** One that has stayed for so much of the time that variants stay in its group is put anew when it is used. */
const TOUCHED_AFTER = 1 / 2
/** Days in a trace, for uses that are written down at most once a day. */
const DAYS = 10

/** Share of what the edge caches miss that a store of variants answers, evicting as `Room` does. */
export function storeHits(
  { objects, sizes }: Trace,
  policy: Policy,
  { processes, edgeBytes, storeBytes, restarts }: SharedStoreOptions,
): { readonly hits: number; readonly touched: number } {
  const random = createRandom(3)
  let edges = Array.from({ length: processes }, () => new Lru(edgeBytes))
  let own = Array.from({ length: processes }, () => new Map<number, number>())
  const groups = Array.from(
    { length: GROUPS },
    () => new Map<number, { bytes: number; at: number; used: number }>(),
  )
  const stay = new Float64Array(GROUPS).fill(objects.length)
  let touched = 0
  const bytes = new Float64Array(GROUPS)
  const budget = storeBytes / GROUPS
  const day = Math.ceil(objects.length / DAYS)
  const life = Math.ceil(objects.length / (restarts + 1))
  let misses = 0
  let hits = 0
  for (let now = 0; now < objects.length; now++) {
    if (now > 0 && now % life === 0) {
      edges = edges.map(() => new Lru(edgeBytes))
      own = own.map(() => new Map())
    }
    const object = objects[now]!
    const process = Math.floor(random() * processes)
    const cost = sizes[object]! + OBJECT_BYTES
    if (edges[process]!.ask(object, cost)) continue
    misses++
    const group = groups[object % GROUPS]!
    const stored = group.get(object)
    const uses = own[process]!
    uses.delete(object)
    uses.set(object, now)
    if (uses.size > MAX_REMEMBERED) uses.delete(uses.keys().next().value!)
    if (stored !== undefined) {
      hits++
      if (policy === 'touch' && now - stored.at > stay[object % GROUPS]! * TOUCHED_AFTER) {
        stored.at = now
        touched++
      }
      // Once a day it is touched; of all uses each is known at once.
      if (policy === 'all' || now - stored.used >= day) stored.used = now
      continue
    }
    if (cost > budget) continue
    if (bytes[object % GROUPS]! + cost > budget) {
      const knownAt = (key: number, { at, used }: { at: number; used: number }): number => {
        if (policy === 'put') return at
        const mine = Math.max(at, uses.get(key) ?? 0)
        return policy === 'own' || policy === 'touch' ? mine : Math.max(mine, used)
      }
      const oldestFirst = [...group].sort((a, b) => knownAt(...a) - knownAt(...b))
      for (const [key, { bytes: freed, at }] of oldestFirst) {
        if (bytes[object % GROUPS]! + cost <= budget * FULL_ENOUGH) break
        stay[object % GROUPS] = now - at
        group.delete(key)
        bytes[object % GROUPS]! -= freed
      }
    }
    group.set(object, { bytes: cost, at: now, used: now })
    bytes[object % GROUPS]! += cost
  }
  return { hits: hits / misses, touched: touched / misses }
}

/** An edge cache; which of the good policies it has does not matter here. */
class Lru {
  readonly #kept = new Map<number, number>()
  readonly #maxBytes: number
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  /** Whether an object is there; it is afterwards. */
  ask(object: number, cost: number): boolean {
    const isHit = this.#kept.delete(object)
    if (!isHit) this.#bytes += cost
    this.#kept.set(object, cost)
    for (const [oldest, freed] of this.#kept) {
      if (this.#bytes <= this.#maxBytes) break
      this.#kept.delete(oldest)
      this.#bytes -= freed
    }
    return isHit
  }
}
