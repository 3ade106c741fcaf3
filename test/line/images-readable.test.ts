import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { decode } from 'blurhash'
import sharp, { type Sharp } from 'sharp'
import { thumbHashToApproximateAspectRatio, thumbHashToRGBA } from 'thumbhash'
import { Secret } from '../../src/base/secret.ts'
import { imageUrl, srcset } from '../../src/modules/images/readable/links.ts'
import { type Json, type Mistake, testMistakes } from '../support/images.ts'
import { differenceOf, type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

const KEY = 'a secret of the site'
const PRESETS = { card: 'w=40&h=40&fit=cover&f=auto', thumb: 'w=20&q=60', round: 'grey=1' }

let shelf: Pictures
let edge: RunningEdge

before(async () => {
  shelf = await pictures()
  const behavior = (name: string, images: Json, more: Json = {}) => ({
    path: `/${name}/*`,
    stripPrefix: `/${name}`,
    origin: 'photos',
    cachePolicy: 'CachingDisabled',
    images: { dialect: 'edge', presets: PRESETS, ...images },
    ...more,
  })
  const signing = { secret: 'links' }
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder }, logos: { folder: shelf.folder } },
    behaviors: [
      behavior('img', { signing, sources: { photos: { origin: 'photos' }, logos: { origin: 'logos' } } }),
      behavior('open', {}),
      behavior('cached', { signing }, { cachePolicy: 'CachingOptimized' }),
      behavior('auto', { signing, autoFormats: ['webp'] }),
    ],
    defaultBehavior: { origin: 'photos' },
  })
  await (await edge.edge.seams.secrets()).put('links', new Secret(KEY))
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

/** A signed URL of the behavior `img`. */
const signed = (query: string, file = '/card.png', prefix = '/img') =>
  edge.url + imageUrl(file, { prefix, key: KEY, parameters: Object.fromEntries(new URLSearchParams(query)) })

interface Got {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

async function ask(url: string, accept = '*/*'): Promise<Got> {
  const response = await fetch(url, { headers: { accept } })
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  }
}

/** A query and the same by sharp alone. */
const cases: readonly {
  query: string
  file?: string
  like: (picture: Sharp) => Sharp
  type?: string
  tolerance?: number
}[] = [
  { query: 'w=40', like: (picture) => picture.resize(40) },
  { query: 'h=30', like: (picture) => picture.resize(undefined, 30) },
  { query: 'w=30&h=30', like: (picture) => picture.resize(30, 30) },
  { query: 'w=30&h=30&at=left', like: (picture) => picture.resize(30, 30, { position: 'left' }) },
  { query: 'w=30&h=30&at=right-top', like: (picture) => picture.resize(30, 30, { position: 'right top' }) },
  { query: 'w=30&h=30&fit=inside', like: (picture) => picture.resize(30, 30, { fit: 'inside' }) },
  { query: 'w=30&h=30&fit=fill', like: (picture) => picture.resize(30, 30, { fit: 'fill' }) },
  {
    query: 'w=30&h=40&fit=contain&bg=00f',
    like: (picture) =>
      picture.resize(30, 40, { fit: 'contain', background: '#00f' }).flatten({ background: '#00f' }),
  },
  { query: 'w=20&dpr=2', like: (picture) => picture.resize(40) },
  { query: 'w=800', like: (picture) => picture },
  { query: 'w=160&enlarge=1', like: (picture) => picture.resize(160) },
  {
    query: 'crop=40,0,40,30',
    like: (picture) => picture.extract({ left: 40, top: 0, width: 40, height: 30 }),
  },
  { query: 'rotate=90', like: (picture) => picture.rotate(90) },
  { query: 'flip=1', like: (picture) => picture.flip() },
  { query: 'flop=1&grey=1', like: (picture) => picture.flop().greyscale() },
  { query: 'blur=3', like: (picture) => picture.blur(3) },
  { query: 'sharpen=2', like: (picture) => picture.sharpen({ sigma: 2 }) },
  { query: 'w=40&f=webp', like: (picture) => picture.resize(40).webp(), type: 'image/webp', tolerance: 4 },
  {
    query: 'f=jpg&q=30',
    like: (picture) => picture.jpeg({ quality: 30 }),
    type: 'image/jpeg',
    tolerance: 0.1,
  },
  {
    query: 'q=20',
    file: '/scene.jpg',
    like: (picture) => picture.jpeg({ quality: 20 }),
    type: 'image/jpeg',
    tolerance: 0.1,
  },
  {
    query: 'w=30',
    file: '/phone.jpg',
    like: (picture) => picture.autoOrient().resize(30),
    type: 'image/jpeg',
    tolerance: 4,
  },
  { query: 'w=40&from=logos', like: (picture) => picture.resize(40) },
  { query: 'w=40', file: '/großes Bild.png', like: (picture) => picture.resize(40) },
]
for (const { query, file = '/card.png', like, type = 'image/png', tolerance = 0.6 } of cases) {
  test(`${file}?${query} is what sharp makes of it`, async () => {
    const { status, headers, body } = await ask(signed(query, file))
    assert.equal(status, 200, body.toString('latin1', 0, 300))
    assert.equal(headers.get('content-type'), type)
    const reference = await like(sharp(shelf.bytes.get(file.slice(1))!)).toBuffer()
    const difference = await differenceOf(body, reference)
    assert.ok(difference <= tolerance, `differs by ${difference}`)
  })
}

interface Description {
  readonly [key: string]: unknown
  readonly dominant: string
  readonly blurhash: string
  readonly thumbhash: string
  readonly lqip: string
}

/** Mean of each channel of RGBA pixels. */
function meanOf(pixels: Uint8ClampedArray | Buffer): readonly number[] {
  return [0, 1, 2].map((channel) => {
    let sum = 0
    for (let at = channel; at < pixels.length; at += 4) sum += pixels[at]!
    return sum / (pixels.length / 4)
  })
}

test('f=json describes the variant: size, original, main colour, and three stand-ins that look like it', async () => {
  const red = sharp({ create: { width: 60, height: 90, channels: 3, background: '#c81e14' } })
  await shelf.put('red.png', await red.png().toBuffer())
  await shelf.put(
    'red.svg',
    '<svg xmlns="http://www.w3.org/2000/svg" width="60" height="90"><rect width="60" height="90" fill="#c81e14"/></svg>',
  )
  const cases = [
    { file: 'red.png', query: 'w=20&f=json', size: [20, 30], original: ['png', 60, 90], main: [200, 30, 20] },
    { file: 'red.svg', query: 'f=json', size: [60, 90], original: ['svg', 60, 90], main: [200, 30, 20] },
    { file: 'phone.jpg', query: 'f=json', size: [60, 80], original: ['jpeg', 80, 60], main: undefined },
    { file: 'anim.gif', query: 'f=json', size: [16, 12], original: ['gif', 16, 12], main: [255, 0, 0] },
  ] as const
  for (const { file, query, size, original, main } of cases) {
    const { status, headers, body } = await ask(signed(query, `/${file}`))
    assert.equal(status, 200, body.toString())
    assert.equal(headers.get('content-type'), 'application/json')
    const said = JSON.parse(body.toString()) as Description
    assert.deepEqual([said['width'], said['height']], size, file)
    const bytes = shelf.bytes.get(file)!.length
    const [format, width, height] = original
    assert.deepEqual(said['original'], { format, width, height, bytes })
    const tiny = await sharp(Buffer.from(said.lqip.split(',')[1]!, 'base64')).metadata()
    assert.deepEqual([tiny.format, Math.max(tiny.width, tiny.height)], ['webp', 16])
    const blurred = meanOf(decode(said.blurhash, 16, 16))
    const thumb = Buffer.from(said.thumbhash, 'base64')
    assert.ok(thumb.length <= 25)
    const proportions = thumbHashToApproximateAspectRatio(thumb)
    assert.ok(Math.abs(proportions - size[0] / size[1]) < 0.2, `${file} ${proportions}`)
    if (main === undefined) continue
    const thumbed = meanOf(Buffer.from(thumbHashToRGBA(thumb).rgba))
    const dominant = [1, 3, 5].map((at) => Number.parseInt(said.dominant.slice(at, at + 2), 16))
    for (const [index, value] of main.entries()) {
      assert.ok(Math.abs(dominant[index]! - value) <= 16, `${file} ${said.dominant}`)
      assert.ok(Math.abs(blurred[index]! - value) <= 12, `${file} ${blurred.join()}`)
      assert.ok(Math.abs(thumbed[index]! - value) <= 12, `${file} ${thumbed.join()}`)
    }
  }
  const clear = sharp({ create: { width: 60, height: 90, channels: 4, background: '#00000000' } })
  await shelf.put('clear.png', await clear.png().toBuffer())
  const described = JSON.parse((await ask(signed('f=json', '/clear.png'))).body.toString()) as Description
  const { rgba } = thumbHashToRGBA(Buffer.from(described.thumbhash, 'base64'))
  assert.deepEqual([described['hasAlpha'], Math.max(...rgba.filter((_, at) => at % 4 === 3))], [true, 0])
  // What is behind transparency counts as white, whatever numbers lie there.
  assert.match(described.dominant, /^#f[0-9a-f]f[0-9a-f]f[0-9a-f]$/)
  const { headers } = await ask(signed('f=json', '/red.png'))
  const again = await fetch(signed('f=json', '/red.png'), {
    headers: { 'if-none-match': headers.get('etag')! },
  })
  assert.equal(again.status, 304)
})

test('a preset is a folder before the path, or its parameters; an original needs nothing', async () => {
  const width = async (path: string) => {
    const { status, body } = await ask(edge.url + path)
    return status === 200 ? (await sharp(body).metadata()).width : status
  }
  assert.equal(await width('/open/card/card.png'), 40)
  assert.equal(await width('/open/thumb/folder/100x100/fit-in/card.png'), 20)
  assert.equal(await width('/open/card.png?q=60&w=20'), 20)
  assert.equal(await width('/open/card.png'), 80)
  assert.equal(await width('/open/card.png?utm_source=letter'), 80)
  assert.equal(await width('/open/none/card.png'), 404)
  assert.equal(await width('/open/thumb/none.png'), 404)
})

test('what is neither a preset nor signed is refused before the cache is asked', async () => {
  const good = new URL(signed('w=33'))
  const other = new URL(good)
  other.searchParams.set('w', '34')
  const elsewhere = new URL(good)
  elsewhere.pathname = '/img/card.jpg'
  const codeOf = async (url: string | URL) => {
    const { status, body } = await ask(String(url))
    return status === 200 ? 200 : `${status} ${(JSON.parse(body.toString()) as { code: string }).code}`
  }
  assert.equal(await codeOf(good), 200)
  assert.equal(await codeOf(`${good.href}&utm_source=letter`), 200)
  assert.equal(await codeOf(other), '403 SignatureDoesNotMatch')
  assert.equal(await codeOf(elsewhere), '403 SignatureDoesNotMatch')
  assert.equal(await codeOf(`${edge.url}/img/card.png?w=33`), '403 ParametersNotAllowed')
  assert.equal(await codeOf(`${edge.url}/img/thumb/card.png?w=33`), '403 ParametersNotAllowed')
  assert.equal(await codeOf(`${edge.url}/open/card.png?w=33`), '403 ParametersNotAllowed')
  assert.equal(await codeOf(`${edge.url}/open/card.png?w=20&q=60&s=x`), '403 SignatureDoesNotMatch')
  assert.equal(await codeOf(signed('w=33&from=nowhere')), '403 SourceNotAllowed')
  assert.equal(await codeOf(signed('w=none')), '400 InvalidParameter')
  assert.equal(await codeOf(`${edge.url}/img/thumb/%zz.png`), '400 InvalidPath')
  await ask(signed('w=31', '/card.png', '/cached'))
  assert.equal(await codeOf(`${edge.url}/cached/card.png?w=31`), '403 ParametersNotAllowed')
})

test('a signed link may end, and lives no longer in caches', async () => {
  const link = (expires: Date) =>
    edge.url + imageUrl('/card.png', { prefix: '/img', key: KEY, parameters: { w: 10 }, expires })
  const { status, headers } = await ask(link(new Date(Date.now() + 3_600_000)))
  assert.equal(status, 200)
  assert.match(headers.get('cache-control') ?? '', /^max-age=3[56]\d\d,public$/)
  assert.equal((await ask(link(new Date(0)))).status, 403)
})

test('f=auto, and every URL without f where formats are configured, goes by Accept, with Vary and its own place in the cache', async () => {
  const at = (path: string) => edge.url + path
  const table = [
    { url: at('/open/card/card.png'), accept: 'image/avif,image/webp', type: 'image/avif', vary: 'Accept' },
    { url: at('/open/card/card.png'), accept: '*/*', type: 'image/png', vary: 'Accept' },
    { url: at('/open/thumb/card.png'), accept: 'image/webp', type: 'image/png', vary: null },
    { url: at('/auto/thumb/card.png'), accept: 'image/avif,image/webp', type: 'image/webp', vary: 'Accept' },
    { url: at('/auto/card.png'), accept: 'image/webp', type: 'image/webp', vary: 'Accept' },
    { url: signed('f=png', '/card.png', '/auto'), accept: 'image/webp', type: 'image/png', vary: null },
    { url: at('/auto/drawing.svg'), accept: 'image/webp', type: 'image/svg+xml', vary: 'Accept' },
  ]
  for (const { url, accept, type, vary } of table) {
    const { headers } = await ask(url, accept)
    assert.deepEqual([headers.get('content-type'), headers.get('vary')], [type, vary], `${url} ${accept}`)
  }
  const hit = async (accept: string) =>
    (await ask(at('/cached/card/card.png'), accept)).headers.get('x-cache')?.split(' ')[0]
  assert.deepEqual(
    [await hit('image/webp'), await hit('text/html,image/webp;q=0.5'), await hit('*/*')],
    ['Miss', 'Hit', 'Miss'],
  )
})

test('explain says what a preset stands for', async () => {
  const { stages } = await edge.edge.explain({
    url: `${edge.url}/open/thumb/card.png`,
    method: 'GET',
    headers: [],
  })
  const lines = stages.flatMap(({ says }) => says).filter((line) => line.startsWith('images: '))
  assert.deepEqual(lines, [
    'images: the key has fixed&q=60&w=20',
    'images: source photos (origin), key card.png',
    'images: edit rotate "auto", from upright by its EXIF tag',
    'images: edit resize {"width":20,"withoutEnlargement":true}, from preset thumb w',
    'images: format of the source',
  ])
})

test('srcset gives a URL for each width, and each of them is served', async () => {
  const text = srcset('/großes Bild.png', [20, 40], { prefix: '/img', key: KEY, parameters: { f: 'webp' } })
  const links = text.split(', ').map((each) => each.split(' '))
  assert.deepEqual(
    links.map(([, width]) => width),
    ['20w', '40w'],
  )
  for (const [url, width] of links) {
    const { status, body } = await ask(edge.url + url!)
    assert.equal(status, 200)
    assert.equal(`${(await sharp(body).metadata()).width}w`, width)
  }
  assert.throws(() => imageUrl('photo.jpg'), /begins with \//)
})

const mistakes: readonly Mistake[] = [
  {
    what: 'presets of another dialect',
    images: { dialect: 'sih', presets: { a: 'w=1' } },
    path: 'images.presets',
    says: /means nothing/,
  },
  {
    what: 'a rewrite',
    images: { dialect: 'edge', rewrite: { match: 'a', substitution: 'b' } },
    path: 'images.rewrite',
    says: /means nothing/,
  },
  {
    what: 'an unknown parameter',
    images: { dialect: 'edge', presets: { a: 'width=1' } },
    path: 'images.presets.a',
    says: /no parameter width.*enlarge/,
  },
  {
    what: 'a wrong parameter',
    images: { dialect: 'edge', presets: { a: 'w=none' } },
    path: 'images.presets.a',
    says: /w must be a whole number/,
  },
  {
    what: 'a name with a slash',
    images: { dialect: 'edge', presets: { 'a/b': 'w=1' } },
    path: 'images.presets',
    says: /letters, digits/,
  },
]
testMistakes(mistakes)
