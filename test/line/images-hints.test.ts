import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { Secret } from '../../src/base/secret.ts'
import { imageUrl } from '../../src/modules/images/readable/links.ts'
import { type Json, type Mistake, testMistakes } from '../support/images.ts'
import { noBrowser, openBrowser } from '../support/browser.ts'
import { type Pictures, pictures, scene } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

type Fields = Readonly<Record<string, string>>

const KEY = 'a secret of the site'
const PRESETS = { hero: 'w=auto', avatar: 'w=40&dpr=auto', plain: 'w=100', tall: 'w=auto&h=10' }

let shelf: Pictures
let edge: RunningEdge

before(async () => {
  shelf = await pictures()
  await shelf.put('wide.jpg', await scene(2400, 60).jpeg({ quality: 90 }).toBuffer())
  await shelf.put('noise.jpg', await noise(300, 200).jpeg({ quality: 95 }).toBuffer())
  const pictured =
    '<img id="sized" src="/hints/hero/wide.jpg" sizes="50vw"><img id="dense" src="/hints/avatar/wide.jpg">'
  await shelf.put('page.html', `<!doctype html><title>hints</title>${pictured}`)
  await shelf.put(
    'plain/page.html',
    `<!doctype html><meta http-equiv="Accept-CH" content="Sec-CH-DPR, Sec-CH-Width, Sec-CH-Viewport-Width">${pictured}`,
  )
  await shelf.put('plain/silent.html', `<!doctype html><title>no hints</title>${pictured}`)
  const behavior = (name: string, images: Json, more: Json = {}) => ({
    path: `/${name}/*`,
    stripPrefix: `/${name}`,
    origin: 'photos',
    cachePolicy: 'CachingDisabled',
    images: { dialect: 'edge', presets: PRESETS, signing: { secret: 'links' }, ...images },
    ...more,
  })
  edge = await runEdge(
    {
      origins: { photos: { folder: shelf.folder } },
      behaviors: [
        behavior('hints', { hints: {} }),
        behavior('cached', { hints: {} }, { cachePolicy: 'CachingOptimized' }),
        behavior('few', {
          hints: { widths: [600, 300], densities: [2, 1], defaultWidth: 200, saveData: false },
        }),
        { path: '/plain/*', origin: 'photos' },
        behavior('off', { presets: { plain: PRESETS.plain } }),
        behavior('chosen', { presets: {}, quality: 'auto' }),
        {
          path: '/sih/*',
          stripPrefix: '/sih',
          origin: 'photos',
          cachePolicy: 'CachingDisabled',
          images: { dialect: 'sih', quality: 'auto' },
        },
        {
          path: '/dit/*',
          stripPrefix: '/dit',
          origin: 'photos',
          cachePolicy: 'CachingDisabled',
          images: { dialect: 'dit', quality: 'auto' },
        },
      ],
      defaultBehavior: {
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        responseHeadersPolicy: 'hints',
      },
    },
    {
      top: {
        responseHeadersPolicies: {
          hints: {
            customHeadersBehavior: {
              customHeaders: [
                {
                  header: 'Accept-CH',
                  value: 'Sec-CH-DPR, Sec-CH-Width, Sec-CH-Viewport-Width',
                  override: true,
                },
              ],
            },
          },
        },
      },
    },
  )
  await (await edge.edge.seams.secrets()).put('links', new Secret(KEY))
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

/** The same on every machine, and nothing that an encoder could leave out. */
function noise(width: number, height: number) {
  let state = 1
  const pixels = Buffer.from(
    Array.from({ length: width * height * 3 }, () => (state = (state * 48_271) % 2_147_483_647) & 255),
  )
  return sharp(pixels, { raw: { width, height, channels: 3 } })
}

interface Got {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

async function ask(path: string, headers: Fields = {}): Promise<Got> {
  const response = await fetch(edge.url + path, { headers: { accept: '*/*', ...headers } })
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  }
}

const signed = (query: string, file: string, prefix: string) =>
  imageUrl(file, { prefix, key: KEY, parameters: Object.fromEntries(new URLSearchParams(query)) })

async function sizeOf({ status, body }: Got): Promise<readonly [number, number]> {
  assert.equal(status, 200, body.toString('latin1', 0, 300))
  const { width, height } = await sharp(body).metadata()
  return [width, height]
}

/** A request of a preset and what is made of it; `vary` holds exactly what had to be looked at. */
const cases: readonly { path: string; headers: Fields; width: number; height?: number; vary: string }[] = [
  {
    path: '/hints/hero',
    headers: {},
    width: 1920,
    vary: 'Save-Data, Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width',
  },
  { path: '/hints/hero', headers: { 'sec-ch-width': '700' }, width: 768, vary: 'Save-Data, Sec-CH-Width' },
  { path: '/hints/hero', headers: { width: '320' }, width: 320, vary: 'Save-Data, Sec-CH-Width, Width' },
  { path: '/hints/hero', headers: { 'sec-ch-width': '9000' }, width: 1920, vary: 'Save-Data, Sec-CH-Width' },
  {
    path: '/hints/hero',
    headers: { 'sec-ch-width': '321', 'sec-ch-viewport-width': '1000', 'sec-ch-dpr': '3' },
    width: 480,
    vary: 'Save-Data, Sec-CH-Width',
  },
  {
    path: '/hints/hero',
    headers: { 'sec-ch-viewport-width': '390', 'sec-ch-dpr': '3' },
    width: 1200,
    vary: 'Save-Data, Sec-CH-Width, Width, Sec-CH-Viewport-Width, Sec-CH-DPR',
  },
  {
    path: '/hints/hero',
    headers: { 'viewport-width': '390', dpr: '2' },
    width: 1024,
    vary: 'Save-Data, Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width, Sec-CH-DPR, DPR',
  },
  {
    path: '/hints/hero',
    headers: { 'sec-ch-viewport-width': '390', 'sec-ch-dpr': '3', 'save-data': 'on' },
    width: 480,
    vary: 'Save-Data, Sec-CH-Width, Width, Sec-CH-Viewport-Width',
  },
  {
    path: '/hints/hero',
    headers: { 'sec-ch-width': '1170', 'sec-ch-dpr': '3', 'save-data': 'on' },
    width: 480,
    vary: 'Save-Data, Sec-CH-Width, Sec-CH-DPR',
  },
  {
    path: '/hints/hero',
    headers: { 'sec-ch-width': '-5', 'sec-ch-viewport-width': '1e3', 'sec-ch-dpr': 'x' },
    width: 1920,
    vary: 'Save-Data, Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width',
  },
  { path: '/hints/avatar', headers: {}, width: 40, vary: 'Save-Data, Sec-CH-DPR, DPR' },
  { path: '/hints/avatar', headers: { 'sec-ch-dpr': '2.04' }, width: 80, vary: 'Save-Data, Sec-CH-DPR' },
  { path: '/hints/avatar', headers: { 'sec-ch-dpr': '1.26' }, width: 52, vary: 'Save-Data, Sec-CH-DPR' },
  { path: '/hints/avatar', headers: { 'sec-ch-dpr': '40' }, width: 200, vary: 'Save-Data, Sec-CH-DPR' },
  { path: '/hints/avatar', headers: { 'sec-ch-dpr': '2', 'save-data': 'on' }, width: 40, vary: 'Save-Data' },
  {
    path: '/hints/plain',
    headers: { 'sec-ch-dpr': '2', 'sec-ch-width': '50' },
    width: 100,
    vary: 'Save-Data',
  },
  {
    path: '/hints/tall',
    headers: { 'sec-ch-width': '320', 'sec-ch-dpr': '2' },
    width: 320,
    height: 20,
    vary: 'Save-Data, Sec-CH-DPR, Sec-CH-Width',
  },
  {
    path: '/few/hero',
    headers: {},
    width: 200,
    vary: 'Sec-CH-Width, Width, Sec-CH-Viewport-Width, Viewport-Width',
  },
  { path: '/few/hero', headers: { 'sec-ch-width': '301' }, width: 600, vary: 'Sec-CH-Width' },
  {
    path: '/few/hero',
    headers: { 'sec-ch-width': '2000', 'save-data': 'on' },
    width: 600,
    vary: 'Sec-CH-Width',
  },
  { path: '/few/avatar', headers: { 'sec-ch-dpr': '1.1' }, width: 80, vary: 'Sec-CH-DPR' },
  { path: '/off/plain', headers: { 'sec-ch-dpr': '2', 'save-data': 'on' }, width: 100, vary: '' },
]
for (const { path, headers, width, height, vary } of cases) {
  test(`${path} with ${JSON.stringify(headers)} is ${width} wide and varies by ${vary || 'nothing'}`, async () => {
    const got = await ask(`${path}/wide.jpg`, headers)
    const size = await sizeOf(got)
    assert.equal(size[0], width)
    if (height !== undefined) assert.equal(size[1], height)
    assert.equal(got.headers.get('vary') ?? '', vary)
  })
}

test('hints are asked for where they count, and nowhere else', async () => {
  const asked = (await ask('/hints/plain/wide.jpg')).headers.get('accept-ch')
  assert.equal(asked, 'Sec-CH-DPR, Sec-CH-Width, Sec-CH-Viewport-Width')
  assert.equal((await ask('/off/plain/wide.jpg')).headers.get('accept-ch'), null)
})

test('whatever a stranger sends, there are no more variants than steps', async () => {
  const widths = new Set<number>()
  for (let width = 1; width < 3_000; width += 97)
    widths.add((await sizeOf(await ask('/few/hero/wide.jpg', { 'sec-ch-width': String(width) })))[0])
  assert.deepEqual([...widths], [300, 600])
  assert.equal((await ask('/hints/wide.jpg?w=auto&h=77', { 'sec-ch-width': '50' })).status, 403)
})

test('viewers whose hints are rounded to the same step share a variant of the cache, and others do not', async () => {
  const steps: readonly (readonly [Fields, string])[] = [
    [{ 'sec-ch-width': '500' }, 'Miss'],
    [{ 'sec-ch-width': '700' }, 'Hit'],
    [{ width: '768' }, 'Hit'],
    [{ 'sec-ch-viewport-width': '384', 'sec-ch-dpr': '2' }, 'Hit'],
    [{ 'sec-ch-width': '800' }, 'Miss'],
    [{ 'sec-ch-width': '700', 'save-data': 'on' }, 'Miss'],
    [{ 'sec-ch-width': '500', 'save-data': 'on' }, 'Hit'],
  ]
  for (const [headers, expected] of steps) {
    const { headers: got } = await ask('/cached/hero/wide.jpg', headers)
    assert.equal(got.get('x-cache')?.split(' ')[0], expected, JSON.stringify(headers))
    // What is kept says what it varies by for the viewer that asks now.
    assert.match(got.get('vary') ?? '', /^Save-Data, Sec-CH-Width/)
  }
})

test('Save-Data costs quality, in the default as in a number of the request, and only where it says on', async () => {
  const length = async (query: string, headers: Fields) =>
    (await ask(signed(query, '/scene.jpg', '/hints'), headers)).body.length
  for (const query of ['w=200', 'w=200&q=90', 'w=200&q=auto', 'w=200&f=webp', 'w=200&f=avif']) {
    const usual = await length(query, {})
    assert.ok((await length(query, { 'save-data': 'on' })) < usual * 0.95, query)
    assert.equal(await length(query, { 'save-data': 'off' }), usual)
  }
  // 70 of 100.
  assert.equal(await length('w=200&q=100', { 'save-data': 'on' }), await length('w=200&q=70', {}))
  // Nothing is lost in a PNG.
  assert.equal(await length('w=200&f=png', { 'save-data': 'on' }), await length('w=200&f=png', {}))
})

test('an original is sent as it is, whatever the hints', async () => {
  const { body, headers } = await ask('/hints/wide.jpg', { 'save-data': 'on', 'sec-ch-width': '10' })
  assert.ok(body.equals(shelf.bytes.get('wide.jpg')!))
  assert.equal(headers.get('vary'), null)
})

test('a viewer that has the picture is told so, with the fields it varies by', async () => {
  const headers = { 'sec-ch-width': '500' }
  const etag = (await ask('/hints/hero/wide.jpg', headers)).headers.get('etag')!
  const again = await ask('/hints/hero/wide.jpg', { ...headers, 'if-none-match': etag })
  assert.deepEqual([again.status, again.headers.get('vary')], [304, 'Save-Data, Sec-CH-Width'])
  const other = await ask('/hints/hero/wide.jpg', { 'sec-ch-width': '900', 'if-none-match': etag })
  assert.equal(other.status, 200)
})

test('explain says what hints made of a request', async () => {
  const { stages } = await edge.edge.explain({
    url: `${edge.url}/chosen/wide.jpg`,
    method: 'GET',
    headers: [],
  })
  const lines = (all: typeof stages) =>
    all.flatMap(({ says }) => says).filter((line) => line.startsWith('images: '))
  assert.deepEqual(lines(stages).at(-1), 'images: no edits: the original is sent as it is')
  const hinted = await edge.edge.explain({
    url: `${edge.url}/hints/hero/wide.jpg`,
    method: 'GET',
    headers: [
      ['Sec-CH-Width', '500'],
      ['Save-Data', 'on'],
    ],
  })
  assert.deepEqual(lines(hinted.stages), [
    'images: the key has fixed&w=768&save-data',
    'images: source photos (origin), key wide.jpg',
    'images: edit rotate "auto", from upright by its EXIF tag',
    'images: edit resize {"width":768,"withoutEnlargement":true}, from preset hero w',
    'images: format of the source',
    'images: quality times 0.7 (by Save-Data)',
  ])
})

test('without hints on the behavior auto is a mistake, and the answer says where it is none', async () => {
  for (const query of ['w=auto', 'w=10&dpr=auto']) {
    const { status, body } = await ask(signed(query, '/wide.jpg', '/off'))
    assert.equal(status, 400)
    assert.match(body.toString(), /InvalidParameter.*or auto where the behavior has `hints`/)
  }
})

test(
  'a browser gets the pictures it shows from pages that ask, in a header or in their text',
  { skip: noBrowser },
  async () => {
    const pages: readonly (readonly [path: string, widths: readonly number[]])[] = [
      // Half of 900 at a density of 2 is 900, and 1024 the next step.
      ['/page.html', [1024, 80]],
      ['/plain/page.html', [1024, 80]],
      ['/plain/silent.html', [1920, 40]],
    ]
    const browser = await openBrowser()
    await using _closed = { [Symbol.asyncDispose]: () => browser.close() }
    for (const [path, widths] of pages) {
      // Browsers remember for a while which sites asked: each page has a context of its own.
      const context = await browser.newContext({
        viewport: { width: 900, height: 600 },
        deviceScaleFactor: 2,
      })
      const page = await context.newPage()
      await page.goto(edge.url + path)
      const width = (id: string) =>
        page.evaluate(
          `(async () => { const image = document.querySelector('#${id}'); await image.decode(); return (await createImageBitmap(image)).width })()`,
        )
      assert.deepEqual([await width('sized'), await width('dense')], widths, path)
      await context.close()
    }
  },
)

test('quality is chosen for the picture where the request names none', async () => {
  for (const [file, isSmaller] of [
    ['/scene.jpg', true],
    ['/noise.jpg', false],
  ] as const) {
    const chosen = await ask(signed('w=200&q=auto', file, '/hints'))
    const fixed = await ask(signed('w=200', file, '/hints'))
    assert.equal(chosen.body.length < fixed.body.length, isSmaller, file)
    const again = await ask(signed('w=200&q=auto', file, '/hints'))
    assert.ok(again.body.equals(chosen.body))
    assert.equal((await ask(signed('w=200', file, '/chosen'))).body.length, chosen.body.length)
  }
})

test('a quality of the request goes before the one of the behavior, in every dialect', async () => {
  const bytes = async (path: string) => {
    const { status, body } = await ask(path)
    assert.equal(status, 200, body.toString('latin1', 0, 200))
    return body
  }
  const source = () => sharp(shelf.bytes.get('scene.jpg')!, { failOn: 'none' })
  const fixed = await source().resize(100).jpeg({ quality: 33 }).toBuffer()
  const same = await Promise.all([
    bytes('/sih/100x/filters:quality(33)/scene.jpg'.replace('100x', '100x0')),
    bytes('/dit/scene.jpg?resize.width=100&quality=33'),
    bytes(signed('w=100&q=33', '/scene.jpg', '/chosen')),
  ])
  for (const each of same) assert.ok(each.equals(fixed))
  const free = await Promise.all([
    bytes('/sih/100x0/scene.jpg'),
    bytes('/dit/scene.jpg?resize.width=100'),
    bytes(signed('w=100', '/scene.jpg', '/chosen')),
  ])
  const usual = await source().resize(100).jpeg().toBuffer()
  for (const each of free) assert.ok(each.equals(free[0]!) && !each.equals(usual))
})

test('metadata, transparency and animations are what they are without a chosen quality', async () => {
  const { body } = await ask(signed('w=40&q=auto&f=webp', '/phone.jpg', '/hints'))
  const { exif, width, height } = await sharp(body).metadata()
  assert.match(exif?.toString('latin1') ?? '', /A\. Nobody/)
  assert.ok(width < height, 'upright')
  const moving = await ask(signed('w=8&q=auto&f=webp', '/anim.gif', '/hints'))
  assert.equal((await sharp(moving.body, { animated: true }).metadata()).pages, 3)
})

const mistakes: readonly Mistake[] = [
  {
    what: 'hints of another dialect',
    images: { dialect: 'sih', hints: {} },
    path: 'images.hints',
    says: /means nothing/,
  },
  {
    what: 'a preset that follows hints without hints',
    images: { dialect: 'edge', presets: { a: 'w=auto' } },
    path: 'images.presets.a',
    says: /auto where the behavior has `hints`/,
  },
  {
    what: 'a preset with a density and no size',
    images: { dialect: 'edge', presets: { a: 'dpr=auto' }, hints: {} },
    path: 'images.presets.a',
    says: /w or h must stand beside/,
  },
  {
    what: 'no widths',
    images: { dialect: 'edge', hints: { widths: [] } },
    path: 'images.hints.widths',
    says: /./,
  },
  {
    what: 'a density of 0',
    images: { dialect: 'edge', hints: { densities: [0] } },
    path: 'images.hints.densities',
    says: /./,
  },
  {
    what: 'a quality that is a number',
    images: { dialect: 'edge', quality: 80 },
    path: 'images.quality',
    says: /auto/,
  },
]
testMistakes(mistakes)
