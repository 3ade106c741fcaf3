import type { Awaitable } from '../base/promise.ts'
import { Fault } from '../faults.ts'
import type { Rooms } from '../rooms.ts'
import type { Passage } from '../visit.ts'
import { writeCacheStatus } from './cache-status.ts'
import type { CacheContext, CacheOptions } from './context.ts'
import { Flights } from './flights.ts'
import { Lookups } from './lookup.ts'
import { Neighbours } from './neighbours.ts'
import { Receipts } from './receive.ts'
import { Reminders } from './reminders.ts'
import { createServe } from './serve.ts'
import { createSelector } from './store/selection.ts'
import type { Selection, StoreStats } from './store/store.ts'
import { invalidatedTargets } from './unsafe.ts'

export type { CacheOptions } from './context.ts'

/** The cache room. */
export type Cache = Rooms['cache'] & {
  /**
   * Removes what is selected, or marks it stale; gives how many entries. What is being fetched at this moment is not
   * kept if the selection has it. Holds from the call on.
   */
  invalidate(selection: Selection, options: { readonly soft: boolean }): Awaitable<number>
  /** For explain: what would be found, in sentences. Counts nothing and moves nothing. */
  readonly peek: (passage: Passage) => Awaitable<readonly string[]>
  stats(): StoreStats
  /** How many variants and parts are kept under a key. */
  variants(baseKey: string): number
  /** Fetches under way, and requests that wait for one. */
  fetching(): number
  waiting(): number
}

/** Builds the cache room over a store, which stays the caller's to close. */
export function createCache(options: CacheOptions): Cache {
  const { store, clock } = options
  const context: CacheContext = {
    ...options,
    flights: new Flights(),
    neighbours: new Neighbours(),
    troubles: new Reminders(),
    loners: new Reminders(),
    serve: createServe(options.trim),
  }
  const lookups = new Lookups(context)
  const receipts = new Receipts(context, lookups)

  function invalidate(selection: Selection, { soft }: { readonly soft: boolean }): Awaitable<number> {
    context.flights.invalidate(createSelector(selection))
    // A failure that is remembered is no more than a guess once somebody has changed something.
    context.troubles.clear()
    return store.invalidate(selection, { soft, now: clock.now() })
  }

  return {
    lookup: (passage) => lookups.lookup(passage),
    condition: (passage, request) => receipts.condition(passage, request),
    receive(passage, result) {
      if (!(result instanceof Fault) && context.flights.of(passage) === undefined) {
        const targets = invalidatedTargets(passage, result)
        if (targets.length > 0) {
          const gone = invalidate(
            { distributionId: passage.distribution.id, paths: targets },
            { soft: false },
          )
          if (gone instanceof Promise)
            gone.catch((error: unknown) => options.report(`the cache store: ${String(error)}`))
        }
      }
      return receipts.receive(passage, result)
    },
    tell(passage, response) {
      const { cache } = passage.visit
      if (cache !== undefined)
        response.headers.append('Cache-Status', writeCacheStatus(passage.plan.identity.name, cache))
    },
    invalidate,
    peek: (passage) => lookups.peek(passage),
    variants: (baseKey) => store.keysOf(baseKey).length,
    stats: () => store.stats(),
    fetching: () => context.flights.size,
    waiting: () => context.flights.waiting,
  }
}
