import type { Clock } from '../../../base/clock.ts'
import { ImageError } from '../image-error.ts'
import type { Ask, Job } from './job.ts'
import { type JobCounts, type RenderResult, type Work, Worker } from './worker.ts'

export interface PoolOptions {
  readonly clock: Clock
  /** Processes at most; each does one job at a time. */
  readonly processes: number
  /** Wall-clock time of one job in milliseconds; after it the process is killed. */
  readonly timeoutMs: number
  /** Resident bytes at which a process is ended. */
  readonly maxMemoryBytes: number
  /** Resident bytes after a job at which a process is replaced, because the allocator does not give memory back. */
  readonly renewAboveBytes: number
  /** How far the processes step back behind others: 0 to 19 as in setpriority(2). */
  readonly niceness: number
  /** How long a process that has nothing to do is kept, in milliseconds. */
  readonly idleMs: number
  /** What an operator is told when a process dies. */
  readonly report: (message: string) => void
  /** Told of the length of each result. */
  readonly passed?: (bytes: number) => void
  /** The program of the processes; another one in tests. */
  readonly program?: string
}

/**
 * Processes that do the pixel work. A crash, a memory blow-up or an endless job costs the one request that caused it:
 * the process is gone and the next job starts another.
 */
export class Pool implements AsyncDisposable {
  readonly #options: PoolOptions
  readonly #workers = new Set<Worker>()
  readonly #queue: Work[] = []
  #isClosed = false
  /** For metrics. */
  readonly counts: JobCounts = { done: 0, failed: 0, crashed: 0, timedOut: 0, outOfMemory: 0 }

  constructor(options: PoolOptions) {
    this.#options = options
  }

  get processes(): number {
    return this.#workers.size
  }

  /** Process ids, for whoever measures. */
  get pids(): readonly number[] {
    return [...this.#workers].flatMap(({ pid }) => (pid === undefined ? [] : [pid]))
  }

  /** Rejects with ImageError. When `signal` fires, a job that waits is dropped; one that runs is killed. */
  run(job: Job, inputs: readonly Buffer[], ask: Ask, signal: AbortSignal): Promise<RenderResult> {
    if (this.#isClosed)
      return Promise.reject(new ImageError(503, 'ServiceUnavailable', 'The edge is shutting down.'))
    return new Promise((resolve, reject) => {
      const queuedAt = this.#options.clock.monotonic()
      this.#queue.push({ job, inputs, ask, signal, queuedAt, resolve, reject })
      this.#next()
    })
  }

  async close(): Promise<void> {
    this.#isClosed = true
    for (const { reject } of this.#queue.splice(0))
      reject(new ImageError(503, 'ServiceUnavailable', 'The edge is shutting down.'))
    await Promise.all([...this.#workers].map((worker) => worker.end()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close()
  }

  #next(): void {
    while (this.#queue.length > 0) {
      const idle = [...this.#workers].find((worker) => worker.isIdle)
      if (idle === undefined && this.#workers.size >= this.#options.processes) return
      const worker = idle ?? this.#start()
      const work = this.#queue.shift()!
      if (work.signal.aborted) {
        work.reject(new ImageError(499, 'ClientClosedRequest', 'Nobody waits for this picture any more.'))
        continue
      }
      worker.take(work)
    }
  }

  #start(): Worker {
    const worker = new Worker(this.#options, this.counts, {
      free: () => this.#next(),
      gone: () => {
        this.#workers.delete(worker)
        this.#next()
      },
    })
    this.#workers.add(worker)
    return worker
  }
}
