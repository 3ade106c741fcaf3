/**
 * What the Core Rule Set (paranoia level 1) costs, beside nginx with ModSecurity 3 and the same rule files.
 *
 * Two kinds of work: an ordinary browser GET with five query arguments and a cookie, which both may answer from their
 * cache, and a proxied POST of 2 KB of JSON. Must hold: 20 and 10 times ModSecurity's requests per CPU-second.
 */
import { startLineup } from './support/lineup.ts'
import { generateLoad, type Load } from './support/load.ts'
import { measure } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startFixedOrigin } from './support/origin.ts'
import { failuresOf, finish, printFigures, ratiosOf } from './support/report.ts'

const { numbers, only } = readOptions({ seconds: 4, rounds: 3, warm: 2, connections: 32 })

const BROWSER = {
  Host: 'shop.example.com',
  'User-Agent': 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
  Accept: 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8',
  'Accept-Language': 'en-US,en;q=0.5',
}
/** One argument differs from request to request, so that no side lives on remembering whole query strings. */
const GETS = Array.from(
  { length: 500 },
  (_each, i) => `/shop/list?page=2&sort=price&q=winter+boots&category=shoes&ref=r${(i * 7_919) % 99_991}`,
)
const ORDER = JSON.stringify({
  customer: { name: 'Ada Lovelace', email: 'ada@example.com', city: 'London' },
  lines: Array.from({ length: 18 }, (_each, i) => ({
    sku: `SKU-${1_000 + i}`,
    title: `Winter boots, size ${36 + i}, brown leather`,
    quantity: (i % 3) + 1,
    price: 49.5 + i,
  })),
  note: 'Please ring twice and leave the parcel with the neighbour.',
})

type Work = Omit<Load, 'url' | 'connections' | 'seconds'>
const WORKS: Readonly<Record<'get' | 'post', Work>> = {
  get: {
    paths: GETS,
    headers: { ...BROWSER, Cookie: 'session=8f14e45fceea167a5a36dedd4bea2543; theme=dark' },
  },
  post: {
    paths: ['/orders'],
    method: 'POST',
    headers: { ...BROWSER, 'Content-Type': 'application/json' },
    body: ORDER,
  },
}

const GROUP = {
  Name: 'core-rules',
  Priority: 0,
  Statement: { ManagedRuleGroupStatement: { VendorName: 'OWASP', Name: 'CRS' } },
  OverrideAction: { None: {} },
  VisibilityConfig: {
    SampledRequestsEnabled: true,
    CloudWatchMetricsEnabled: true,
    MetricName: 'core-rules',
  },
}

await using origin = await startFixedOrigin({ bodyBytes: 1_024 })
const edge = (cachePolicy: string) => (logFolder: string) => ({
  listeners: [{ port: 0 }],
  distributions: {
    bench: {
      origins: { o: { url: origin.url } },
      defaultBehavior: { origin: 'o', cachePolicy, originRequestPolicy: 'AllViewer', allowedMethods: 'all' },
      webAcl: {
        Name: 'bench',
        DefaultAction: { Allow: {} },
        Rules: [GROUP],
        VisibilityConfig: {
          SampledRequestsEnabled: true,
          CloudWatchMetricsEnabled: true,
          MetricName: 'bench',
        },
      },
    },
  },
  log: { access: { folder: logFolder } },
})

const values: Record<string, number | undefined> = {}
const wrong: string[] = []
const skipped: { name: string; missing: string }[] = []
for (const kind of ['get', 'post'] as const) {
  await using lineup = await startLineup({
    edge: edge(kind === 'get' ? 'CachingOptimized' : 'CachingDisabled'),
    peers: ['modsecurity'],
    peerOptions: { originPort: origin.port, workers: 1, cache: kind === 'get' },
    only,
  })
  const load = { ...WORKS[kind], connections: numbers.connections }
  const figures = await measure(lineup.contenders, {
    rounds: numbers.rounds,
    warmUp: ({ url }) => generateLoad({ ...load, url, seconds: numbers.warm }),
    work: async ({ url }) => {
      const { requests, errors, badStatuses, seconds } = await generateLoad({
        ...load,
        url,
        seconds: numbers.seconds,
      })
      return { units: requests, failures: errors + badStatuses, seconds }
    },
  })
  const title =
    kind === 'get' ? 'GET with five arguments and a cookie' : `POST of ${ORDER.length} bytes of JSON`
  printFigures(`${title}, Core Rule Set at paranoia level 1`, 'requests', figures)
  values[`${kind}_per_cpu_second`] = figures.find(({ name }) => name === 'edgeward')?.perCpuSecond
  values[`ratio_modsecurity_${kind}`] = ratiosOf(figures)['ratio_modsecurity']
  wrong.push(...failuresOf(figures))
  if (kind === 'get') skipped.push(...lineup.skipped)
}
finish({
  name: 'waf',
  values,
  holds: [
    { key: 'ratio_modsecurity_get', atLeast: 20 },
    { key: 'ratio_modsecurity_post', atLeast: 10 },
  ],
  skipped,
  wrong,
})
