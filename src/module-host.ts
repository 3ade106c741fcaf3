import type { AdminRoute } from './admin-route.ts'
import { type Awaitable, andThen } from './base/promise.ts'
import type { Fault } from './faults.ts'
import type {
  Hooks,
  Module,
  ModuleContext,
  PublicRoute,
  RunningModule,
  SecretHeader,
} from './modules/module.ts'
import type { Plan, PlannedBehavior, PlannedDistribution } from './plan.ts'
import type { FunctionResult, WafVerdict } from './rooms.ts'
import type { EdgeResponse, OriginRequest, Passage } from './visit.ts'

/** All modules of a running edge: opened when a plan first names them, bound to its behaviors, closed at the end. */
export interface ModuleHost {
  /** Opens what a plan names and is not open yet. Rejects with a sentence that names the module. */
  prepare(plan: Plan): Promise<void>
  /** The plan is in force from now on: binds hooks and routes. */
  adopt(plan: Plan): void
  /** Paths of settings of a plan that need a restart. */
  outdated(plan: Plan): readonly string[]
  /** What the modules do on a behavior of the plan; undefined for nothing. */
  hooksOf(behavior: PlannedBehavior): Hooks | undefined
  /** The route of a module at the path of a request, or undefined. */
  routeOf(passage: Passage): PublicRoute | undefined
  /** Secret headers for a request to an origin; undefined for none. */
  secretHeaders(request: OriginRequest): readonly SecretHeader[] | undefined
  adminRoutes(): readonly AdminRoute[]
  listeners(): readonly { readonly name: string; readonly url: string }[]
  metricsText(): string
  close(): Promise<void>
}

export function createModuleHost(modules: readonly Module[], context: ModuleContext): ModuleHost {
  const running = new Map<Module, RunningModule>()
  let hooks: WeakMap<PlannedBehavior, Hooks> | undefined
  let routes = new Map<string, Map<string, PublicRoute>>()
  let keepers: readonly RunningModule[] = []
  /** In the order of the list, whatever order they were opened in. */
  const inOrder = (): RunningModule[] =>
    modules.flatMap((module) => {
      const found = running.get(module)
      return found === undefined ? [] : [found]
    })

  async function prepare(plan: Plan): Promise<void> {
    for (const module of modules) {
      if (module.open === undefined || running.has(module) || !isConfigured(plan, module.key)) continue
      try {
        running.set(module, await module.open(context))
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error)
        throw new Error(`${module.name} cannot start: ${why}`, { cause: error })
      }
    }
  }

  function adopt(plan: Plan): void {
    const all = inOrder()
    let nextHooks: WeakMap<PlannedBehavior, Hooks> | undefined
    const nextRoutes = new Map<string, Map<string, PublicRoute>>()
    for (const distribution of plan.distributions) {
      for (const behavior of distribution.behaviors) {
        const bound = all.flatMap((module) => module.bind?.({ plan, distribution, behavior }) ?? [])
        if (bound.length > 0) (nextHooks ??= new WeakMap()).set(behavior, joinHooks(bound))
      }
      const own = routesOf(all, distribution)
      if (own.size > 0) nextRoutes.set(distribution.id, own)
    }
    hooks = nextHooks
    routes = nextRoutes
    keepers = all.filter((module) => module.secretHeaders !== undefined)
    for (const module of all) module.adopted?.(plan)
  }

  return {
    prepare,
    adopt,
    outdated: (plan) => inOrder().flatMap((module) => module.outdated?.(plan) ?? []),
    hooksOf: (behavior) => hooks?.get(behavior),
    routeOf(passage) {
      if (routes.size === 0) return undefined
      return routes.get(passage.distribution.id)?.get(passage.request.path)
    },
    secretHeaders(request) {
      if (keepers.length === 0) return undefined
      return keepers.flatMap((module) => module.secretHeaders!(request))
    },
    adminRoutes: () => inOrder().flatMap((module) => module.adminRoutes ?? []),
    listeners: () => inOrder().flatMap((module) => module.listeners ?? []),
    metricsText: () =>
      inOrder()
        .map((module) => module.metrics?.() ?? '')
        .filter((text) => text !== '')
        .map((text) => `${text}\n`)
        .join(''),
    async close() {
      const closing = inOrder().toReversed()
      running.clear()
      for (const module of closing) {
        try {
          await module.close?.()
        } catch (error) {
          context.report.error(
            `a module did not close cleanly: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
      }
    },
  }
}

function isConfigured(plan: Plan, key: string): boolean {
  return (
    plan.modules[key] !== undefined ||
    plan.distributions.some(
      (distribution) =>
        distribution.modules[key] !== undefined ||
        distribution.behaviors.some((behavior) => behavior.modules[key] !== undefined) ||
        [...distribution.origins.values()].some((origin) => origin.modules[key] !== undefined),
    )
  )
}

function routesOf(
  modules: readonly RunningModule[],
  distribution: PlannedDistribution,
): Map<string, PublicRoute> {
  const found = new Map<string, PublicRoute>()
  for (const module of modules)
    for (const route of module.routes?.(distribution) ?? []) found.set(route.path, route)
  return found
}

/** The hooks of several modules as one, with only those stages at which any of them acts. */
export function joinHooks(all: readonly Hooks[]): Hooks {
  const [only] = all
  if (all.length === 1) return only!
  const inspect = having(all, 'inspect')
  const viewerRequest = having(all, 'viewerRequest')
  const cacheKey = having(all, 'cacheKey')
  const send = having(all, 'send')
  const shape = having(all, 'shape')
  const finish = having(all, 'finish')
  const explain = having(all, 'explain')

  function inspectFrom(passage: Passage, index: number): Awaitable<WafVerdict> {
    const next = inspect[index]
    if (next === undefined) return { kind: 'pass' }
    return andThen(next.inspect(passage), (verdict) =>
      verdict.kind === 'pass' ? inspectFrom(passage, index + 1) : verdict,
    )
  }

  function viewerRequestFrom(passage: Passage, index: number): Awaitable<FunctionResult> {
    const next = viewerRequest[index]
    if (next === undefined) return { kind: 'continue' }
    return andThen(next.viewerRequest(passage), (result) =>
      result.kind === 'continue' ? viewerRequestFrom(passage, index + 1) : result,
    )
  }

  /** The first module of the list is the one nearest to the line, the last the one nearest to the origin. */
  function sendFrom(
    index: number,
    last: (passage: Passage, request: OriginRequest) => Awaitable<EdgeResponse | Fault>,
  ): (passage: Passage, request: OriginRequest) => Awaitable<EdgeResponse | Fault> {
    const next = send[index]
    if (next === undefined) return last
    const inner = sendFrom(index + 1, last)
    return (passage, request) => next.send(passage, request, inner)
  }

  function shapeFrom(passage: Passage, response: EdgeResponse, index: number): Awaitable<EdgeResponse> {
    const next = shape[index]
    if (next === undefined) return response
    return andThen(next.shape(passage, response), (shaped) => shapeFrom(passage, shaped, index + 1))
  }

  return {
    ...(inspect.length > 0 && { inspect: (passage) => inspectFrom(passage, 0) }),
    ...(viewerRequest.length > 0 && { viewerRequest: (passage) => viewerRequestFrom(passage, 0) }),
    ...(cacheKey.length > 0 && {
      cacheKey: (passage) => {
        const lines = cacheKey.flatMap((each) => each.cacheKey(passage) ?? [])
        return lines.length === 0 ? undefined : lines.join('\n')
      },
    }),
    ...(send.length > 0 && { send: (passage, request, next) => sendFrom(0, next)(passage, request) }),
    ...(shape.length > 0 && { shape: (passage, response) => shapeFrom(passage, response, 0) }),
    ...(finish.length > 0 && {
      finish: (passage) => {
        for (const each of finish) each.finish(passage)
      },
    }),
    ...(explain.length > 0 && {
      explain: async (passage) => {
        const said = []
        for (const each of explain) said.push(...(await each.explain(passage)))
        return said
      },
    }),
  }
}

function having<Name extends keyof Hooks>(
  all: readonly Hooks[],
  name: Name,
): (Hooks & Required<Pick<Hooks, Name>>)[] {
  return all.filter((hooks): hooks is Hooks & Required<Pick<Hooks, Name>> => hooks[name] !== undefined)
}
