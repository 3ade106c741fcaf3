/**
 * What a shared store of variants loses because each process knows its own uses alone. Processes with an edge cache each
 * stand before one store; each request goes to one of them at random. The store evicts by group as `Room` does, by what the
 * evicting process knows: when each variant was put; that and its own uses; that and uses noted once a day; that, where
 * a variant that has stayed for half of the time that variants stay is put anew when it is used; all uses. Told is the share of the edge caches' misses that the store answers, so that nothing is decoded. Must hold: that
 * loses at most 1.5 points of it to knowing all uses.
 */
import { createRandom, footprintOf, scannedTrace, type Trace, zipfTrace } from './evict/traces.ts'
import { readOptions } from './support/options.ts'
import { finish, type Hold } from './support/report.ts'
import { printTable } from './support/table.ts'
import { POLICIES, storeHits } from './evict/shared-store.ts'

const { numbers } = readOptions({ requests: 100_000, objects: 50_000, skew: 0.9, restarts: 4 })
/** Of the bytes of all variants that are popular: each edge cache, and the store. */
const SIZES = [
  { edge: 0.01, store: 0.1 },
  { edge: 0.05, store: 0.2 },
  { edge: 0.05, store: 0.5 },
] as const
const PROCESSES = [2, 4, 16]

const values: Record<string, number> = {}
const holds: Hold[] = []
const popular = footprintOf(zipfTrace(numbers))
const traces = [zipfTrace(numbers), scannedTrace(numbers), drifting(zipfTrace(numbers))]
for (const trace of traces) {
  const rows = SIZES.flatMap(({ edge, store }) =>
    PROCESSES.map((processes) => {
      const found = POLICIES.map((policy) =>
        storeHits(trace, policy, {
          processes,
          edgeBytes: popular * edge,
          storeBytes: popular * store,
          restarts: numbers.restarts,
        }),
      )
      const ratios = found.map(({ hits }) => hits)
      for (const [index, policy] of POLICIES.entries())
        values[`${trace.name}_${store * 100}_${processes}_${policy}`] = ratios[index]!
      const [, , , touch = 0, all = 0] = ratios
      const key = `${trace.name}_${store * 100}_${processes}_lost`
      values[key] = (all - touch) * 100
      holds.push({ key, atMost: 1.5 })
      return [
        `${edge * 100} % and ${store * 100} %`,
        String(processes),
        ...ratios.map((ratio) => (ratio * 100).toFixed(1)),
        (found[3]!.touched * 100).toFixed(1),
      ]
    }),
  )
  console.log(
    `\n${trace.name}: ${trace.objects.length} requests, ${numbers.restarts} restarts of all; % of misses that the store answers`,
  )
  printTable(['edge caches and store', 'processes', ...POLICIES, 'touched, % of misses'], rows)
}
finish({ name: 'variant-uses', values, holds })

/** The same popularity, of other variants after each tenth: what was popular yesterday is not today. */
function drifting({ objects, sizes }: Trace): Trace {
  const random = createRandom(11)
  const names = Uint32Array.from(sizes, (_, index) => index)
  const turn = Math.ceil(objects.length / 10)
  return {
    name: 'drift',
    sizes,
    objects: Uint32Array.from(objects, (object, at) => {
      if (at % turn === 0)
        for (let i = 0; i < names.length / 20; i++) {
          const [a, b] = [Math.floor(random() * names.length), Math.floor(random() * 500)]
          ;[names[a], names[b]] = [names[b]!, names[a]!]
        }
      return names[object]!
    }),
  }
}
