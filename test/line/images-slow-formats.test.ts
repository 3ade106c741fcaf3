import assert from 'node:assert/strict'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { countRequests } from '../support/counting-origin.ts'
import { type Pictures, pictures } from '../support/pictures.ts'
import { planOf, type RunningEdge, runEdge } from '../support/running-edge.ts'

type Json = Readonly<Record<string, unknown>>

const MODERN = 'image/avif,image/webp,*/*'

let shelf: Pictures
let edge: RunningEdge

/** One edge for most tests, so that its processes start once: each has a behavior of its own. */
before(async () => {
  shelf = await pictures()
  edge = await openEdge({})
})
after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

function openEdge(top: Json, images: Json = {}): Promise<RunningEdge> {
  const slow = { dialect: 'sih', autoFormats: ['avif', 'webp'], slowFormats: 'background', ...images }
  const behaviors: readonly { name: string; images?: Json; more?: Json }[] = [
    { name: 'cached' },
    { name: 'uncached', more: { cachePolicy: 'CachingDisabled' } },
    { name: 'readable', images: { dialect: 'edge', autoFormats: [], presets: { small: 'w=40&f=auto' } } },
    { name: 'only', images: { autoFormats: ['avif'] } },
    { name: 'waits', images: { slowFormats: 'wait' } },
    {
      name: 'version-8',
      images: {
        dialect: 'dit',
        autoFormats: undefined,
        policy: 'auto',
        policies: { auto: { outputs: { format: 'auto' } } },
      },
      more: { cachePolicy: 'CachingDisabled' },
    },
  ]
  return runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      behaviors: behaviors.map(({ name, images: own, more }) => ({
        path: `/${name}/*`,
        stripPrefix: `/${name}`,
        origin: 'photos',
        cachePolicy: 'CachingOptimized',
        images: { ...slow, ...own },
        ...more,
      })),
      defaultBehavior: { origin: 'photos' },
    },
    { top: { cache: { disk: false }, images: { processes: 1 }, ...top } },
  )
}

interface Got {
  readonly type: string | null
  readonly cacheControl: string | null
  readonly xCache: string | undefined
  readonly vary: string | null
  readonly etag: string | null
  readonly format: string | undefined
}

async function get(path: string, accept: string, of = edge): Promise<Got> {
  const response = await fetch(of.url + path, { headers: { accept } })
  const { format, compression } = await sharp(Buffer.from(await response.arrayBuffer())).metadata()
  return {
    type: response.headers.get('content-type'),
    cacheControl: response.headers.get('cache-control'),
    xCache: response.headers.get('x-cache')?.split(' ')[0],
    vary: response.headers.get('vary'),
    etag: response.headers.get('etag'),
    format: compression === 'av1' ? 'avif' : format,
  }
}

function upgrades(outcome: string, of = edge): number {
  const text = of.edge.metricsText()
  return Number(new RegExp(`edgeward_images_upgrades_total\\{outcome="${outcome}"\\} (\\d+)`).exec(text)?.[1])
}

/** Turns of the event loop until something holds; the test's own time limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((turn) => setImmediate(turn))
}

test('AVIF is answered with the next best for ten seconds, made behind it, and is there for the next viewer', async () => {
  const before = upgrades('done')
  const first = await get('/cached/60x0/scene.jpg', MODERN)
  assert.deepEqual(
    [first.type, first.format, first.cacheControl, first.vary, first.xCache],
    ['image/webp', 'webp', 'public, max-age=10', 'Accept', 'Miss'],
  )
  await until(() => upgrades('done') === before + 1)
  // The cache has let go of what stood in: nobody waits for its ten seconds.
  const second = await get('/cached/60x0/scene.jpg', MODERN)
  assert.deepEqual(
    [second.type, second.format, second.cacheControl, second.vary, second.xCache],
    ['image/avif', 'avif', 'max-age=31536000,public', 'Accept', 'Miss'],
  )
  assert.notEqual(second.etag, first.etag)
  assert.equal((await get('/cached/60x0/scene.jpg', MODERN)).xCache, 'Hit')
  // Who takes no AVIF has a variant of his own, with the usual lifetime.
  const modest = await get('/cached/60x0/scene.jpg', 'image/webp,*/*')
  assert.deepEqual([modest.type, modest.cacheControl], ['image/webp', 'max-age=31536000,public'])
  assert.equal(upgrades('done'), before + 1)
})

test('while nothing is cached the AVIF comes from memory, and each is made once', async () => {
  const before = upgrades('done')
  const crowd = await Promise.all(Array.from({ length: 5 }, () => get('/uncached/50x0/scene.jpg', MODERN)))
  assert.deepEqual(new Set(crowd.map(({ format }) => format)), new Set(['webp']))
  await until(() => upgrades('done') === before + 1)
  for (let i = 0; i < 3; i++) assert.equal((await get('/uncached/50x0/scene.jpg', MODERN)).format, 'avif')
  assert.equal(upgrades('done'), before + 1)
})

test('a changed source is answered with the next best again', async () => {
  await shelf.put('changing.jpg', shelf.bytes.get('scene.jpg')!)
  const before = upgrades('done')
  await get('/uncached/50x0/changing.jpg', MODERN)
  await until(() => upgrades('done') === before + 1)
  const old = await get('/uncached/50x0/changing.jpg', MODERN)
  await shelf.put('changing.jpg', shelf.bytes.get('card.jpg')!)
  assert.equal((await get('/uncached/50x0/changing.jpg', MODERN)).format, 'webp')
  await until(() => upgrades('done') === before + 2)
  const renewed = await get('/uncached/50x0/changing.jpg', MODERN)
  assert.equal(renewed.format, 'avif')
  assert.notEqual(renewed.etag, old.etag)
})

test('the next best is the next of autoFormats that the viewer takes, or the format of the source', async () => {
  const cases = [
    { path: '/readable/small/scene.jpg', accept: MODERN, format: 'webp' },
    { path: '/readable/small/card.png', accept: 'image/avif', format: 'png' },
    { path: '/only/40x0/scene.jpg', accept: MODERN, format: 'jpeg' },
    // The original itself, not decoded.
    { path: '/only/scene.jpg', accept: MODERN, format: 'jpeg' },
  ]
  for (const { path, accept, format } of cases) {
    const before = upgrades('done')
    const got = await get(path, accept)
    assert.deepEqual([got.format, got.cacheControl, got.vary], [format, 'public, max-age=10', 'Accept'], path)
    await until(() => upgrades('done') === before + 1)
    assert.equal((await get(path, accept)).format, 'avif', path)
  }
})

test('who asks for AVIF by name waits for it, and so does everybody without the option', async () => {
  const before = upgrades('done')
  const named = await get('/cached/30x0/filters:format(avif)/scene.jpg', MODERN)
  assert.deepEqual([named.format, named.cacheControl], ['avif', 'max-age=31536000,public'])
  assert.equal((await get('/waits/30x0/scene.jpg', MODERN)).format, 'avif')
  assert.equal(upgrades('done'), before)
})

test('a drawing stays one, and is not tried again and again', async () => {
  for (let i = 0; i < 3; i++) {
    const response = await fetch(`${edge.url}/uncached/drawing.svg`, { headers: { accept: MODERN } })
    assert.equal(response.headers.get('content-type'), 'image/svg+xml')
    await response.arrayBuffer()
  }
  // Another upgrade that was asked for later has come, so the drawing's turn is over.
  const before = upgrades('done')
  await get('/uncached/20x0/card.png', MODERN)
  await until(() => upgrades('done') === before + 1)
  const response = await fetch(`${edge.url}/uncached/drawing.svg`, { headers: { accept: MODERN } })
  // As long as it is not tried again.
  assert.match(response.headers.get('cache-control')!, /^public, max-age=(?:600|59\d)$/)
  await response.arrayBuffer()
  assert.deepEqual([upgrades('failed'), upgrades('dropped')], [0, 0])
})

test('an AVIF stays what it is, and nothing is made of it behind the answer', async () => {
  const [done, failed] = [upgrades('done'), upgrades('failed')]
  const ask = () => fetch(`${edge.url}/version-8/card.avif`, { headers: { accept: 'image/avif' } })
  const first = await ask()
  assert.deepEqual(Buffer.from(await first.arrayBuffer()), shelf.bytes.get('card.avif'))
  // Another upgrade that was asked for later has come, so its turn is over.
  await get('/uncached/44x0/scene.jpg', MODERN)
  await until(() => upgrades('done') === done + 1)
  const second = await ask()
  assert.deepEqual(Buffer.from(await second.arrayBuffer()), shelf.bytes.get('card.avif'))
  assert.deepEqual([upgrades('done'), upgrades('failed')], [done + 1, failed])
  assert.deepEqual(
    edge.said.filter((line) => line.includes('slow format')),
    [],
  )
})

test('a picture that is missing is an error, and nothing is made of it', async () => {
  const response = await fetch(`${edge.url}/uncached/20x0/none.png`, { headers: { accept: MODERN } })
  assert.equal(response.status, 404)
  await response.arrayBuffer()
  assert.match(edge.edge.metricsText(), /edgeward_images_upgrades_waiting 0/)
})

test('explain tells what is answered first, and that the AVIF is there', async () => {
  const explained = async () => {
    const { stages } = await edge.edge.explain({
      url: `${edge.url}/uncached/25x0/scene.jpg`,
      method: 'GET',
      headers: [['Accept', MODERN]],
    })
    return stages.flatMap(({ says }) => says).filter((line) => /^images: (?:kept|nothing|webp)/.test(line))
  }
  assert.deepEqual(await explained(), [
    'images: nothing is kept of this variant',
    'images: webp for 10 seconds, and the AVIF will be made in the background',
  ])
  const before = upgrades('done')
  await get('/uncached/25x0/scene.jpg', MODERN)
  await until(() => upgrades('done') === before + 1)
  assert.deepEqual(await explained(), [
    'images: kept as image/avif, 25 x 19, served if the source is still the same',
  ])
})

test('a source without validators is read for each answer, and its AVIF is served all the same', async () => {
  await using origin = await countRequests((request, response) => {
    response.setHeader('Content-Type', 'image/jpeg')
    response.end(request.method === 'HEAD' ? undefined : shelf.bytes.get('scene.jpg'))
  })
  await using own = await runEdge(
    {
      origins: { plain: { url: origin.url } },
      defaultBehavior: {
        origin: 'plain',
        cachePolicy: 'CachingDisabled',
        images: { dialect: 'sih', autoFormats: ['avif', 'webp'], slowFormats: 'background' },
      },
    },
    { top: { images: { processes: 1 } } },
  )
  assert.equal((await get('/40x0/scene.jpg', MODERN, own)).format, 'webp')
  await until(() => upgrades('done', own) === 1)
  for (let i = 0; i < 2; i++) assert.equal((await get('/40x0/scene.jpg', MODERN, own)).format, 'avif')
  assert.equal(upgrades('done', own), 1)
})

test('with stored variants the AVIF is there after a restart, and nothing is decoded', async () => {
  const dataFolder = await mkdtemp(join(tmpdir(), 'edgeward-slow-'))
  try {
    {
      await using first = await openEdge({ dataFolder }, { variants: {} })
      assert.equal((await get('/cached/60x0/scene.jpg', MODERN, first)).format, 'webp')
      await until(() => upgrades('done', first) === 1)
    }
    await using second = await openEdge({ dataFolder }, { variants: {} })
    assert.equal((await get('/cached/60x0/scene.jpg', MODERN, second)).format, 'avif')
    assert.equal((await get('/cached/60x0/scene.jpg', 'image/webp', second)).format, 'webp')
    assert.match(second.edge.metricsText(), /edgeward_images_total\{outcome="done"\} 0/)
    assert.match(second.edge.metricsText(), /edgeward_images_variants_total\{event="served"\} 2/)
  } finally {
    await rm(dataFolder, { recursive: true })
  }
})

const mistakes: readonly { what: string; images: Json; other?: Json; path: string; says: RegExp }[] = [
  {
    what: 'slow formats without one',
    images: { dialect: 'sih', autoFormats: ['webp'], slowFormats: 'background' },
    path: 'images.slowFormats',
    says: /no slow format.*avif/,
  },
  {
    what: 'a store with two bounds',
    images: { dialect: 'sih', variants: { maxBytes: 1_000_000 } },
    other: { dialect: 'sih', variants: { maxBytes: 2_000_000 } },
    path: 'images.variants.maxBytes',
    says: /image-variants.*2000000/,
  },
  {
    what: 'a bound that holds nothing',
    images: { dialect: 'sih', variants: { maxBytes: 1 } },
    path: 'images.variants.maxBytes',
    says: /65536/,
  },
  {
    what: 'an unknown key',
    images: { dialect: 'sih', variants: { store: 'x' } },
    path: 'images.variants.store',
    says: /store/,
  },
]
for (const { what, images, other, path, says } of mistakes) {
  test(`the configuration is refused for ${what}`, async () => {
    const config = {
      listeners: [{ port: 0 }],
      distributions: {
        test: {
          origins: { photos: { folder: '.' } },
          behaviors: other === undefined ? [] : [{ path: '/other/*', origin: 'photos', images: other }],
          defaultBehavior: { origin: 'photos', images },
        },
      },
    }
    await assert.rejects(planOf(config, import.meta.dirname), (error: Error) => {
      const problems = JSON.parse(error.message) as { path: string; message: string; expected?: string }[]
      const found = problems.find((problem) => problem.path.endsWith(path))
      assert.ok(found !== undefined, error.message)
      assert.match(`${found.message} ${found.expected ?? ''}`, says)
      return true
    })
  })
}
