import { availableParallelism } from 'node:os'
import { isDeepStrictEqual } from 'node:util'
import { Fault } from '../../faults.ts'
import type { Fetch } from '../../http/fetch-text.ts'
import type { Plan, PlannedBehavior } from '../../plan.ts'
import { addToVary } from '../../response/vary.ts'
import { asError } from '../../seams/seam-error.ts'
import type { EdgeResponse, OriginRequest, Passage } from '../../visit.ts'
import {
  type BoundPlace,
  defineModule,
  type Hooks,
  type Module,
  type ModuleContext,
  type RunningModule,
} from '../module.ts'
import { checkImages } from './check-images.ts'
import { addCommands } from './command.ts'
import { type ImageEngineConfig, imageEngineSchema, type ImagesConfig } from './config.ts'
import { dialectOf } from './dialect-of.ts'
import { createDetector } from './detector.ts'
import { isRecord } from './engine/edits.ts'
import { Gate } from './engine/gate.ts'
import { Pool } from './engine/pool.ts'
import { explainTask } from './explain-task.ts'
import { ImageError } from './image-error.ts'
import { metricsOf } from './metrics.ts'
import { answer, type Engine, errorResponse, type ImageService } from './service.ts'
import { followKeys, type SigningKeys } from './signing-keys.ts'
import { Spent } from './spent.ts'
import { ByteShelf } from './source/byte-shelf.ts'
import { SourceCache } from './source/source-cache.ts'
import { Sources } from './source/sources.ts'
import { sourcesOf, unsaidSecondsOf } from './source/sources-of.ts'
import type { ImageRequest } from './task.ts'
import { checkOptimise, compileOptimise } from './watch/check-optimise.ts'
import type { OptimiseConfig } from './watch/config.ts'
import { createOptimisers } from './watch/optimisers.ts'
import { explainVariant } from './variants/explain-variant.ts'
import { openVariants } from './variants/open-variants.ts'

export { imageEngineSchema, imagesSchema } from './config.ts'

/** Images on the fly: the origin of a behavior holds originals, and every URL is a variant of one of them. */
export const images = createImages((...given) => globalThis.fetch(...given))

/** The module; `fetch` gets the certificates of Amazon SNS. */
export function createImages(fetch: Fetch): Module {
  return defineModule({
    name: 'images',
    key: 'images',
    check({ level, config, segments, whole }, findings, { baseFolder }) {
      if (level === 'behavior') checkImages(config, segments, whole, findings)
      else if (isRecord(config))
        checkOptimise(config['optimise'], [...segments, 'optimise'], whole, baseFolder, findings)
    },
    compile({ level, config }, { baseFolder }) {
      if (level === 'behavior') return config
      // The schema of this key was applied.
      const engine = config as ImageEngineConfig
      const { optimise } = engine
      return optimise === undefined ? engine : { ...engine, optimise: compileOptimise(optimise, baseFolder) }
    },
    open: (context) => openImages(context, fetch),
    commands: addCommands,
  })
}

async function openImages(context: ModuleContext, fetch: Fetch): Promise<RunningModule> {
  const settings = engineSettings(context.plan.current.modules['images'])
  const processes =
    settings.processes ?? Math.max(1, Math.floor(availableParallelism() / context.plan.current.processes))
  const pool = new Pool({
    clock: context.clock,
    processes,
    timeoutMs: settings.timeoutSeconds * 1000,
    maxMemoryBytes: settings.maxMemoryBytes,
    renewAboveBytes: Math.floor(settings.maxMemoryBytes / 2),
    // Cached answers must not wait for pixel work.
    niceness: 4,
    idleMs: 60_000,
    passed: context.passed,
    report: (message) => context.report.warn(`images: ${message}`),
  })
  const gate = new Gate({
    clock: context.clock,
    // Sources are fetched for the next pictures while the processes are at work on these.
    places: processes * 2,
    maxWaiting: settings.queue.size,
    maxWaitingPerClient: settings.queue.perClient,
    maxWaitMs: settings.queue.maxWaitSeconds * 1000,
  })
  const shelf = new ByteShelf()
  const sourceCache = new SourceCache(settings.sourceCache.maxBytes)
  let named = 0
  const engine: Engine = { clock: context.clock, pool, gate }
  const optimisers = createOptimisers(context, settings.maxMemoryBytes, fetch)
  await optimisers.follow(optimiseOf(context.plan.current.modules['images']))
  const variants = await openVariants(context, {
    timeoutMs: settings.timeoutSeconds * 1000,
    maxMemoryBytes: settings.maxMemoryBytes,
    gate,
  })
  const keys = new Map<string, SigningKeys>()
  for (const { behaviors } of context.plan.current.distributions) {
    for (const behavior of behaviors) await keysFor(configOf(behavior))?.ready
  }

  /** Behaviors that are signed by the same secret share what is read off it. */
  function keysFor(config: ImagesConfig | undefined): SigningKeys | undefined {
    if (config?.signing === undefined) return undefined
    const { secret, field } = config.signing
    const id = `${secret}\n${field ?? ''}`
    let known = keys.get(id)
    if (known === undefined) keys.set(id, (known = followKeys(context, secret, field)))
    return known
  }

  function bind(place: BoundPlace): Hooks | undefined {
    const config = configOf(place.behavior)
    return config && hooksFor(serviceFor(config, place, settings, keysFor(config)))
  }

  function serviceFor(
    config: ImagesConfig,
    { distribution, behavior }: BoundPlace,
    {
      timeoutSeconds,
      sourceCache: { unsaidSeconds },
    }: Pick<ImageEngineConfig, 'timeoutSeconds' | 'sourceCache'>,
    signingKeys: SigningKeys | undefined,
  ): ImageService {
    const places = sourcesOf(config, distribution.origins, behavior)
    const sources = new Sources({
      clock: context.clock,
      sources: places,
      fetchFrom: (origin, path, request) => context.fetchFrom({ distribution, origin, path, ...request }),
      maxSourceBytes: config.limits.maxSourceBytes,
      shelf,
      cache: sourceCache,
      unsaidMs: (unsaidSeconds ?? unsaidSecondsOf(behavior)) * 1000,
      name: `${named++}`,
      generation: () => variants.makings.generation,
    })
    const detector =
      config.detector === undefined
        ? undefined
        : { ...config.detector, timeoutMs: config.detector.timeoutSeconds * 1000 }
    return {
      dialect: dialectOf(config, places, signingKeys && (() => signingKeys.current())),
      sources,
      limits: config.limits,
      maxSourceBytes: config.limits.maxSourceBytes,
      metadata: config.metadata,
      isStrict: config.strict,
      faces: detector?.faces === true ? 'detector' : 'attention',
      ask: createDetector(detector),
      fallback: config.fallback && { bucket: config.fallback.source, key: config.fallback.key },
      timeoutSeconds,
      distributionId: distribution.id,
      makings: variants.makings,
      ...variants.for(config),
    }
  }

  let followed = context.plan.current
  function follow(plan: Plan): void {
    if (plan === followed) return
    followed = plan
    optimisers
      .follow(optimiseOf(plan.modules['images']))
      .catch((error: unknown) => context.report.error(`images: ${asError(error).message}`))
  }

  function hooksFor(service: ImageService): Hooks {
    const { dialect } = service
    return {
      viewerRequest(passage) {
        try {
          dialect.admit(asImageRequest(passage, passage.request.path))
          return { kind: 'continue' }
        } catch (error) {
          if (!(error instanceof ImageError)) throw error
          passage.visit.cause = `${error.code}: ${error.message}`
          return { kind: 'answered', response: errorResponse(dialect, error) }
        }
      },
      cacheKey: (passage) => `images ${dialect.keyParts(asImageRequest(passage, passage.request.path))}`,
      send: (passage, request) => send(service, passage, request),
      // Only here: what is kept is told apart by the normalised format, not by the header.
      shape(passage: Passage, response: EdgeResponse) {
        if (response.status < 400)
          for (const field of dialect.variesBy(asImageRequest(passage, passage.request.path)))
            addToVary(response.headers, field)
        return response
      },
      async explain(passage) {
        const request = asImageRequest(passage, passage.request.path)
        const lines = [...explainTask(service, request), ...(await explainVariant(service, request))]
        return [
          { stage: 'lookup' as const, says: `images: the key has ${dialect.keyParts(request)}` },
          ...lines.map((says) => ({ stage: 'send' as const, says })),
        ]
      },
    }
  }

  function asImageRequest(passage: Passage, path: string): ImageRequest {
    const { request, behavior } = passage
    return {
      path: behavior.rewrite?.toOrigin(path) ?? path,
      query: request.query,
      accept: request.headers.getJoined('accept'),
      host: request.host,
      headers: request.headers,
      nowMs: context.clock.now(),
    }
  }

  async function send(service: ImageService, passage: Passage, request: OriginRequest) {
    request.body.discard()
    const gone = new AbortController()
    passage.onDepart(() => gone.abort())
    const spent = new Spent(context.clock)
    const response = await answer(service, engine, {
      request: asImageRequest(passage, request.path),
      method: request.method,
      headers: request.headers,
      client: passage.request.client.address,
      signal: gone.signal,
      spent,
      note: (cause) => {
        passage.visit.cause = cause
      },
      tag: (tags) => {
        passage.tags = tags
      },
    })
    if (!(response instanceof Fault) && response.status < 400) passage.visit.timings = spent.timings
    if (response instanceof Fault || response.body.kind !== 'stream') passage.onDepart(undefined)
    return response
  }

  return {
    bind(place) {
      // Behaviors of a new plan are bound before its routes are asked for, so this is where a plan is first seen.
      follow(place.plan)
      return bind(place)
    },
    routes: (distribution) => optimisers.routes(distribution),
    adminRoutes: [...variants.adminRoutes, ...optimisers.adminRoutes],
    metrics: () =>
      [metricsOf(engine, shelf, sourceCache), ...variants.metrics(), optimisers.metrics()]
        .filter((text) => text !== '')
        .join('\n'),
    outdated: ({ modules }) =>
      isDeepStrictEqual(engineSettings(modules['images']), settings) ? [] : ['images'],
    async close() {
      for (const each of keys.values()) each.close()
      await optimisers.close()
      await pool.close()
      await variants.close()
    },
  }
}

function configOf(behavior: PlannedBehavior): ImagesConfig | undefined {
  // The schema of this key made it.
  return behavior.modules['images'] as ImagesConfig | undefined
}

/** `images` of the top level with its defaults, but for the optimisers; there need not be one. */
function engineSettings(config: unknown): Omit<ImageEngineConfig, 'optimise'> {
  const { optimise: _, ...engine } = imageEngineSchema.parse(config ?? {})
  return engine
}

function optimiseOf(config: unknown): OptimiseConfig | undefined {
  // `compile` of this module put it there.
  return (config as ImageEngineConfig | undefined)?.optimise
}
