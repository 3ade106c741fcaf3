import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { createCli } from '../../src/cli/cli.ts'
import { type Pictures, pictures } from '../support/pictures.ts'
import { freePort } from '../support/free-port.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))

interface Ran {
  readonly code: number | null
  readonly out: string
  readonly error: string
}

/** The command in this process. */
async function edgeward(...argv: readonly string[]): Promise<Ran> {
  let out = ''
  let error = ''
  const cli = createCli({
    out: (line) => (out += `${line}\n`),
    error: (line) => (error += `${line}\n`),
    isTerminal: false,
  })
  const code = await cli.run([...argv])
  return { code, out, error }
}

/** The same in a process of its own. */
async function edgewardAlone(...argv: readonly string[]): Promise<Ran> {
  const child = spawn(process.execPath, [LAUNCHER, ...argv], { stdio: ['ignore', 'pipe', 'pipe'] })
  let out = ''
  let error = ''
  child.stdout.on('data', (chunk) => (out += chunk))
  child.stderr.on('data', (chunk) => (error += chunk))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, error }
}

interface Running extends AsyncDisposable {
  readonly url: string
  metric(line: string): Promise<number>
  /** Resolves when so many variants have been stored. */
  stored(count: number): Promise<void>
}

let shelf: Pictures
let folder: string
let config: string
let adminPort: number

before(async () => {
  shelf = await pictures()
  for (const name of ['cats/1.png', 'cats/2.png', 'dogs/1.png'])
    await shelf.put(name, shelf.bytes.get('card.png')!)
  folder = await mkdtemp(join(tmpdir(), 'edgeward-purge-'))
  config = join(folder, 'edgeward.config.json')
  adminPort = await freePort()
  const images = { dialect: 'sih', variants: {} }
  const json = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: { port: adminPort, token: 'token-of-the-test' },
    images: { processes: 1 },
    distributions: {
      main: {
        origins: { photos: { folder: shelf.folder } },
        defaultBehavior: { origin: 'photos', images },
      },
    },
  }
  await writeFile(config, JSON.stringify(json))
})
after(async () => {
  await rm(folder, { recursive: true, force: true })
  await shelf[Symbol.asyncDispose]()
})

async function start(): Promise<Running> {
  const child = spawn(process.execPath, [LAUNCHER, 'start', config], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  child.stderr.on('data', (chunk) => (text += chunk))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      const found = /^edgeward listening on (http:\/\/\S+)$/.exec(line)
      if (found !== null) resolve(found[1]!)
    })
    child.on('exit', (code) => reject(new Error(`ended with ${code}: ${text}`)))
  })
  const running = {
    url,
    async metric(line: string) {
      const headers = { authorization: 'Bearer token-of-the-test' }
      const page = await (await fetch(`http://127.0.0.1:${adminPort}/metrics`, { headers })).text()
      return Number(
        page
          .split('\n')
          .find((each) => each.startsWith(`${line} `))
          ?.split(' ')[1],
      )
    },
    async stored(count: number) {
      while ((await running.metric('edgeward_images_variants_total{event="stored"}')) < count);
    },
    async [Symbol.asyncDispose]() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
    },
  }
  return running
}

const PATHS = ['/20x0/cats/1.png', '/30x0/cats/1.png', '/20x0/cats/2.png', '/20x0/dogs/1.png']

/** What the cache of the edge said to each of the paths. */
async function ask({ url }: Running): Promise<string> {
  const said: string[] = []
  for (const path of PATHS) {
    const response = await fetch(url + path)
    assert.equal(response.status, 200)
    await response.arrayBuffer()
    said.push(response.headers.get('x-cache')!.split(' ')[0]!)
  }
  return said.join(' ')
}

const PROCESSED = 'edgeward_images_total{outcome="done"}'

test('purge takes variants out of the store of the running edge, and its cache forgets the same sources', async () => {
  await using edge = await start()
  assert.equal(await ask(edge), 'Miss Miss Miss Miss')
  await edge.stored(4)
  assert.equal(await ask(edge), 'Hit Hit Hit Hit')

  const one = await edgewardAlone('images', 'purge', '--source', 'cats/1.png', '-c', config)
  assert.match(
    one.out,
    /^2 stored variants removed, [\d,]+ bytes; 2 responses of the edge's cache removed\n$/,
  )
  assert.deepEqual([one.code, one.error], [0, ''])
  assert.equal(await ask(edge), 'Miss Miss Hit Hit')
  assert.equal(await edge.metric(PROCESSED), 6)
  await edge.stored(6)

  // With a prefix the rest stays.
  const cats = await edgeward('images', 'purge', '-s', '/cats/*', '-b', 'photos', '-c', config)
  assert.match(cats.out, /^3 stored variants removed, [\d,]+ bytes; 3 responses of/)
  assert.equal(await ask(edge), 'Miss Miss Miss Hit')
  assert.equal(await edge.metric(PROCESSED), 9)
  await edge.stored(9)

  const all = await edgeward('images', 'purge', '--all', '-c', config)
  assert.match(all.out, /^4 stored variants removed, [\d,]+ bytes; 4 responses of/)
  const nothing = await edgeward('images', 'purge', '--all', '-c', config)
  assert.equal(nothing.out, "0 stored variants removed, 0 bytes; 0 responses of the edge's cache removed\n")
  assert.equal(nothing.code, 0)

  const unknown = await edgeward('images', 'purge', '-s', 'x', '-b', 'fotos', '-c', config)
  assert.deepEqual(
    [unknown.code, unknown.error],
    [2, 'edgeward images purge: there is no source fotos; known: photos\n'],
  )
  const wrong = await fetch(`http://127.0.0.1:${adminPort}/images/purge`, {
    method: 'POST',
    headers: { authorization: 'Bearer token-of-the-test' },
    body: '{"source": "a", "all": true}',
  })
  assert.equal(wrong.status, 400)
  assert.match(((await wrong.json()) as { error: string }).error, /either a source or all: true/)
})

test('without a running edge purge works on the store itself, and says what it cannot reach', async () => {
  {
    await using edge = await start()
    await fetch(`${edge.url}/40x0/cats/2.png`)
    await fetch(`${edge.url}/40x0/dogs/1.png`)
    await edge.stored(2)
  }
  const cats = await edgewardAlone('images', 'purge', '--source', 'cats/*', '-c', config)
  assert.match(cats.out, /^1 stored variant removed, [\d,]+ bytes\n$/)
  assert.match(cats.error, /no edge answers: .*edgeward invalidate --tag images/)
  assert.equal(cats.code, 0)
  const unknown = await edgeward('images', 'purge', '-s', 'x', '-b', 'fotos', '-c', config)
  assert.deepEqual(
    [unknown.code, unknown.error],
    [2, 'edgeward images purge: there is no source fotos; known: photos\n'],
  )
  const rest = await edgeward('images', 'purge', '--all', '-c', config)
  assert.match(rest.out, /^1 stored variant removed/)
})

test('a purge that does not say what is told how, and its help is complete', async () => {
  const cases: readonly (readonly [argv: readonly string[], says: RegExp])[] = [
    [[], /say what: --source KEY, --source "PREFIX\*", or --all/],
    [['--source', 'a', '--all'], /--all is everything/],
    [['--source', '/'], /the source is empty/],
    [['--bucket', 'photos', '--all'], /--bucket needs a --source/],
    [['--source', 'a', '-c', join(folder, 'none.json')], /none\.json/],
  ]
  for (const [argv, says] of cases) {
    const { code, out, error } = await edgeward('images', 'purge', ...argv)
    assert.deepEqual([code, out], [2, ''], argv.join(' '))
    assert.match(error, says)
  }
  const without = join(folder, 'without.json')
  await writeFile(
    without,
    JSON.stringify({
      admin: false,
      distributions: { main: { origins: { o: { folder: '.' } }, defaultBehavior: { origin: 'o' } } },
    }),
  )
  const none = await edgeward('images', 'purge', '--all', '-c', without)
  assert.equal(none.code, 2)
  assert.match(none.error, /no edge answers, and no behavior of the configuration stores variants/)
  const help = await edgewardAlone('images', 'purge', '--help')
  for (const word of ['--source', '--bucket', '--all', '--config', 'Examples:', 'Exit codes:'])
    assert.ok(help.out.includes(word), word)
})
