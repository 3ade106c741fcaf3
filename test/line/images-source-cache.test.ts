import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { type Json, serve } from '../support/images.ts'
import { metric } from '../support/image-metrics.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { card } from '../support/pictures.ts'
import { runEdge } from '../support/running-edge.ts'

type Fields = Readonly<Record<string, string>>

/** A server of pictures, one colour after the other, and an edge with a clock before it. */
async function originals(
  fields: Fields | ((url: string, now: number) => Fields),
  {
    sourceCache,
    cachePolicy = 'CachingDisabled',
    pictureOf,
  }: {
    readonly sourceCache?: Json
    readonly cachePolicy?: string
    readonly pictureOf?: (url: string) => Buffer
  } = {},
) {
  const clock = new ManualClock()
  /** For each request, what it was answered; conditions that came with it before a slash. */
  const asked: string[] = []
  let picture: Buffer = await card().png().toBuffer()
  let etag: string | undefined
  let status = 200
  const server = await serve((url, response, request) => {
    const bytes = pictureOf?.(url) ?? picture
    const condition = request.headers['if-none-match'] ?? request.headers['if-modified-since']
    const isSame = condition !== undefined && condition === etag
    const answer = status === 200 && isSame ? 304 : status
    asked.push(condition === undefined ? `${answer}` : `${condition}/${answer}`)
    const said = typeof fields === 'function' ? fields(url, clock.now()) : fields
    response.writeHead(answer, {
      'Content-Type': 'image/png',
      ...(answer === 200 && { 'Content-Length': bytes.length }),
      ...(etag && { ETag: etag }),
      ...said,
    })
    response.end(answer === 200 ? bytes : undefined)
  })
  const edge = await runEdge(
    {
      origins: { photos: { url: server.url } },
      defaultBehavior: {
        origin: 'photos',
        cachePolicy,
        images: { dialect: 'sih' },
      },
    },
    { clock, top: { images: { processes: 1, ...(sourceCache && { sourceCache }) } } },
  )
  let width = 10
  return {
    clock,
    asked,
    edge,
    change(next: { readonly etag?: string; readonly picture?: Buffer; readonly status?: number }) {
      etag = next.etag ?? etag
      picture = next.picture ?? picture
      status = next.status ?? status
    },
    /** Another variant each time; its status and the colour of its first pixel. */
    async variant(key = 'a.png') {
      const answer = await fetch(`${edge.url}/${width++}x0/${key}`)
      const bytes = Buffer.from(await answer.arrayBuffer())
      if (answer.status !== 200) return `${answer.status}`
      const [r, g, b] = await sharp(bytes).removeAlpha().raw().toBuffer()
      return `${r},${g},${b}`
    },
    async [Symbol.asyncDispose]() {
      await edge[Symbol.asyncDispose]()
      await server[Symbol.asyncDispose]()
    },
  }
}

const plain = (background: string) =>
  sharp({ create: { width: 40, height: 40, channels: 3, background } })
    .png()
    .toBuffer()
const blue = () => plain('#0000ff')

/** Does not get smaller; a corner may have a colour. */
const noise = (corner = 'black') => {
  const raw = randomBytes(180 * 180 * 3)
  const patch = { create: { width: 60, height: 60, channels: 3, background: corner } } as const
  return sharp(raw, { raw: { width: 180, height: 180, channels: 3 } })
    .composite([{ input: patch, left: 0, top: 0 }])
    .png()
    .toBuffer()
}

test('an original is fetched once for all variants that are made while it is fresh', async () => {
  await using site = await originals({ 'Cache-Control': 'max-age=60' })
  for (let i = 0; i < 3; i++) await site.variant()
  assert.deepEqual(site.asked, ['200'])
  site.clock.advance(59_000)
  await site.variant()
  assert.deepEqual(site.asked, ['200'])
  site.clock.advance(1_000)
  await site.variant()
  assert.deepEqual(site.asked, ['200', '200'], 'without a name it is fetched again')
})

interface Lifetime {
  readonly what: string
  readonly fields: (now: number) => Fields
  /** Undefined: it must not be kept. */
  readonly seconds: number | undefined
}

const said = (cacheControl: string, more: Fields = {}) => ({
  fields: () => ({ 'Cache-Control': cacheControl, ...more }),
})
const lifetimes: readonly Lifetime[] = [
  { what: 'nothing said', fields: () => ({}), seconds: 1 },
  { what: 'max-age', ...said('max-age=10'), seconds: 10 },
  { what: 's-maxage before max-age', ...said('max-age=10, s-maxage=20'), seconds: 20 },
  { what: 'less the age it came with', ...said('max-age=10', { Age: '4' }), seconds: 6 },
  { what: 'an age that is no number', ...said('max-age=10', { Age: 'x' }), seconds: 10 },
  {
    what: 'Expires',
    fields: (now) => ({ Expires: new Date(Math.ceil(now / 1000) * 1000 + 30_000).toUTCString() }),
    seconds: 30,
  },
  { what: 'max-age=0', ...said('max-age=0'), seconds: 0 },
  { what: 'no-cache', ...said('no-cache, max-age=10'), seconds: 0 },
  { what: 'no-store', ...said('no-store'), seconds: undefined },
  { what: 'private', ...said('private, max-age=10'), seconds: undefined },
  { what: 'Vary: *', ...said('max-age=10', { Vary: '*' }), seconds: undefined },
]

let shop: Awaited<ReturnType<typeof originals>>
before(async () => {
  shop = await originals((url, now) => lifetimes[Number(/\d+/.exec(url)![0])]!.fields(now), {
    sourceCache: { unsaidSeconds: 1 },
  })
  shop.change({ etag: '"1"' })
})
after(() => shop[Symbol.asyncDispose]())

for (const [index, { what, seconds }] of lifetimes.entries()) {
  test(`how long an original is used without asking: ${what}`, async () => {
    const key = `${index}.png`
    // Whole seconds, which is all that dates can tell.
    shop.clock.advance(1000 - (shop.clock.now() % 1000))
    shop.asked.length = 0
    await shop.variant(key)
    if (seconds !== undefined && seconds > 0) {
      shop.clock.advance(seconds * 1000 - 1)
      await shop.variant(key)
      assert.deepEqual(shop.asked, ['200'])
      shop.clock.advance(1)
    }
    await shop.variant(key)
    // What must not be kept has no name to be asked about.
    assert.deepEqual(shop.asked, ['200', seconds === undefined ? '200' : '"1"/304'])
  })
}

test('an original that has changed is fetched anew, one that has not is only confirmed', async () => {
  await using site = await originals({ 'Cache-Control': 'max-age=5' })
  site.change({ etag: '"1"' })
  const before = await site.variant()
  site.clock.advance(5_000)
  assert.equal(await site.variant(), before)
  site.clock.advance(4_999)
  assert.equal(await site.variant(), before, 'fresh again since it was confirmed')
  assert.deepEqual(site.asked, ['200', '"1"/304'])
  site.change({ etag: '"2"', picture: await blue() })
  site.clock.advance(1)
  assert.equal(await site.variant(), '0,0,255')
  assert.deepEqual(site.asked, ['200', '"1"/304', '"1"/200'])
  const counted = (result: string) => metric(site.edge, `sources_total{result="${result}"}`)
  assert.deepEqual(['kept', 'confirmed', 'fetched'].map(counted), [1, 1, 2])
})

test('a 304 may say another lifetime, and what it leaves out stays as it was', async () => {
  const answers: Fields[] = [{ 'Cache-Control': 'max-age=5' }, {}, { 'Cache-Control': 'no-store' }, {}]
  await using site = await originals(() => answers.shift() ?? {})
  site.change({ etag: '"1"' })
  await site.variant()
  site.clock.advance(5_000)
  await site.variant()
  site.clock.advance(4_999)
  await site.variant()
  assert.deepEqual(site.asked, ['200', '"1"/304'])
  site.clock.advance(1)
  await site.variant()
  await site.variant()
  assert.deepEqual(site.asked, ['200', '"1"/304', '"1"/304', '200'])
})

test('an original that is gone, or whose server fails, is not served out of memory', async () => {
  await using site = await originals({ 'Cache-Control': 'max-age=5' })
  site.change({ etag: '"1"' })
  await site.variant()
  site.clock.advance(5_000)
  site.change({ status: 404 })
  assert.equal(await site.variant(), '404')
  site.change({ status: 503 })
  assert.equal(await site.variant(), '500')
  site.change({ status: 200 })
  assert.match(await site.variant(), /,/)
  assert.deepEqual(site.asked, ['200', '"1"/404', '"1"/503', '"1"/304'])
})

const invalidations = [
  { what: 'of everything', all: true },
  { what: 'of a path', paths: ['/10x0/a.png'] },
  { what: 'of a path of nothing', paths: ['/elsewhere/*'] },
  { what: 'of a tag', tags: ['product-1'] },
  { what: 'that only marks stale', paths: ['/*'], soft: true },
] as const

test('after an invalidation, of whatever, originals are fetched anew', async () => {
  await using site = await originals({ 'Cache-Control': 'max-age=3600' })
  for (const [index, { what, ...selection }] of invalidations.entries()) {
    site.change({ picture: await blue() })
    await site.edge.edge.invalidate({ distributionId: 'test', all: false, ...selection, by: 'test' })
    assert.equal(await site.variant(), '0,0,255', what)
    site.change({ picture: await plain('#ff0000') })
    assert.equal(await site.variant(), '0,0,255', what)
    assert.equal(site.asked.length, index + 1, what)
  }
})

test('the least recently used originals go when the bound is reached, and none takes more than a quarter of it', async () => {
  const picture = await noise()
  // Each lies in a buffer of 128 KiB.
  assert.ok(picture.length > 65_536 && picture.length <= 131_072)
  const maxBytes = 4 * 131_072
  await using site = await originals({ 'Cache-Control': 'max-age=60' }, { sourceCache: { maxBytes } })
  site.change({ picture })
  for (const key of ['a.png', 'b.png', 'c.png', 'd.png', 'a.png', 'e.png']) await site.variant(key)
  assert.equal(site.asked.length, 5)
  await site.variant('a.png')
  assert.equal(site.asked.length, 5)
  await site.variant('b.png')
  assert.equal(site.asked.length, 6)
  await using small = await originals(
    { 'Cache-Control': 'max-age=60' },
    { sourceCache: { maxBytes: maxBytes - 1 } },
  )
  small.change({ picture })
  await small.variant()
  await small.variant()
  assert.equal(small.asked.length, 2)
})

test('what nothing is said of counts for a second, and not where such answers are not kept either', async () => {
  for (const { cachePolicy, sourceCache, seconds } of [
    { cachePolicy: 'CachingOptimized', sourceCache: {}, seconds: 1 },
    { cachePolicy: 'CachingDisabled', sourceCache: {}, seconds: 0 },
    { cachePolicy: 'CachingOptimized', sourceCache: { unsaidSeconds: 0 }, seconds: 0 },
    { cachePolicy: 'CachingDisabled', sourceCache: { unsaidSeconds: 5 }, seconds: 5 },
  ]) {
    await using site = await originals({}, { cachePolicy, sourceCache })
    site.change({ etag: '"1"' })
    await site.variant()
    if (seconds > 0) {
      site.clock.advance(seconds * 1000 - 1)
      await site.variant()
      assert.deepEqual(site.asked, ['200'])
      site.clock.advance(1)
    }
    await site.variant()
    assert.deepEqual(site.asked, ['200', '"1"/304'])
  }
})

test('nothing is kept where the bound is 0', async () => {
  await using none = await originals({ 'Cache-Control': 'max-age=60' }, { sourceCache: { maxBytes: 0 } })
  await none.variant()
  await none.variant()
  assert.equal(none.asked.length, 2)
})

test('pictures whose buffers are used again while others are made into variants stay whole', async () => {
  const shades = await Promise.all([0, 50, 100, 150, 200, 250].map((red) => noise(`rgb(${red}, 9, 9)`)))
  await using site = await originals(
    { 'Cache-Control': 'max-age=60' },
    // Four of the six at a time.
    { sourceCache: { maxBytes: 524_288 }, pictureOf: (url) => shades[Number(url[1])]! },
  )
  // One stays in use while the others come and go.
  const turns = Array.from({ length: 60 }, (_, index) => (index % 2 === 0 ? 0 : (index >> 1) % shades.length))
  const seen = await Promise.all(turns.map((turn) => site.variant(`${turn}.png`)))
  assert.deepEqual(
    seen,
    turns.map((turn) => `${turn * 50},9,9`),
  )
})
