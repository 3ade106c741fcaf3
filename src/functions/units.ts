import type { Clock } from '../base/clock.ts'
import type { Awaitable } from '../base/promise.ts'
import type { PlannedCloudFrontFunction, PlannedFunction, PlannedLambda } from '../planned-functions.ts'
import type { FunctionRunner } from './cloudfront-js/run.ts'
import type { KeyValueStores } from './key-value-store/stores.ts'
import { type Bundler, createBundler } from './lambda-edge/bundle.ts'
import { LambdaPool, type PreparedFunction } from './lambda-edge/pool.ts'
import type { WorkerLog } from './lambda-edge/protocol.ts'

export interface UnitsOptions {
  readonly clock: Clock
  readonly stores: KeyValueStores
  /** Lines that a handler wrote after its invocation had ended. */
  readonly onStrayLogs: (planned: PlannedLambda, logs: readonly WorkerLog[]) => void
}

interface LambdaUnit {
  readonly planned: PlannedLambda
  readonly pool: LambdaPool
}

interface CloudFrontUnit {
  readonly planned: PlannedCloudFrontFunction
  runner: FunctionRunner | undefined
  loading: Promise<FunctionRunner> | undefined
}

/** How long the workers of a function that no plan names any more stay, for requests that began under the old plan. */
const LINGER_MS = 30_000

/** What runs functions: pools of workers and loaded sources, by the identity of code and settings. Outlives a reload. */
export class Units {
  readonly #options: UnitsOptions
  readonly #lambdas = new Map<string, LambdaUnit>()
  readonly #cloudFronts = new Map<string, CloudFrontUnit>()
  #bundler: Bundler | undefined
  #isClosed = false

  constructor(options: UnitsOptions) {
    this.#options = options
  }

  /** The pool of a Lambda@Edge function, made when it is first asked for. */
  pool(planned: PlannedLambda): LambdaPool {
    const known = this.#lambdas.get(planned.identity)
    if (known !== undefined) return known.pool
    const pool = new LambdaPool({
      clock: this.#options.clock,
      function: planned,
      prepare: this.#preparation(planned),
      onStrayLogs: (logs) => this.#options.onStrayLogs(planned, logs),
    })
    if (this.#isClosed) pool.close()
    else this.#lambdas.set(planned.identity, { planned, pool })
    return pool
  }

  /** The runner of a CloudFront Function; a promise while it loads. Rejects with FunctionSourceError. */
  runner(planned: PlannedCloudFrontFunction): Awaitable<FunctionRunner> {
    let unit = this.#cloudFronts.get(planned.identity)
    if (unit === undefined) {
      unit = { planned, runner: undefined, loading: undefined }
      this.#cloudFronts.set(planned.identity, unit)
    }
    return unit.runner ?? (unit.loading ??= this.#load(unit))
  }

  /** Starts what the plan names, so that the first request does not wait, and lets the rest go. */
  use(functions: readonly PlannedFunction[]): void {
    const named = new Set(functions.map(({ identity }) => identity))
    for (const planned of functions) {
      if (planned.kind === 'lambda-edge') this.pool(planned).warm()
      // Whoever asks for it is told why it does not load.
      else Promise.resolve(this.runner(planned)).catch(() => {})
    }
    const gone = [...this.#lambdas.keys(), ...this.#cloudFronts.keys()].filter((each) => !named.has(each))
    if (gone.length > 0) this.#options.clock.after(LINGER_MS, () => this.#retire(gone))
  }

  /** What each pool has done, by function. */
  counters(): {
    readonly name: string
    readonly workers: number
    readonly counters: LambdaPool['counters']
  }[] {
    return [...this.#lambdas.values()].map(({ planned, pool }) => ({
      name: planned.name,
      workers: pool.size,
      counters: pool.counters,
    }))
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { pool } of this.#lambdas.values()) pool.close()
    for (const { runner } of this.#cloudFronts.values()) runner?.close()
    this.#lambdas.clear()
    this.#cloudFronts.clear()
    await this.#bundler?.close()
  }

  async #load(unit: CloudFrontUnit): Promise<FunctionRunner> {
    // Parser and sandbox are loaded when the first function is.
    const { loadFunction } = await import('./cloudfront-js/load.ts')
    const { keyValueStore } = unit.planned
    const store = keyValueStore === undefined ? undefined : await this.#options.stores.source(keyValueStore)
    unit.runner = await loadFunction(unit.planned, store)
    return unit.runner
  }

  #preparation(planned: PlannedLambda): () => Promise<PreparedFunction> {
    let prepared: Promise<PreparedFunction> | undefined
    return () => {
      this.#bundler ??= createBundler()
      const bundler = this.#bundler
      prepared ??= import('./lambda-edge/package.ts').then(({ prepareFunction }) =>
        prepareFunction(planned, bundler),
      )
      // What could not be made is tried again for the next worker.
      prepared.catch(() => (prepared = undefined))
      return prepared
    }
  }

  #retire(identities: readonly string[]): void {
    for (const identity of identities) {
      const lambda = this.#lambdas.get(identity)
      this.#lambdas.delete(identity)
      // Nothing of a pool that ends by itself can fail.
      void lambda?.pool.retire()
      this.#cloudFronts.get(identity)?.runner?.close()
      this.#cloudFronts.delete(identity)
    }
  }
}
