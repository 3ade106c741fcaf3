import { monitorEventLoopDelay } from 'node:perf_hooks'
import type { Visit } from '../visit.ts'
import { durationOf, receivedBytes, sentBytes } from './fields.ts'

/** Upper bounds of the latency buckets, in seconds. */
const BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30]
const RESULTS = ['Hit', 'RefreshHit', 'Miss', 'Error', 'Redirect', 'other'] as const

/** Figures of one distribution; a slot per status class and result, so that counting touches no string. */
class DistributionFigures {
  readonly requests = new Float64Array(6 * RESULTS.length)
  readonly buckets = new Float64Array(BUCKETS.length + 1)
  seconds = 0
  bytesOut = 0
  bytesIn = 0

  add(visit: Visit): void {
    const status = Math.min(5, Math.floor(visit.status / 100))
    const result = RESULTS.indexOf(visit.resultType as (typeof RESULTS)[number])
    this.requests[status * RESULTS.length + (result === -1 ? RESULTS.length - 1 : result)]!++
    const taken = durationOf(visit) / 1000
    let bucket = 0
    while (bucket < BUCKETS.length && taken > BUCKETS[bucket]!) bucket++
    this.buckets[bucket]!++
    this.seconds += taken
    this.bytesOut += sentBytes(visit)
    this.bytesIn += receivedBytes(visit)
  }
}

/** What else is shown, asked for at the moment of a scrape. */
export interface Gauges {
  readonly connections: () => number
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
  readonly #origins = new Map<string, { asked: number; seconds: number }>()
  readonly #faults = new Map<string, number>()
  readonly #delay = monitorEventLoopDelay({ resolution: 20 })

  constructor() {
    this.#delay.enable()
  }

  add(visit: Visit): void {
    const name = visit.distribution ?? '-'
    let figures = this.#distributions.get(name)
    if (figures === undefined) this.#distributions.set(name, (figures = new DistributionFigures()))
    figures.add(visit)
    if (visit.fault !== undefined) this.#faults.set(visit.fault, (this.#faults.get(visit.fault) ?? 0) + 1)
    for (const origin of visit.origins) {
      const known = this.#origins.get(origin.origin)
      const seconds = origin.firstByteAt === undefined ? 0 : (origin.firstByteAt - origin.startedAt) / 1000
      if (known === undefined) this.#origins.set(origin.origin, { asked: 1, seconds })
      else {
        known.asked++
        known.seconds += seconds
      }
    }
  }

  close(): void {
    this.#delay.disable()
  }

  text(gauges: Gauges): string {
    const lines: string[] = []
    const tell = (
      name: string,
      type: string,
      help: string,
      values: readonly (readonly [labels: string, value: number])[],
    ) => {
      lines.push(`# HELP ${name} ${help}`, `# TYPE ${name} ${type}`)
      for (const [labels, value] of values) lines.push(`${name}${labels} ${value}`)
    }
    const each = [...this.#distributions]
    tell(
      'edgeward_requests_total',
      'counter',
      'Requests that have ended.',
      each.flatMap(([name, figures]) => requestValues(name, figures)),
    )
    tell(
      'edgeward_bytes_sent_total',
      'counter',
      'Bytes sent to viewers, heads included.',
      each.map(([name, figures]) => [labels({ distribution: name }), figures.bytesOut]),
    )
    tell(
      'edgeward_bytes_received_total',
      'counter',
      'Bytes received from viewers, heads included.',
      each.map(([name, figures]) => [labels({ distribution: name }), figures.bytesIn]),
    )
    lines.push(
      '# HELP edgeward_request_seconds Time from the head of a request to the end of its response.',
      '# TYPE edgeward_request_seconds histogram',
    )
    for (const [name, figures] of each) lines.push(...histogram(name, figures))
    tell(
      'edgeward_faults_total',
      'counter',
      'Faults by their code.',
      [...this.#faults].map(([code, count]) => [labels({ code }), count]),
    )
    tell(
      'edgeward_origin_requests_total',
      'counter',
      'Requests to origins.',
      [...this.#origins].map(([origin, { asked }]) => [labels({ origin }), asked]),
    )
    tell(
      'edgeward_origin_first_byte_seconds_total',
      'counter',
      'Time spent waiting for the first byte of origins.',
      [...this.#origins].map(([origin, { seconds }]) => [labels({ origin }), seconds]),
    )
    tell('edgeward_connections', 'gauge', 'Open viewer connections.', [['', gauges.connections()]])
    tell('edgeward_requests_in_flight', 'gauge', 'Responses that are being sent.', [
      ['', gauges.requestsInFlight()],
    ])
    tell('edgeward_origin_connections', 'gauge', 'Open connections to origins.', [
      ['', gauges.originConnections()],
    ])
    tell('edgeward_log_lines_dropped_total', 'counter', 'Access log lines that were not written.', [
      ['', gauges.logDropped()],
    ])
    tell('edgeward_log_lines_pending', 'gauge', 'Access log lines that wait to be written.', [
      ['', gauges.logPending()],
    ])
    const memory = process.memoryUsage()
    const cpu = process.cpuUsage()
    tell('process_resident_memory_bytes', 'gauge', 'Resident memory.', [['', memory.rss]])
    tell('nodejs_heap_size_used_bytes', 'gauge', 'Heap in use.', [['', memory.heapUsed]])
    tell('process_cpu_seconds_total', 'counter', 'CPU time, user and system.', [
      ['', (cpu.user + cpu.system) / 1e6],
    ])
    tell('nodejs_eventloop_lag_p99_seconds', 'gauge', 'Delay of the event loop, 99th percentile.', [
      ['', this.#delay.percentile(99) / 1e9],
    ])
    return `${lines.join('\n')}\n`
  }
}

function requestValues(distribution: string, figures: DistributionFigures): [string, number][] {
  const values: [string, number][] = []
  for (let status = 0; status < 6; status++) {
    for (const [index, result] of RESULTS.entries()) {
      const count = figures.requests[status * RESULTS.length + index]!
      if (count > 0)
        values.push([labels({ distribution, status: status === 0 ? '000' : `${status}xx`, result }), count])
    }
  }
  return values
}

function histogram(distribution: string, figures: DistributionFigures): string[] {
  const lines: string[] = []
  let sum = 0
  for (const [index, bound] of [...BUCKETS.map(String), '+Inf'].entries()) {
    sum += figures.buckets[index]!
    lines.push(`edgeward_request_seconds_bucket${labels({ distribution, le: bound })} ${sum}`)
  }
  lines.push(
    `edgeward_request_seconds_sum${labels({ distribution })} ${figures.seconds}`,
    `edgeward_request_seconds_count${labels({ distribution })} ${sum}`,
  )
  return lines
}

function labels(values: Readonly<Record<string, string>>): string {
  const parts = Object.entries(values).map(
    ([name, value]) =>
      `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
  )
  return `{${parts.join(',')}}`
}
