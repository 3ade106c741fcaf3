/**
 * Drops 1,000 pictures at once into a watched folder and kills the edge at random moments: every picture must get its
 * derivatives and its record, and no record may be written twice. Counted from outside: by what lies in the folder, and
 * by what the kernel tells of it. Then every second original is deleted, with another kill: what was made of them must go,
 * and of the others nothing. The same dice at every run.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { globSync, watch } from 'node:fs'
import { mkdir, mkdtemp, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import sharp from 'sharp'
import { scene } from '../support/pictures.ts'

const FILES = Number(process.argv[2] ?? 1_000)
const KILLS = Number(process.argv[3] ?? 5)
const launcher = join(import.meta.dirname, '..', '..', 'bin', 'edgeward.cjs')

let dice = 42
const random = (): number => (dice = (dice * 1_664_525 + 1_013_904_223) % 2 ** 32) / 2 ** 32

const folder = await mkdtemp(join(tmpdir(), 'edgeward-upload-'))
const [from, to, aside] = ['in', 'out', 'aside'].map((name) => join(folder, name)) as [string, string, string]
for (const each of [from, to, aside]) await mkdir(each)

/** How often each record was put into its place. */
const written = new Map<string, number>()
const watcher = watch(to, (_, name) => {
  if (name?.endsWith('-meta.json') === true) written.set(name, (written.get(name) ?? 0) + 1)
})
const wrong: string[] = []
let kills = 0
const startedAt = performance.now()

try {
  const config = join(folder, 'edgeward.config.json')
  await writeFile(
    config,
    JSON.stringify({
      listeners: [{ port: 0, host: '127.0.0.1' }],
      admin: false,
      distributions: { main: { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } } },
      images: {
        optimise: {
          uploads: {
            from: { folder: 'in' },
            to: { folder: 'out' },
            sizes: { tile: { width: 48, height: 48 }, scaled: { width: 64 } },
            formats: ['webp', 'jpeg'],
            deleted: 'remove',
          },
        },
      },
    }),
  )
  // Made before, so that they come at once: half are renamed into the folder, half are written there.
  const pictures = await Promise.all(
    Array.from({ length: 10 }, (_, i) =>
      scene(80 + i, 60 + i)
        .png()
        .toBuffer(),
    ),
  )
  for (let i = 0; i < FILES; i += 2) await writeFile(join(aside, `p${i}.png`), pictures[i % 10]!)
  let edge = await start(config)
  for (let i = 0; i < FILES; i++)
    if (i % 2 === 0) await rename(join(aside, `p${i}.png`), join(from, `p${i}.png`))
    else await writeFile(join(from, `p${i}.png`), pictures[i % 10]!)
  const stands = new Map<string, string>()
  for (; kills < KILLS; kills++) {
    const goal = Math.round((FILES * (kills + 0.3 + 0.4 * random())) / KILLS)
    while (records().length < goal) await delay(20)
    edge.kill('SIGKILL')
    await once(edge, 'exit')
    await compare(stands)
    edge = await start(config)
  }
  while (records().length < FILES) await delay(100)
  edge.kill('SIGTERM')
  await once(edge, 'exit')
  await compare(stands)
  // A last one finds everything done, and does nothing.
  const idle = await start(config)
  await delay(5_000)
  idle.kill('SIGTERM')
  await once(idle, 'exit')
  await compare(stands)

  let lost = 0
  for (let i = 0; i < FILES; i++) if (!(await isWhole(`p${i}`))) lost++
  const twice = [...written.values()].filter((count) => count > 1).length
  // Deletions are told like writes.
  watcher.close()
  const left = await deleteHalf(config)
  for (const sentence of wrong.slice(0, 20)) console.log(`wrong: ${sentence}`)
  const seconds = (performance.now() - startedAt) / 1000
  console.log(`${FILES} files, ${kills} kills, ${written.size} records seen, ${seconds.toFixed(0)} s`)
  console.log(
    `RESULT name=upload files=${FILES} kills=${kills} lost=${lost} twice=${Math.max(twice, wrong.length)} seen=${written.size} left_over=${left}`,
  )
  process.exitCode =
    lost === 0 && twice === 0 && wrong.length === 0 && written.size === FILES && left === 0 ? 0 : 1
} finally {
  watcher.close()
  await rm(folder, { recursive: true, force: true })
}

/** Gives how many files there are that should not be, or should be and are not. */
async function deleteHalf(configFile: string): Promise<number> {
  const stays = Math.floor(FILES / 2)
  const first = await start(configFile)
  for (let i = 0; i < FILES; i += 2) await rm(join(from, `p${i}.png`))
  while (records().length > FILES - (FILES - stays) / 2) await delay(20)
  first.kill('SIGKILL')
  await once(first, 'exit')
  const second = await start(configFile)
  while (records().length > stays) await delay(100)
  second.kill('SIGTERM')
  await once(second, 'exit')
  let kept = 0
  for (let i = 1; i < FILES; i += 2) if (await isWhole(`p${i}`)) kept++
  return stays - kept + Math.abs(globSync('*.*', { cwd: to }).length - 5 * stays)
}

function records(): readonly string[] {
  return globSync('*-meta.json', { cwd: to })
}

/** A record that was there before must be the same file still. */
async function compare(stands: Map<string, string>): Promise<void> {
  for (const name of records()) {
    const { ino, mtimeMs } = await stat(join(to, name))
    const stand = `${ino} ${mtimeMs}`
    const before = stands.get(name)
    if (before !== undefined && before !== stand) wrong.push(`${name} was written anew`)
    stands.set(name, stand)
  }
}

async function isWhole(name: string): Promise<boolean> {
  try {
    for (const [ending, format, width] of [
      ['tile.jpg', 'jpeg', 48],
      ['tile.webp', 'webp', 48],
      ['scaled.jpg', 'jpeg', 64],
      ['scaled.webp', 'webp', 64],
    ] as const) {
      const found = await sharp(join(to, `${name}-${ending}`)).metadata()
      if (found.format !== format || found.width !== width) return false
    }
    return true
  } catch {
    return false
  }
}

async function start(config: string): Promise<ChildProcess> {
  const child = spawn(process.execPath, [launcher, 'start', config], { stdio: ['ignore', 'pipe', 'ignore'] })
  for await (const line of createInterface({ input: child.stdout }))
    if (line.startsWith('edgeward listening')) return child
  throw new Error('the edge did not start')
}
