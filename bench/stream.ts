/**
 * What it costs to pass a body of 1 GiB through the edge, down from an origin and up to it, and how much memory.
 * Must hold: less than 150 MiB resident, however large the body is.
 */
import { proxyTo } from './support/edge.ts'
import { startLineup } from './support/lineup.ts'
import { measure } from './support/measure.ts'
import type { Work } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startStreamOrigin } from './support/origin.ts'
import { failuresOf, finish, printFigures, ratiosOf } from './support/report.ts'
import type { Contender } from './support/server-process.ts'
import { download, upload } from './support/transfer.ts'

const { numbers, only } = readOptions({ mib: 1024, rounds: 3, warm: 64 })
await using origin = await startStreamOrigin()
await using lineup = await startLineup({
  edge: proxyTo(origin.url),
  peers: ['nginx'],
  peerOptions: { originPort: origin.port, workers: 1 },
  only,
})

const down = await measure(lineup.contenders, passing(download))
printFigures(`download of ${numbers.mib} MiB`, 'MB', down)
const up = await measure(lineup.contenders, passing(upload))
printFigures(`upload of ${numbers.mib} MiB`, 'MB', up)

const ours = [...down, ...up].filter(({ name }) => name === 'edgeward')
finish({
  name: 'stream',
  values: {
    ratio_nginx_download: ratiosOf(down)['ratio_nginx'],
    ratio_nginx_upload: ratiosOf(up)['ratio_nginx'],
    download_mb_per_cpu_second: ours[0]?.perCpuSecond,
    upload_mb_per_cpu_second: ours[1]?.perCpuSecond,
    peak_rss_mib:
      ours.length === 0 ? undefined : Math.max(...ours.map(({ peakBytes }) => peakBytes)) / 2 ** 20,
  },
  holds: [{ key: 'peak_rss_mib', atMost: 150 }],
  skipped: lineup.skipped,
  wrong: failuresOf([...down, ...up]),
})

function passing(transfer: (url: string, bytes: number) => Promise<number>): Parameters<typeof measure>[1] {
  return {
    rounds: numbers.rounds,
    warmUp: ({ url }: Contender) => transfer(url, numbers.warm * 2 ** 20),
    work: async ({ url }: Contender): Promise<Work> => {
      const bytes = numbers.mib * 2 ** 20
      const started = performance.now()
      const passed = await transfer(url, bytes)
      return {
        units: passed / 1e6,
        failures: passed === bytes ? 0 : 1,
        seconds: (performance.now() - started) / 1000,
      }
    },
  }
}
