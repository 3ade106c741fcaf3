import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { createCli } from '../../src/cli/cli.ts'
import { metric, processed, variants } from '../support/image-metrics.ts'
import type { Json } from '../support/images.ts'
import { type HeldSource, startSource } from '../support/held-source.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { admin, startEdgeOf } from '../support/optimising-edge.ts'
import { scene } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'
import { freePort } from '../support/free-port.ts'

const MODERN = 'image/avif,image/webp,*/*'

let old: Buffer
let renewed: Buffer
let folder: string
before(async () => {
  old = await scene(120, 90).jpeg({ quality: 80 }).toBuffer()
  renewed = await scene(120, 90).negate().jpeg({ quality: 80 }).toBuffer()
  folder = await mkdtemp(join(tmpdir(), 'edgeward-elsewhere-'))
})
after(() => rm(folder, { recursive: true, force: true }))

function distributionOf(source: HeldSource, images: Json) {
  return {
    origins: { photos: { url: source.url } },
    defaultBehavior: {
      origin: 'photos',
      cachePolicy: 'CachingOptimized',
      images: { dialect: 'sih', autoFormats: ['avif', 'webp'], ...images },
    },
  }
}

/** One of several edges that share state and store; it hears of the others when the test says so. */
function openEdge(dataFolder: string, source: HeldSource, images: Json): Promise<RunningEdge> {
  return runEdge(distributionOf(source, images), {
    // Each picture asks its source.
    top: { dataFolder, cache: { disk: false }, images: { processes: 1, sourceCache: { maxBytes: 0 } } },
    clock: new ManualClock(),
  })
}

async function hear({ edge }: RunningEdge): Promise<void> {
  await (await edge.seams.state()).refresh()
}

interface Got {
  readonly type: string | null
  readonly xCache: string | undefined
  readonly hash: string
}

async function get(url: string, accept = '*/*'): Promise<Got> {
  // A connection of its own, so that any process may take it.
  const response = await fetch(url, { headers: { accept, connection: 'close' } })
  assert.equal(response.status, 200)
  return {
    type: response.headers.get('content-type'),
    xCache: response.headers.get('x-cache')?.split(' ')[0],
    hash: createHash('sha256')
      .update(Buffer.from(await response.arrayBuffer()))
      .digest('hex'),
  }
}

const purge = (edge: RunningEdge, body: Json) => admin(edge.edge, 'POST', '/images/purge', {}, body)
const upgraded = (edge: RunningEdge) => metric(edge, 'upgrades_total{outcome="done"}')

for (const { what, order, images } of [
  { what: 'one source', order: { source: 'cats/1.jpg' }, images: { variants: {} } },
  { what: 'a beginning', order: { source: 'cats/*' }, images: { variants: {} } },
  { what: 'everything', order: { all: true }, images: { variants: {} } },
  { what: 'a beginning of which nothing is stored', order: { source: 'cats/*' }, images: {} },
]) {
  test(`a purge of ${what} reaches the store and the caches of all edges that share the state`, async () => {
    await using source = await startSource(old)
    const data = await mkdtemp(join(folder, 'data-'))
    await using one = await openEdge(data, source, images)
    await using two = await openEdge(data, source, images)
    const ask = async () => [await get(`${one.url}/60x0/cats/1.jpg`), await get(`${two.url}/60x0/cats/1.jpg`)]
    const [made] = await ask()
    const dog = await get(`${two.url}/60x0/dogs/1.jpg`)
    if ('variants' in images)
      await until(() => variants(one, 'stored') === 1 && variants(two, 'stored') === 1)
    source.bytes = renewed
    const before = await ask()
    assert.deepEqual(
      before.map(({ xCache, hash }) => [xCache, hash === made!.hash]),
      [
        ['Hit', true],
        ['Hit', true],
      ],
    )
    await purge(one, order)
    await hear(two)
    const [first, second] = await ask()
    assert.deepEqual([first!.xCache, second!.xCache, second!.hash], ['Miss', 'Miss', first!.hash])
    assert.notEqual(first!.hash, made!.hash)
    const other = await get(`${two.url}/60x0/dogs/1.jpg`)
    if ('all' in order) assert.notEqual(other.hash, dog.hash)
    else assert.deepEqual([other.xCache, other.hash], ['Hit', dog.hash])
  })
}

test('a slow format in the memory of another edge goes, and one that is being made is not put back', async () => {
  await using source = await startSource(old)
  const data = await mkdtemp(join(folder, 'data-'))
  const images = { slowFormats: 'background' }
  await using one = await openEdge(data, source, images)
  await using two = await openEdge(data, source, images)
  const url = `${two.url}/60x0/a.jpg`
  const ask = () => get(url, MODERN)
  assert.equal((await ask()).type, 'image/webp')
  await until(() => upgraded(two) === 1)
  const made = await ask()
  assert.equal(made.type, 'image/avif')
  source.bytes = renewed
  await purge(one, { source: 'a.jpg' })
  await hear(two)
  // It makes the AVIF anew behind this answer, and is stopped in the middle of it.
  const held = source.hold()
  const stopped = source.hold()
  const answered = ask()
  await held.asked
  held.answer(old)
  const stale = await answered
  assert.equal(stale.type, 'image/webp')
  await stopped.asked
  await purge(one, { source: 'a.jpg' })
  await hear(two)
  // What it was reading is of no use to anybody.
  await stopped.left
  const next = await ask()
  assert.equal(next.type, 'image/webp')
  assert.notEqual(next.hash, stale.hash)
  await until(() => upgraded(two) === 2)
  const anew = await ask()
  assert.equal(anew.type, 'image/avif')
  assert.notEqual(anew.hash, made.hash)
  assert.equal(metric(two, 'upgrades_total{outcome="failed"}'), 0)
})

test('what a viewer has made while its source is purged is delivered and not kept, and nobody who comes later gets it', async () => {
  await using source = await startSource(old)
  const data = await mkdtemp(join(folder, 'data-'))
  await using one = await openEdge(data, source, { variants: {} })
  await using two = await openEdge(data, source, { variants: {} })
  const url = `${two.url}/60x0/a.jpg`
  const held = source.hold()
  const early = get(url)
  await held.asked
  source.bytes = renewed
  await purge(one, { source: 'a.jpg' })
  await hear(two)
  // Neither the request nor the bytes of before are shared with it.
  const late = await get(url)
  assert.deepEqual([late.xCache, source.gets], ['Miss', 2])
  held.answer(old)
  const delivered = await early
  assert.notEqual(delivered.hash, late.hash)
  await until(() => variants(two, 'stored') === 1)
  assert.deepEqual(await get(url), { ...late, xCache: 'Hit' })
  assert.equal((await get(`${one.url}/60x0/a.jpg`)).hash, late.hash)
  assert.deepEqual([processed(one), variants(one, 'served')], [0, 1])
})

test('what is written behind a purge by an edge that has not heard of it yet is taken back, and so is what others read of it', async () => {
  await using source = await startSource(old)
  const data = await mkdtemp(join(folder, 'data-'))
  await using one = await openEdge(data, source, { variants: {} })
  await using two = await openEdge(data, source, { variants: {} })
  const held = source.hold()
  const early = get(`${two.url}/60x0/a.jpg`)
  await held.asked
  source.bytes = renewed
  await purge(one, { all: true })
  held.answer(old)
  const stale = await early
  await until(() => variants(two, 'stored') === 1)
  assert.equal((await get(`${one.url}/60x0/a.jpg`)).hash, stale.hash)
  await hear(two)
  await until(() => variants(two, 'removed') === 1)
  await until(async () => {
    await hear(one)
    return (await get(`${one.url}/60x0/a.jpg`)).hash !== stale.hash
  })
  const anew = await get(`${one.url}/60x0/a.jpg`)
  assert.equal(anew.xCache, 'Hit')
  await until(async () => (await get(`${two.url}/60x0/a.jpg`)).hash === anew.hash)
})

test('by tag alone the caches and the slow formats in memory let go, and the store stays as it is', async () => {
  await using source = await startSource(old)
  await using edge = await openEdge(await mkdtemp(join(folder, 'data-')), source, {
    slowFormats: 'background',
  })
  const ask = () => get(`${edge.url}/60x0/a.jpg`, MODERN)
  await ask()
  await until(() => upgraded(edge) === 1)
  assert.equal((await ask()).type, 'image/avif')
  const { id } = edge.edge.plan.current.distributions[0]!
  await edge.edge.invalidate({ distributionId: id, tags: ['images:photos/a.jpg'], by: 'test' })
  assert.equal((await ask()).type, 'image/webp')
  assert.equal(metric(edge, 'variants_total{event="removed"}'), 1)
})

/** The command in this process; gives its exit code and what it said. */
async function edgeward(...argv: readonly string[]): Promise<{ code: number; said: string }> {
  const said: string[] = []
  const say = (line: string) => void said.push(line)
  const code = await createCli({ out: say, error: say, isTerminal: false }).run([...argv])
  return { code, said: said.join('\n') }
}

test('a purge where no edge answers reaches those that share the state', async () => {
  await using source = await startSource(old)
  const data = await mkdtemp(join(folder, 'data-'))
  await using edge = await openEdge(data, source, { variants: {} })
  const made = await get(`${edge.url}/60x0/cats/1.jpg`)
  await until(() => variants(edge, 'stored') === 1)
  source.bytes = renewed
  const config = join(folder, 'no-edge.json')
  const distributions = { test: distributionOf(source, { variants: {} }) }
  await writeFile(
    config,
    JSON.stringify({ listeners: [{ port: 0 }], dataFolder: data, admin: false, distributions }),
  )
  const { code, said } = await edgeward('images', 'purge', '-s', 'cats/*', '-c', config)
  assert.equal(code, 0, said)
  assert.match(said, /^1 stored variant removed/)
  await hear(edge)
  const anew = await get(`${edge.url}/60x0/cats/1.jpg`)
  assert.equal(anew.xCache, 'Miss')
  assert.notEqual(anew.hash, made.hash)
})

test('of two processes both let go of a picture that was purged, also of its slow format in memory', async () => {
  await using source = await startSource(old)
  const config = join(folder, 'two-processes.json')
  await writeFile(
    config,
    JSON.stringify({
      listeners: [{ port: 0, host: '127.0.0.1' }],
      processes: 2,
      dataFolder: await mkdtemp(join(folder, 'data-')),
      admin: { port: await freePort(), token: 'token-of-the-test' },
      cache: { disk: false },
      images: { processes: 1 },
      distributions: { main: distributionOf(source, { slowFormats: 'background' }) },
    }),
  )
  await using edge = await startEdgeOf(config)
  const { url } = edge
  const seen = new Set<string>()
  /** Asks until both processes have answered with an AVIF of their own that is not among those given. */
  const askBoth = async (except: ReadonlySet<string>): Promise<void> => {
    let misses = 0
    await until(async () => {
      const answers = await Promise.all(Array.from({ length: 12 }, () => get(`${url}/60x0/a.jpg`, MODERN)))
      for (const { type, xCache, hash } of answers) {
        if (type === 'image/avif' && xCache === 'Miss' && !except.has(hash)) misses++
        seen.add(hash)
      }
      return misses >= 2
    })
  }
  await askBoth(new Set())
  const before = new Set(seen)
  source.bytes = renewed
  const { code, said } = await edgeward('images', 'purge', '--source', 'a.jpg', '-c', config)
  assert.equal(code, 0, said)
  assert.match(said, /^1 stored variant removed/)
  await askBoth(before)
  const answers = await Promise.all(Array.from({ length: 24 }, () => get(`${url}/60x0/a.jpg`, MODERN)))
  assert.deepEqual(
    answers.filter(({ hash }) => before.has(hash)),
    [],
  )
})
