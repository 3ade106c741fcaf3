import { MetricsPage } from './metrics-page.ts'

/** What a cache store says of itself; tiers where there are several. */
export interface CacheFigures {
  readonly entries: number
  readonly bytes: number
  readonly maxBytes: number
  readonly evictions: number
  readonly tiers?: readonly { readonly name: string; readonly stats: CacheFigures }[]
}

/** The metrics of the cache: what each tier holds and may hold, and what it had to let go. */
export function cacheMetrics(stats: CacheFigures, fetching: number): string {
  const page = new MetricsPage()
  const tiers = stats.tiers ?? [{ name: 'memory', stats }]
  const of = (figure: 'entries' | 'bytes' | 'maxBytes' | 'evictions') =>
    tiers.map(({ name, stats: tier }) => [{ tier: name }, tier[figure]] as const)
  page.gauges('edgeward_cache_entries', 'Stored responses.', of('entries'))
  page.gauges('edgeward_cache_bytes', 'Bytes of stored responses with all that belongs to them.', of('bytes'))
  page.gauges('edgeward_cache_max_bytes', 'What edgeward_cache_bytes may be at most.', of('maxBytes'))
  page.counter('edgeward_cache_evictions_total', 'Stored responses that gave way to others.', of('evictions'))
  page.gauge('edgeward_cache_fetching', 'Responses that are being fetched for the cache.', fetching)
  return page.text()
}
