import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { createCli } from '../../src/cli/cli.ts'
import { card } from '../support/pictures.ts'
import { freePort } from '../support/free-port.ts'

const LAUNCHER = join(import.meta.dirname, '..', '..', 'bin', 'edgeward.cjs')

async function edgeward(...argv: readonly string[]): Promise<{ code: number; out: string; error: string }> {
  const out: string[] = []
  const error: string[] = []
  const cli = createCli({
    out: (line) => out.push(line),
    error: (line) => error.push(line),
    isTerminal: false,
  })
  const code = await cli.run([...argv])
  return { code, out: out.join('\n'), error: error.join('\n') }
}

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-test-'))
  try {
    await mkdir(join(folder, 'in'))
    await use(folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Starts a command and comes back when it has said something that fits. */
async function start(
  argv: readonly string[],
  ready: RegExp,
): Promise<{ child: ChildProcess; said: () => string }> {
  const child = spawn(process.execPath, [LAUNCHER, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  for (const stream of [child.stdout, child.stderr])
    createInterface({ input: stream }).on('line', (line) => {
      text += `${line}\n`
      if (ready.test(line)) resolve()
    })
  child.on('exit', () => reject(new Error(`ended: ${text}`)))
  await promise
  return { child, said: () => text }
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const exit = once(child, 'exit')
  child.kill(signal)
  const [code] = (await exit) as [number | null]
  return code
}

test(
  'images watch makes what is put into a folder and says at the end what it saved',
  { timeout: 120_000 },
  async () => {
    await inFolder(async (folder) => {
      await writeFile(join(folder, 'in', 'a.png'), await card().png().toBuffer())
      const argv = [
        'images',
        'watch',
        join(folder, 'in'),
        '-o',
        join(folder, 'out'),
        '-s',
        'tile=16x16',
        '-f',
        'jpeg',
        '--exif',
        '--deleted',
        'remove',
      ]
      const { child, said } = await start(argv, /watching/)
      while (!/^a\.png {2}.*tile jpeg/m.test(said())) await delay(10)
      await writeFile(join(folder, 'in', 'text.png'), 'text')
      while (!/text\.png: InstantiationError/.test(said())) await delay(10)
      await writeFile(join(folder, 'in', 'b.png'), await card().png().toBuffer())
      while (!/^b\.png {2}.*tile jpeg/m.test(said())) await delay(10)
      await rm(join(folder, 'in', 'b.png'))
      while (!/^b\.png {2}removed: 1 file$/m.test(said())) await delay(10)
      const second = await edgeward(...argv)
      assert.deepEqual([second.code, /another process writes to/.test(second.error)], [1, true])
      assert.equal(await end(child, 'SIGINT'), 0)
      assert.match(
        said(),
        /2 made, 0 found done, 1 failed\n1 removed with their originals\n {2}originals .*\n {2}tile jpeg .*(less|more)/,
      )
    })
  },
)

test('images watch says what is wrong with its arguments', async () => {
  await inFolder(async (folder) => {
    const cases = [
      { argv: [join(folder, 'nowhere')], code: 1, says: /is no folder/ },
      { argv: [join(folder, 'in'), '-o', folder], code: 2, says: /give another folder for the results/ },
      { argv: [join(folder, 'in'), '-s', 'x'], code: 2, says: /'x' is no size/ },
      { argv: ['--exif', join(folder, 'in')], code: 2, says: /behind the folder, or --exif=all/ },
      { argv: [join(folder, 'in'), '--deleted', 'x'], code: 2, says: /'x' is no way with deleted/ },
      { argv: [join(folder, 'in'), '-f', 'bmp'], code: 2, says: /'bmp' is none of avif, webp, jpeg/ },
    ]
    for (const { argv, code, says } of cases) {
      const ran = await edgeward('images', 'watch', ...argv)
      assert.equal(ran.code, code)
      assert.match(ran.error, says)
    }
  })
})

test(
  'images report and retry ask the running edge, and read what is written down where none runs',
  { timeout: 120_000 },
  async () => {
    await inFolder(async (folder) => {
      const config = join(folder, 'edgeward.config.json')
      await writeFile(
        config,
        JSON.stringify({
          listeners: [{ port: 0, host: '127.0.0.1' }],
          admin: { port: await freePort() },
          distributions: {
            main: { origins: { site: { folder: '.' } }, defaultBehavior: { origin: 'site' } },
          },
          images: {
            optimise: {
              uploads: {
                from: { folder: 'in' },
                to: { folder: 'out' },
                formats: ['jpeg'],
                settleSeconds: 0,
                processes: 1,
              },
            },
          },
        }),
      )
      const asked = (...argv: readonly string[]) => edgeward('images', ...argv, '--config', config)
      await writeFile(join(folder, 'in', 'good.png'), await card().png().toBuffer())
      await writeFile(join(folder, 'in', 'bad.png'), 'text')
      const { child } = await start(['start', config], /^edgeward listening/)
      let ran = await asked('report')
      while (!/1 made.*FAILED bad\.png/s.test(ran.out)) ran = await asked('report')
      assert.match(
        ran.out,
        /uploads: 1 made, 0 found done, 0 waiting, 0 at work\n {2}originals .*\n {2}tile jpeg/,
      )
      assert.match(ran.out, /FAILED bad\.png: InstantiationError: The source is not a picture/)
      assert.equal((await asked('retry', 'uploads', 'bad.png')).out, '1 to be tried again')
      const unknown = await asked('retry', 'uploads', 'nothing.png')
      assert.deepEqual(
        [unknown.code, /nothing\.png is not among the failures/.test(unknown.error)],
        [1, true],
      )
      while (!/FAILED bad\.png/.test((await asked('report')).out)) await delay(10)
      assert.equal(await end(child, 'SIGTERM'), 0)

      const offline = await asked('report', 'uploads')
      assert.match(offline.error, /only what is written down is shown/)
      assert.match(offline.out, /uploads: not working here\n {2}FAILED bad\.png/)
      const later = await asked('retry', 'uploads')
      assert.match(`${later.out} ${later.error}`, /1 to be tried again .*the next one that starts tries them/)
      const wrong = await asked('report', 'nobody')
      assert.deepEqual([wrong.code, wrong.error], [2, 'there is no optimiser nobody; there are: uploads'])
    })
  },
)
