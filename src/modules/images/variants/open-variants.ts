import { z } from 'zod'
import { type AdminRoute, refused } from '../../../admin-route.ts'
import { createNameSelector, type NameSelector } from '../../../http/name-selector.ts'
import { asError } from '../../../seams/seam-error.ts'
import type { ModuleContext, ModuleInvalidation } from '../../module.ts'
import type { ImagesConfig } from '../config.ts'
import type { Gate } from '../engine/gate.ts'
import { Pool, type PoolOptions } from '../engine/pool.ts'
import type { ImageService } from '../service.ts'
import { createBackgroundTurns } from './background-turns.ts'
import { Makings } from './makings.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { variantMetrics } from './metrics.ts'
import { ObjectShelf } from './object-shelf.ts'
import { allBuckets, type PicturePlace, picturePlaces } from './picture-places.ts'
import { concerned, readSelection, tagsSelected } from './select-sources.ts'
import { type Purged, type Shelf, type SourceSelection, totalOf } from './shelf.ts'
import type { SlowFormats } from './slow-formats.ts'
import { Upgrades } from './upgrades.ts'
import { ALL_TAG } from './variant-key.ts'

/** Where variants are kept, and the making of slow formats, for all behaviors of an edge. */
export interface Variants {
  /** Of all behaviors: kept by a store or by nobody. */
  readonly makings: Makings
  /** What a behavior uses of it. */
  for(config: ImagesConfig): Pick<ImageService, 'shelf' | 'slow'>
  readonly adminRoutes: readonly AdminRoute[]
  /** Lines of Prometheus; none while nothing of it is configured. */
  metrics(): readonly string[]
  close(): Promise<void>
}

/** Slow formats that no store keeps, in each process. */
const MEMORY_BYTES = 64 << 20
const MAX_WAITING = 100
const RETRY_MS = 600_000
/** A process that gives way to all others takes its time. */
const PATIENCE = 5
const LOWEST_PRIORITY = 19

export async function openVariants(
  context: ModuleContext,
  engine: Pick<PoolOptions, 'timeoutMs' | 'maxMemoryBytes'> & { readonly gate: Pick<Gate, 'waiting'> },
): Promise<Variants> {
  const { clock, report } = context
  const makings = new Makings()
  const stores = new Map<string, ObjectShelf>()
  let memory: MemoryShelf | undefined
  let slow: (SlowFormats & { readonly pool: Pool }) | undefined
  const tell = (problem: string): void => report.warn(`images: ${problem}`)

  function storeFor({ objects: name, maxBytes }: NonNullable<ImagesConfig['variants']>): ObjectShelf {
    let store = stores.get(name)
    if (store === undefined) {
      const open = () => context.seams.objects(name)
      stores.set(name, (store = new ObjectShelf({ name, open, clock, maxBytes, report: tell })))
      // It may be fuller than it may be now.
      if (context.isFirstProcess) store.sweep()
    }
    store.resize(maxBytes)
    return store
  }

  function slowFormats(): SlowFormats {
    slow ??= {
      upgrades: new Upgrades({
        clock,
        maxWaiting: MAX_WAITING,
        retryMs: RETRY_MS,
        takeTurn: createBackgroundTurns({
          clock,
          dataFolder: context.dataFolder,
          processes: context.plan.current.processes,
          isBusy: () => engine.gate.waiting > 0,
          report: tell,
        }),
        report: tell,
      }),
      // Starts no process before there is work.
      pool: new Pool({
        clock,
        processes: 1,
        timeoutMs: engine.timeoutMs * PATIENCE,
        maxMemoryBytes: engine.maxMemoryBytes,
        renewAboveBytes: Math.floor(engine.maxMemoryBytes / 2),
        niceness: LOWEST_PRIORITY,
        // It may be the turn of another process, and memory that is kept for the next picture counts for all.
        idleMs: 2_000,
        passed: context.passed,
        report: tell,
      }),
      timeoutSeconds: (engine.timeoutMs * PATIENCE) / 1000,
      done: async (distributionId, tag) => void (await context.invalidate({ distributionId, tags: [tag] })),
    }
    return slow
  }

  function shelves(): readonly Shelf[] {
    return [...stores.values(), ...(memory === undefined ? [] : [memory])]
  }

  /** Whoever invalidated it: nothing of it is kept here any more, nor brought back by what is under way. */
  function heard(invalidation: ModuleInvalidation): void {
    // Also where it is only about answers: those that follow are not to be made of an old original.
    makings.startNext()
    const tags = concerned(invalidation)
    if (tags === undefined) return
    letGo(tags)
    for (const shelf of shelves())
      takeBack(shelf, tags).catch((error: unknown) => tell(`an invalidation: ${asError(error).message}`))
  }

  function letGo(tags: NameSelector): void {
    makings.invalidate(tags)
    slow?.upgrades.forgive()
  }

  async function takeBack(shelf: Shelf, tags: NameSelector): Promise<void> {
    const gone = new Set(await shelf.takeBack(tags)).difference(new Set([ALL_TAG]))
    if (gone.size === 0) return
    // It was written behind a purge, and another process may have answered with it until now, and keep the answer.
    for (const distributionId of distributions().keys())
      await context.invalidate({ distributionId, tags: [...gone] })
  }

  async function purge(selection: SourceSelection | undefined) {
    const places = picturePlaces(context.plan.current)
    const selected = createNameSelector(tagsSelected(selection, allBuckets(places)))
    letGo(selected)
    const purged: Purged[] = []
    for (const shelf of shelves()) purged.push(await shelf.purge(selection, selected))
    let responses = 0
    // After the stores are empty, or the caches would fill from them again. Other processes hear of it by this.
    for (const [distributionId, behaviors] of distributions()) {
      const tags = tagsSelected(selection, allBuckets(behaviors))
      if (tags.length > 0) responses += await context.invalidate({ distributionId, tags })
    }
    return { ...totalOf(purged), responses }
  }

  function distributions(): ReadonlyMap<string, readonly PicturePlace[]> {
    return Map.groupBy(picturePlaces(context.plan.current), ({ distributionId }) => distributionId)
  }

  let following: Promise<void> | undefined
  function follow(): Promise<void> {
    following ??= context.followInvalidations(heard).catch((error: unknown) => {
      tell(`what other processes purge is not heard here: ${asError(error).message}`)
    })
    return following
  }
  if (distributions().size > 0) await follow()

  return {
    makings,
    for({ variants, slowFormats: how }) {
      // A plan may bring the first pictures later.
      void follow()
      const needsMemory = variants === undefined && how === 'background'
      if (needsMemory) memory ??= new MemoryShelf(MEMORY_BYTES)
      return {
        shelf: variants === undefined ? (needsMemory ? memory : undefined) : storeFor(variants),
        slow: how === 'background' ? slowFormats() : undefined,
      }
    },
    adminRoutes: [
      {
        method: 'POST',
        path: '/images/purge',
        async handle({ body }) {
          const asked = purgeSchema.safeParse(body)
          if (!asked.success) return refused(400, `${z.prettifyError(asked.error)}\nsend ${PURGE}`)
          const { source, bucket } = asked.data
          const known = allBuckets(picturePlaces(context.plan.current))
          if (bucket !== undefined && !known.has(bucket))
            return refused(404, `there is no source ${bucket}; known: ${[...known].join(', ')}`)
          const { sources, ...counts } = await purge(
            source === undefined ? undefined : readSelection(source, bucket),
          )
          return { body: { ...counts, sources: sources.length } }
        },
      },
    ],
    metrics: () => variantMetrics(shelves(), slow?.upgrades),
    async close() {
      await slow?.upgrades.close()
      await slow?.pool.close()
      await Promise.all(shelves().map((shelf) => shelf.close()))
    },
  }
}

const purgeSchema = z
  .strictObject({
    source: z
      .string()
      .min(1)
      .max(4_096)
      .refine((text) => text.isWellFormed(), 'half a character (a lone surrogate)')
      .optional(),
    bucket: z.string().min(1).optional(),
    all: z.boolean().default(false),
  })
  .refine(({ source, bucket, all }) => all === (source === undefined) && !(all && bucket !== undefined), {
    error: 'give either a source or all: true',
  })
const PURGE = '{"source": "cats/1.jpg or cats/*", "bucket": "name of the source"}, or {"all": true}'
