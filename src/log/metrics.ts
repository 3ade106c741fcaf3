import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { FaultCode } from '../faults.ts'
import type { OriginVisit, Visit } from '../visit.ts'
import { durationOf, receivedBytes, sentBytes } from './fields.ts'
import { Histogram, type Labels, MetricsPage } from './metrics-page.ts'

/** The result types that are counted apart (DG:standard-logs-reference); whatever else there may be is `other`. */
const RESULTS = [
  'Hit',
  'RefreshHit',
  'Miss',
  'Error',
  'Redirect',
  'LimitExceeded',
  'CapacityExceeded',
  'LambdaGeneratedResponse',
  'LambdaValidationError',
  'LambdaExecutionError',
  'LambdaLimitExceeded',
  'FunctionGeneratedResponse',
  'FunctionValidationError',
  'FunctionExecutionError',
  'FunctionThrottledError',
  'other',
] as const
const OTHER = RESULTS.length - 1
const resultIndex: ReadonlyMap<string, number> = new Map(RESULTS.map((result, index) => [result, index]))

const DELAY_SAMPLE_MS = 20

/** Functions may choose origins by name; further ones are counted together. */
const MAX_ORIGINS = 200

/** Figures of one distribution; a slot per status class and result, so that counting touches no string. */
class DistributionFigures {
  readonly requests = new Float64Array(6 * RESULTS.length)
  readonly duration = new Histogram()
  readonly faults = new Map<FaultCode, number>()
  readonly origins = new Map<string, OriginFigures>()
  bytesOut = 0
  bytesIn = 0

  add(visit: Visit): void {
    const status = visit.status >= 500 ? 5 : Math.floor(visit.status / 100)
    this.requests[status * RESULTS.length + (resultIndex.get(visit.resultType) ?? OTHER)]!++
    this.duration.add(durationOf(visit) / 1000)
    this.bytesOut += sentBytes(visit)
    this.bytesIn += receivedBytes(visit)
    if (visit.fault !== undefined) count(this.faults, visit.fault)
    for (const origin of visit.origins) this.#originOf(origin.origin).add(origin)
  }

  #originOf(name: string): OriginFigures {
    const known = this.origins.get(name)
    if (known !== undefined) return known
    if (this.origins.size >= MAX_ORIGINS && name !== 'other') return this.#originOf('other')
    const figures = new OriginFigures()
    this.origins.set(name, figures)
    return figures
  }
}

class OriginFigures {
  asked = 0
  attempts = 0
  readonly firstByte = new Histogram()
  readonly faults = new Map<FaultCode, number>()

  add(origin: OriginVisit): void {
    this.asked++
    this.attempts += origin.attempts
    if (origin.firstByteAt !== undefined) this.firstByte.add((origin.firstByteAt - origin.startedAt) / 1000)
    if (origin.fault !== undefined) count(this.faults, origin.fault)
  }
}

function count(faults: Map<FaultCode, number>, code: FaultCode): void {
  faults.set(code, (faults.get(code) ?? 0) + 1)
}

/** What else is shown, asked for at the moment of a scrape. */
export interface Gauges {
  readonly connections: () => number
  readonly laneConnections: () => number
  readonly requestsInFlight: () => number
  readonly originConnections: () => number
  readonly logDropped: () => number
  readonly logPending: () => number
}

/**
 * Counters and gauges in the text format of Prometheus. Label values come from the configuration and from closed
 * lists, never from requests, so their number is bounded.
 */
export class Metrics {
  readonly #distributions = new Map<string, DistributionFigures>()
  readonly #delay = monitorEventLoopDelay({ resolution: DELAY_SAMPLE_MS })

  constructor() {
    this.#delay.enable()
  }

  add(visit: Visit): void {
    const name = visit.distribution ?? '-'
    let figures = this.#distributions.get(name)
    if (figures === undefined) this.#distributions.set(name, (figures = new DistributionFigures()))
    figures.add(visit)
  }

  close(): void {
    this.#delay.disable()
  }

  /** Everything at this moment. The delay of the event loop is that since the last call. */
  text(gauges: Gauges, tellMore?: (page: MetricsPage) => void): string {
    const page = new MetricsPage()
    this.#tellTraffic(page)
    this.#tellOrigins(page)
    page.gauge('edgeward_connections', 'Open viewer connections.', gauges.connections())
    page.gauge(
      'edgeward_lane_connections',
      'Viewer connections of which every request so far took the fast lane.',
      gauges.laneConnections(),
    )
    page.gauge('edgeward_requests_in_flight', 'Responses that are being sent.', gauges.requestsInFlight())
    page.gauge('edgeward_origin_connections', 'Open connections to origins.', gauges.originConnections())
    page.counter('edgeward_log_lines_dropped_total', 'Access log lines that were not written.', [
      [{}, gauges.logDropped()],
    ])
    page.gauge('edgeward_log_lines_pending', 'Access log lines that wait to be written.', gauges.logPending())
    tellMore?.(page)
    this.#tellProcess(page)
    return page.text()
  }

  #tellTraffic(page: MetricsPage): void {
    const each = [...this.#distributions]
    page.counter(
      'edgeward_requests_total',
      'Requests that have ended.',
      each.flatMap(([distribution, figures]) => requestValues(distribution, figures)),
    )
    page.counter(
      'edgeward_bytes_sent_total',
      'Bytes sent to viewers, heads included.',
      each.map(([distribution, { bytesOut }]) => [{ distribution }, bytesOut]),
    )
    page.counter(
      'edgeward_bytes_received_total',
      'Bytes received from viewers, heads included.',
      each.map(([distribution, { bytesIn }]) => [{ distribution }, bytesIn]),
    )
    page.histogram(
      'edgeward_request_seconds',
      'Time from the head of a request to the end of its response.',
      each.map(([distribution, { duration }]) => [{ distribution }, duration]),
    )
    page.counter(
      'edgeward_faults_total',
      'Requests that failed, by fault.',
      each.flatMap(([distribution, { faults }]) =>
        [...faults].map(([code, number]): [Labels, number] => [{ distribution, code }, number]),
      ),
    )
  }

  #tellOrigins(page: MetricsPage): void {
    const each = [...this.#distributions].flatMap(([distribution, { origins }]) =>
      [...origins].map(([origin, figures]) => ({ labels: { distribution, origin }, figures })),
    )
    page.counter(
      'edgeward_origin_requests_total',
      'Requests to origins.',
      each.map(({ labels, figures }) => [labels, figures.asked]),
    )
    page.counter(
      'edgeward_origin_attempts_total',
      'Attempts to reach origins; more than requests where some were repeated.',
      each.map(({ labels, figures }) => [labels, figures.attempts]),
    )
    page.histogram(
      'edgeward_origin_first_byte_seconds',
      'Time until the first byte of an origin.',
      each.map(({ labels, figures }) => [labels, figures.firstByte]),
    )
    page.counter(
      'edgeward_origin_faults_total',
      'Faults of origins.',
      each.flatMap(({ labels, figures }) =>
        [...figures.faults].map(([code, number]): [Labels, number] => [{ ...labels, code }, number]),
      ),
    )
  }

  #tellProcess(page: MetricsPage): void {
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    page.gauge('process_resident_memory_bytes', 'Resident memory.', memory.rss)
    page.gauge('nodejs_heap_size_used_bytes', 'Heap in use.', memory.heapUsed)
    page.counter('process_cpu_seconds_total', 'CPU time, user and system.', [
      [{}, (cpu.user + cpu.system) / 1e6],
    ])
    page.gauge('nodejs_eventloop_lag_mean_seconds', 'Delay of the event loop, mean.', lagOf(this.#delay.mean))
    page.gauge(
      'nodejs_eventloop_lag_p99_seconds',
      'Delay of the event loop, 99th percentile.',
      lagOf(this.#delay.percentile(99)),
    )
    page.gauge(
      'nodejs_eventloop_lag_max_seconds',
      'Delay of the event loop, longest.',
      lagOf(this.#delay.max),
    )
    this.#delay.reset()
  }
}

/** Seconds late: Node measures from one sample to the next, and gives NaN before the first. */
function lagOf(nanoseconds: number): number {
  return Number.isFinite(nanoseconds) ? Math.max(0, nanoseconds / 1e9 - DELAY_SAMPLE_MS / 1000) : 0
}

function requestValues(distribution: string, { requests }: DistributionFigures): [Labels, number][] {
  const values: [Labels, number][] = []
  for (const [index, number] of requests.entries()) {
    if (number === 0) continue
    const status = Math.floor(index / RESULTS.length)
    const result = RESULTS[index % RESULTS.length]!
    values.push([{ distribution, status: status === 0 ? '000' : `${status}xx`, result }, number])
  }
  return values
}
