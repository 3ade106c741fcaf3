/**
 * How many requests a cache of a given size answers: the memory store beside exact LRU and Belady's choice, on a Zipf
 * trace and on one that a crawler pollutes, at three sizes. Must hold: never below LRU, and clearly above under scans.
 */
import { belady, edgeward, lru, type Policy } from './evict/policies.ts'
import { footprintOf, scannedTrace, zipfTrace } from './evict/traces.ts'
import { readOptions } from './support/options.ts'
import { finish, type Hold } from './support/report.ts'
import { printTable } from './support/table.ts'

const { numbers } = readOptions({ requests: 150_000, objects: 50_000, skew: 0.9 })
const POLICIES: Readonly<Record<string, Policy>> = { edgeward, lru, belady }
/** Of the bytes of all objects that are popular. */
const SHARES = [0.01, 0.05, 0.2]

const values: Record<string, number> = {}
const holds: Hold[] = []
const traces = [zipfTrace(numbers), scannedTrace(numbers)]
const popular = footprintOf(traces[0]!)
for (const trace of traces) {
  console.log(
    `\n${trace.name}: ${trace.objects.length} requests, ${(footprintOf(trace) / 1e9).toFixed(2)} GB of objects (hit ratio, and of bytes)`,
  )
  const rows = SHARES.map((share) => {
    const maxBytes = Math.round(popular * share)
    const ratios = Object.entries(POLICIES).map(([name, policy]) => {
      const ratio = policy(trace, maxBytes)
      values[`${trace.name}_${share * 100}_${name}`] = ratio.requests
      return ratio
    })
    const [ours, plain, best] = ratios.map(({ requests }) => requests)
    const key = `${trace.name}_${share * 100}_to_lru`
    values[key] = ours! / plain!
    holds.push({ key, atLeast: trace.name === 'scan' ? 1.05 : 1 })
    return [
      `${share * 100} %, ${(maxBytes / 2 ** 20).toFixed(0)} MiB`,
      ...ratios.map(({ requests, bytes }) => `${percent(requests)} (${percent(bytes)})`),
      (ours! / plain!).toFixed(3),
      ((ours! - plain!) / (best! - plain!)).toFixed(2),
    ]
  })
  printTable(['size', ...Object.keys(POLICIES), 'edgeward / lru', 'of the way to belady'], rows)
}
finish({ name: 'evict', values, holds })

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`
}
