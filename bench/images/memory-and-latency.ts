import { Agent } from 'node:http'
import { watchMemory } from '../support/cpu.ts'
import { startEdge } from '../support/edge.ts'
import { generateLoad } from '../support/load.ts'
import { median } from '../support/measure.ts'
import { configFor } from './edge-config.ts'
import { request } from './request.ts'

/** So many different requests at once, after a few that start the image processes. */
export async function peakOf(
  pictures: string,
  names: readonly string[],
  concurrent: number,
): Promise<number> {
  await using edge = await startEdge(configFor(pictures))
  const agent = new Agent({ keepAlive: true, maxSockets: concurrent })
  const ask = (width: number) =>
    request(edge.url, `/${width}x512/filters:format(webp)/${names[width % names.length]}`, agent)
  await Promise.all([ask(100), ask(101), ask(102), ask(103)])
  const watch = watchMemory(edge.pids)
  const statuses = await Promise.all(Array.from({ length: concurrent }, (_, index) => ask(300 + index)))
  const peak = watch.stop() / 2 ** 20
  agent.destroy()
  const failed = statuses.filter((status) => status !== 200).length
  if (failed > 0) throw new Error(`${failed} of ${concurrent} requests at once were not answered 200`)
  return peak
}

/** The 99th percentile of a cached variant, asked for every five milliseconds, at rest and beside misses; medians of rounds. */
export async function latencies(
  pictures: string,
  names: readonly string[],
  { probe: seconds, rounds }: { readonly probe: number; readonly rounds: number },
): Promise<readonly [atRest: number, underLoad: number]> {
  await using edge = await startEdge(configFor(pictures))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const hit = () => request(edge.url, `/hit/512x512/filters:format(webp)/${names[0]}`, agent)
  for (let i = 0; i < 200; i++) await hit()
  const probe = async () => {
    const times: number[] = []
    const until = performance.now() + seconds * 1000
    while (performance.now() < until) {
      const started = performance.now()
      await hit()
      times.push(performance.now() - started)
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    times.sort((a, b) => a - b)
    return times[Math.floor(times.length * 0.99)]!
  }
  const atRest: number[] = []
  const underLoad: number[] = []
  // In turns, because a shared machine has good and bad moments.
  for (let round = 0; round < rounds; round++) {
    atRest.push(await probe())
    const load = generateLoad({
      url: edge.url,
      paths: names.map((name) => `/512x512/filters:format(webp)/${name}`),
      connections: 8,
      seconds: seconds + 1,
    })
    await new Promise((resolve) => setTimeout(resolve, 500))
    underLoad.push(await probe())
    await load
  }
  agent.destroy()
  return [median(atRest), median(underLoad)]
}
