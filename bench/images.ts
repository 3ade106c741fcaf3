/**
 * What a picture costs: six photographs as JPEG to 512 x 512 as JPEG, WebP, PNG and AVIF, each request a miss, beside
 * bare sharp in a loop, nginx's image filter, ipx and ImageMagick.
 * Must hold: 0.95 of bare sharp for WebP, PNG and AVIF and 0.90 for JPEG; below 400 MiB for 200 requests at once; the
 * 99th percentile of cached variants at most three times its value at rest while transforms saturate the processor.
 */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { Agent, get } from 'node:http'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import sharp from 'sharp'
import { cpuSeconds, watchMemory } from './support/cpu.ts'
import { startEdge } from './support/edge.ts'
import { generateLoad } from './support/load.ts'
import { readOptions } from './support/options.ts'
import { finish } from './support/report.ts'
import { findCommand, type Missing, startServerProcess, temporaryFolder } from './support/server-process.ts'
import { printTable } from './support/table.ts'

const FORMATS = ['jpeg', 'webp', 'png', 'avif'] as const
type Format = (typeof FORMATS)[number]

interface Worked {
  readonly units: number
  readonly cpu: number
  readonly failures: number
}

interface Contender {
  readonly name: string
  readonly formats: readonly Format[]
  work(format: Format, units: number): Promise<Worked>
  stop(): Promise<void>
}

const { numbers, only } = readOptions({
  units: 120,
  rounds: 3,
  /** Pictures before anything is measured: V8 has compiled the edge's way of one after two or three thousand. */
  warm: 3000,
  connections: 3,
  concurrent: 200,
  probe: 5,
})
const photos = path.join(
  process.env['EDGEWARD_CORPORA'] ?? path.join(import.meta.dirname, '../../shared/corpora'),
  'photos',
)
const source = photos
using folder = temporaryFolder('images')
const skipped: Missing[] = []
if (!existsSync(source)) {
  finish({ name: 'images', values: {}, skipped: [{ name: 'photos', missing: `no-photos-in-${photos}` }] })
} else {
  await run()
}

async function run(): Promise<void> {
  const pictures = path.join(folder.path, 'photos')
  mkdirSync(pictures)
  for (const name of readdirSync(source).filter((each) => each.endsWith('.png')))
    writeFileSync(
      path.join(pictures, name.replace('.png', '.jpg')),
      await sharp(path.join(source, name)).jpeg({ quality: 90 }).toBuffer(),
    )
  const names = readdirSync(pictures).sort()

  const contenders = [await edgeward(pictures, names), await bareSharp(pictures)]
  for (const [name, start] of [
    ['nginx', nginx],
    ['ipx', ipx],
    ['imagemagick', imageMagick],
  ] as const) {
    if (only !== undefined && !only.includes(name)) continue
    const peer = await start(pictures, names)
    if ('missing' in peer) skipped.push(peer)
    else contenders.push(peer)
  }

  // A process for each picture has nothing to warm up.
  for (const contender of contenders.filter(({ name }) => name !== 'imagemagick'))
    await contender.work('jpeg', numbers.warm)
  const rates = new Map<string, number[]>()
  const wrong: string[] = []
  for (const format of FORMATS) {
    for (let round = 0; round <= numbers.rounds; round++) {
      for (const contender of contenders.filter(({ formats }) => formats.includes(format))) {
        const { units, cpu, failures } = await contender.work(format, unitsOf(format))
        if (failures > 0) wrong.push(`${contender.name} failed ${failures} times at ${format}`)
        // The first round warms up what is particular to a format.
        if (round === 0) continue
        const key = `${contender.name} ${format}`
        rates.set(key, [...(rates.get(key) ?? []), units / cpu])
      }
    }
  }
  const rate = (name: string, format: Format) => median(rates.get(`${name} ${format}`) ?? [Number.NaN])
  console.log(
    `\ntransforms per CPU-second, median of ${numbers.rounds} rounds of ${numbers.units} pictures (AVIF: a tenth)`,
  )
  printTable(
    ['who', ...FORMATS, ...FORMATS.map((format) => `edgeward / it, ${format}`)],
    contenders.map(({ name }) => [
      name,
      ...FORMATS.map((format) => rate(name, format)),
      ...FORMATS.map((format) => rate('edgeward', format) / rate(name, format)),
    ]),
  )
  const ratio = (name: string) =>
    Math.min(
      ...FORMATS.map((format) => rate('edgeward', format) / rate(name, format)).filter(Number.isFinite),
    )
  const values: Record<string, number> = {}
  for (const format of FORMATS)
    values[`ratio_sharp_${format}`] = rate('edgeward', format) / rate('sharp', format)
  values['ratio_sharp'] = ratio('sharp')
  for (const { name } of contenders.slice(2)) values[`ratio_${name}`] = ratio(name)
  for (const contender of contenders) await contender.stop()

  values['peak_mib'] = await peakOf(pictures, names)
  const [atRest, underLoad] = await latencies(pictures, names)
  values['p99_rest_ms'] = atRest
  values['p99_load_ms'] = underLoad
  values['p99_ratio'] = underLoad / atRest
  console.log(
    `\npeak memory of the process tree, ${numbers.concurrent} requests at once: ${values['peak_mib'].toFixed(0)} MiB`,
  )
  console.log(
    `p99 of a cached variant: ${atRest.toFixed(2)} ms at rest, ${underLoad.toFixed(2)} ms while transforms run`,
  )
  finish({
    name: 'images',
    values,
    holds: [
      { key: 'ratio_sharp_jpeg', atLeast: 0.9 },
      ...(['webp', 'png', 'avif'] as const).map((format) => ({
        key: `ratio_sharp_${format}`,
        atLeast: 0.95,
      })),
      { key: 'peak_mib', atMost: 400 },
      { key: 'p99_ratio', atMost: 3 },
    ],
    skipped,
    wrong,
  })
}

function configFor(pictures: string) {
  return (logFolder: string) => ({
    listeners: [{ port: 0 }],
    distributions: {
      bench: {
        origins: { photos: { folder: pictures } },
        behaviors: [
          {
            path: '/hit/*',
            origin: 'photos',
            stripPrefix: '/hit',
            compress: false,
            images: { dialect: 'sih' },
          },
        ],
        defaultBehavior: {
          origin: 'photos',
          cachePolicy: 'CachingDisabled',
          compress: false,
          images: { dialect: 'sih' },
        },
      },
    },
    log: { access: { folder: logFolder } },
  })
}

async function edgeward(pictures: string, names: readonly string[]): Promise<Contender> {
  const edge = await startEdge(configFor(pictures))
  return served(
    'edgeward',
    FORMATS,
    edge.url,
    edge.pids,
    () => edge.stop(),
    (format) => names.map((name) => `/512x512/filters:format(${format})/${name}`),
  )
}

function served(
  name: string,
  formats: readonly Format[],
  url: string,
  pids: readonly number[],
  stop: () => Promise<void>,
  pathsOf: (format: Format) => readonly string[],
): Contender {
  return {
    name,
    formats,
    stop,
    async work(format, units) {
      const paths = pathsOf(format)
      const agent = new Agent({ keepAlive: true, maxSockets: numbers.connections })
      const before = cpuSeconds(pids)
      let next = 0
      let failures = 0
      const client = async () => {
        while (next < units) {
          const status = await request(url, paths[next++ % paths.length]!, agent)
          if (status !== 200) failures++
        }
      }
      await Promise.all(Array.from({ length: numbers.connections }, client))
      const cpu = cpuSeconds(pids) - before
      agent.destroy()
      return { units, cpu, failures }
    },
  }
}

/** The same number of pictures for everyone, so that a busy machine changes the time and not the figure. */
function unitsOf(format: Format): number {
  return format === 'avif' ? Math.ceil(numbers.units / 10) : numbers.units
}

async function bareSharp(pictures: string): Promise<Contender> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, 'support/bare-sharp.ts'), pictures], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  return {
    name: 'sharp',
    formats: FORMATS,
    async work(format, units) {
      child.stdin.write(`${format} ${units}\n`)
      return { units, cpu: Number((await lines.next()).value), failures: 0 }
    },
    async stop() {
      child.kill()
    },
  }
}

/** It cannot change formats, so it takes part with JPEG alone. */
async function nginx(pictures: string, names: readonly string[]): Promise<Contender | Missing> {
  const module = '/usr/lib/nginx/modules/ngx_http_image_filter_module.so'
  const command = findCommand('nginx')
  if (command === undefined || !existsSync(module))
    return { name: 'nginx', missing: 'libnginx-mod-http-image-filter' }
  const port = await freePort()
  const file = path.join(folder.path, 'nginx.conf')
  writeFileSync(
    file,
    `daemon off; worker_processes 1; ${process.getuid?.() === 0 ? 'user root;' : ''} pid ${folder.path}/nginx.pid;
error_log stderr error; load_module ${module};
events { worker_connections 1024; }
http {
  client_body_temp_path ${folder.path}/a; proxy_temp_path ${folder.path}/b; fastcgi_temp_path ${folder.path}/c;
  uwsgi_temp_path ${folder.path}/d; scgi_temp_path ${folder.path}/e;
  access_log ${folder.path}/nginx.log combined buffer=64k flush=1s;
  types { image/jpeg jpg; }
  server { listen 127.0.0.1:${port}; root ${pictures};
    location / { image_filter crop 512 512; image_filter_jpeg_quality 80; image_filter_buffer 20M; } }
}`,
  )
  const server = startServerProcess({ name: 'nginx', command, args: ['-p', folder.path, '-c', file] })
  const url = `http://127.0.0.1:${port}`
  await server.waitForUrl(`${url}/${names[0]}`)
  return served(
    'nginx',
    ['jpeg'],
    url,
    [server.pid],
    () => server.stop(),
    () => names.map((name) => `/${name}`),
  )
}

/** Installed outside of the tree: it brings a sharp of its own. */
async function ipx(pictures: string, names: readonly string[]): Promise<Contender | Missing> {
  const peers = process.env['EDGEWARD_PEERS'] ?? path.join(tmpdir(), 'edgeward-peers')
  const bin = path.join(peers, 'node_modules/ipx/bin/ipx.mjs')
  if (!existsSync(bin)) {
    console.log(`ipx is not in ${peers}: npm install --prefix ${peers} ipx@3.1.1`)
    return { name: 'ipx', missing: 'ipx' }
  }
  const port = await freePort()
  const server = startServerProcess({
    name: 'ipx',
    command: process.execPath,
    args: [bin, 'serve', '--dir', pictures, '--port', String(port), '--host', '127.0.0.1'],
  })
  const url = `http://127.0.0.1:${port}`
  await server.waitForUrl(`${url}/_/${names[0]}`)
  return served(
    'ipx',
    FORMATS,
    url,
    [server.pid],
    () => server.stop(),
    (format) => names.map((name) => `/f_${format},s_512x512/${name}`),
  )
}

async function imageMagick(pictures: string, names: readonly string[]): Promise<Contender | Missing> {
  const command = findCommand('convert')
  if (command === undefined) return { name: 'imagemagick', missing: 'imagemagick' }
  const one = (name: string, format: Format) =>
    spawnSync(command, [
      path.join(pictures, name),
      ...[
        '-resize',
        '512x512^',
        '-gravity',
        'center',
        '-extent',
        '512x512',
        '-quality',
        format === 'avif' ? '50' : '80',
      ],
      path.join(folder.path, `out.${format}`),
    ]).status === 0
  const can = FORMATS.filter((format) => one(names[0]!, format))
  return {
    name: 'imagemagick',
    formats: can,
    work(format, wanted) {
      const before = waitedFor()
      // A process for each picture: fewer of them tell as much.
      const units = Math.ceil(wanted / 4)
      let failures = 0
      for (let i = 0; i < units; i++) if (!one(names[i % names.length]!, format)) failures++
      return Promise.resolve({ units, cpu: waitedFor() - before, failures })
    },
    stop: () => Promise.resolve(),
  }
}

/** CPU seconds of the children this process has waited for: proc_pid_stat(5). */
function waitedFor(): number {
  const text = readFileSync('/proc/self/stat', 'utf8')
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[13]) + Number(fields[14])) / 100
}

/** 200 different requests at once, after a few that start the image processes. */
async function peakOf(pictures: string, names: readonly string[]): Promise<number> {
  await using edge = await startEdge(configFor(pictures))
  const agent = new Agent({ keepAlive: true, maxSockets: numbers.concurrent })
  const ask = (width: number) =>
    request(edge.url, `/${width}x512/filters:format(webp)/${names[width % names.length]}`, agent)
  await Promise.all([ask(100), ask(101), ask(102), ask(103)])
  const watch = watchMemory(edge.pids)
  const statuses = await Promise.all(
    Array.from({ length: numbers.concurrent }, (_, index) => ask(300 + index)),
  )
  const peak = watch.stop() / 2 ** 20
  agent.destroy()
  const failed = statuses.filter((status) => status !== 200).length
  if (failed > 0) throw new Error(`${failed} of ${numbers.concurrent} requests at once were not answered 200`)
  return peak
}

/** The 99th percentile of a cached variant, asked for every five milliseconds, at rest and beside misses; medians of rounds. */
async function latencies(pictures: string, names: readonly string[]): Promise<readonly [number, number]> {
  await using edge = await startEdge(configFor(pictures))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const hit = () => request(edge.url, `/hit/512x512/filters:format(webp)/${names[0]}`, agent)
  for (let i = 0; i < 200; i++) await hit()
  const probe = async () => {
    const times: number[] = []
    const until = performance.now() + numbers.probe * 1000
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
  for (let round = 0; round < numbers.rounds; round++) {
    atRest.push(await probe())
    const load = generateLoad({
      url: edge.url,
      paths: names.map((name) => `/512x512/filters:format(webp)/${name}`),
      connections: 8,
      seconds: numbers.probe + 1,
    })
    await new Promise((resolve) => setTimeout(resolve, 500))
    underLoad.push(await probe())
    await load
  }
  agent.destroy()
  return [median(atRest), median(underLoad)]
}

function request(url: string, target: string, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get(url + target, { agent }, (response) => {
      response.resume()
      response.on('end', () => resolve(response.statusCode ?? 0))
      response.on('error', reject)
    }).on('error', reject)
  })
}

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
    server.on('error', reject)
    server.listen(0, '127.0.0.1', () => {
      const address = server.address()
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0))
    })
  })
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!
}
