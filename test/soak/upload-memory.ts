/**
 * Starts an edge over a folder of 100,000 pictures that are done, and looks how much memory it takes to know so: at most
 * 96 MiB more than with a folder of none, while it looks through them and afterwards.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { freePort } from '../support/free-port.ts'

const FILES = Number(process.argv[2] ?? 100_000)
const PER_FOLDER = 1_000
const MAX_GROWTH_BYTES = 96 * 1024 ** 2
const launcher = join(import.meta.dirname, '..', '..', 'bin', 'edgeward.cjs')
const sizes = [{ name: 'tile', width: 4 }]

const folder = await mkdtemp(join(tmpdir(), 'edgeward-upload-memory-'))
try {
  const none = await measure('none', 0)
  const many = await measure('many', FILES)
  const growth = many.peakBytes - none.peakBytes
  const mib = (bytes: number): string => (bytes / 1024 ** 2).toFixed(0)
  console.log(
    `${FILES} files looked through in ${many.seconds.toFixed(1)} s, again in ${many.againSeconds.toFixed(1)} s`,
  )
  console.log(`peak ${mib(many.peakBytes)} MiB, with no files ${mib(none.peakBytes)} MiB`)
  console.log(
    `RESULT name=upload-memory files=${FILES} kept=${many.kept} made=${many.made} growth_mib=${mib(growth)} peak_mib=${mib(many.peakBytes)} scan_s=${many.seconds.toFixed(1)} rescan_s=${many.againSeconds.toFixed(1)}`,
  )
  process.exitCode = growth <= MAX_GROWTH_BYTES && many.kept === FILES && many.made === 0 ? 0 : 1
} finally {
  await rm(folder, { recursive: true, force: true })
}

interface Measured {
  readonly peakBytes: number
  readonly kept: number
  readonly made: number
  readonly seconds: number
  readonly againSeconds: number
}

async function measure(name: string, files: number): Promise<Measured> {
  const place = join(folder, name)
  await fill(place, files)
  const adminPort = await freePort()
  const config = join(place, 'edgeward.config.json')
  await writeFile(
    config,
    JSON.stringify({
      listeners: [{ port: 0, host: '127.0.0.1' }],
      admin: { port: adminPort },
      distributions: { main: { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } } },
      images: {
        optimise: {
          uploads: {
            from: { folder: 'in' },
            to: { folder: 'out' },
            sizes: { tile: { width: 4 } },
            formats: ['jpeg'],
            settleSeconds: 0,
            scanEverySeconds: 1,
          },
        },
      },
    }),
  )
  const startedAt = performance.now()
  const child = await start(config)
  const token = (await readFile(join(place, '.edgeward', 'admin-token'), 'utf8')).trim()
  const state = async () => {
    const answer = await fetch(`http://127.0.0.1:${adminPort}/images/optimise`, {
      headers: { authorization: `Bearer ${token}` },
    })
    const [report] = (await answer.json()) as { kept: number; made: number; scannedAt?: number }[]
    return report!
  }
  while ((await state()).kept < files || (await state()).scannedAt === undefined) await delay(100)
  const seconds = (performance.now() - startedAt) / 1000
  const { scannedAt: first } = await state()
  const againAt = performance.now()
  while ((await state()).scannedAt === first) await delay(50)
  const againSeconds = (performance.now() - againAt) / 1000
  const { kept, made } = await state()
  const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]
  child.kill('SIGTERM')
  await once(child, 'exit')
  return { peakBytes: Number(peak) * 1024, kept, made, seconds, againSeconds }
}

/** Originals with their results as the optimiser would have left them; nothing of them is a picture that could be made. */
async function fill(place: string, files: number): Promise<void> {
  for (const name of ['in', 'out']) await mkdir(join(place, name), { recursive: true })
  for (let from = 0; from < files; from += PER_FOLDER) {
    const folderName = `f${from / PER_FOLDER}`
    for (const name of ['in', 'out']) await mkdir(join(place, name, folderName))
    await Promise.all(
      Array.from({ length: Math.min(PER_FOLDER, files - from) }, async (_, index) => {
        const name = `p${from + index}`
        const original = join(place, 'in', folderName, `${name}.png`)
        await writeFile(original, 'x')
        const { mtime } = await stat(original, { bigint: true })
        const record = {
          source: { file: `${folderName}/${name}.png`, bytes: 1, modified: mtime.toISOString() },
          made: { formats: { jpeg: 75 }, sizes },
          derivatives: [
            { name: 'tile', format: 'jpeg', file: `${name}-tile.jpg`, width: 4, height: 4, bytes: 1 },
          ],
          description: {},
        }
        await writeFile(join(place, 'out', folderName, `${name}-tile.jpg`), 'x')
        await writeFile(join(place, 'out', folderName, `${name}-meta.json`), JSON.stringify(record))
      }),
    )
  }
}

async function start(config: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [launcher, 'start', config], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('edgeward listening')) return child
  throw new Error('the edge did not start')
}
