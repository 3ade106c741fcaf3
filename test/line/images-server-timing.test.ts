import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { variants } from '../support/image-metrics.ts'
import type { Json } from '../support/images.ts'
import { type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'

let shelf: Pictures
let edge: RunningEdge
before(async () => {
  shelf = await pictures()
  const images = { dialect: 'sih' }
  const behaviors: readonly { name: string; more?: Json }[] = [
    { name: 'always', more: { responseHeadersPolicy: 'always' } },
    { name: 'asked', more: { responseHeadersPolicy: 'asked' } },
    { name: 'never' },
    {
      name: 'stored',
      more: {
        responseHeadersPolicy: 'always',
        cachePolicy: 'CachingDisabled',
        images: { ...images, variants: {} },
      },
    },
    {
      name: 'slow',
      more: {
        responseHeadersPolicy: 'always',
        images: { ...images, autoFormats: ['avif', 'webp'], slowFormats: 'background' },
      },
    },
  ]
  edge = await runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      behaviors: behaviors.map(({ name, more }) => ({
        path: `/${name}/*`,
        stripPrefix: `/${name}`,
        origin: 'photos',
        cachePolicy: 'CachingOptimized',
        images,
        ...more,
      })),
      defaultBehavior: { origin: 'photos' },
    },
    {
      top: {
        cache: { disk: false },
        images: { processes: 1 },
        responseHeadersPolicies: {
          always: { serverTimingSamplingRate: 100 },
          asked: { serverTimingSamplingRate: 0 },
        },
      },
    },
  )
})
after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

interface Timed {
  readonly status: number
  readonly etag: string | null
  /** Whether the cache says hit, miss or refresh; undefined without the field. */
  readonly cache: string | undefined
  /** Milliseconds of the parts that are the pictures'. */
  readonly parts: Readonly<Record<string, number>>
}

async function get(path: string, headers: Record<string, string> = {}, method = 'GET'): Promise<Timed> {
  const response = await fetch(edge.url + path, { method, headers })
  await response.arrayBuffer()
  const field = response.headers.get('server-timing') ?? ''
  const parts: Record<string, number> = {}
  for (const each of field.split(',').filter((part) => part.startsWith('img-'))) {
    assert.match(each, /^img-[a-z]+;dur=\d+\.\d$/)
    const [name, duration] = each.split(';dur=')
    parts[name!] = Number(duration)
  }
  return {
    status: response.status,
    etag: response.headers.get('etag'),
    cache: /cdn-cache-(\w+)/.exec(field)?.[1],
    parts,
  }
}

const names = ({ parts }: Timed) => Object.keys(parts).sort()
const PIXELS = ['img-fetch', 'img-queue', 'img-transform']

test('a picture that was made tells what its time went into, and a hit after it does not', async () => {
  const made = await get('/always/60x0/scene.jpg')
  assert.deepEqual([made.cache, names(made)], ['miss', PIXELS])
  assert.ok(made.parts['img-transform']! > 0)
  const hit = await get('/always/60x0/scene.jpg')
  assert.deepEqual([hit.cache, names(hit)], ['hit', []])
})

test('what is not asked for is told to nobody, and is not kept for those who ask', async () => {
  const silent = await get('/asked/60x0/scene.jpg')
  assert.deepEqual([silent.cache, names(silent)], [undefined, []])
  const pragma = { pragma: 'server-timing' }
  const hit = await get('/asked/60x0/scene.jpg', pragma)
  assert.deepEqual([hit.cache, names(hit)], ['hit', []])
  const made = await get('/asked/50x0/scene.jpg', pragma)
  assert.deepEqual([made.cache, names(made)], ['miss', PIXELS])
  assert.deepEqual(await get('/asked/50x0/scene.jpg'), { ...made, cache: undefined, parts: {} })
  const off = await get('/never/60x0/scene.jpg', pragma)
  assert.deepEqual([off.status, off.cache, names(off)], [200, undefined, []])
})

test('a stored variant tells how long it took to read it and to ask its source, and of no pixel work', async () => {
  const made = await get('/stored/60x0/scene.jpg')
  assert.deepEqual(names(made), PIXELS)
  await until(() => variants(edge, 'stored') === 1)
  for (const method of ['GET', 'HEAD']) {
    const stored = await get('/stored/60x0/scene.jpg', {}, method)
    assert.deepEqual([stored.status, names(stored)], [200, ['img-fetch', 'img-stored']], method)
  }
  // The validator of a source that was put anew differs, its bytes are read, and they are the same.
  await shelf.put('scene.jpg', shelf.bytes.get('scene.jpg')!)
  const again = await get('/stored/60x0/scene.jpg')
  assert.deepEqual(names(again), ['img-fetch', 'img-queue', 'img-stored'])
  assert.equal(again.etag, made.etag)
})

test('what asks only its source tells of that alone: an original, and one that has not changed', async () => {
  assert.deepEqual(names(await get('/always/card.png')), ['img-fetch'])
  const { etag } = await get('/stored/card.png')
  const unchanged = await get('/stored/card.png', { 'if-none-match': etag! })
  assert.deepEqual([unchanged.status, names(unchanged)], [304, ['img-fetch']])
})

test('what is made behind an answer does not count in it, and errors tell nothing', async () => {
  const first = await get('/slow/60x0/card.jpg', { accept: 'image/avif,image/webp' })
  assert.deepEqual(names(first), PIXELS)
  const missing = await get('/always/60x0/none.jpg')
  assert.deepEqual([missing.status, names(missing)], [404, []])
})
