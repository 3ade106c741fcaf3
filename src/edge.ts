import { systemClock, type Clock } from './base/clock.ts'
import { createMemoryRelief } from './base/memory-relief.ts'
import { createCache } from './cache/cache.ts'
import { createEdgeWaf, type EdgeWaf } from './edge-waf.ts'
import { createDistribution } from './distribution/distribution.ts'
import { type Geo, openGeo } from './distribution/geo.ts'
import { createViewerHeaders } from './distribution/viewer-header-source.ts'
import { explain, type ExplainQuestion, type Explanation } from './explain.ts'
import { createFunctions } from './functions/functions.ts'
import { Body } from './http/body.ts'
import { type Door, Exchanges } from './listener/door.ts'
import { type Listener, openListener } from './listener/listener.ts'
import { createLog, type Log } from './log/log.ts'
import type { OperationalLogger } from './log/operational.ts'
import { signBucketRequest } from './origin/bucket.ts'
import { createFolderOrigin } from './origin/folder.ts'
import { OriginNames } from './origin/names.ts'
import { createOrigin } from './origin/origin.ts'
import { OriginPools } from './origin/pools.ts'
import type { Handle, Plan } from './plan.ts'
import { createLine } from './request.ts'
import type { Line } from './rooms.ts'
import { createResponse } from './response/response.ts'
import { type Outcome, Passage, Visit, type ViewerRequest } from './visit.ts'

export interface EdgeOptions {
  readonly plan: Plan
  readonly clock?: Clock
  readonly operational: OperationalLogger
  /** Several processes share the ports. */
  readonly reusePort?: boolean
  readonly random?: () => number
  /** Called with every visit that has ended. */
  readonly onVisit?: (visit: Visit) => void
}

/** A running edge. */
export interface Edge {
  readonly plan: Handle<Plan>
  readonly line: Line
  readonly log: Log
  readonly waf: EdgeWaf
  readonly listeners: readonly Listener[]
  /** A passage for a request under the plan of this moment. */
  open(request: ViewerRequest): Passage
  isDraining(): boolean
  /** All metrics in the text format of Prometheus. */
  metricsText(): string
  /** What would be decided for a request, and why; nothing is sent or counted. */
  explain(question: ExplainQuestion): Promise<Explanation>
  /** Opens what a plan needs (state, address databases); call it before `reload`. */
  prepare(plan: Plan): Promise<void>
  /** Swaps the plan; requests in flight finish on theirs. Says what of the change needs a restart. */
  reload(plan: Plan): readonly string[]
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
  let isDraining = false

  const distribution = createDistribution({ clock, geo })
  const viewerHeader = createViewerHeaders(geo)
  const response = createResponse({ clock, random: options.random ?? Math.random })
  const waf = createEdgeWaf({
    clock,
    geo,
    errorPage: (passage, fault) => response.errorPage(passage, fault),
    report: (problem) => options.operational.warn(problem),
  })
  await waf.prepare(options.plan)
  const line = createLine({
    distribution,
    waf: waf.room,
    functions: createFunctions(),
    cache: createCache(),
    origin: createOrigin({
      clock,
      names,
      pools,
      viewerHeader,
      folder: createFolderOrigin({ clock }),
      signBucketRequest,
    }),
    response,
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
    await Promise.all([log.close(), waf.close()])
    throw error
  }

  function reload(next: Plan): readonly string[] {
    const before = plan.current
    plan.current = next
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
    if (before.admin?.port !== next.admin?.port) notes.push('admin')
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
    pools.close()
    await Promise.all([log.close(), waf.close()])
    return { cut }
  }

  return {
    plan,
    line,
    log,
    waf,
    listeners,
    open,
    isDraining: () => isDraining,
    metricsText: () =>
      log.metrics.text(
        {
          connections: () => listeners.reduce((sum, listener) => sum + listener.connections(), 0),
          requestsInFlight: () => door.exchanges.size,
          originConnections: () => pools.size,
          logDropped: () => log.access?.dropped ?? 0,
          logPending: () => log.access?.pending ?? 0,
        },
        (page) => waf.tellMetrics(page),
      ),
    explain: (question) =>
      explain(plan.current, question, { clock, distribution, viewerHeader, geo, waf: waf.room }),
    prepare: async (next) => {
      await Promise.all([geo.prepare(next), waf.prepare(next)])
    },
    reload,
    stop,
  }
}

/** Explains a request under a plan without a running edge: the cache is unknown, everything else is decided as it would be. */
export async function explainOffline(plan: Plan, question: ExplainQuestion): Promise<Explanation> {
  const geo = await openGeo(plan.geo)
  const clock = systemClock
  return explain(plan, question, {
    clock,
    distribution: createDistribution({ clock, geo }),
    viewerHeader: createViewerHeaders(geo),
    geo,
    waf: createEdgeWaf({ clock, geo, errorPage: neverAsked, report: () => {} }).room,
  })
}

function neverAsked(): never {
  throw new Error('explain asks for no page')
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
