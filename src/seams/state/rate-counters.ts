import type { Clock, Timer } from '../../base/clock.ts'
import { SeamError, asError } from '../seam-error.ts'
import type { Report } from '../seam-error.ts'
import { SlottedRateCounter } from './rate-counter.ts'
import type { CounterReport, CounterSurroundings } from './rate-counter.ts'
import type { RateCounter, RateCounters, RateSpec } from './state.ts'

const MAX_COUNTERS = 10_000
/** While nothing is near its limit, nodes tell each other this often. */
const IDLE_MS = 5_000
/** While a key is above half of its limit: how often to read, and how often to write without being pushed. */
const HOT_READ_MS = 100
const HOT_WRITE_MS = 1_000
const HOT_FOR_MS = 10_000
/** After a failure the exchange is left alone for this long; counting goes on. */
const RETRY_MS = 1_000
/** A node that has not written for this long is not counted among the nodes. */
const ALIVE_MS = 30_000

/** Everything one node has counted. */
export interface NodeReport {
  /** Names one run of one node. */
  readonly node: string
  /** Wall-clock time of writing. */
  readonly at: number
  readonly counters: readonly CounterReport[]
}

/** Where nodes leave their reports for each other. A later report of a node replaces its earlier one. */
export interface CounterExchange {
  publish(report: NodeReport): Promise<void>
  /** The last reports of all other nodes. */
  collect(): Promise<readonly NodeReport[]>
}

export interface LocalRateCountersOptions {
  readonly clock: Clock
  readonly report: Report
  /** Unique for each run of each node. */
  readonly node: string
  /** Without one, the counters of this process are all there is. */
  readonly exchange?: CounterExchange
  /** Nodes expected to count before any has been heard of. */
  readonly expectedNodes?: number
}

/**
 * Counters kept in this process and shared through an exchange, for every driver: counting and reading are
 * synchronous and local; reports go out at once when a key has moved by a tenth of its limit divided by the nodes,
 * every second while one is above half of its limit, and every five seconds otherwise.
 */
export class LocalRateCounters implements RateCounters {
  readonly #options: LocalRateCountersOptions
  readonly #counters = new Map<string, SlottedRateCounter>()
  readonly #around: CounterSurroundings
  #nodes: number
  #timer: Timer | undefined
  #timerAt = Infinity
  #hotUntil = -Infinity
  #writtenAt = -Infinity
  #failedAt = -Infinity
  #isFailing = false
  #running: Promise<void> | undefined
  #runAgain = false
  #closed = false

  constructor(options: LocalRateCountersOptions) {
    this.#options = options
    this.#nodes = Math.max(1, options.expectedNodes ?? 1)
    const { clock, exchange } = options
    // Slots follow the wall clock as it was at the start: a clock set later neither revives nor forgets counts.
    const offset = clock.now() - clock.monotonic()
    this.#around = {
      steadyNow: () => offset + clock.monotonic(),
      wallNow: () => clock.now(),
      nodes: () => (exchange === undefined ? undefined : this.#nodes),
      onMoved: () => this.#push(),
      onHot: () => this.#heat(),
    }
    this.#schedule(IDLE_MS)
  }

  open(spec: RateSpec): RateCounter {
    const known = this.#counters.get(spec.name)
    const counter = new SlottedRateCounter(spec, this.#around)
    const { limit, windowSeconds, maxKeys } = counter.spec
    if (
      known?.spec.limit === limit &&
      known.spec.windowSeconds === windowSeconds &&
      known.spec.maxKeys === maxKeys
    ) {
      return known
    }
    if (known === undefined && this.#counters.size >= MAX_COUNTERS) {
      throw new SeamError(
        'limit',
        `there are ${MAX_COUNTERS} rate counters, which is the limit: drop some first`,
      )
    }
    this.#counters.set(spec.name, counter)
    return counter
  }

  drop(name: string): void {
    this.#counters.delete(name)
  }

  async flush(): Promise<void> {
    if (this.#options.exchange === undefined || this.#closed) return
    await this.#start(true)
  }

  /** Tells the others a last time and stops. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#timer?.cancel()
    try {
      await this.flush()
    } finally {
      this.#closed = true
      this.#timer?.cancel()
    }
  }

  #push(): void {
    if (this.#running !== undefined) {
      this.#runAgain = true
      return
    }
    if (this.#closed || this.#options.clock.monotonic() - this.#failedAt < RETRY_MS) return
    this.#inBackground(true)
  }

  #heat(): void {
    const now = this.#options.clock.monotonic()
    this.#hotUntil = now + HOT_FOR_MS
    if (this.#timerAt > now + HOT_READ_MS) this.#schedule(HOT_READ_MS)
  }

  #schedule(delayMs: number): void {
    if (this.#closed || this.#options.exchange === undefined) return
    this.#timer?.cancel()
    this.#timerAt = this.#options.clock.monotonic() + delayMs
    this.#timer = this.#options.clock.after(delayMs, () => this.#tick())
  }

  #tick(): void {
    const now = this.#options.clock.monotonic()
    const isHot = now < this.#hotUntil
    this.#schedule(isHot && !this.#isFailing ? HOT_READ_MS : IDLE_MS)
    if (this.#running !== undefined) return
    const sinceWrite = now - this.#writtenAt
    const hasMoved = this.#counters.values().some((counter) => counter.hasMoved)
    this.#inBackground(sinceWrite >= IDLE_MS || (hasMoved && sinceWrite >= HOT_WRITE_MS))
  }

  #inBackground(write: boolean): void {
    void this.#start(write).catch((error: unknown) => {
      // Said once per outage, not ten times a second.
      if (!this.#isFailing) this.#options.report(asError(error))
      this.#isFailing = true
      this.#failedAt = this.#options.clock.monotonic()
    })
  }

  /** One exchange after the other; one that runs already may have read the counts before the caller's last addition. */
  async #start(write: boolean): Promise<void> {
    const before = this.#running
    const run = this.#runAfter(before, write)
    this.#running = run
    try {
      await run
    } finally {
      if (this.#running === run) this.#running = undefined
      if (this.#running === undefined && this.#runAgain) {
        this.#runAgain = false
        this.#push()
      }
    }
  }

  async #runAfter(before: Promise<void> | undefined, write: boolean): Promise<void> {
    // Whoever started the one before hears of its failure.
    if (before !== undefined) await before.catch(() => undefined)
    await this.#exchange(write)
  }

  async #exchange(write: boolean): Promise<void> {
    const { exchange, clock, node } = this.#options
    if (exchange === undefined) return
    if (write) {
      const counters = [...this.#counters.values()].map((counter) => counter.report(this.#nodes))
      this.#writtenAt = clock.monotonic()
      await exchange.publish({ node, at: clock.now(), counters })
    }
    const reports = await exchange.collect()
    const now = clock.now()
    const alive = reports.filter((report) => Math.abs(now - report.at) < ALIVE_MS).length
    this.#nodes = Math.max(1 + alive, this.#options.expectedNodes ?? 1)
    const byName = Map.groupBy(
      reports.flatMap((report) => report.counters),
      (report) => report.name,
    )
    for (const [name, counter] of this.#counters) counter.takeOthers(byName.get(name) ?? [])
    this.#isFailing = false
  }
}
