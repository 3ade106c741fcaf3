import { join } from 'node:path'
import type { Clock } from './base/clock.ts'
import { type Cache, type CacheOptions, createCache } from './cache/cache.ts'
import { InvalidationFollower, type InvalidationRequest } from './cache/invalidations.ts'
import { createSpool } from './cache/spool.ts'
import { openStore } from './cache/store/open-store.ts'
import type { Handle, Plan } from './plan.ts'
import type { State } from './seams/state/state.ts'

export interface EdgeCacheOptions extends Pick<CacheOptions, 'viewerHeader' | 'isUpgrade' | 'trim'> {
  readonly clock: Clock
  readonly plan: Handle<Plan>
  /** The state of the installation; opened when something is invalidated, or when processes must agree. */
  readonly openState: () => Promise<State>
  readonly report: (problem: string) => void
}

/** What has been invalidated, without `paths` and `tags` all of a distribution. */
export interface HeardInvalidation {
  readonly distributionId: string
  readonly paths?: readonly string[]
  readonly tags?: readonly string[]
  readonly soft: boolean
}

/** The cache with what it needs of the edge: stores, spool, and the log of invalidations that processes share. */
export interface EdgeCache {
  readonly room: Cache
  /** Invalidates in all processes; gives how many entries of this one it concerned, and the reference. */
  invalidate(request: InvalidationRequest): Promise<{ readonly id: string; readonly count: number }>
  /** Begins to hear what other processes invalidate. */
  follow(): Promise<void>
  /** The same, and tells somebody of it before the cache lets go of anything. */
  listen(told: (invalidation: HeardInvalidation) => void): Promise<void>
  /** The plan is in force: its distributions are followed, if any are. */
  adopted(plan: Plan): Promise<void>
  /** Ends following; what is invalidated later is not heard of. */
  leave(): Promise<void>
  /** Closes the stores. */
  close(): Promise<void>
}

export async function openEdgeCache(options: EdgeCacheOptions): Promise<EdgeCache> {
  const { clock, plan, openState, report, viewerHeader, isUpgrade, trim } = options
  const { processes, cache: planned } = plan.current
  const { memoryBytes, disk } = planned
  const { store, writesDisk } = await openStore({ memoryBytes, disk, clock, report })
  const spool = createSpool(store.spoolFolder)
  const room = createCache({
    clock,
    store,
    viewerHeader,
    isUpgrade,
    trim,
    spoolFolder: spool.folder,
    report,
  })
  let following: Promise<InvalidationFollower> | undefined
  const listeners: ((invalidation: HeardInvalidation) => void)[] = []

  function follow(): Promise<InvalidationFollower> {
    following ??= openFollower()
    following.catch(() => (following = undefined))
    return following
  }

  async function openFollower(): Promise<InvalidationFollower> {
    const { invalidations } = await openState()
    const follower = await InvalidationFollower.open({
      log: (id) => invalidations.log(id),
      apply(selection, how) {
        for (const tell of listeners) tell({ ...selection, ...how })
        return room.invalidate(selection, how)
      },
      // Alone, whatever was confirmed has been applied to the disk. Of several processes the one that writes the disk may
      // have been killed before it had heard of it.
      positionFile:
        disk !== undefined && processes > 1 && writesDisk()
          ? join(disk.folder, 'invalidations.json')
          : undefined,
      report,
    })
    await follower.follow(idsOf(plan.current))
    return follower
  }

  return {
    room,
    invalidate: async (request) => (await follow()).append(request),
    follow: async () => void (await follow()),
    async listen(told) {
      listeners.push(told)
      await follow()
    },
    adopted: async (next) => await (await following)?.follow(idsOf(next)),
    leave: async () => await (await following)?.close(),
    async close() {
      await store.close()
      await spool.close()
    },
  }
}

function idsOf(plan: Plan): string[] {
  return plan.distributions.map(({ id }) => id)
}
