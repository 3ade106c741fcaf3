import type { Clock } from '../../base/clock.ts'
import type { FromWorker, WorkerError, WorkerLog, WorkerSettings } from './protocol.ts'
import { LineReader } from './protocol.ts'
import type { OpenTransport, Transport, TransportOptions } from './transport.ts'

/** One invocation on its way through pool and worker. */
export interface Job {
  readonly id: number
  /** `"e":…` and what else the worker is told, as JSON without the invocation's number. */
  readonly eventJson: string
  readonly queuedAt: number
  /** Monotonic milliseconds; set when the worker is given the job. */
  startedAt: number
  attempts: number
  coldStart: boolean
  /** Runs alone: it was in a worker that was lost, and must not take others with it again. */
  isSolo: boolean
  logs: WorkerLog[]
  settle(outcome: InvocationOutcome): void
}

/** Why an invocation has no result. */
export type InvocationFailure = 'error' | 'timeout' | 'lost' | 'memory' | 'load' | 'throttled' | 'oversize'

export interface InvocationFacts {
  readonly logs: readonly WorkerLog[]
  readonly durationMs: number
  readonly coldStart: boolean
  /** How often it was run again because its worker was lost. */
  readonly reruns: number
}

export type InvocationOutcome = InvocationFacts &
  (
    | { readonly kind: 'returned'; readonly value: unknown }
    | {
        readonly kind: 'failed'
        readonly failure: InvocationFailure
        /** One sentence for operators. */
        readonly message: string
        readonly trace: string | undefined
      }
  )

/** What a worker tells its pool. */
export interface WorkerOwner {
  ready(worker: LambdaWorker): void
  broken(worker: LambdaWorker, error: WorkerError): void
  returned(worker: LambdaWorker, job: Job, value: unknown): void
  failed(worker: LambdaWorker, job: Job, error: WorkerError): void
  /** Logs written after the end of their invocation. */
  strayLogs(logs: readonly WorkerLog[]): void
  exited(worker: LambdaWorker, how: string): void
}

/** Longest line a worker may send, in characters: the largest result with room for its logs. */
const MAX_LINE = 32 * 1024 * 1024
const MAX_LOG_LINES = 1000

/** One worker process or thread, seen from the edge. */
export class LambdaWorker {
  readonly inFlight = new Map<number, Job>()
  state: 'starting' | 'ready' | 'leaving' | 'gone' = 'starting'
  readonly startedAt: number
  /** When it last said anything. */
  heardAt: number
  /** Invocations that timed out and may still be running in it. */
  abandoned = 0
  /** The pool's reason for killing it, which tells its invocations' fate. */
  killedFor: 'stalled' | 'memory' | 'init' | 'protocol' | 'closed' | undefined = undefined
  /** No invocation has started in it yet. */
  isCold = true
  /** Its module has loaded. */
  isLoaded = false
  /** Since an invocation timed out in it and it has said nothing: it may be blocked. */
  suspectSince: number | undefined = undefined
  readonly #clock: Clock
  readonly #owner: WorkerOwner
  readonly #transport: Transport
  #outgoing = ''
  #isFlushing = false

  constructor(
    open: OpenTransport,
    options: TransportOptions,
    settings: WorkerSettings,
    owner: WorkerOwner,
    clock: Clock,
  ) {
    this.#clock = clock
    this.#owner = owner
    this.startedAt = clock.monotonic()
    this.heardAt = this.startedAt
    const reader = new LineReader(
      MAX_LINE,
      (line) => this.#hear(line),
      () => this.kill('protocol'),
    )
    this.#transport = open(options, {
      text: (text) => {
        this.heardAt = clock.monotonic()
        reader.read(text)
      },
      exited: (how) => {
        this.state = 'gone'
        owner.exited(this, how)
      },
    })
    this.#transport.send(`${JSON.stringify({ c: settings })}\n`)
  }

  /** Gives it an invocation, at once or as soon as it is ready. */
  give(job: Job, timeoutMs: number): void {
    this.inFlight.set(job.id, job)
    job.attempts++
    if (this.state === 'starting') return
    this.#start(job, timeoutMs)
  }

  /** Starts what has waited for it to get ready. */
  begin(timeoutMs: number): void {
    this.state = 'ready'
    this.isLoaded = true
    for (const job of this.inFlight.values()) this.#start(job, timeoutMs)
  }

  ping(): void {
    this.#say(`{"p":${this.inFlight.size}}\n`)
  }

  residentBytes(): number | undefined {
    return this.#transport.residentBytes()
  }

  kill(reason: NonNullable<LambdaWorker['killedFor']>): void {
    if (this.state === 'gone') return
    this.killedFor ??= reason
    this.state = 'leaving'
    this.#transport.kill()
  }

  #start(job: Job, timeoutMs: number): void {
    job.startedAt = this.#clock.monotonic()
    job.coldStart = this.isCold
    this.isCold = false
    this.#say(`{"i":${job.id},"t":${timeoutMs},"e":${job.eventJson}}\n`)
  }

  /** What is said in one turn of the event loop leaves in one write. */
  #say(text: string): void {
    this.#outgoing += text
    if (this.#isFlushing) return
    this.#isFlushing = true
    setImmediate(this.#flush)
  }

  readonly #flush = (): void => {
    this.#isFlushing = false
    const text = this.#outgoing
    this.#outgoing = ''
    if (this.state !== 'gone') this.#transport.send(text)
  }

  #hear(line: string): void {
    const message = parseMessage(line)
    if (message === undefined) {
      this.kill('protocol')
      return
    }
    if (message.k === 'ready') this.#owner.ready(this)
    else if (message.k === 'broken') this.#owner.broken(this, errorOf(message.x))
    else if (message.k === 'damaged') this.state = 'leaving'
    if (message.i === undefined) {
      if (message.l !== undefined) this.#owner.strayLogs(logsOf(message.l))
      return
    }
    const job = this.inFlight.get(message.i)
    // The answer to an invocation that has timed out already.
    if (job === undefined) return
    for (const log of logsOf(message.l)) if (job.logs.length < MAX_LOG_LINES) job.logs.push(log)
    if (message.x !== undefined) {
      this.inFlight.delete(job.id)
      this.#owner.failed(this, job, errorOf(message.x))
    } else if ('r' in message) {
      this.inFlight.delete(job.id)
      this.#owner.returned(this, job, message.r)
    }
  }
}

function parseMessage(line: string): FromWorker | undefined {
  try {
    const message: unknown = JSON.parse(line)
    return typeof message === 'object' && message !== null ? (message as FromWorker) : undefined
  } catch {
    // The worker is not speaking the protocol any more; the caller ends it.
    return undefined
  }
}

/** The user's code could have written the line, so every part of it is looked at. */
function errorOf(error: unknown): WorkerError {
  const { errorType, errorMessage, trace } = (
    typeof error === 'object' && error !== null ? error : {}
  ) as Partial<Record<keyof WorkerError, unknown>>
  return { errorType: textOf(errorType), errorMessage: textOf(errorMessage), trace: textOf(trace) }
}

function logsOf(logs: unknown): WorkerLog[] {
  return Array.isArray(logs) ? logs.filter(isLog) : []
}

function isLog(log: unknown): log is WorkerLog {
  if (typeof log !== 'object' || log === null) return false
  return (
    'at' in log &&
    typeof log.at === 'number' &&
    'level' in log &&
    typeof log.level === 'string' &&
    'text' in log &&
    typeof log.text === 'string'
  )
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : ''
}
