/**
 * What a proxied GET of 1 KB costs: keep-alive, 32 connections, nothing cached, access log on.
 * Must hold: Caddy's figure at least.
 */
import { proxyTo } from './support/edge.ts'
import { startLineup } from './support/lineup.ts'
import { generateLoad } from './support/load.ts'
import { checkAnswer, measure } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startFixedOrigin } from './support/origin.ts'
import { failuresOf, finish, printFigures, ratiosOf } from './support/report.ts'

const BODY_BYTES = 1024

const { numbers, only } = readOptions({ seconds: 4, rounds: 5, warm: 12, connections: 32 })
await using origin = await startFixedOrigin({ bodyBytes: BODY_BYTES })
await using lineup = await startLineup({
  edge: proxyTo(origin.url),
  peers: ['nginx', 'haproxy', 'caddy'],
  peerOptions: { originPort: origin.port, workers: 1 },
  only,
})
for (const contender of lineup.contenders) await checkAnswer(contender, '/object', BODY_BYTES)

const load = { paths: ['/object'], connections: numbers.connections }
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

printFigures(`proxied GET of ${BODY_BYTES} bytes, ${numbers.connections} connections`, 'requests', figures)
finish({
  name: 'proxy',
  values: {
    per_cpu_second: figures.find(({ name }) => name === 'edgeward')?.perCpuSecond,
    ...ratiosOf(figures),
  },
  holds: [{ key: 'ratio_caddy', atLeast: 1 }],
  skipped: lineup.skipped,
  wrong: failuresOf(figures),
})
