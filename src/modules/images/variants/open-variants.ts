import { z } from 'zod'
import { type AdminRoute, refused } from '../../../admin-route.ts'
import type { ModuleContext } from '../../module.ts'
import type { ImagesConfig } from '../config.ts'
import { Pool, type PoolOptions } from '../engine/pool.ts'
import type { ImageService } from '../service.ts'
import { MemoryShelf } from './memory-shelf.ts'
import { variantMetrics } from './metrics.ts'
import { ObjectShelf } from './object-shelf.ts'
import { allBuckets, picturePlaces } from './picture-places.ts'
import { readSelection } from './select-sources.ts'
import { type Purged, type Shelf, type SourceSelection, totalOf } from './shelf.ts'
import type { SlowFormats } from './slow-formats.ts'
import { Upgrades } from './upgrades.ts'
import { ALL_TAG, sourceTag } from './variant-key.ts'

/** Where variants are kept, and the making of slow formats, for all behaviors of an edge. */
export interface Variants {
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
/** In one invalidation; there is a bound for these. */
const MAX_TAGS_AT_ONCE = 1_000

export function openVariants(
  context: ModuleContext,
  engine: Pick<PoolOptions, 'timeoutMs' | 'maxMemoryBytes'>,
): Variants {
  const { clock, report } = context
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
      upgrades: new Upgrades({ clock, maxWaiting: MAX_WAITING, retryMs: RETRY_MS, report: tell }),
      // Starts no process before there is work.
      pool: new Pool({
        clock,
        processes: 1,
        timeoutMs: engine.timeoutMs * PATIENCE,
        maxMemoryBytes: engine.maxMemoryBytes,
        renewAboveBytes: Math.floor(engine.maxMemoryBytes / 2),
        niceness: LOWEST_PRIORITY,
        idleMs: 60_000,
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

  async function purge(selection: SourceSelection | undefined) {
    const purged: Purged[] = []
    for (const shelf of shelves()) purged.push(await shelf.purge(selection))
    slow?.upgrades.forgive()
    const total = totalOf(purged)
    return { ...total, responses: await invalidate(selection, total) }
  }

  /** What the cache of the edge has of the same sources. Gives how many responses were removed. */
  async function invalidate(selection: SourceSelection | undefined, purged: Purged): Promise<number> {
    let removed = 0
    const all = Map.groupBy(picturePlaces(context.plan.current), ({ distributionId }) => distributionId)
    for (const [distributionId, behaviors] of all) {
      if (selection === undefined) {
        removed += await context.invalidate({ distributionId, tags: [ALL_TAG] })
        continue
      }
      const { bucket, key } = selection
      const buckets = allBuckets(behaviors)
      const wanted = bucket === undefined ? buckets : new Set([bucket]).intersection(buckets)
      const tags =
        'exact' in key
          ? [...wanted].map((name) => sourceTag(name, key.exact))
          : purged.sources
              .filter((each) => wanted.has(each.bucket))
              .map((each) => sourceTag(each.bucket, each.key))
      for (let at = 0; at < tags.length; at += MAX_TAGS_AT_ONCE)
        removed += await context.invalidate({ distributionId, tags: tags.slice(at, at + MAX_TAGS_AT_ONCE) })
      // Of which sources beside these there are answers is not known: they are asked about again before they are served.
      if ('prefix' in key) await context.invalidate({ distributionId, tags: [ALL_TAG], soft: true })
    }
    return removed
  }

  return {
    for({ variants, slowFormats: how }) {
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
    source: z.string().min(1).max(4_096).optional(),
    bucket: z.string().min(1).optional(),
    all: z.boolean().default(false),
  })
  .refine(({ source, bucket, all }) => all === (source === undefined) && !(all && bucket !== undefined), {
    error: 'give either a source or all: true',
  })
const PURGE = '{"source": "cats/1.jpg or cats/*", "bucket": "name of the source"}, or {"all": true}'
