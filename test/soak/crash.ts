/**
 * Kills the edge at random moments under load, 50 times, with a cache on disk that also loses bytes in between: every
 * byte that is served must be one the origin sent for that URL, and nothing invalidated may come back. Then the same on
 * a disk that is full, where a small file system can be mounted. The same dice at every run.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { Agent, createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { bytesFor } from '../../src/cache/store/entry.fixture.ts'
import { freePort } from '../support/free-port.ts'

const KILLS = Number(process.argv[2] ?? 50)
const PATHS = 300
const GROUPS = 10
const CONNECTIONS = 12
const SEED_HEADER = 'x-seed'
const launcher = join(import.meta.dirname, '..', '..', 'bin', 'edgeward.cjs')

let dice = 42
const random = (): number => (dice = (dice * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32
const below = (limit: number): number => Math.floor(random() * limit)

/** Most bodies are short, some are longer than what is read whole. */
const sizes = Array.from({ length: PATHS }, (_, i) =>
  i % 20 === 0 ? 1_100_000 + below(2_000_000) : 1 + below(60_000),
)
/** Of each group of paths (a tag): counts up with each invalidation, and is part of every body. */
const generations = Array.from({ length: GROUPS }, () => 1)
/** What must be served at least, because the invalidation of what was before is confirmed. */
const confirmed = Array.from({ length: GROUPS }, () => 1)

const bodies = new Map<string, Buffer>()
function bodyOf(seed: string, size: number): Buffer {
  let body = bodies.get(seed)
  if (body === undefined) {
    if (bodies.size > 600) bodies.clear()
    bodies.set(seed, (body = bytesFor(seed, size)))
  }
  return body
}

const counts = { asked: 0, checked: 0, cut: 0, fromDisk: 0, invalidations: 0, damaged: 0, kills: 0, other: 0 }
const wrong: string[] = []

const origin = createServer((request, response) => {
  const number = Number(request.url!.slice(2))
  const seed = `${number}.${generations[number % GROUPS]}`
  response.setHeader('cache-control', 'max-age=3600').setHeader('cache-tag', `g${number % GROUPS}`)
  response.setHeader(SEED_HEADER, seed).setHeader('content-length', sizes[number]!)
  response.end(bodyOf(seed, sizes[number]!))
})
origin.listen(0, '127.0.0.1')
await once(origin, 'listening')
const folder = await mkdtemp(join(tmpdir(), 'edgeward-crash-'))
const adminPort = await freePort()
const problems: string[] = []

try {
  const cacheFolder = join(folder, 'cache')
  const config = await writeConfig('crash', cacheFolder, 48 << 20)
  for (; counts.kills < KILLS; counts.kills++) {
    const edge = await start(config)
    await checkAfterStart(edge.url)
    const load = new AbortController()
    const running = Promise.all(Array.from({ length: CONNECTIONS }, () => askOn(edge.url, load.signal)))
    const invalidating = invalidateOn(load.signal)
    await delay(50 + below(700))
    edge.child.kill('SIGKILL')
    await once(edge.child, 'exit')
    load.abort()
    await Promise.all([running, invalidating])
    if (random() < 0.4) await damage(cacheFolder)
    process.stderr.write(`\r${counts.kills + 1} of ${KILLS} kills, ${counts.checked} answers checked`)
  }
  process.stderr.write('\r')
  const last = await start(config)
  await checkAfterStart(last.url)
  const { used, files } = await sizeOf(cacheFolder)
  if (used > (48 << 20) * 1.1) wrong.push(`the cache takes ${used} bytes on disk`)
  await stop(last.child)
  console.log(
    `${counts.kills} kills, ${counts.checked} answers checked, ${counts.cut} cut off by kills, ${counts.fromDisk} right after a start without the origin, ` +
      `${counts.invalidations} invalidations, ${counts.damaged} files damaged, ${files} files of ${(used / 2 ** 20).toFixed(1)} MiB left`,
  )
  const full = await onFullDisk()
  for (const sentence of wrong.slice(0, 20)) console.log(`wrong: ${sentence}`)
  const reports = problems.filter((line) => /was not what had been written|cannot be/.test(line)).length
  const holds = wrong.length === 0 && counts.fromDisk > 0 && counts.invalidations > 0 && full !== 'failed'
  console.log(
    `RESULT name=crash kills=${counts.kills} checked=${counts.checked} wrong=${wrong.length} cut=${counts.cut} ` +
      `from_disk=${counts.fromDisk} invalidations=${counts.invalidations} damaged=${counts.damaged} reports=${reports} full_disk=${full}`,
  )
  process.exitCode = holds ? 0 : 1
} finally {
  origin.closeAllConnections()
  origin.close()
  await rm(folder, { recursive: true, force: true })
}

async function writeConfig(name: string, cacheFolder: string, maxBytes: number): Promise<string> {
  const config = join(folder, `${name}.json`)
  const { port } = origin.address() as AddressInfo
  const json = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: { port: adminPort },
    cache: { memoryBytes: 4 << 20, disk: { folder: cacheFolder, maxBytes } },
    distributions: {
      crash: {
        origins: { o: { url: `http://127.0.0.1:${port}` } },
        defaultBehavior: { origin: 'o', cachePolicy: { maxTtlSeconds: 86_400 } },
      },
    },
  }
  await writeFile(config, JSON.stringify(json))
  return config
}

async function start(config: string): Promise<{ child: ChildProcess; url: string }> {
  const child = spawn(process.execPath, [launcher, 'start', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  createInterface({ input: child.stderr }).on('line', (line) => problems.push(line))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^edgeward listening on (http:\/\/\S+)$/.exec(line)
      if (found === null) problems.push(line)
      else resolve(found[1]!)
    })
    child.on('exit', (code) =>
      reject(new Error(`the edge ended with ${code}: ${problems.slice(-5).join('\n')}`)),
    )
  })
  return { child, url }
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** What is there right after a start comes from the disk: it is asked for once each, before any load. */
async function checkAfterStart(url: string): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 4 })
  const numbers = Array.from({ length: 40 }, () => below(PATHS))
  await Promise.all(
    numbers.map(async (number) => {
      if ((await ask(url, number, agent)) === 'Hit') counts.fromDisk++
    }),
  )
  agent.destroy()
}

async function askOn(url: string, signal: AbortSignal): Promise<void> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  // The popular ones often, the others now and then, so that there are hits, evictions and stores.
  while (!signal.aborted) await ask(url, Math.floor(PATHS * random() ** 3), agent)
  agent.destroy()
}

/** Asks for a path, perhaps for a part of it, and checks every byte that comes, also of an answer that is cut off. */
function ask(url: string, number: number, agent: Agent): Promise<string | undefined> {
  counts.asked++
  const size = sizes[number]!
  const first = random() < 0.2 ? below(size) : 0
  const isRange = first > 0
  const least = confirmed[number % GROUPS]!
  return new Promise((resolve) => {
    const headers = isRange ? { range: `bytes=${first}-` } : {}
    const request = get(`${url}/p${number}`, { agent, headers }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', () => {})
      response.on('close', () => {
        const state = String(response.headers['x-cache'] ?? '').split(' ')[0]!
        check(
          number,
          Buffer.concat(chunks),
          response.statusCode!,
          response.headers,
          first,
          least,
          response.complete,
        )
        resolve(response.complete ? state : undefined)
      })
    })
    request.on('error', () => {
      counts.cut++
      resolve(undefined)
    })
  })
}

function check(
  number: number,
  bytes: Buffer,
  status: number,
  headers: Record<string, unknown>,
  first: number,
  least: number,
  isComplete: boolean,
): void {
  if (status !== 200 && status !== 206) {
    counts.other++
    // The origin never fails, so that only a dying edge may.
    if (isComplete) wrong.push(`/p${number} was answered with ${status}`)
    return
  }
  const seed = String(headers[SEED_HEADER])
  const [of, generation] = seed.split('.').map(Number)
  const from = status === 206 ? first : 0
  const whole = bodyOf(seed, sizes[number]!)
  const expected = whole.subarray(from, from + bytes.length)
  if (of !== number) wrong.push(`/p${number} was answered with what belongs to ${seed}`)
  else if (!bytes.equals(expected))
    wrong.push(`/p${number} (${seed}) from ${from} had wrong bytes among ${bytes.length}`)
  else if (isComplete && bytes.length !== whole.length - from)
    wrong.push(`/p${number} (${seed}) ended too early`)
  else if (generation! < least)
    wrong.push(`/p${number} was served as ${seed}, invalidated before generation ${least}`)
  if (isComplete) counts.checked++
  else counts.cut++
}

/** Changes what the origin says of a group, and invalidates its tag; from the confirmation on the old is forbidden. */
async function invalidateOn(signal: AbortSignal): Promise<void> {
  const token = (await readFile(join(folder, '.edgeward', 'admin-token'), 'utf8')).trim()
  while (!signal.aborted) {
    await delay(40 + below(200))
    const group = below(GROUPS)
    const generation = ++generations[group]!
    try {
      const response = await fetch(`http://127.0.0.1:${adminPort}/cache/invalidate`, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}` },
        body: JSON.stringify({ tags: [`g${group}`] }),
        signal,
      })
      if (response.status !== 200) continue
      await response.json()
      confirmed[group] = Math.max(confirmed[group]!, generation)
      counts.invalidations++
    } catch {
      // Killed before it had confirmed: either generation may be served.
    }
  }
}

/** Changes a byte of some file of the cache, wherever it may be: of a body, of a head, of the index. */
async function damage(cacheFolder: string): Promise<void> {
  const files = (await readdir(cacheFolder, { recursive: true, withFileTypes: true })).filter(
    (entry) => entry.isFile() && !entry.name.includes('lock'),
  )
  for (let i = 0; i < 5 && files.length > 0; i++) {
    const { parentPath, name } = files[below(files.length)]!
    const bytes = await readFile(join(parentPath, name))
    if (bytes.length === 0) continue
    bytes[below(bytes.length)]! ^= 1 + below(255)
    await writeFile(join(parentPath, name), bytes)
    counts.damaged++
  }
}

async function sizeOf(cacheFolder: string): Promise<{ used: number; files: number }> {
  let used = 0
  let files = 0
  for (const entry of await readdir(cacheFolder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    used += (await stat(join(entry.parentPath, entry.name)).catch(() => ({ size: 0 }))).size
    files++
  }
  return { used, files }
}

/** A file system of 24 MiB with a cache that believes it may take a gigabyte. */
async function onFullDisk(): Promise<string> {
  const mount = join(folder, 'small')
  await mkdir(mount)
  if (spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=24m', 'tmpfs', mount]).status !== 0) {
    console.log(
      'no small file system can be mounted here; src/cache/store/disk.test.ts fills a disk that is not real',
    )
    return 'skipped'
  }
  try {
    const edge = await start(await writeConfig('full', join(mount, 'cache'), 1 << 30))
    const before = problems.length
    const agent = new Agent({ keepAlive: true, maxSockets: 8 })
    const asked = counts.checked
    for (let round = 0; round < 3; round++)
      await Promise.all(Array.from({ length: PATHS }, (_, number) => ask(edge.url, number, agent)))
    agent.destroy()
    await stop(edge.child)
    const told = problems.slice(before).filter((line) => line.includes('ENOSPC')).length
    const isAll = counts.checked - asked === PATHS * 3
    console.log(
      `full disk: ${counts.checked - asked} of ${PATHS * 3} answers whole and right, told ${told} times`,
    )
    return isAll && told > 0 ? 'held' : 'failed'
  } finally {
    spawnSync('umount', [mount])
  }
}
