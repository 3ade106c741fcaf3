import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rename, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { openEmbeddedObjects } from '../../src/seams/objects/embedded.ts'
import { systemClock } from '../../src/base/clock.ts'
import { S3_ACCOUNT, fakeS3 } from '../support/aws/s3.ts'
import { type CountingOrigin, countRequests } from '../support/counting-origin.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { pictures, scene } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

type Json = Readonly<Record<string, unknown>>

/** A server of pictures whose content and validators a test changes. */
interface PictureServer extends AsyncDisposable {
  readonly url: string
  /** `undefined` answers 404. */
  set(name: string, picture: Picture | undefined): void
  /** `METHOD /name` of the requests since it was last asked. */
  asked(): readonly string[]
}

interface Picture {
  readonly bytes: Buffer
  readonly etag?: string
  readonly lastModified?: string
  readonly cacheControl?: string
}

let one: Buffer
let two: Buffer
before(async () => {
  one = await scene(120, 90).jpeg({ quality: 80 }).toBuffer()
  two = await scene(120, 90).negate().jpeg({ quality: 80 }).toBuffer()
})

async function servePictures(): Promise<PictureServer> {
  const served = new Map<string, Picture>()
  const origin: CountingOrigin = await countRequests((request, response) => {
    const picture = served.get(request.url!.slice(1))
    if (picture === undefined) {
      response.writeHead(404).end()
      return
    }
    const { bytes, etag, lastModified, cacheControl = 'max-age=600' } = picture
    response.setHeader('Content-Type', 'image/jpeg').setHeader('Cache-Control', cacheControl)
    if (etag !== undefined) response.setHeader('ETag', etag)
    if (lastModified !== undefined) response.setHeader('Last-Modified', lastModified)
    response.setHeader('Content-Length', bytes.length).end(request.method === 'HEAD' ? undefined : bytes)
  })
  let seen = 0
  return {
    url: origin.url,
    set(name, picture) {
      if (picture === undefined) served.delete(name)
      else served.set(name, picture)
    },
    asked() {
      const news = origin.requests.slice(seen)
      seen += news.length
      return news.map(({ method, url }) => `${method} ${url}`)
    },
    [Symbol.asyncDispose]: () => origin[Symbol.asyncDispose](),
  }
}

let folders: string[] = []
after(async () => {
  for (const folder of folders) await rm(folder, { recursive: true, force: true })
  folders = []
})

async function dataFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-variants-'))
  folders.push(folder)
  return folder
}

/** An edge that stores variants below `data`, with nothing else that outlives it. */
function openEdge(
  data: string,
  origin: PictureServer,
  options: { images?: Json; behavior?: Json; top?: Json; clock?: ManualClock } = {},
): Promise<RunningEdge> {
  return runEdge(
    {
      origins: { photos: { url: origin.url } },
      defaultBehavior: {
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { dialect: 'sih', variants: {}, ...options.images },
        ...options.behavior,
      },
    },
    {
      top: { dataFolder: data, cache: { disk: false }, images: { processes: 1 }, ...options.top },
      ...(options.clock !== undefined && { clock: options.clock }),
    },
  )
}

interface Got {
  readonly status: number
  readonly headers: Headers
  readonly bytes: Buffer
}

async function get(edge: RunningEdge, path: string, headers: Record<string, string> = {}): Promise<Got> {
  const response = await fetch(edge.url + path, { headers })
  return {
    status: response.status,
    headers: response.headers,
    bytes: Buffer.from(await response.arrayBuffer()),
  }
}

function metric(edge: RunningEdge, line: string): number {
  const found = edge.edge
    .metricsText()
    .split('\n')
    .find((each) => each.startsWith(`edgeward_images_${line} `))
  return Number(found?.split(' ')[1])
}

const processed = (edge: RunningEdge) => metric(edge, 'total{outcome="done"}')
const variants = (edge: RunningEdge, event: string) => metric(edge, `variants_total{event="${event}"}`)

/** Turns of the event loop until something holds; the test's own time limit ends it. */
async function until(holds: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((turn) => setImmediate(turn))
}

const stored = (edge: RunningEdge, count: number) => until(() => variants(edge, 'stored') === count)

/** Keys of the objects in the store. */
async function keysIn(data: string): Promise<string[]> {
  await using objects = await openEmbeddedObjects({
    folder: join(data, 'objects', 'image-variants'),
    clock: systemClock,
  })
  return (await objects.list()).objects.map(({ key }) => key)
}

test('a stored variant survives a restart and is served without decoding, or reading the source', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"', lastModified: 'Tue, 24 Nov 2026 10:00:00 GMT' })
  const data = await dataFolder()
  let first: Got
  {
    await using edge = await openEdge(data, origin)
    first = await get(edge, '/60x0/filters:format(webp)/a.jpg')
    assert.equal(processed(edge), 1)
    // It ends at once: what was made is written first.
  }
  assert.deepEqual(origin.asked(), ['GET /a.jpg'])
  await using edge = await openEdge(data, origin)
  const again = await get(edge, '/60x0/filters:format(webp)/a.jpg')
  assert.deepEqual(again.bytes, first.bytes)
  assert.equal((await sharp(again.bytes).metadata()).format, 'webp')
  const fields = ['content-type', 'etag', 'last-modified', 'cache-control', 'x-content-type-options']
  for (const name of fields) assert.equal(again.headers.get(name), first.headers.get(name), name)
  assert.deepEqual(origin.asked(), ['HEAD /a.jpg'])
  assert.deepEqual([processed(edge), variants(edge, 'served')], [0, 1])

  const etag = first.headers.get('etag')!
  const conditional = await get(edge, '/60x0/filters:format(webp)/a.jpg', { 'if-none-match': etag })
  assert.deepEqual([conditional.status, conditional.bytes.length], [304, 0])
  const head = await fetch(`${edge.url}/60x0/filters:format(webp)/a.jpg`, { method: 'HEAD' })
  assert.equal(head.headers.get('content-length'), String(first.bytes.length))
  assert.equal(processed(edge), 0)
  // Another variant of the same source is another matter.
  await get(edge, '/50x0/filters:format(webp)/a.jpg')
  assert.equal(processed(edge), 1)
})

test('how long a stored variant lives is what its source says now', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  await using edge = await openEdge(await dataFolder(), origin)
  await get(edge, '/60x0/a.jpg')
  await stored(edge, 1)
  origin.set('a.jpg', { bytes: one, etag: '"1"', cacheControl: 'private, max-age=5' })
  const again = await get(edge, '/60x0/a.jpg')
  assert.equal(again.headers.get('cache-control'), 'private, max-age=5')
  assert.equal(processed(edge), 1)
})

test('every kind of source is asked whether it has changed, and so is one that refuses HEAD', async () => {
  await using shelf = await pictures()
  await using strict = await countRequests((request, response) => {
    if (request.method === 'HEAD') response.writeHead(405).end()
    else response.setHeader('Content-Type', 'image/jpeg').setHeader('ETag', '"1"').end(one)
  })
  await using web = await servePictures()
  web.set('scene.jpg', { bytes: one, etag: '"1"' })
  const allowAddresses = ['127.0.0.1']
  const sources = {
    folder: { origin: 'folder' },
    strict: { origin: 'strict' },
    web: { url: web.url, allowAddresses },
  }
  await using edge = await runEdge(
    {
      origins: { folder: { folder: shelf.folder }, strict: { url: strict.url } },
      defaultBehavior: {
        origin: 'folder',
        cachePolicy: 'CachingDisabled',
        images: { dialect: 'sih', variants: {}, sources },
      },
    },
    { top: { cache: { disk: false }, images: { processes: 1 } } },
  )
  for (const [index, bucket] of Object.keys(sources).entries()) {
    const path = `/s3:${bucket}/60x0/scene.jpg`
    const made = await get(edge, path)
    assert.equal(made.status, 200, bucket)
    await stored(edge, index + 1)
    assert.deepEqual((await get(edge, path)).bytes, made.bytes)
    assert.deepEqual([processed(edge), variants(edge, 'served')], [index + 1, index + 1], bucket)
  }
  assert.deepEqual(web.asked(), ['GET /scene.jpg', 'HEAD /scene.jpg'])
  assert.deepEqual(
    strict.requests.map(({ method }) => method),
    ['GET', 'HEAD', 'GET'],
  )
})

test('another node that shares the folder serves what the first has made', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  const data = await dataFolder()
  await using first = await openEdge(data, origin)
  await using second = await openEdge(data, origin)
  const made = await get(first, '/60x0/a.jpg')
  await stored(first, 1)
  const served = await get(second, '/60x0/a.jpg')
  assert.deepEqual(served.bytes, made.bytes)
  assert.deepEqual([processed(first), processed(second)], [1, 0])
})

test('a changed source is made anew, and what was stored of its old version goes', async () => {
  await using origin = await servePictures()
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  const versions: { what: string; old: Picture; next: Picture }[] = [
    { what: 'by ETag', old: { bytes: one, etag: '"1"' }, next: { bytes: two, etag: '"2"' } },
    {
      what: 'by date',
      old: { bytes: one, lastModified: 'Tue, 24 Nov 2026 10:00:00 GMT' },
      // An older file that was put back is another file as well.
      next: { bytes: two, lastModified: 'Mon, 23 Nov 2026 10:00:00 GMT' },
    },
    { what: 'without validators', old: { bytes: one }, next: { bytes: two } },
  ]
  for (const { what, old, next } of versions) {
    const name = `${what.replaceAll(' ', '-')}.jpg`
    const before = { processed: processed(edge), stored: variants(edge, 'stored') }
    origin.set(name, old)
    const [small, large] = [await get(edge, `/30x0/${name}`), await get(edge, `/60x0/${name}`)]
    await stored(edge, before.stored + 2)
    for (const path of [`/30x0/${name}`, `/60x0/${name}`]) await get(edge, path)
    assert.equal(processed(edge) - before.processed, 2, `${what}: unchanged is not made again`)
    origin.set(name, next)
    const changed = await get(edge, `/30x0/${name}`)
    assert.notDeepEqual(changed.bytes, small.bytes, what)
    assert.equal(processed(edge) - before.processed, 3, what)
    const keysOf = async () => (await keysIn(data)).filter((key) => key.includes(name))
    await until(() => variants(edge, 'stored') === before.stored + 3)
    // The other size belongs to the old version: it goes without having been asked for.
    await until(async () => (await keysOf()).length === 1)
    const other = await get(edge, `/60x0/${name}`)
    assert.notDeepEqual(other.bytes, large.bytes, what)
    await stored(edge, before.stored + 4)
    // Both are of the same version now, and neither drives the other out.
    for (const path of [`/30x0/${name}`, `/60x0/${name}`]) await get(edge, path)
    assert.equal(processed(edge) - before.processed, 4, what)
    assert.equal((await keysOf()).length, 2, what)
  }
})

test('a source whose bytes come under a new validator is read once, and not decoded', async () => {
  await using origin = await servePictures()
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  origin.set('a.jpg', { bytes: one, etag: '"first release"' })
  const made = await get(edge, '/60x0/a.jpg')
  await stored(edge, 1)
  origin.asked()
  origin.set('a.jpg', { bytes: one, etag: '"second release"' })
  const copied = await get(edge, '/60x0/a.jpg')
  assert.deepEqual(copied.bytes, made.bytes)
  assert.equal(copied.headers.get('etag'), made.headers.get('etag'))
  assert.deepEqual(origin.asked(), ['HEAD /a.jpg', 'GET /a.jpg'])
  // The new name is noted behind the answer, and the old one, by which another node may still call it, stays.
  const askedWithHeadOnly = async () => {
    await get(edge, '/60x0/a.jpg')
    return origin.asked().join() === 'HEAD /a.jpg'
  }
  await until(askedWithHeadOnly)
  origin.set('a.jpg', { bytes: one, etag: '"first release"' })
  assert.ok(await askedWithHeadOnly())
  assert.equal(processed(edge), 1)
})

test('a source that has gone takes its variants with it, one that fails does not', async () => {
  await using origin = await servePictures()
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  await get(edge, '/60x0/a.jpg')
  await get(edge, '/30x0/a.jpg')
  await stored(edge, 2)
  origin.set('a.jpg', undefined)
  assert.equal((await get(edge, '/60x0/a.jpg')).status, 404)
  await until(() => variants(edge, 'removed') === 2)
  assert.deepEqual(await keysIn(data), [])
})

test('what is laid over a picture counts as a source', async () => {
  await using origin = await servePictures()
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  const mark = (alpha: number) =>
    sharp({ create: { width: 20, height: 10, channels: 4, background: { r: 255, g: 0, b: 0, alpha } } })
      .png()
      .toBuffer()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  origin.set('mark.png', { bytes: await mark(1), etag: '"mark 1"' })
  const path = `/${Buffer.from(
    JSON.stringify({ key: 'a.jpg', edits: { overlayWith: { bucket: 'photos', key: 'mark.png' } } }),
  ).toString('base64')}`
  const made = await get(edge, path)
  assert.equal(made.status, 200)
  await stored(edge, 1)
  origin.asked()
  assert.deepEqual((await get(edge, path)).bytes, made.bytes)
  assert.deepEqual(origin.asked(), ['HEAD /a.jpg', 'HEAD /mark.png'])
  assert.equal(processed(edge), 1)
  origin.set('mark.png', { bytes: await mark(0.4), etag: '"mark 2"' })
  assert.notDeepEqual((await get(edge, path)).bytes, made.bytes)
  assert.equal(processed(edge), 2)
})

test('nodes far apart share a bucket', async () => {
  process.env['EDGEWARD_TEST_VARIANTS_KEY'] = S3_ACCOUNT.secretAccessKey
  const clock = new ManualClock()
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  await using service = await fakeS3({ clock })
  const objects = {
    shared: {
      bucket: 's3://photos/variants',
      endpoint: service.endpoint,
      region: S3_ACCOUNT.region,
      credentials: {
        accessKeyId: S3_ACCOUNT.accessKeyId,
        secretAccessKey: { env: 'EDGEWARD_TEST_VARIANTS_KEY' },
      },
    },
  }
  const images = { variants: { objects: 'shared', maxBytes: 200_000 } }
  const node = async () => openEdge(await dataFolder(), origin, { images, clock, top: { objects } })
  await using first = await node()
  await using second = await node()
  const made = await get(first, '/60x0/a.jpg')
  await stored(first, 1)
  assert.deepEqual((await get(second, '/60x0/a.jpg')).bytes, made.bytes)
  assert.equal(processed(second), 0)
  const keys = () => [...service.buckets.get('photos')!.keys()]
  assert.equal(keys().length, 1)
  assert.match(keys()[0]!, /^variants\/[0-9a-f]{2}\/[0-9a-f]{24}\.photos%2Fa\.jpg\/[0-9a-f]{32}$/)
  // The new version drives out all of the old one, and the bound holds.
  await get(first, '/50x0/a.jpg')
  await stored(first, 2)
  origin.set('a.jpg', { bytes: two, etag: '"2"' })
  await get(second, '/60x0/a.jpg')
  await until(() => keys().length === 1)
  for (let width = 1; width <= 80; width++) {
    clock.advance(1_000)
    await get(first, `/${width + 10}x0/a.jpg`)
  }
  await until(() => variants(first, 'evicted') > 0)
  assert.ok(keys().length < 81)
})

/** Bytes of everything below a folder. */
async function bytesBelow(folder: string): Promise<number> {
  let sum = 0
  for (const entry of await readdir(folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    // One may go while the folder is read.
    const found = await stat(join(entry.parentPath, entry.name)).catch(() => undefined)
    sum += found?.size ?? 0
  }
  return sum
}

test('the bound holds for what several nodes write, and a lower one after a restart', async () => {
  await using origin = await servePictures()
  const data = await dataFolder()
  const maxBytes = 200_000
  const store = join(data, 'objects', 'image-variants', 'objects')
  {
    const images = { variants: { maxBytes } }
    await using first = await openEdge(data, origin, { images })
    await using second = await openEdge(data, origin, { images })
    for (let i = 0; i < 60; i++) {
      origin.set(`${i}.jpg`, { bytes: one, etag: `"${i}"` })
      await Promise.all([get(first, `/80x0/${i}.jpg`), get(second, `/90x0/${i}.jpg`)])
      assert.ok((await bytesBelow(store)) <= maxBytes * (1 + 2 / 16), `after ${i}`)
    }
    await until(() => variants(first, 'stored') === 60 && variants(second, 'stored') === 60)
    assert.ok(variants(first, 'evicted') > 0 && variants(second, 'evicted') > 0)
    assert.ok((await bytesBelow(store)) > maxBytes / 3)
    // The latest is there, the oldest has given way.
    await get(first, '/80x0/59.jpg')
    assert.equal(variants(first, 'served'), 1)
    await get(first, '/80x0/0.jpg')
    assert.equal(variants(first, 'served'), 1)
  }
  await using edge = await openEdge(data, origin, { images: { variants: { maxBytes: 65_536 } } })
  // It is known how much there is when all of it has been looked at.
  await until(() => metric(edge, 'variants_bytes') > 0)
  assert.ok(metric(edge, 'variants_bytes') <= 65_536)
  assert.ok((await bytesBelow(store)) <= 65_536)
})

test('a store that fails costs no viewer his picture, is reported once, and left alone for a while', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  const data = await dataFolder()
  // A file where the folder of the store should be: not even root can write there.
  await mkdir(join(data, 'objects'), { recursive: true })
  const place = join(data, 'objects', 'image-variants')
  await writeFile(place, '')
  await using edge = await openEdge(data, origin)
  for (const width of [20, 30, 40]) {
    const { status, bytes } = await get(edge, `/${width}x0/a.jpg`)
    assert.deepEqual([status, (await sharp(bytes).metadata()).width], [200, width])
  }
  const complaints = edge.said.filter((line) => line.includes('stored variants cannot be'))
  assert.equal(complaints.length, 1)
  assert.match(complaints[0]!, /image-variants.*left alone for 10 s/)
  assert.equal(variants(edge, 'stored'), 0)
  assert.ok(variants(edge, 'failed') >= 1)
  assert.ok(variants(edge, 'skipped') >= 1)
})

test('a store that breaks while it is used costs no viewer his picture', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  await get(edge, '/60x0/a.jpg')
  await stored(edge, 1)
  const place = join(data, 'objects', 'image-variants', 'objects')
  await rename(place, `${place}.away`)
  await writeFile(place, '')
  const { status, bytes } = await get(edge, '/60x0/a.jpg')
  assert.deepEqual([status, (await sharp(bytes).metadata()).width], [200, 60])
  assert.equal(processed(edge), 2)
})

test('what a detector has a say in is not stored, nor is what stays as it is', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  await using detector = await countRequests((_request, response) => {
    const box = { Width: 0.5, Height: 0.5, Left: 0.2, Top: 0.2 }
    response.end(JSON.stringify({ FaceDetails: [{ BoundingBox: box }] }))
  })
  const data = await dataFolder()
  await using edge = await openEdge(data, origin, { images: { detector: { url: detector.url } } })
  const cropped = `/${Buffer.from(JSON.stringify({ key: 'a.jpg', edits: { smartCrop: true } })).toString('base64')}`
  assert.equal((await get(edge, cropped)).status, 200)
  assert.deepEqual((await get(edge, '/a.jpg')).bytes, one)
  // A third one is stored, so nothing of the others is on its way any more.
  await get(edge, '/30x0/a.jpg')
  await stored(edge, 1)
  assert.equal((await keysIn(data)).length, 1)
})

test('a source that comes to have the format that was chosen is sent as it is, and what was stored of it goes', async () => {
  await using origin = await servePictures()
  const png = await sharp(one).png().toBuffer()
  origin.set('a.jpg', { bytes: png, etag: '"1"' })
  const data = await dataFolder()
  await using edge = await openEdge(data, origin, {
    images: { dialect: 'dit', policy: 'auto', policies: { auto: { outputs: { format: 'auto' } } } },
  })
  const ask = (etag?: string) =>
    get(edge, '/a.jpg', { accept: 'image/jpeg', ...(etag !== undefined && { 'if-none-match': etag }) })
  const made = await ask()
  assert.equal((await sharp(made.bytes).metadata()).format, 'jpeg')
  await stored(edge, 1)
  assert.equal((await keysIn(data)).length, 1)
  origin.set('a.jpg', { bytes: one, etag: '"2"' })
  const original = await ask()
  assert.deepEqual([original.bytes, original.headers.get('etag')], [one, '"2"'])
  assert.match(original.headers.get('vary') ?? '', /Accept/)
  await until(async () => (await keysIn(data)).length === 0)
  assert.equal((await ask('"2"')).status, 304)
  // With something to do it is a variant like any other.
  await get(edge, '/a.jpg?flip=true', { accept: 'image/jpeg' })
  await stored(edge, 2)
  assert.deepEqual([processed(edge), (await keysIn(data)).length], [2, 1])
})

test('what its source forbids to keep is not stored', async () => {
  await using origin = await servePictures()
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  for (const cacheControl of ['no-store', 'private, max-age=60']) {
    origin.set('a.jpg', { bytes: one, etag: '"1"', cacheControl })
    assert.equal((await get(edge, '/60x0/a.jpg')).headers.get('cache-control'), cacheControl)
  }
  origin.set('b.jpg', { bytes: one, etag: '"1"', cacheControl: 'no-cache' })
  await get(edge, '/60x0/b.jpg')
  await stored(edge, 1)
  assert.equal((await keysIn(data)).length, 1)
  assert.deepEqual([processed(edge), variants(edge, 'skipped')], [3, 0])
})

test('explain tells what is kept, without counting it', async () => {
  await using origin = await servePictures()
  origin.set('a.jpg', { bytes: one, etag: '"1"' })
  const data = await dataFolder()
  await using edge = await openEdge(data, origin)
  const explained = async () => {
    const { stages } = await edge.edge.explain({ url: `${edge.url}/60x0/a.jpg`, method: 'GET', headers: [] })
    return stages.flatMap(({ says }) => says).filter((line) => /^images: .*kept/.test(line))
  }
  assert.deepEqual(await explained(), ['images: nothing is kept of this variant'])
  await get(edge, '/60x0/a.jpg')
  await stored(edge, 1)
  assert.deepEqual(await explained(), [
    'images: kept as image/jpeg, 60 x 45, served if the source is still the same',
  ])
  assert.deepEqual([variants(edge, 'served'), variants(edge, 'missing')], [0, 1])
})
