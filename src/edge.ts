import { join } from 'node:path'
import type { AdminRoute } from './admin-route.ts'
import { systemClock, type Clock } from './base/clock.ts'
import { createMemoryRelief } from './base/memory-relief.ts'
import { type Cache, createCache } from './cache/cache.ts'
import { InvalidationFollower, type InvalidationRequest } from './cache/invalidations.ts'
import { createSpool } from './cache/spool.ts'
import { openStore } from './cache/store/open-store.ts'
import { createDistribution } from './distribution/distribution.ts'
import { type Geo, openGeo } from './distribution/geo.ts'
import { createViewerHeaders } from './distribution/viewer-header-source.ts'
import { createEdgeWaf, type EdgeWaf } from './edge-waf.ts'
import { explain, type ExplainQuestion, type Explanation } from './explain.ts'
import { functionRoutes } from './functions/admin-routes.ts'
import { createFunctions, type Functions } from './functions/functions.ts'
import type { Fault } from './faults.ts'
import { newRequestId } from './base/ids.ts'
import { Body } from './http/body.ts'
import { HeaderList } from './http/header-list.ts'
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
import type { Handle, Plan, PlannedBehavior, PlannedDistribution, PlannedOrigin } from './plan.ts'
import { createModuleHost } from './module-host.ts'
import { modules as allModules } from './modules/index.ts'
import type { Module, OriginFetch } from './modules/module.ts'
import { isWebSocket } from './origin/prepare.ts'
import { createLine } from './request.ts'
import type { Line, Send } from './rooms.ts'
import { createSeams, type Seams } from './seams/seams.ts'
import { createResponse } from './response/response.ts'
import { type EdgeResponse, type Outcome, Passage, Visit, type ViewerRequest } from './visit.ts'
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
  const pools = new OriginPools(clock, names, createMemoryRelief())
  const log = createLog({ clock, plan, operational: options.operational })
  const random = options.random ?? Math.random
  const seams = createSeams({
    dataFolder: options.plan.dataFolder,
    secrets: options.plan.secrets,
    keys: options.plan.keys,
    clock,
    processes: options.plan.processes,
    report: (error) => options.operational.error(error.message),
  })
  let isDraining = false

  const distribution = createDistribution({ clock, geo })
  const viewerHeader = createViewerHeaders(geo)
  const response = createResponse({ clock, random })
  const waf = createEdgeWaf({
    clock,
    geo,
    openState: () => seams.state(),
    errorPage: (passage, fault) => response.errorPage(passage, fault),
    report: (problem) => options.operational.warn(problem),
  })
  await waf.prepare(options.plan)
  const functions = createFunctions({
    clock,
    viewerHeader,
    report: (says) => options.operational.warn(says),
    random: options.random ?? Math.random,
  })
  await functions.use(options.plan)
  const report = (problem: string) => options.operational.warn(problem)
  const { memoryBytes, disk } = options.plan.cache
  const { store, writesDisk } = await openStore({ memoryBytes, disk, clock, report })
  const spool = createSpool(store.spoolFolder)
  const cache = createCache({
    clock,
    store,
    viewerHeader,
    isUpgrade: isWebSocket,
    trim: trimForBehavior,
    spoolFolder: spool.folder,
    report,
  })
  let following: Promise<InvalidationFollower> | undefined
  /** Shared state is opened when something is invalidated, or from the start when processes must agree. */
  function follow(): Promise<InvalidationFollower> {
    following ??= openFollower()
    following.catch(() => (following = undefined))
    return following
  }

  async function openFollower(): Promise<InvalidationFollower> {
    const { invalidations } = await seams.state()
    const follower = await InvalidationFollower.open({
      log: (id) => invalidations.log(id),
      apply: (selection, how) => cache.invalidate(selection, how),
      // Alone, whatever was confirmed has been applied to the disk. Of several processes the one that writes the disk may
      // have been killed before it had heard of it.
      positionFile:
        disk !== undefined && options.plan.processes > 1 && writesDisk()
          ? join(disk.folder, 'invalidations.json')
          : undefined,
      report,
    })
    await follower.follow(plan.current.distributions.map(({ id }) => id))
    return follower
  }

  async function invalidate(request: InvalidationRequest): Promise<{ id: string; count: number }> {
    return (await follow()).append(request)
  }

  const origin = createOrigin({
    clock,
    names,
    pools,
    viewerHeader,
    folder: createFolderOrigin({ clock }),
    signBucketRequest,
  })
  const send: Send = (passage, request) => origin.send(passage, request, moduleHost.secretHeaders(request))
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
    fetchFrom,
    invalidate: async (selection) => {
      const all = selection.paths === undefined && selection.tags === undefined
      return (await invalidate({ ...selection, all, by: 'module' })).count
    },
  })
  const line = createLine({
    distribution,
    waf: waf.room,
    functions: functions.room,
    cache,
    origin: { ...origin, send },
    response,
    modules: moduleHost,
    log: options.onVisit === undefined ? log : { finish: finishAndTell },
    within: errandFor,
  })

  function finishAndTell(passage: Passage, outcome: Outcome): void {
    log.finish(passage, outcome)
    options.onVisit?.(passage.visit)
  }

  const open = (request: ViewerRequest) =>
    new Passage(plan.current, request, new Visit(request, clock.now(), clock.monotonic()))

  /** A passage for a custom error page: its own request and visit, under the same plan and distribution. */
  function errandFor(passage: Passage, path: string): Passage {
    const { request } = passage
    const mark = path.indexOf('?')
    const errand: ViewerRequest = {
      ...request,
      method: request.method === 'HEAD' ? 'HEAD' : 'GET',
      path: mark === -1 ? path : path.slice(0, mark),
      query: mark === -1 ? undefined : path.slice(mark + 1),
      body: Body.none(),
    }
    const inner = new Passage(passage.plan, errand, new Visit(errand, clock.now(), clock.monotonic()), true)
    inner.distribution = passage.distribution
    inner.errorUri = request.path
    inner.errorArgs = request.query
    return inner
  }

  /** A request of a module to an origin: it belongs to no viewer and to no behavior. */
  async function fetchFrom(asked: OriginFetch): Promise<EdgeResponse | Fault> {
    const headers = asked.headers ?? new HeaderList()
    const body = asked.body ?? Body.none()
    const nobody = { address: '127.0.0.1', port: 0 }
    const errand: ViewerRequest = {
      id: newRequestId(),
      method: asked.method ?? 'GET',
      path: asked.path,
      query: asked.query,
      httpVersion: '1.1',
      scheme: 'https',
      host: asked.origin.domainName,
      headers,
      body,
      connection: { id: 0, local: nobody, remote: nobody, tls: undefined },
      client: nobody,
      headBytes: 0,
    }
    const visit = new Visit(errand, clock.now(), clock.monotonic())
    const passage = new Passage(plan.current, errand, visit, true)
    passage.distribution = asked.distribution
    passage.behavior = withoutRewrite(asked.distribution)
    passage.normalisedPath = asked.path
    const { signal } = asked
    const leave = (): void => passage.depart()
    if (signal?.aborted === true) leave()
    signal?.addEventListener('abort', leave, { once: true })
    try {
      const unresolved = await origin.resolve(passage, asked.origin)
      if (unresolved !== undefined) return unresolved
      if (!headers.has('host')) headers.set('Host', authorityOf(asked.origin))
      return await send(passage, {
        method: errand.method,
        path: asked.path,
        query: asked.query,
        headers,
        body,
        origin: asked.origin,
        isUpgrade: false,
      })
    } finally {
      signal?.removeEventListener('abort', leave)
    }
  }

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
    if (options.plan.processes > 1) await follow()
    await moduleHost.prepare(options.plan)
    moduleHost.adopt(options.plan)
    for (const planned of options.plan.listeners) {
      listeners.push(
        await openListener(planned, {
          door,
          hostNames: options.plan.distributions.flatMap((each) => [...each.aliases, each.domainName]),
          report: (problem) => options.operational.warn(problem),
          reusePort: options.reusePort ?? false,
        }),
      )
    }
  } catch (error) {
    for (const listener of listeners) listener.close()
    await functions.close()
    await moduleHost.close()
    await waf.close()
    await seams.close()
    await log.close()
    await store.close()
    throw error
  }

  async function reload(next: Plan): Promise<readonly string[]> {
    await moduleHost.prepare(next)
    await functions.use(next)
    await waf.prepare(next)
    const before = plan.current
    plan.current = next
    moduleHost.adopt(next)
    await (await following)?.follow(next.distributions.map(({ id }) => id))
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
    await moduleHost.close()
    await (await following)?.close()
    pools.close()
    await functions.close()
    await store.close()
    await spool.close()
    await log.close()
    await waf.close()
    await seams.close()
    return { cut }
  }

  return {
    plan,
    line,
    log,
    waf,
    cache,
    invalidate,
    listeners,
    functions,
    seams,
    moduleListeners: () => moduleHost.listeners(),
    adminRoutes: () => [...functionRoutes(functions), ...waf.adminRoutes(plan), ...moduleHost.adminRoutes()],
    open,
    isDraining: () => isDraining,
    metricsText: () =>
      moduleHost.metricsText() +
      cacheMetrics(cache.stats(), cache.fetching()) +
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
        cachePeek: cache.peek,
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

const plain = new WeakMap<PlannedDistribution, PlannedBehavior>()

/** The default behavior without the rewriting of paths and the functions that belong to viewers' requests. */
function withoutRewrite(distribution: PlannedDistribution): PlannedBehavior {
  let behavior = plain.get(distribution)
  if (behavior === undefined) {
    // Every distribution has a default behavior, which is its last.
    behavior = { ...distribution.behaviors.at(-1)!, rewrite: undefined, functions: undefined }
    plain.set(distribution, behavior)
  }
  return behavior
}

function authorityOf(origin: PlannedOrigin): string {
  if (origin.kind !== 'url') return origin.domainName
  const [port, usual] = origin.protocol === 'http' ? [origin.httpPort, 80] : [origin.httpsPort, 443]
  return port === usual ? origin.domainName : `${origin.domainName}:${port}`
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
