import type { Command } from 'commander'
import type { z } from 'zod'
import type { AdminRoute } from '../admin-route.ts'
import type { Clock } from '../base/clock.ts'
import type { ExitCode, Output } from '../base/exit.ts'
import type { Findings, Segments } from '../base/problem.ts'
import type { Awaitable } from '../base/promise.ts'
import type { Secret } from '../base/secret.ts'
import type { Fault } from '../faults.ts'
import type { Body } from '../http/body.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { Handle, Plan, PlannedBehavior, PlannedDistribution, PlannedOrigin } from '../plan.ts'
import type { ModuleHooks } from '../rooms.ts'
import type { Seams } from '../seams/seams.ts'
import type { RotationWork } from '../seams/secrets/rotation.ts'
import type { StageName } from '../stages.ts'
import type { EdgeResponse, OriginRequest, Passage } from '../visit.ts'

/** Where in a configuration the key of a module may stand. */
export type ModuleLevel = 'configuration' | 'distribution' | 'behavior' | 'origin'

/** One place of a configuration where a module is configured. */
export interface ConfigPlace {
  readonly level: ModuleLevel
  readonly segments: Segments
  /** What stands there. In `check` as written, without what the schema refused; in `compile` with all defaults filled. */
  readonly config: unknown
  /** The whole configuration, with the same reservation. Do not write to it. */
  readonly whole: unknown
}

/** What the text of a configuration refers to. */
export interface ConfigResources {
  /** Files are relative to it. */
  readonly baseFolder: string
  readonly dataFolder: string
  readonly environment: Readonly<Record<string, string | undefined>>
}

/**
 * A module: one solution in one folder of `src/modules/`, with one name everywhere. Its schemas stand in
 * `moduleSchemas` (modules/index.ts) under `key`, because the types of the configuration are read off that table.
 */
export interface Module {
  /** Kebab-case: folder, command, admin routes, log field. */
  readonly name: string
  /** The same in camelCase: the key of the configuration. */
  readonly key: string
  /**
   * Tells of what only the whole configuration shows: names that lead nowhere, files that are not there, settings that
   * contradict each other. Called for each place where the module is configured. Gives the files it looked at.
   */
  check?(
    place: ConfigPlace,
    findings: Findings,
    resources: ConfigResources,
  ): Awaitable<readonly string[] | void>
  /**
   * What of a configuration the plan holds, under `key` in the `modules` of the plan, distribution, behavior or
   * origin; the configuration itself unless given. Secrets are `Secret`s. Throws only on what `check` refuses.
   */
  compile?(place: ConfigPlace, resources: ConfigResources): unknown
  /**
   * Called once, when a plan that configures the module anywhere is about to be used. A rejection keeps the edge from
   * starting, or the new plan from being taken.
   */
  open?(context: ModuleContext): Awaitable<RunningModule>
  /**
   * How a secret that the module uses is rotated beyond the store, for whoever rotates it by hand; undefined when the
   * module uses none of that name.
   */
  rotation?(secret: string, context: RotationContext): RotationWork | undefined
  /** Adds the commands of the module; heavy imports happen inside their actions. */
  commands?(cli: CliKit): void
}

/** What a rotation outside of a running edge is given. */
export interface RotationContext {
  readonly plan: Plan
  readonly clock: Clock
  /** Makes the new value. */
  readonly createValue: () => Secret
  /** Asks the control API of the running edge; undefined when none answers. */
  readonly askAdmin: CliPlan['askAdmin']
}

/** Gives a module back as it is, checked. */
export function defineModule(module: Module): Module {
  return module
}

/** What a module is given to work with. */
export interface ModuleContext {
  readonly clock: Clock
  readonly seams: Seams
  /** The plan in force; the one that is about to be used while the module opens. */
  readonly plan: Handle<Plan>
  readonly dataFolder: string
  /** For operators. Values of secrets never go there. */
  readonly report: {
    info(message: string): void
    warn(message: string): void
    error(message: string): void
  }
  /**
   * True in one of the processes that share the ports: jobs and listeners of a module run there only. Requests
   * arrive in all of them.
   */
  readonly isFirstProcess: boolean
  readonly random: () => number
  /** Told of buffers of so many bytes that came and will soon be garbage, so that they are collected in time. */
  readonly passed: (bytes: number) => void
  /**
   * Asks an origin as the edge does: its address, TLS, signature, custom and secret headers, retries; neither cache nor
   * functions nor the hooks of modules. The response's body has an owner: read or discard it.
   */
  fetchFrom(request: OriginFetch): Promise<EdgeResponse | Fault>
  /** Removes from the cache, or marks stale, what is selected; gives how many entries of this process. */
  invalidate(selection: ModuleInvalidation): Promise<number>
  /**
   * Has the module told of whatever is invalidated from now on, by any process or edge that shares the state, before the
   * cache lets go of it. Resolves when nothing is missed any more; rejects when the state cannot be opened.
   */
  followInvalidations(told: (invalidation: ModuleInvalidation) => void): Promise<void>
}

export interface OriginFetch {
  readonly distribution: PlannedDistribution
  readonly origin: PlannedOrigin
  /** GET unless given. */
  readonly method?: string
  /** Without the origin path; starts with `/`. */
  readonly path: string
  readonly query?: string | undefined
  readonly headers?: HeaderList
  readonly body?: Body
  /** Ends the request when it is no longer wanted. */
  readonly signal?: AbortSignal
}

/** All members that are given must fit; `paths` and `tags` are exact, or prefixes that end in `*`. */
export interface ModuleInvalidation {
  readonly distributionId: string
  readonly paths?: readonly string[]
  readonly tags?: readonly string[]
  /** Mark stale instead of removing. */
  readonly soft?: boolean
}

/** A module while the edge runs. */
export interface RunningModule {
  /** What it does for the requests of a behavior under a plan; undefined when that behavior does not concern it. */
  bind?(place: BoundPlace): Hooks | undefined
  /**
   * Headers whose values nobody may see, for one request to one origin. Called inside `send`, after every function;
   * what it gives goes into the bytes for the socket and nowhere else.
   */
  secretHeaders?(request: OriginRequest): readonly SecretHeader[]
  /** Paths of a distribution that the module answers itself, for example for notifications. Asked after the web ACL. */
  routes?(distribution: PlannedDistribution): readonly PublicRoute[]
  readonly adminRoutes?: readonly AdminRoute[]
  /** Ports of its own, told when the edge starts. */
  readonly listeners?: readonly { readonly name: string; readonly url: string }[]
  /** A new plan is in force. */
  adopted?(plan: Plan): void
  /** Paths of settings in a plan that only take effect when the edge starts, and are others than it started with. */
  outdated?(plan: Plan): readonly string[]
  /** Lines in the text format of Prometheus, without a line end at the end. */
  metrics?(): string
  close?(): Promise<void>
}

export interface BoundPlace {
  readonly plan: Plan
  readonly distribution: PlannedDistribution
  readonly behavior: PlannedBehavior
}

export interface SecretHeader {
  readonly name: string
  readonly value: Secret
}

/** A path that a module answers on the viewers' ports, whatever behavior and methods stand there. */
export interface PublicRoute {
  /** The whole path. */
  readonly path: string
  readonly methods: readonly string[]
  /** The body of the request is the route's to read or discard. */
  handle(passage: Passage): Awaitable<EdgeResponse>
}

/**
 * What a module does to the requests of a behavior, stage by stage, always after the user's function of that stage
 * and in the order of `modules/index.ts`. As everywhere on the line, a hook gives a value when it can.
 */
export interface Hooks extends ModuleHooks {
  /** What explain tells at which stage; nothing is counted, sent or changed. */
  explain?(passage: Passage): Awaitable<readonly { readonly stage: StageName; readonly says: string }[]>
}

/** What the commands of a module are made with. */
export interface CliKit {
  readonly program: Command
  readonly output: Output
  /** The exit code of the process when the command has run. */
  exit(code: ExitCode): void
  /** Reads and checks a configuration (`undefined` looks for edgeward.config.*); tells its problems and gives undefined. */
  readPlan(config: string | undefined): Promise<CliPlan | undefined>
}

/** A configuration as a command sees it. */
export interface CliPlan {
  readonly plan: Plan
  readonly baseFolder: string
  readonly dataFolder: string
  /** The stores that an edge of this configuration uses. Close them. */
  openSeams(): Seams
  /** Asks the control API of the running edge; undefined when none answers. */
  askAdmin(
    method: AdminRoute['method'],
    path: string,
    body?: unknown,
  ): Promise<{ readonly status: number; readonly body: unknown } | undefined>
}

/** The schemas of modules, by the level at which their key stands. */
export type ModuleSchemas = Readonly<Record<ModuleLevel, z.ZodRawShape>>
