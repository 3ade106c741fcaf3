import type { Awaitable } from '../base/promise.ts'
import type { Clock } from '../base/clock.ts'
import type { Fault } from '../faults.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import type { Flights } from './flights.ts'
import type { ViewerHeaderOf } from './key.ts'
import type { Neighbours } from './neighbours.ts'
import type { Reminders } from './reminders.ts'
import type { Trim } from './serve.ts'
import type { CacheStore, Found } from './store/store.ts'

export interface CacheOptions {
  readonly clock: Clock
  readonly store: CacheStore
  readonly viewerHeader: ViewerHeaderOf
  /** Whether a request is a WebSocket handshake, which goes past the cache. */
  readonly isUpgrade: (passage: Passage) => boolean
  /** Takes out of stored fields what viewers of a behavior must not see. */
  readonly trim: Trim
  /** Gives a folder for bodies that are longer than memory is wanted for, while they arrive. */
  readonly spoolFolder: () => Awaitable<string>
  readonly report: (problem: string) => void
}

/** What the parts of the cache room share. */
export interface CacheContext extends CacheOptions {
  readonly flights: Flights
  readonly neighbours: Neighbours
  /** Keys whose origin failed a moment ago: the fault, or the status, with which. */
  readonly troubles: Reminders<Fault | number>
  /** Keys whose responses are not kept: requests for them do not wait for each other. */
  readonly loners: Reminders<true>
  readonly serve: (passage: Passage, found: Found, bits: number, now: number) => EdgeResponse
}
