import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { Timer } from '../../../base/clock.ts'
import { ImageError, type PlainImageError } from '../image-error.ts'
import { encodeFrame, FrameReader } from './frames.ts'
import type { Ask, FromChild, Job, Question, Rendered, ToChild } from './job.ts'
import type { PoolOptions } from './pool.ts'
import { openScratch, type Scratch } from './scratch.ts'

export interface RenderResult {
  readonly rendered: Rendered
  readonly bytes: Buffer
  /** Before a process began with it. */
  readonly waitedMs: number
}

const PROGRAM = fileURLToPath(new URL('./child.ts', import.meta.url))
const MAX_RESULT_BYTES = 2 ** 31

/** A job and whoever waits for it. */
export interface Work {
  readonly job: Job
  readonly inputs: readonly Buffer[]
  readonly ask: Ask
  readonly signal: AbortSignal
  readonly queuedAt: number
  readonly resolve: (result: RenderResult) => void
  readonly reject: (error: ImageError) => void
}

/** How the jobs of a pool ended, for metrics. */
export interface JobCounts {
  done: number
  failed: number
  crashed: number
  timedOut: number
  outOfMemory: number
}

export interface WorkerEvents {
  readonly free: () => void
  readonly gone: () => void
}

/** Why a process is being ended. */
type Ending = 'renewed' | 'idle' | 'closed' | 'timeout' | 'memory' | 'unwanted' | 'confused'

/** One process and the job it does. */
export class Worker {
  readonly #options: PoolOptions
  readonly #counts: JobCounts
  readonly #events: WorkerEvents
  readonly #process: ChildProcess
  readonly #scratch: Scratch | undefined
  readonly #closed: Promise<void>
  #work: Work | undefined
  #waitedMs = 0
  #deadline: Timer | undefined
  #idle: Timer | undefined
  #onAbort: (() => void) | undefined
  #ending: Ending | undefined

  constructor(options: PoolOptions, counts: JobCounts, events: WorkerEvents) {
    this.#options = options
    this.#counts = counts
    this.#events = events
    this.#scratch = openScratch()
    this.#process = spawn(
      process.execPath,
      [
        '--max-semi-space-size=1',
        options.program ?? PROGRAM,
        `${options.maxMemoryBytes}`,
        `${options.niceness}`,
      ],
      { stdio: ['pipe', 'pipe', 'inherit', this.#scratch?.fd ?? 'ignore'], env: environment() },
    )
    const reader = new FrameReader(
      ({ head, body }) => this.#receive(head as FromChild, body),
      MAX_RESULT_BYTES,
    )
    this.#process.stdout!.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk)
      } catch {
        this.#kill('confused')
      }
    })
    // A process that dies while it is written to is told by 'close'.
    this.#process.stdin!.on('error', ignore)
    this.#closed = new Promise((resolve) => {
      this.#process.on('error', (error) => {
        this.#fail(
          new ImageError(500, 'ProcessingFailure', 'The picture could not be processed.', { cause: error }),
        )
        this.#gone()
        resolve()
      })
      this.#process.on('close', (code, signal) => {
        this.#ended(code, signal)
        resolve()
      })
    })
  }

  get pid(): number | undefined {
    return this.#process.pid
  }

  get isIdle(): boolean {
    return this.#work === undefined && this.#ending === undefined
  }

  take(work: Work): void {
    this.#idle?.cancel()
    this.#work = work
    this.#waitedMs = this.#options.clock.monotonic() - work.queuedAt
    this.#deadline = this.#options.clock.after(this.#options.timeoutMs, () => this.#kill('timeout'))
    this.#onAbort = () => this.#kill('unwanted')
    work.signal.addEventListener('abort', this.#onAbort)
    const { job, inputs } = work
    const areInScratch = this.#scratch?.put(inputs) === true
    const message: ToChild = { kind: 'job', job, inputs: inputs.map(({ length }) => length), areInScratch }
    this.#send(message, areInScratch ? [] : inputs)
  }

  /** Kills the process and resolves when it is gone. */
  async end(): Promise<void> {
    this.#kill('closed')
    await this.#closed
  }

  #send(message: ToChild, bodies: readonly Buffer[] = []): void {
    for (const piece of encodeFrame(message, bodies)) this.#process.stdin!.write(piece)
  }

  #receive(message: FromChild, body: Buffer): void {
    switch (message.kind) {
      case 'ready':
        break
      case 'memory':
        this.#kill('memory')
        break
      case 'question':
        void this.#answer(message.question, body, message.minConfidence)
        break
      case 'done': {
        const bytes = this.#resultOf(message.scratchBytes, body)
        if (bytes === undefined) return this.#kill('confused')
        const work = this.#release()
        this.#counts.done++
        this.#options.passed?.(bytes.length)
        this.#settle(message.bytesInUse)
        work?.resolve({ rendered: message.rendered, bytes, waitedMs: this.#waitedMs })
        break
      }
      case 'failed': {
        const { status, code, message: text, detail } = message.error
        const work = this.#release()
        this.#counts.failed++
        this.#settle(message.bytesInUse)
        work?.reject(
          new ImageError(status, code, text, { cause: detail === undefined ? undefined : new Error(detail) }),
        )
        break
      }
    }
  }

  /** Undefined where the process says what cannot be. */
  #resultOf(scratchBytes: number | undefined, body: Buffer): Buffer | undefined {
    if (scratchBytes === undefined) return body
    return this.#scratch?.take(scratchBytes)
  }

  async #answer(question: Question, rendering: Buffer, minConfidence?: number): Promise<void> {
    const work = this.#work
    if (work === undefined) return
    try {
      const value = await work.ask(question, rendering, minConfidence)
      if (this.#work === work) this.#send({ kind: 'answer', value })
    } catch (error) {
      if (this.#work === work) this.#send({ kind: 'no-answer', error: plain(error) })
    }
  }

  /** After a job: keep the process for the next, or let it go when it has grown. */
  #settle(bytesInUse: number): void {
    if (bytesInUse > this.#options.renewAboveBytes) this.#kill('renewed')
    else {
      this.#idle = this.#options.clock.after(this.#options.idleMs, () => this.#kill('idle'))
      this.#events.free()
    }
  }

  #release(): Work | undefined {
    const work = this.#work
    this.#work = undefined
    this.#deadline?.cancel()
    if (this.#onAbort !== undefined) work?.signal.removeEventListener('abort', this.#onAbort)
    return work
  }

  #fail(error: ImageError): void {
    this.#release()?.reject(error)
  }

  #kill(why: Ending): void {
    if (this.#ending !== undefined) return
    this.#ending = why
    this.#process.kill('SIGKILL')
  }

  #ended(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.#work !== undefined) this.#fail(this.#obituary(code, signal))
    this.#gone()
  }

  #gone(): void {
    this.#ending ??= 'confused'
    this.#idle?.cancel()
    this.#scratch?.close()
    this.#events.gone()
  }

  #obituary(code: number | null, signal: NodeJS.Signals | null): ImageError {
    switch (this.#ending) {
      case 'timeout':
        this.#counts.timedOut++
        this.#options.report(`an image process was killed after ${this.#options.timeoutMs} ms`)
        return new ImageError(503, 'TimeoutException', 'The picture could not be processed in time.')
      case 'memory':
        this.#counts.outOfMemory++
        this.#options.report(`an image process reached its limit of ${this.#options.maxMemoryBytes} bytes`)
        return new ImageError(
          413,
          'TooLargeImageException',
          'The picture needs more memory than it may have.',
        )
      case 'unwanted':
        return new ImageError(499, 'ClientClosedRequest', 'Nobody waits for this picture any more.')
      case 'closed':
        return new ImageError(503, 'ServiceUnavailable', 'The edge is shutting down.')
      case 'idle':
      case 'renewed':
      case 'confused':
      case undefined:
        this.#counts.crashed++
        this.#options.report(`an image process ended in the middle of a job (code ${code}, signal ${signal})`)
        return new ImageError(500, 'ProcessingFailure', 'The picture could not be processed.')
    }
  }
}

/** Nothing of the edge's environment goes to a process that reads hostile bytes, but what it needs to start. */
function environment(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return {
    ...(PATH === undefined ? {} : { PATH }),
    ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }),
    // Two threads for pictures are enough where one is done at a time.
    UV_THREADPOOL_SIZE: '2',
    // One arena, and large blocks kept for the next picture instead of being mapped anew (measured: images.md).
    MALLOC_ARENA_MAX: '1',
    MALLOC_MMAP_THRESHOLD_: '67108864',
    MALLOC_TRIM_THRESHOLD_: '67108864',
  }
}

function plain(error: unknown): PlainImageError {
  if (error instanceof ImageError)
    return { status: error.status, code: error.code, message: error.message, detail: undefined }
  return {
    status: 500,
    code: 'InternalError',
    message: 'The request could not be served.',
    detail: String(error),
  }
}

function ignore(): void {
  // Told elsewhere.
}
