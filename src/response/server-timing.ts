import type { Clock } from '../base/clock.ts'
import type { HeaderList } from '../http/header-list.ts'
import type { Passage } from '../visit.ts'

export interface ServerTimingOptions {
  readonly clock: Clock
  /** From 0 up to 1, without 1. */
  readonly random: () => number
}

/**
 * Server-Timing with what the edge knows of this request (DG:understanding-response-headers-policies), for the given
 * percentage of requests and for all that ask with `Pragma: server-timing`. What a module took for its answer follows.
 * What the origin measured is kept after a miss and dropped from a hit, because there it tells of another request.
 */
export function addServerTiming(
  passage: Passage,
  headers: HeaderList,
  ratePercent: number,
  options: ServerTimingOptions,
): void {
  if (!asksForTiming(passage) && options.random() * 100 >= ratePercent) return
  let metrics = metricsOf(passage, options.clock.monotonic())
  const { timings } = passage.visit
  if (timings !== undefined)
    for (const { name, durationMs } of timings)
      metrics += `,${name};dur=${Math.max(0, durationMs).toFixed(1)}`
  const isMiss = !isFromCache(passage)
  const origins = isMiss ? headers.getJoined('server-timing') : undefined
  headers.set('Server-Timing', origins === undefined || origins === '' ? metrics : `${metrics},${origins}`)
}

function asksForTiming(passage: Passage): boolean {
  const pragma = passage.request.headers.getJoined('pragma')
  return pragma !== undefined && pragma.toLowerCase().includes('server-timing')
}

function isFromCache(passage: Passage): boolean {
  const status = passage.visit.cache?.status
  return status === 'hit' || status === 'stale' || status === 'refresh-hit'
}

function metricsOf(passage: Passage, now: number): string {
  const { visit, plan } = passage
  const where = `cdn-pop;desc="${plan.identity.pop}",cdn-rid;desc="${visit.request.id}"`
  const downstream = `cdn-downstream-fbl;dur=${milliseconds(now - visit.startedMonotonic)}`
  const status = visit.cache?.status
  if (status === 'hit' || status === 'stale') {
    return `cdn-cache-hit,${where},cdn-hit-layer;desc="EDGE",${downstream}`
  }
  if (status === 'refresh-hit') return `cdn-cache-refresh,${where},${downstream}`
  const origin = visit.origins.at(-1)
  if (origin === undefined) return `cdn-cache-miss,${where},${downstream}`
  const firstByte = origin.firstByteAt === undefined ? 0 : origin.firstByteAt - origin.startedAt
  return (
    `cdn-upstream-layer;desc="EDGE",cdn-upstream-dns;dur=${milliseconds(origin.dnsMs)},` +
    `cdn-upstream-connect;dur=${milliseconds(origin.connectMs)},cdn-upstream-fbl;dur=${milliseconds(firstByte)},` +
    `cdn-cache-miss,${where},${downstream}`
  )
}

function milliseconds(duration: number | undefined): number {
  return duration === undefined ? 0 : Math.max(0, Math.round(duration))
}
