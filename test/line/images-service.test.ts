import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import type { ServerResponse } from 'node:http'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { Secret } from '../../src/base/secret.ts'
import { base64, type Json, type Mistake, serve, type Server, testMistakes } from '../support/images.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { differenceOf, type Pictures, pictures } from '../support/pictures.ts'
import { planOf, type RunningEdge, runEdge } from '../support/running-edge.ts'
import { until } from '../support/until.ts'

/** Nobody listens there. */
const NOWHERE = 'http://127.0.0.1:1'

let shelf: Pictures
let edge: RunningEdge
let broken: Server
let held: HeldOrigin
let failing: Server

/** One edge for the file, so that its processes start once: each variant is a behavior under a prefix of its own. */
before(async () => {
  shelf = await pictures()
  broken = await serve((_url, response) => response.end('{"what":1}'))
  held = await holdAnswers()
  failing = await serve((url, response) => response.writeHead(url === '/denied.png' ? 403 : 500).end())
  const variants: readonly { name: string; images?: Json; more?: Json }[] = [
    { name: 'plain' },
    { name: 'auto', images: { autoFormats: ['avif', 'webp'] } },
    { name: 'cors', images: { corsOrigin: 'https://a.example' }, more: { allowedMethods: 'all' } },
    { name: 'signed', images: { signing: { secret: 'images', field: 'SECRET_KEY' } } },
    { name: 'rewrite', images: { rewrite: { match: '/^\\/thumb-(\\d+)/g', substitution: '/fit-in/$1x$1' } } },
    { name: 'fallback', images: { fallback: { key: 'dot.png' } } },
    { name: 'strict', images: { strict: true } },
    { name: 'copyright', images: { metadata: 'copyright' } },
    { name: 'strip', images: { metadata: 'strip' } },
    { name: 'away', images: { detector: { url: NOWHERE } } },
    { name: 'lenient', images: { detector: { url: NOWHERE, whenUnavailable: 'attention' } } },
    { name: 'broken', images: { detector: { url: broken.url } } },
    { name: 'cached', images: { autoFormats: ['webp'] }, more: { cachePolicy: 'CachingOptimized' } },
    { name: 'held', more: { origin: 'held' } },
    { name: 'failing', more: { origin: 'failing' } },
    { name: 'nowhere', more: { origin: 'nowhere' } },
  ]
  edge = await runEdge({
    origins: {
      photos: { folder: shelf.folder },
      held: { url: held.url },
      failing: { url: failing.url, connectionAttempts: 1 },
      nowhere: { url: NOWHERE, connectionAttempts: 1 },
    },
    behaviors: variants.map(({ name, images, more }) => ({
      path: `/${name}/*`,
      stripPrefix: `/${name}`,
      origin: 'photos',
      cachePolicy: 'CachingDisabled',
      images: { dialect: 'sih', ...images },
      ...more,
    })),
    defaultBehavior: { origin: 'photos', cachePolicy: 'CachingDisabled' },
  })
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  for (const each of [broken, held, failing, shelf]) await each[Symbol.asyncDispose]()
})

const at = (variant: string) => `${edge.url}/${variant}`

/** Pictures processed so far. */
function processed(): number {
  return Number(/edgeward_images_total\{outcome="done"\} (\d+)/.exec(edge.edge.metricsText())?.[1])
}

test('Accept chooses among the formats of the configuration, Vary says so, and the cache key has the result', async () => {
  const cases = [
    { accept: undefined, path: '/20x20/card.png', type: 'image/png', part: 'as-is' },
    { accept: 'image/webp,*/*', path: '/20x20/card.png', type: 'image/webp', part: 'webp' },
    { accept: 'image/avif,image/webp', path: '/20x20/card.png', type: 'image/avif', part: 'avif' },
    { accept: 'image/avif;q=0, IMAGE/WEBP;q=0.1', path: '/20x20/card.png', type: 'image/webp', part: 'webp' },
    { accept: '*/*', path: '/20x20/card.png', type: 'image/png', part: 'as-is' },
    { accept: 'image/*', path: '/20x20/card.png', type: 'image/png', part: 'as-is' },
    // Also what has no edits is converted; what names a format is not.
    { accept: 'image/webp', path: '/card.png', type: 'image/webp', part: 'webp' },
    { accept: 'image/webp', path: '/filters:format(png)/card.jpg', type: 'image/png', part: 'webp' },
    { accept: 'image/webp', path: '/drawing.svg', type: 'image/svg+xml', part: 'webp' },
    { accept: 'image/webp', path: '/20x20/drawing.svg', type: 'image/webp', part: 'webp' },
    {
      accept: 'image/webp',
      path: base64({ key: 'card.png', outputFormat: 'jpeg' }),
      type: 'image/webp',
      part: 'webp',
    },
  ]
  for (const { accept, path, type, part } of cases) {
    const headers: Record<string, string> = accept === undefined ? {} : { accept }
    const response = await fetch(at('auto') + path, { headers })
    const body = Buffer.from(await response.arrayBuffer())
    assert.equal(response.headers.get('content-type'), type, `${path} ${accept}`)
    assert.equal(response.headers.get('vary'), 'Accept', `${path} ${accept}`)
    const format = (await sharp(body).metadata()).format
    assert.equal(format === 'heif' ? 'avif' : format, type.slice(6).replace('svg+xml', 'svg'))
    const explained = await edge.edge.explain({
      url: at('auto') + path,
      method: 'GET',
      headers: accept === undefined ? [] : [['Accept', accept]],
    })
    assert.ok(JSON.stringify(explained).includes(`images ${part}`), `${path} ${accept}`)
  }
})

test('a validator is answered 304 without decoding, HEAD has the head of GET, and a changed source has another validator', async () => {
  await shelf.put('changing.png', shelf.bytes.get('card.png')!)
  const before = processed()
  const url = `${at('plain')}/20x20/changing.png`
  const first = await fetch(url)
  const etag = first.headers.get('etag')!
  await first.arrayBuffer()
  const conditional = await fetch(url, { headers: { 'if-none-match': etag } })
  assert.deepEqual([conditional.status, (await conditional.arrayBuffer()).byteLength], [304, 0])
  assert.equal(conditional.headers.get('etag'), etag)
  const since = await fetch(url, { headers: { 'if-modified-since': first.headers.get('last-modified')! } })
  assert.equal(since.status, 304)
  assert.equal(processed() - before, 1)
  const head = await fetch(url, { method: 'HEAD' })
  assert.deepEqual(
    [head.status, head.headers.get('content-length'), head.headers.get('etag')],
    [200, first.headers.get('content-length'), etag],
  )
  const other = await fetch(`${at('plain')}/21x20/changing.png`)
  assert.notEqual(other.headers.get('etag'), etag)
  await other.arrayBuffer()
  await shelf.put('changing.png', shelf.bytes.get('card.jpg')!)
  const changed = await fetch(url, { headers: { 'if-none-match': etag } })
  assert.equal(changed.status, 200)
  await changed.arrayBuffer()
})

test('methods other than GET and HEAD are answered by the service', async () => {
  const options = await fetch(`${at('cors')}/20x20/card.png`, { method: 'OPTIONS' })
  assert.equal(options.status, 204)
  assert.equal(options.headers.get('access-control-allow-origin'), 'https://a.example')
  const post = await fetch(`${at('cors')}/20x20/card.png`, { method: 'POST', body: 'x' })
  assert.deepEqual([post.status, post.headers.get('allow')], [405, 'GET, HEAD, OPTIONS'])
  assert.equal(((await post.json()) as Json)['code'], 'MethodNotAllowed')
})

test('Cache-Control is of the source, the request beats it, and expires beats all', async () => {
  const clock = new ManualClock()
  const png = shelf.bytes.get('card.png')!
  await using origin = await serve((_url, response) => {
    response.writeHead(200, {
      'Content-Type': 'image/png',
      'Cache-Control': 'max-age=5',
      Expires: 'Thu, 01 Jan 2037 00:00:00 GMT',
    })
    response.end(png)
  })
  await using edge = await runEdge(
    {
      origins: { o: { url: origin.url } },
      defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled', images: { dialect: 'sih' } },
    },
    { clock },
  )
  const expires = new Date(clock.now() + 90_000).toISOString().replace(/[-:]|\.\d+/g, '')
  const headers = {
    'cache-control': 'max-age=7',
    'X-Custom': 'yes',
    'Set-Cookie': 'a=b',
    'Content-Type': 'text/html',
    'x-amz-a': '1',
    'Access-Control-Allow-Origin': '*',
  }
  const cases = [
    { path: '/20x20/card.png', cacheControl: 'max-age=5' },
    { path: base64({ key: 'card.png', headers, edits: { flip: true } }), cacheControl: 'max-age=7' },
    { path: `${base64({ key: 'card.png', headers })}?expires=${expires}`, cacheControl: 'max-age=90,public' },
  ]
  for (const { path, cacheControl } of cases) {
    const response = await fetch(edge.url + path)
    await response.arrayBuffer()
    assert.equal(response.headers.get('cache-control'), cacheControl)
    assert.equal(response.headers.get('expires'), 'Thu, 01 Jan 2037 00:00:00 GMT')
    assert.equal(response.headers.get('x-custom'), path.startsWith('/20x20') ? null : 'yes')
    for (const name of ['set-cookie', 'x-amz-a', 'access-control-allow-origin'])
      assert.equal(response.headers.get(name), null, name)
    assert.equal(response.headers.get('content-type'), 'image/png')
    // A source without validators is told by its bytes.
    if (path.startsWith('/20x20')) assert.ok(response.headers.has('etag'))
  }
})

test('signatures: vectors, both keys of a rotation, any order of parameters; refused before the cache is asked', async () => {
  const secrets = await edge.edge.seams.secrets()
  const put = (key: string) => secrets.put('images', new Secret(JSON.stringify({ SECRET_KEY: key })))
  const sign = (key: string, text: string) => createHmac('sha256', key).update(text).digest('hex')
  const ask = async (path: string) => {
    const response = await fetch(at('signed') + path)
    const body = await response.text()
    return response.status < 400
      ? response.status
      : `${response.status} ${(JSON.parse(body) as { code: string }).code}`
  }
  assert.equal(
    await ask(`/20x20/card.png?signature=${sign('old', '/20x20/card.png')}`),
    '500 SignatureValidationFailure',
  )
  await put('old')
  const plain = '/20x20/card.png'
  const query = 'format=webp&height=10&width=20'
  const signed = (key: string) => `signature=${sign(key, `${plain}?${query}`)}`
  assert.equal(await ask(plain), '400 AuthorizationQueryParametersError')
  assert.equal(await ask(`${plain}?signature=${sign('old', plain)}`), 200)
  assert.equal(await ask(`${plain}?signature=${sign('other', plain)}`), '403 SignatureDoesNotMatch')
  assert.equal(await ask(`${plain}?signature=zz`), '403 SignatureDoesNotMatch')
  assert.equal(await ask(`${plain}?width=20&${signed('old')}&height=10&format=webp`), 200)
  assert.equal(
    await ask(`${plain}?width=21&${signed('old')}&height=10&format=webp`),
    '403 SignatureDoesNotMatch',
  )
  await put('new')
  assert.equal(await ask(`${plain}?${query}&${signed('old')}`), 200)
  assert.equal(await ask(`${plain}?${query}&${signed('new')}`), 200)
  await put('newest')
  assert.equal(await ask(`${plain}?${query}&${signed('old')}`), '403 SignatureDoesNotMatch')
  const refused = () => edge.visits().filter(({ cause }) => /SignatureDoesNotMatch/.test(cause ?? ''))
  await until(() => refused().length === 4)
  assert.deepEqual(new Set(refused().map(({ exit }) => exit)), new Set(['viewer-request']))
})

test('a custom rewrite makes a Thumbor path of any path, and base64 goes on as before', async () => {
  const width = async (path: string) => {
    const response = await fetch(at('rewrite') + path)
    return (await sharp(Buffer.from(await response.arrayBuffer())).metadata()).width
  }
  assert.equal(await width('/thumb-40/card.png'), 40)
  assert.equal(await width('/thumb-20/card.bin'), 20)
  assert.equal(await width(base64({ key: 'card.png', edits: { resize: { width: 10 } } })), 10)
})

test('a fallback picture is shown with the status of the error', async () => {
  const cases = [
    { path: '/none.png', status: 404 },
    { path: '/20x20/no-picture.jpg', status: 400 },
    { path: base64({ key: 'none.png', headers: { 'Cache-Control': 'max-age=3' } }), status: 404 },
  ]
  for (const { path, status } of cases) {
    const response = await fetch(at('fallback') + path)
    const body = Buffer.from(await response.arrayBuffer())
    assert.deepEqual([response.status, response.headers.get('content-type')], [status, 'image/png'])
    assert.ok(body.equals(shelf.bytes.get('dot.png')!))
    const expected =
      path.startsWith('/none') || path.startsWith('/20') ? 'max-age=31536000,public' : 'max-age=3'
    assert.equal(response.headers.get('cache-control'), expected)
  }
})

test('strict keeps the quirks of version 7', async () => {
  const cases = [
    {
      path: base64({ key: 'card.png', edits: { crop: { left: 0, top: 0, width: 500, height: 5 } } }),
      status: 500,
      type: 'application/json',
    },
    { path: base64({ key: 'card.png', outputFormat: 'jpg' }), status: 200, type: 'image/jpg' },
    { path: base64({ key: 'card.jpg', edits: { roundCrop: true } }), status: 200, type: 'image/jpeg' },
    { path: '/folder/100x100/fit-in/card.png', status: 404, type: 'application/json' },
    { path: base64({ key: 'no-picture.bin', edits: { flip: true } }), status: 500, type: 'application/json' },
  ]
  for (const { path, status, type } of cases) {
    const response = await fetch(at('strict') + path)
    await response.arrayBuffer()
    assert.deepEqual([response.status, response.headers.get('content-type')], [status, type], path)
  }
})

test('animations: all frames of GIF by default, edits on every frame, WebP out, one frame when told', async () => {
  const cases = [
    { edits: { resize: { width: 8 } }, key: 'anim.gif', pages: 3, size: [8, 6], format: 'gif' },
    {
      edits: { resize: { width: 8 }, toFormat: 'webp' },
      key: 'anim.gif',
      pages: 3,
      size: [8, 6],
      format: 'webp',
    },
    {
      edits: { resize: { width: 8 }, animated: false },
      key: 'anim.gif',
      pages: 1,
      size: [8, 6],
      format: 'gif',
    },
    { edits: { flip: true }, key: 'anim.webp', pages: 1, size: [16, 12], format: 'webp' },
    { edits: { flip: true, animated: true }, key: 'anim.webp', pages: 3, size: [16, 12], format: 'webp' },
    {
      edits: { rotate: 90, smartCrop: true, roundCrop: true, contentModeration: true },
      key: 'anim.gif',
      pages: 3,
      size: [16, 12],
      format: 'gif',
    },
    {
      edits: { overlayWith: { key: 'dot.png', wRatio: '50', options: { left: 0, top: 0 } } },
      key: 'anim.gif',
      pages: 3,
      size: [16, 12],
      format: 'gif',
    },
    { edits: { animated: true, flip: true }, key: 'card.png', pages: 1, size: [80, 60], format: 'png' },
  ]
  for (const { edits, key, pages, size, format } of cases) {
    const response = await fetch(at('plain') + base64({ key, edits }))
    const body = Buffer.from(await response.arrayBuffer())
    assert.equal(response.status, 200, body.toString('latin1', 0, 200))
    const found = await sharp(body, { animated: true }).metadata()
    assert.deepEqual(
      [found.format, found.pages ?? 1, found.width, found.pageHeight ?? found.height],
      [format, pages, ...size],
      JSON.stringify(edits),
    )
  }
  const resized = await fetch(at('plain') + base64({ key: 'anim.gif', edits: { resize: { width: 8 } } }))
  const reference = await sharp(shelf.bytes.get('anim.gif')!, { animated: true }).resize(8).gif().toBuffer()
  assert.ok((await differenceOf(Buffer.from(await resized.arrayBuffer()), reference)) < 1)
})

test('metadata: kept, dropped by rotate null, reduced to copyright, or stripped from a picture that is turned upright', async () => {
  const everything = ['A. Nobody', 'Somebody', 'Phone']
  const cases = [
    { path: '/plain/40x0/phone.jpg', orientation: 6, size: [40, 30], has: everything },
    { path: '/plain/40x0/filters:strip_exif()/phone.jpg', orientation: undefined, size: [40, 30], has: [] },
    { path: '/plain/40x0/phone.jpg?rotate=', orientation: undefined, size: [40, 30], has: [] },
    {
      path: '/plain/filters:watermark(photos,dot.png,0,0,0)/phone.jpg',
      orientation: 6,
      size: [80, 60],
      has: everything,
    },
    { path: '/copyright/40x0/phone.jpg', orientation: 6, size: [40, 30], has: ['A. Nobody', 'Somebody'] },
    { path: '/strip/30x0/phone.jpg', orientation: undefined, size: [30, 40], has: [] },
  ]
  for (const { path, orientation, size, has } of cases) {
    const response = await fetch(edge.url + path)
    const found = await sharp(Buffer.from(await response.arrayBuffer())).metadata()
    assert.deepEqual([found.orientation, found.width, found.height], [orientation, ...size], path)
    const exif = found.exif?.toString('latin1') ?? ''
    assert.deepEqual(
      everything.filter((word) => exif.includes(word)),
      has,
      path,
    )
  }
})

test('without a detector smart crops go where attention falls, and moderation is refused with 501', async () => {
  const cropped = await fetch(at('plain') + base64({ key: 'card.png', edits: { smartCrop: true } }))
  const { width, height } = await sharp(Buffer.from(await cropped.arrayBuffer())).metadata()
  assert.deepEqual([cropped.status, width, height], [200, 30, 30])
  const moderated = await fetch(at('plain') + base64({ key: 'card.png', edits: { contentModeration: true } }))
  const error = (await moderated.json()) as Json
  assert.deepEqual([moderated.status, error['code']], [501, 'Rekognition::DetectModerationLabelsError'])
})

test('a detector that cannot be reached or understood is an error, and for faces attention where configured', async () => {
  const noFaces = '500 SmartCrop::Error'
  const noLabels = '500 Rekognition::DetectModerationLabelsError'
  const cases = [
    { at: 'away', edits: { smartCrop: true }, gives: noFaces },
    { at: 'lenient', edits: { smartCrop: true }, gives: '200' },
    { at: 'broken', edits: { smartCrop: true }, gives: noFaces },
    { at: 'away', edits: { contentModeration: true }, gives: noLabels },
    { at: 'lenient', edits: { contentModeration: true }, gives: noLabels },
    { at: 'broken', edits: { contentModeration: true }, gives: noLabels },
  ]
  for (const { at, edits, gives } of cases) {
    const response = await fetch(`${edge.url}/${at}${base64({ key: 'card.png', edits })}`)
    const body = Buffer.from(await response.arrayBuffer())
    const code = response.ok ? '' : ` ${(JSON.parse(body.toString()) as { code: string }).code}`
    assert.equal(response.status + code, gives, at)
  }
})

test('requests for one picture at the same time share one fetch of the source', async () => {
  const png = shelf.bytes.get('card.png')!
  const asked = [10, 11].map((width) => fetch(`${at('held')}/${width}x0/card.png`))
  await held.arrived
  // The second request is on its way to the shelf before the first source has come.
  await until(() => /edgeward_images_inside 2/.test(edge.edge.metricsText()))
  for (const response of held.answers) response.writeHead(200, { 'Content-Type': 'image/png' }).end(png)
  const widths = await Promise.all(
    asked.map(async (each) => (await sharp(Buffer.from(await (await each).arrayBuffer())).metadata()).width),
  )
  assert.deepEqual(widths, [10, 11])
  assert.equal(held.answers.length, 1)
})

test('the edge cache keeps one variant for each format and set of parameters that count, and collapses what is asked for at once', async () => {
  const ask = async (path: string, accept = '*/*') => {
    const response = await fetch(at('cached') + path, { headers: { accept } })
    const type = response.headers.get('content-type')
    await response.arrayBuffer()
    return `${response.headers.get('x-cache')?.split(' ')[0]} ${type} ${response.headers.get('vary')}`
  }
  const before = processed()
  assert.equal(await ask('/20x20/card.png'), 'Miss image/png Accept')
  assert.equal(await ask('/20x20/card.png'), 'Hit image/png Accept')
  assert.equal(await ask('/20x20/card.png?utm=1&quality=3'), 'Hit image/png Accept')
  assert.equal(await ask('/20x20/card.png', 'image/avif,image/webp,*/*'), 'Miss image/webp Accept')
  assert.equal(await ask('/20x20/card.png', 'text/html, image/webp;q=0.8'), 'Hit image/webp Accept')
  assert.equal(await ask('/20x20/card.png?flip=1'), 'Miss image/png Accept')
  assert.equal(await ask('/20x20/card.png?flip=0&flip=1'), 'Hit image/png Accept')
  assert.equal(processed() - before, 3)
  const crowd = await Promise.all(Array.from({ length: 10 }, () => ask('/30x30/card.png')))
  assert.deepEqual(
    new Set(crowd.map((each) => each.split(' ').slice(1).join(' '))),
    new Set(['image/png Accept']),
  )
  assert.equal(processed() - before, 4)
})

test('an origin that fails is settled by the line, one that answers with an error is a missing picture', async () => {
  const denied = await fetch(`${at('failing')}/20x20/denied.png`)
  assert.deepEqual([denied.status, ((await denied.json()) as Json)['code']], [404, 'NoSuchKey'])
  const failed = await fetch(`${at('failing')}/20x20/failed.png`)
  assert.deepEqual(
    [failed.status, ((await failed.json()) as Json)['code']],
    [500, 'ImageRetrieval::CannotRetrieveImage'],
  )
  assert.equal((await fetch(`${at('nowhere')}/20x20/a.png`)).status, 502)
})

test('a prefix that is stripped is no part of the path of a picture', async () => {
  const scaled = await fetch(`${at('plain')}/20x10/card.png`)
  assert.equal((await sharp(Buffer.from(await scaled.arrayBuffer())).metadata()).width, 20)
  const plain = await fetch(`${edge.url}/20x10/card.png`)
  assert.equal(plain.status, 404)
  await plain.arrayBuffer()
})

test('explain shows the source, every edit and where it came from, and refusals', async () => {
  const linesOf = async (path: string) => {
    const { stages } = await edge.edge.explain({ url: at('plain') + path, method: 'GET', headers: [] })
    return stages.flatMap(({ says }) => says).filter((line) => line.startsWith('images: '))
  }
  assert.deepEqual(await linesOf('/fit-in/200x0/filters:blur(2):glow()/card.png?flip=1&x=2'), [
    'images: the key has as-is&flip=1',
    'images: source photos (origin), key card.png',
    'images: edit resize {"width":200,"height":null,"fit":"inside"}, from path fit-in/200x0',
    'images: edit blur 1, from filter blur(2)',
    'images: edit flip true, from query flip',
    'images: format of the source',
  ])
  assert.match(
    (await linesOf(base64({ key: 'a.png', edits: { spin: 1 } }))).join('\n'),
    /spin 1, from base64 edits.spin \(unknown: passed over\)/,
  )
  assert.match((await linesOf('/a.exe')).join('\n'), /refused with 400 RequestTypeError/)
})

test('a reload says that settings of the engine need a restart, and only when they are others', async () => {
  const config = (images: Json) => ({
    listeners: [{ port: 0, host: '127.0.0.1' }],
    admin: false,
    images,
    distributions: {
      test: {
        origins: { photos: { folder: shelf.folder } },
        defaultBehavior: { origin: 'photos', images: { dialect: 'sih' } },
      },
    },
  })
  await using own = await runEdge(config({}).distributions.test, { top: { images: { timeoutSeconds: 20 } } })
  const reload = async (images: Json) => own.edge.reload(await planOf(config(images), own.folder, 2))
  assert.deepEqual((await reload({ timeoutSeconds: 20 })).includes('images'), false)
  assert.deepEqual((await reload({ timeoutSeconds: 20, queue: { size: 9 } })).includes('images'), true)
})

const mistakes: readonly Mistake[] = [
  { what: 'an unknown dialect', images: { dialect: 'imgix' }, path: 'images.dialect', says: /sih/ },
  {
    what: 'an unknown key',
    images: { dialect: 'sih', speed: 80 },
    path: 'images.speed',
    says: /speed/,
  },
  {
    what: 'a source that leads nowhere',
    images: { dialect: 'sih', sources: { a: { origin: 'fotos' } } },
    path: 'images.sources.a.origin',
    says: /there is no origin fotos/,
  },
  { what: 'no sources', images: { dialect: 'sih', sources: {} }, path: 'images.sources', says: /empty/ },
  {
    what: 'a range that is none',
    images: {
      dialect: 'sih',
      sources: { a: { url: 'https://a.example/', allowAddresses: ['10.0.0.0/99'] } },
    },
    path: 'images.sources.a.allowAddresses[0]',
    says: /prefix length/,
  },
  {
    what: 'a pattern that is none',
    images: { dialect: 'sih', rewrite: { match: '/(/g', substitution: 'x' } },
    path: 'images.rewrite.match',
    says: /regular expression/,
  },
  {
    what: 'a fallback in no source',
    images: { dialect: 'sih', sources: { a: { origin: 'photos' } }, fallback: { source: 'b', key: 'x' } },
    path: 'images.fallback.source',
    says: /no source b/,
  },
]
testMistakes(mistakes)

interface HeldOrigin extends Server {
  /** Requests that wait for their answer. */
  readonly answers: readonly ServerResponse[]
  /** The first request is there. */
  readonly arrived: Promise<void>
}

async function holdAnswers(): Promise<HeldOrigin> {
  const answers: ServerResponse[] = []
  const { promise: arrived, resolve } = Promise.withResolvers<void>()
  const origin = await serve((_url, response) => {
    answers.push(response)
    resolve()
  })
  return Object.assign(origin, { answers, arrived })
}
