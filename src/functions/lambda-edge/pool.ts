import type { Clock, Timer } from '../../base/clock.ts'
import type { PlannedLambda } from '../../planned-functions.ts'
import { MAX_RESULT_BYTES } from './limits.ts'
import { errorTypes, type WorkerError, type WorkerLog, type WorkerSettings } from './protocol.ts'
import { openProcess, openThread, type OpenTransport, type TransportOptions } from './transport.ts'
import {
  type InvocationFailure,
  type InvocationOutcome,
  type Job,
  LambdaWorker,
  type WorkerOwner,
} from './worker.ts'

/** What a pool has done so far. */
export interface PoolCounters {
  invocations: number
  coldStarts: number
  errors: number
  timeouts: number
  throttled: number
  /** Invocations that were run again because their worker was lost. */
  reruns: number
  /** Workers that ended without being asked to. */
  lostWorkers: number
}

export interface PoolOptions {
  readonly clock: Clock
  readonly function: PlannedLambda
  /** Where the module is and what surrounds it; asked before every start of a worker. */
  readonly prepare: () => Promise<PreparedFunction>
  readonly onStrayLogs: (logs: readonly WorkerLog[]) => void
  /** Other ways to start a worker, for tests. */
  readonly openTransport?: OpenTransport
}

export interface PreparedFunction {
  readonly file: string
  readonly exportPath: readonly string[]
  readonly folder: string
  readonly env: Readonly<Record<string, string>>
}

/** How often running invocations are looked at, in milliseconds. */
const TICK_MS = 50
/** A worker that has not answered for this long is not given more to do. */
const STALL_MS = 400
/** A worker that has not answered several pings at the end of an invocation's time is taken for blocked. */
const SILENT_MS = 3 * TICK_MS
/** Lambda's own limit on loading a module. */
const INIT_TIMEOUT_MS = 10_000
/** After a module could not be loaded, it is not tried again for this long. */
const BROKEN_MS = 1000
/** Timed-out invocations may go on in a worker; after so many it is replaced. */
const MAX_ABANDONED = 8
/** What a Node.js process holds before it has done anything. */
const BASE_BYTES = 64 * 1024 * 1024

/**
 * The workers of one Lambda@Edge function. A worker that loops, leaks or dies is replaced; invocations that were in it
 * are run once more, alone, so that only the one at fault fails.
 */
export class LambdaPool implements WorkerOwner {
  readonly counters: PoolCounters = {
    invocations: 0,
    coldStarts: 0,
    errors: 0,
    timeouts: 0,
    throttled: 0,
    reruns: 0,
    lostWorkers: 0,
  }
  readonly #options: PoolOptions
  readonly #clock: Clock
  readonly #workers = new Set<LambdaWorker>()
  #waiting: Job[] = []
  #nextId = 1
  #starting = 0
  #brokenUntil = 0
  #brokenBecause: WorkerError | undefined
  #timer: Timer | undefined
  #isClosed = false
  #onIdle: (() => void) | undefined

  constructor(options: PoolOptions) {
    this.#options = options
    this.#clock = options.clock
  }

  /** Workers that are there now. */
  get size(): number {
    return this.#workers.size + this.#starting
  }

  get isIdle(): boolean {
    if (this.#waiting.length > 0) return false
    for (const worker of this.#workers) if (worker.inFlight.size > 0) return false
    return true
  }

  /** Runs the handler on an event, given as JSON. Never rejects. */
  invoke(eventJson: string): Promise<InvocationOutcome> {
    return new Promise((settle) => {
      const now = this.#clock.monotonic()
      this.counters.invocations++
      this.#enqueue({
        id: this.#nextId++,
        eventJson,
        queuedAt: now,
        startedAt: now,
        attempts: 0,
        coldStart: false,
        isSolo: false,
        logs: [],
        settle,
      })
    })
  }

  /** Starts a worker ahead of the first request. */
  warm(): void {
    if (this.size === 0 && !this.#isClosed) this.#startWorker()
  }

  /** Takes nothing more, lets what runs come to its end, and ends the workers. */
  async retire(): Promise<void> {
    if (!this.isIdle) {
      await new Promise<void>((done) => {
        this.#onIdle = done
      })
    }
    this.close()
  }

  /** Ends the workers at once; what runs fails. */
  close(): void {
    this.#isClosed = true
    this.#timer?.cancel()
    this.#timer = undefined
    for (const job of this.#waiting.splice(0))
      this.#fail(job, 'throttled', 'the function is shutting down', undefined)
    for (const worker of this.#workers) worker.kill('closed')
  }

  ready(worker: LambdaWorker): void {
    if (worker.state !== 'starting') return
    this.#brokenBecause = undefined
    worker.begin(this.#options.function.timeoutMs)
    this.#dispatch()
  }

  broken(worker: LambdaWorker, error: WorkerError): void {
    this.#breakFor(error)
    for (const job of this.#takeJobs(worker)) this.#failToLoad(job)
    worker.kill('init')
  }

  returned(worker: LambdaWorker, job: Job, value: unknown): void {
    this.#settle(job, { kind: 'returned', value, ...this.#factsOf(job) })
    this.#afterJob(worker)
  }

  failed(worker: LambdaWorker, job: Job, error: WorkerError): void {
    const failure = error.errorType === errorTypes.oversize ? 'oversize' : 'error'
    this.#fail(job, failure, `the handler failed with ${error.errorType}: ${error.errorMessage}`, error.trace)
    this.#afterJob(worker)
  }

  strayLogs(logs: readonly WorkerLog[]): void {
    this.#options.onStrayLogs(logs)
  }

  exited(worker: LambdaWorker, how: string): void {
    this.#workers.delete(worker)
    const jobs = this.#takeJobs(worker)
    const { killedFor } = worker
    if (killedFor === undefined) this.counters.lostWorkers++
    if (!worker.isLoaded && killedFor === undefined) {
      this.#breakFor({
        errorType: 'Runtime.ExitError',
        errorMessage: `the module did not load: ${how}`,
        trace: '',
      })
      for (const job of jobs) this.#failToLoad(job)
    } else for (const job of jobs) this.#rerunOrFail(job, worker, jobs.length, how)
    this.#dispatch()
    this.#tellIdle()
  }

  #rerunOrFail(job: Job, worker: LambdaWorker, together: number, how: string): void {
    const { killedFor } = worker
    // Alone in its worker it is the one at fault; a process that just ended may have been ended by anybody.
    const isAtFault = together === 1 && killedFor !== undefined && worker.suspectSince === undefined
    if (!this.#isClosed && job.attempts < 2 && !isAtFault) {
      this.counters.reruns++
      job.isSolo = true
      this.#enqueue(job)
      return
    }
    const { timeoutMs, memoryMb } = this.#options.function
    if (killedFor === 'stalled')
      this.#fail(
        job,
        'timeout',
        `the handler did not end within ${timeoutMs} ms and blocked its worker`,
        undefined,
      )
    else if (killedFor === 'memory')
      this.#fail(job, 'memory', `the worker used more than ${memoryMb} MB`, undefined)
    else if (killedFor === 'protocol')
      this.#fail(job, 'lost', 'the worker wrote something that is not an answer', undefined)
    else this.#fail(job, 'lost', `the worker was lost while the handler ran: ${how}`, undefined)
  }

  #enqueue(job: Job): void {
    if (this.#isClosed) {
      this.#fail(job, 'throttled', 'the function is shutting down', undefined)
      return
    }
    if (this.#brokenBecause !== undefined && this.#clock.monotonic() < this.#brokenUntil) {
      this.#failToLoad(job)
      return
    }
    if (this.#waiting.length >= this.#options.function.maxWaiting) {
      this.#fail(
        job,
        'throttled',
        `${this.#waiting.length} invocations are waiting already, which is the limit`,
        undefined,
      )
      return
    }
    this.#waiting.push(job)
    this.#dispatch()
    this.#watch()
  }

  #dispatch(): void {
    let given = 0
    for (const job of this.#waiting) {
      const worker = this.#pick(job)
      if (worker === undefined) break
      given++
      worker.give(job, this.#options.function.timeoutMs)
    }
    if (given > 0) this.#waiting.splice(0, given)
    const { maxWorkers, concurrency } = this.#options.function
    // What waits behind the workers that are on their way is enough for the next one.
    const coming = this.#starting * concurrency
    if (this.#waiting.length > coming && this.size < maxWorkers && !this.#isClosed) this.#startWorker()
  }

  /** The least busy worker that can take a job. */
  #pick(job: Job): LambdaWorker | undefined {
    const now = this.#clock.monotonic()
    let best: LambdaWorker | undefined
    for (const worker of this.#workers) {
      if (worker.state !== 'ready' && worker.state !== 'starting') continue
      const busy = worker.inFlight.size
      if (busy >= (job.isSolo ? 1 : this.#options.function.concurrency)) continue
      const mayBeBlocked = busy > 0 || worker.suspectSince !== undefined
      if (mayBeBlocked && now - worker.heardAt > STALL_MS && worker.state === 'ready') continue
      if (busy > 0 && isExclusive(worker)) continue
      if (best === undefined || busy < best.inFlight.size) best = worker
    }
    return best
  }

  #startWorker(): void {
    this.#starting++
    this.#options.prepare().then(
      (prepared) => {
        this.#starting--
        if (this.#isClosed) return
        this.#workers.add(this.#open(prepared))
        this.#dispatch()
        this.#watch()
      },
      (error: unknown) => {
        this.#starting--
        const errorMessage = error instanceof Error ? error.message : String(error)
        this.#breakFor({ errorType: 'Runtime.ImportModuleError', errorMessage, trace: errorMessage })
        for (const job of this.#waiting.splice(0)) this.#failToLoad(job)
      },
    )
  }

  #open(prepared: PreparedFunction): LambdaWorker {
    const { name, memoryMb, concurrency, isolation } = this.#options.function
    const settings: WorkerSettings = {
      file: prepared.file,
      exportPath: prepared.exportPath,
      functionName: name,
      memoryMb,
      isSerial: concurrency === 1,
      maxResultBytes: MAX_RESULT_BYTES,
    }
    const options: TransportOptions = { memoryMb, env: prepared.env, folder: prepared.folder }
    const open = this.#options.openTransport ?? (isolation === 'thread' ? openThread : openProcess)
    this.counters.coldStarts++
    return new LambdaWorker(open, options, settings, this, this.#clock)
  }

  #watch(): void {
    if (this.#timer !== undefined || this.#isClosed || !this.#needsWatch) return
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#timer = undefined
      this.#tick()
      this.#watch()
    })
  }

  get #needsWatch(): boolean {
    if (this.#waiting.length > 0) return true
    for (const worker of this.#workers) {
      if (worker.state === 'starting' || worker.inFlight.size > 0 || worker.suspectSince !== undefined)
        return true
    }
    return false
  }

  #tick(): void {
    const now = this.#clock.monotonic()
    const { timeoutMs } = this.#options.function
    for (const worker of this.#workers) this.#look(worker, now)
    while (this.#waiting.length > 0 && now - this.#waiting[0]!.queuedAt > timeoutMs + INIT_TIMEOUT_MS) {
      this.#fail(this.#waiting.shift()!, 'throttled', 'no worker became free in time', undefined)
    }
    this.#dispatch()
  }

  #look(worker: LambdaWorker, now: number): void {
    const { timeoutMs, memoryMb, concurrency } = this.#options.function
    if (worker.state === 'starting') {
      if (now - worker.startedAt <= INIT_TIMEOUT_MS) return
      this.broken(worker, {
        errorType: 'Runtime.InitTimeout',
        errorMessage: `the module did not load within ${INIT_TIMEOUT_MS} ms`,
        trace: '',
      })
      return
    }
    if (worker.suspectSince !== undefined && worker.heardAt > worker.suspectSince)
      worker.suspectSince = undefined
    if (worker.inFlight.size === 0 && worker.suspectSince === undefined) return
    const silentMs = now - worker.heardAt
    if (silentMs >= TICK_MS) worker.ping()
    if (worker.suspectSince !== undefined && silentMs > SILENT_MS) {
      worker.kill('stalled')
      return
    }
    const resident = worker.residentBytes()
    if (resident !== undefined && resident > memoryMb * 1024 * 1024 + BASE_BYTES) {
      worker.kill('memory')
      return
    }
    for (const job of worker.inFlight.values()) {
      if (now - job.startedAt < timeoutMs) break
      // Silent for several pings: the handler has the thread, and nobody can say whose handler it is.
      if (silentMs > SILENT_MS) {
        worker.kill('stalled')
        return
      }
      worker.inFlight.delete(job.id)
      worker.abandoned++
      worker.suspectSince ??= now
      this.#fail(job, 'timeout', `the handler did not end within ${timeoutMs} ms`, undefined)
    }
    // Lambda freezes the environment of a timed-out invocation and makes a new one.
    if (worker.abandoned > 0 && (concurrency === 1 || worker.abandoned >= MAX_ABANDONED))
      worker.state = 'leaving'
    this.#afterJob(worker)
  }

  #afterJob(worker: LambdaWorker): void {
    if (worker.state === 'leaving' && worker.inFlight.size === 0) worker.kill('closed')
    if (this.#waiting.length > 0) this.#dispatch()
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#onIdle === undefined || !this.isIdle) return
    const tell = this.#onIdle
    this.#onIdle = undefined
    tell()
  }

  #takeJobs(worker: LambdaWorker): Job[] {
    const jobs = [...worker.inFlight.values()]
    worker.inFlight.clear()
    return jobs
  }

  #breakFor(error: WorkerError): void {
    this.#brokenBecause = error
    this.#brokenUntil = this.#clock.monotonic() + BROKEN_MS
  }

  #failToLoad(job: Job): void {
    const error = this.#brokenBecause
    this.#fail(
      job,
      'load',
      `the handler could not be loaded: ${error?.errorMessage ?? 'unknown'}`,
      error?.trace,
    )
  }

  #fail(job: Job, failure: InvocationFailure, message: string, trace: string | undefined): void {
    if (failure === 'timeout') this.counters.timeouts++
    else if (failure === 'throttled') this.counters.throttled++
    else this.counters.errors++
    this.#settle(job, {
      kind: 'failed',
      failure,
      message,
      trace: trace === '' ? undefined : trace,
      ...this.#factsOf(job),
    })
  }

  #factsOf(job: Job) {
    const durationMs = this.#clock.monotonic() - job.startedAt
    return { logs: job.logs, durationMs, coldStart: job.coldStart, reruns: Math.max(0, job.attempts - 1) }
  }

  #settle(job: Job, outcome: InvocationOutcome): void {
    job.settle(outcome)
  }
}

function isExclusive(worker: LambdaWorker): boolean {
  for (const job of worker.inFlight.values()) if (job.isSolo) return true
  return false
}
