import type { AdminRoute } from './admin-route.ts'
import { systemClock, type Clock } from './base/clock.ts'
import { createMemoryRelief } from './base/memory-relief.ts'
import type { Cache } from './cache/cache.ts'
import type { InvalidationRequest } from './cache/invalidations.ts'
import { createDistribution } from './distribution/distribution.ts'
import { type Geo, openGeo } from './distribution/geo.ts'
import { createViewerHeaders } from './distribution/viewer-header-source.ts'
import { openEdgeCache } from './edge-cache.ts'
import { createEdgeWaf, type EdgeWaf } from './edge-waf.ts'
import { createErrands } from './errands.ts'
import { explain, type ExplainQuestion, type Explanation } from './explain.ts'
import { functionRoutes } from './functions/admin-routes.ts'
import { createFunctions, type Functions } from './functions/functions.ts'
import { type Door, Exchanges } from './listener/door.ts'
import { type Listener, openListener } from './listener/listener.ts'
import { cacheMetrics } from './log/cache-metrics.ts'
import { createLog, type Log } from './log/log.ts'
import type { OperationalLogger } from './log/operational.ts'
import { signBucketRequest } from './origin/bucket.ts'
import { createFolderOrigin } from './origin/folder.ts'
import { OriginNames } from './origin/names.ts'
import { createOrigin } from './origin/origin.ts'
import { OriginPools } from './origin/pools.ts'
import type { Handle, Plan } from './plan.ts'
import { createModuleHost } from './module-host.ts'
import { modules as allModules } from './modules/index.ts'
import type { Module } from './modules/module.ts'
import { isWebSocket } from './origin/prepare.ts'
import { createLine } from './request.ts'
import type { Line, Send } from './rooms.ts'
import { createSeams, type Seams } from './seams/seams.ts'
import { createResponse } from './response/response.ts'
import { type Outcome, Passage, Visit, type ViewerRequest } from './visit.ts'
import { trimForBehavior } from './response/shape.ts'
import { warm, type Warmed } from './warm.ts'

export interface EdgeOptions {
  readonly plan: Plan
  readonly clock?: Clock
  readonly operational: OperationalLogger
  /** Several processes share the ports. */
  readonly reusePort?: boolean
  readonly random?: () => number
  /** Of several processes, the one that runs jobs and listeners of modules. True unless given. */
  readonly isFirstProcess?: boolean
  /** The modules there are; those of `modules/index.ts` unless given. */
  readonly modules?: readonly Module[]
  /** Called with every visit that has ended. */
  readonly onVisit?: (visit: Visit) => void
}

/** A running edge. */
export interface Edge {
  readonly plan: Handle<Plan>
  readonly line: Line
  readonly log: Log
  readonly waf: EdgeWaf
  readonly cache: Cache
  /** Invalidates in all processes; gives how many entries of this one it concerned, and the reference. */
  invalidate(request: InvalidationRequest): Promise<{ readonly id: string; readonly count: number }>
  readonly listeners: readonly Listener[]
  readonly functions: Functions
  readonly seams: Seams
  /** Ports that modules have opened. */
  moduleListeners(): readonly { readonly name: string; readonly url: string }[]
  /** Routes that modules add to the control API. */
  adminRoutes(): readonly AdminRoute[]
  /** A passage for a request under the plan of this moment. */
  open(request: ViewerRequest): Passage
  isDraining(): boolean
  /** All metrics in the text format of Prometheus. */
  metricsText(): string
  /** Fetches a URL into the cache, unless it is there and fresh. */
  warm(question: ExplainQuestion): Promise<Warmed>
  /** What would be decided for a request, and why; nothing is sent or counted. */
  explain(question: ExplainQuestion): Promise<Explanation>
  /**
   * Swaps the plan; requests in flight finish on theirs. Says what of the change needs a restart. Rejects when a module
   * that the plan names cannot start; then the old plan stays.
   */
  reload(plan: Plan): Promise<readonly string[]>
  /** Stops taking requests, lets those in flight end (or cuts them when the drain timeout is over), writes the logs. */
  stop(): Promise<{ readonly cut: number }>
}

/** The composition root: the only place where rooms are built and wired. Opens the ports. */
export async function startEdge(options: EdgeOptions): Promise<Edge> {
  const clock = options.clock ?? systemClock
  const plan: { current: Plan } = { current: options.plan }
  const geo = await geoFor(options.plan)
  const names = new OriginNames(clock)
  const passed = createMemoryRelief()
  const pools = new OriginPools(clock, names, passed)
  const log = createLog({ clock, plan, operational: options.operational })
  const random = options.random ?? Math.random
  const seams = createSeams({
    dataFolder: options.plan.dataFolder,
    secrets: options.plan.secrets,
    keys: options.plan.keys,
    objects: options.plan.objects,
    clock,
    processes: options.plan.processes,
    report: (error) => options.operational.error(error.message),
  })
  const report = (problem: string): void => options.operational.warn(problem)
  let isDraining = false

  const distribution = createDistribution({ clock, geo })
  const viewerHeader = createViewerHeaders(geo)
  const response = createResponse({ clock, random })
  const waf = createEdgeWaf({
    clock,
    geo,
    openState: () => seams.state(),
    errorPage: (passage, fault) => response.errorPage(passage, fault),
    report,
  })
  await waf.prepare(options.plan)
  const functions = createFunctions({
    clock,
    viewerHeader,
    report,
    random,
    followsStores: options.isFirstProcess === false,
  })
  await functions.use(options.plan)
  const cache = await openEdgeCache({
    clock,
    plan,
    viewerHeader,
    isUpgrade: isWebSocket,
    trim: trimForBehavior,
    openState: () => seams.state(),
    report,
  })

  const origin = createOrigin({
    clock,
    names,
    pools,
    viewerHeader,
    folder: createFolderOrigin({ clock }),
    signBucketRequest,
  })
  const send: Send = (passage, request) => origin.send(passage, request, moduleHost.secretHeaders(request))
  const errands = createErrands({
    clock,
    plan,
    resolve: (passage, asked) => origin.resolve(passage, asked),
    send,
  })
  const moduleHost = createModuleHost(options.modules ?? allModules, {
    clock,
    seams,
    plan,
    dataFolder: options.plan.dataFolder,
    report: {
      info: (message) => options.operational.info(message),
      warn: (message) => options.operational.warn(message),
      error: (message) => options.operational.error(message),
    },
    isFirstProcess: options.isFirstProcess ?? true,
    random,
    passed,
    fetchFrom: (asked) => errands.fetchFrom(asked),
    invalidate: async (selection) => {
      const all = selection.paths === undefined && selection.tags === undefined
      return (await cache.invalidate({ ...selection, all, by: 'module' })).count
    },
    followInvalidations: (told) => cache.listen(told),
  })
  const line = createLine({
    distribution,
    waf: waf.room,
    functions: functions.room,
    cache: cache.room,
    origin: { ...origin, send },
    response,
    modules: moduleHost,
    log: options.onVisit === undefined ? log : { finish: finishAndTell },
    within: errands.within,
  })

  function finishAndTell(passage: Passage, outcome: Outcome): void {
    log.finish(passage, outcome)
    options.onVisit?.(passage.visit)
  }

  const open = (request: ViewerRequest) =>
    new Passage(plan.current, request, new Visit(request, clock.now(), clock.monotonic()))

  const door: Door = {
    clock,
    plan,
    line,
    open,
    isDraining: () => isDraining,
    tunnels: new Set(),
    exchanges: new Exchanges(clock, () => plan.current.limits.bodyIdleTimeoutMs),
  }
  const listeners: Listener[] = []
  try {
    if (options.plan.processes > 1) await cache.follow()
    await moduleHost.prepare(options.plan)
    moduleHost.adopt(options.plan)
    for (const planned of options.plan.listeners) {
      listeners.push(
        await openListener(planned, {
          door,
          hostNames: options.plan.distributions.flatMap((each) => [...each.aliases, each.domainName]),
          report,
          reusePort: options.reusePort ?? false,
        }),
      )
    }
  } catch (error) {
    for (const listener of listeners) listener.close()
    await closeRooms()
    throw error
  }

  async function reload(next: Plan): Promise<readonly string[]> {
    await moduleHost.prepare(next)
    await waf.prepare(next)
    await functions.use(next)
    const before = plan.current
    plan.current = next
    moduleHost.adopt(next)
    await cache.adopted(next)
    geo
      .prepare(next)
      .catch((error: unknown) =>
        options.operational.error(
          `the address databases: ${error instanceof Error ? error.message : String(error)}`,
        ),
      )
    for (const listener of listeners) listener.reloadCertificates()
    const notes: string[] = []
    if (JSON.stringify(before.listeners) !== JSON.stringify(next.listeners)) notes.push('listeners')
    if (before.processes !== next.processes) notes.push('processes')
    if (JSON.stringify(before.geo) !== JSON.stringify(next.geo)) notes.push('geo')
    if (JSON.stringify(before.log) !== JSON.stringify(next.log)) notes.push('log')
    if (before.cache.memoryBytes !== next.cache.memoryBytes) notes.push('cache.memoryBytes')
    if (JSON.stringify(before.cache.disk) !== JSON.stringify(next.cache.disk)) notes.push('cache.disk')
    for (const key of ['secrets', 'keys', 'objects'] as const)
      if (JSON.stringify(before[key]) !== JSON.stringify(next[key])) notes.push(key)
    if (before.admin?.port !== next.admin?.port) notes.push('admin')
    notes.push(...moduleHost.outdated(next))
    return notes
  }

  async function stop(): Promise<{ readonly cut: number }> {
    isDraining = true
    for (const close of door.tunnels) close()
    let cut = 0
    const deadline = clock.after(plan.current.limits.drainTimeoutMs, () => {
      for (const listener of listeners) {
        cut += listener.connections()
        listener.close()
      }
    })
    await Promise.all(listeners.map((listener) => listener.drain()))
    deadline.cancel()
    await closeRooms()
    return { cut }
  }

  /** Whoever gives work to others ends before them. */
  async function closeRooms(): Promise<void> {
    await moduleHost.close()
    await cache.leave()
    pools.close()
    await functions.close()
    await cache.close()
    await log.close()
    await waf.close()
    await seams.close()
  }

  return {
    plan,
    line,
    log,
    waf,
    cache: cache.room,
    invalidate: (request) => cache.invalidate(request),
    listeners,
    functions,
    seams,
    moduleListeners: () => moduleHost.listeners(),
    adminRoutes: () => [...functionRoutes(functions), ...waf.adminRoutes(plan), ...moduleHost.adminRoutes()],
    open,
    isDraining: () => isDraining,
    metricsText: () =>
      moduleHost.metricsText() +
      cacheMetrics(cache.room.stats(), cache.room.fetching()) +
      functions.metricsText() +
      log.metrics.text(
        {
          connections: () => listeners.reduce((sum, listener) => sum + listener.connections(), 0),
          laneConnections: () => listeners.reduce((sum, listener) => sum + listener.laneConnections(), 0),
          requestsInFlight: () => door.exchanges.size,
          originConnections: () => pools.size,
          logDropped: () => log.access?.dropped ?? 0,
          logPending: () => log.access?.pending ?? 0,
        },
        (page) => waf.tellMetrics(page),
      ),
    explain: (question) =>
      explain(plan.current, question, {
        clock,
        distribution,
        viewerHeader,
        geo,
        cachePeek: cache.room.peek,
        waf: waf.room,
        rehearse: (passage) => functions.rehearse(passage),
        modules: moduleHost,
      }),
    warm: (question) =>
      warm(question, { open, distribution, functions: functions.room, modules: moduleHost, line }),
    reload,
    stop,
  }
}

/** Explains a request under a plan without a running edge: the cache is unknown, everything else is decided as it would be. */
export async function explainOffline(plan: Plan, question: ExplainQuestion): Promise<Explanation> {
  const geo = await openGeo(plan.geo)
  const clock = systemClock
  const viewerHeader = createViewerHeaders(geo)
  const functions = createFunctions({ clock, viewerHeader, report: () => {}, random: Math.random })
  await functions.stores.use(plan.keyValueStores)
  const explanation = await explain(plan, question, {
    clock,
    distribution: createDistribution({ clock, geo }),
    viewerHeader,
    geo,
    rehearse: (passage) => functions.rehearse(passage),
    cachePeek: () => ['no edge is running, so it is not known what is stored'],
    waf: createEdgeWaf({ clock, geo, openState: neverAsked, errorPage: neverAsked, report: () => {} }).room,
  })
  await functions.close()
  return explanation
}

function neverAsked(): never {
  throw new Error('explain asks for neither state nor pages')
}

/** The address databases, opened when a plan first needs them: they take fourteen megabytes. */
async function geoFor(first: Plan): Promise<Pick<Geo, 'lookup'> & { prepare(plan: Plan): Promise<void> }> {
  let opened: Geo | undefined
  async function prepare(plan: Plan): Promise<void> {
    const isNeeded = plan.distributions.some(
      ({ geoRestriction, behaviors, webAcl }) =>
        geoRestriction !== undefined ||
        webAcl?.needsPlaces === true ||
        behaviors.some(({ forwarding }) => forwarding.cloudFrontHeaders.length > 0),
    )
    if (isNeeded) opened ??= await openGeo(plan.geo)
  }
  await prepare(first)
  return { prepare, lookup: (address) => opened?.lookup(address) ?? {} }
}
