/**
 * What a stored variant costs: photographs at 512 x 512 as JPEG and AVIF out of a folder store, each request past the edge's
 * cache, beside the same files served by nginx and the same pictures made anew by bare sharp. Requests per CPU-second, and
 * the median time to an answer with one connection. Must hold: nothing is decoded for a stored variant, and it is cheaper than
 * making it: 3 times for JPEG and 30 times for AVIF.
 */
import { mkdirSync, writeFileSync } from 'node:fs'
import { Agent } from 'node:http'
import path from 'node:path'
import { bareSharp } from './images/contenders.ts'
import { request } from './images/request.ts'
import { cpuSeconds } from './support/cpu.ts'
import { startEdge } from './support/edge.ts'
import { median } from './support/measure.ts'
import { readOptions } from './support/options.ts'
import { startStaticNginx } from './support/peers/static-nginx.ts'
import { withPhotos, writeJpegs } from './support/photos.ts'
import { finish } from './support/report.ts'
import { type Contender, freePort, type Missing, temporaryFolder } from './support/server-process.ts'
import { printTable } from './support/table.ts'

const FORMATS = ['jpeg', 'avif'] as const
type Format = (typeof FORMATS)[number]

const { numbers } = readOptions({
  /** Answers of a round; sharp makes a tenth, and of AVIF a hundredth. */
  units: 2000,
  rounds: 3,
  /** Answers of each server before anything is measured. */
  warm: 3000,
  connections: 8,
  /** Answers of which the median is taken, one after the other. */
  probes: 300,
})
const ADMIN_TOKEN = 'token-of-the-benchmark'
const skipped: Missing[] = []
await withPhotos('variants', run)

interface Served {
  readonly name: string
  readonly contender: Contender
  readonly pathsOf: (format: Format) => readonly string[]
}

async function run(): Promise<void> {
  using folder = temporaryFolder('variants')
  const pictures = path.join(folder.path, 'photos')
  const made = path.join(folder.path, 'made')
  for (const each of [pictures, made]) mkdirSync(each)
  const names = await writeJpegs(pictures)
  const adminPort = await freePort()
  await using edge = await startEdge((logFolder) => configFor(pictures, adminPort, logFolder))
  const variantsOf = (format: Format) => names.map((name) => `/512x512/filters:format(${format})/${name}`)
  // Each is made once, and what nginx serves are the same bytes.
  for (const format of FORMATS)
    for (const target of variantsOf(format)) {
      const response = await fetch(edge.url + target)
      if (response.status !== 200) throw new Error(`${target} was answered ${response.status}`)
      writeFileSync(path.join(made, fileOf(target, format)), Buffer.from(await response.arrayBuffer()))
    }

  const servers: Served[] = [{ name: 'edgeward', contender: edge, pathsOf: variantsOf }]
  const nginx = await startStaticNginx(made)
  if ('missing' in nginx) skipped.push(nginx)
  else
    servers.push({
      name: 'nginx',
      contender: nginx,
      pathsOf: (format) => variantsOf(format).map((target) => `/${fileOf(target, format)}`),
    })
  const sharpAlone = await bareSharp({ pictures })
  const wrong: string[] = []
  const rates = new Map<string, number[]>()
  const times = new Map<string, number>()
  const note = (key: string, rate: number) => rates.set(key, [...(rates.get(key) ?? []), rate])
  try {
    for (const { contender, pathsOf } of servers)
      for (const format of FORMATS)
        await ask(contender.url, pathsOf(format), numbers.warm, numbers.connections)
    await sharpAlone.work('jpeg', Math.ceil(numbers.warm / 10))
    for (const format of FORMATS) {
      for (let round = 0; round < numbers.rounds; round++) {
        for (const { name, contender, pathsOf } of servers) {
          const before = cpuSeconds(contender.pids)
          const failures = await ask(contender.url, pathsOf(format), numbers.units, numbers.connections)
          note(`${name} ${format}`, numbers.units / Math.max(0.01, cpuSeconds(contender.pids) - before))
          if (failures > 0) wrong.push(`${name} failed ${failures} times at ${format}`)
        }
        const { units, cpu } = await sharpAlone.work(
          format,
          Math.ceil(numbers.units / (format === 'avif' ? 100 : 10)),
        )
        note(`sharp ${format}`, units / cpu)
      }
      for (const { name, contender, pathsOf } of servers)
        times.set(`${name} ${format}`, await medianTime(contender.url, pathsOf(format)))
    }
    const { decoded, served } = await countsOf(adminPort)
    const expected = FORMATS.length * names.length
    if (decoded !== expected) wrong.push(`${decoded} pictures were decoded for ${expected} variants`)
    if (served === 0) wrong.push('nothing was served out of the store')
  } finally {
    await sharpAlone.stop()
    if (!('missing' in nginx)) await nginx.stop()
  }
  tell(rates, times, wrong)
}

function tell(
  rates: ReadonlyMap<string, readonly number[]>,
  times: ReadonlyMap<string, number>,
  wrong: readonly string[],
): void {
  const rate = (name: string, format: Format) => median(rates.get(`${name} ${format}`) ?? [])
  console.log(`\nanswers per CPU-second, median of ${numbers.rounds} rounds; median time with one connection`)
  printTable(
    [
      'who',
      ...FORMATS,
      ...FORMATS.map((format) => `edgeward / it, ${format}`),
      ...FORMATS.map((f) => `${f} ms`),
    ],
    ['edgeward', 'nginx', 'sharp'].map((name) => [
      name,
      ...FORMATS.map((format) => rate(name, format)),
      ...FORMATS.map((format) => rate('edgeward', format) / rate(name, format)),
      ...FORMATS.map((format) => times.get(`${name} ${format}`) ?? Number.NaN),
    ]),
  )
  const values: Record<string, number> = {}
  for (const format of FORMATS) {
    values[`edgeward_${format}`] = rate('edgeward', format)
    values[`ratio_sharp_${format}`] = rate('edgeward', format) / rate('sharp', format)
    if (rates.has(`nginx ${format}`))
      values[`ratio_nginx_${format}`] = rate('edgeward', format) / rate('nginx', format)
    values[`p50_ms_${format}`] = times.get(`edgeward ${format}`) ?? Number.NaN
    const beside = times.get(`nginx ${format}`)
    if (beside !== undefined) values[`p50_nginx_ms_${format}`] = beside
  }
  finish({
    name: 'variants',
    values,
    holds: [
      { key: 'ratio_sharp_jpeg', atLeast: 3 },
      { key: 'ratio_sharp_avif', atLeast: 30 },
    ],
    skipped,
    wrong,
  })
}

function configFor(pictures: string, adminPort: number, logFolder: string) {
  return {
    listeners: [{ port: 0 }],
    admin: { port: adminPort, token: ADMIN_TOKEN },
    distributions: {
      bench: {
        origins: { photos: { folder: pictures } },
        defaultBehavior: {
          origin: 'photos',
          // The edge's own cache would answer everything but the first.
          cachePolicy: 'CachingDisabled',
          compress: false,
          images: { dialect: 'sih', variants: {} },
        },
      },
    },
    log: { access: { folder: logFolder, gzip: false } },
  }
}

function fileOf(target: string, format: Format): string {
  return path.basename(target).replace(/\.jpg$/, `.${format}`)
}

/** So many answers, asked for by so many connections; gives how many were not 200. */
async function ask(
  url: string,
  paths: readonly string[],
  units: number,
  connections: number,
): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  let next = 0
  let failures = 0
  const client = async () => {
    while (next < units) if ((await request(url, paths[next++ % paths.length]!, agent)) !== 200) failures++
  }
  await Promise.all(Array.from({ length: connections }, client))
  agent.destroy()
  return failures
}

async function medianTime(url: string, paths: readonly string[]): Promise<number> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const times: number[] = []
  for (let i = 0; i < numbers.probes; i++) {
    const startedAt = performance.now()
    await request(url, paths[i % paths.length]!, agent)
    times.push(performance.now() - startedAt)
  }
  agent.destroy()
  return median(times)
}

/** What the edge says of its work. */
async function countsOf(adminPort: number) {
  const headers = { authorization: `Bearer ${ADMIN_TOKEN}` }
  const text = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers })).text()
  const count = (line: string) =>
    Number(
      text
        .split('\n')
        .find((each) => each.startsWith(`${line} `))
        ?.split(' ')[1] ?? Number.NaN,
    )
  return {
    decoded: count('edgeward_images_total{outcome="done"}'),
    served: count('edgeward_images_variants_total{event="served"}'),
  }
}
