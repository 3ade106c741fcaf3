import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp from 'sharp'
import { base64, type Json, serve, type Server } from '../support/images.ts'
import { type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

let shelf: Pictures
let edge: RunningEdge
/** A server of pictures on the internet, as far as the edge knows; it is allowed by its address. */
let pictureServer: Server
/** A server of the private network that is not allowed. */
let inner: Server
const asked: string[] = []
const askedInside: string[] = []

before(async () => {
  shelf = await pictures()
  await shelf.put('public/only.png', shelf.bytes.get('card.png')!)
  await shelf.put('sub/a b/ü.png', shelf.bytes.get('card.png')!)
  inner = await serve((url, response) => {
    askedInside.push(url)
    response.writeHead(200, { 'Content-Type': 'image/png' }).end(shelf.bytes.get('card.png'))
  }, '127.0.0.2')
  pictureServer = await serve((url, response, request) => {
    asked.push(`${request.headers.host} ${url}`)
    const name = decodeURIComponent(url.split('/').at(-1)!)
    const redirects: Readonly<Record<string, string>> = {
      'moved.png': '/pictures/card.png',
      'inside.png': `${inner.url}/card.png`,
      'inside-by-name.png': inner.url.replace('127.0.0.2', '127.2'),
      'metadata.png': 'http://169.254.169.254/latest/meta-data/',
      'circle.png': '/pictures/circle.png',
      'file.png': 'file:///etc/passwd',
    }
    const to = redirects[name]
    if (to !== undefined) response.writeHead(302, { Location: to }).end()
    else if (name === 'failing.png') response.writeHead(503).end()
    else if (name === 'denied.png') response.writeHead(403).end()
    else if (shelf.bytes.has(name))
      response
        .writeHead(200, {
          'Content-Type': 'image/png',
          'Cache-Control': 'max-age=9',
          ETag: '"of-the-source"',
        })
        .end(shelf.bytes.get(name))
    else response.writeHead(404).end()
  })
  const behavior = (name: string, sources: Json) => ({
    path: `/${name}/*`,
    stripPrefix: `/${name}`,
    origin: 'photos',
    cachePolicy: 'CachingDisabled',
    images: { dialect: 'sih', sources },
  })
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder } },
    behaviors: [
      behavior('url', { net: { url: `${pictureServer.url}/pictures/`, allowAddresses: ['127.0.0.1'] } }),
      behavior('bare', { net: { url: pictureServer.url, allowAddresses: ['127.0.0.0/31'] } }),
      behavior('guarded', { net: { url: `${pictureServer.url}/pictures/` } }),
      behavior('away', { net: { url: 'http://127.0.0.1:1/', allowAddresses: ['127.0.0.1'] } }),
      behavior('prefix', { photos: { origin: 'photos', prefix: 'public/' }, all: { origin: 'photos' } }),
      behavior('deep', { photos: { origin: 'photos', prefix: '/sub/a b' } }),
    ],
    defaultBehavior: { origin: 'photos' },
  })
})

after(async () => {
  for (const each of [edge, pictureServer, inner, shelf]) await each[Symbol.asyncDispose]()
})

let sent = 0

function send(path: string): Promise<Response> {
  sent++
  return fetch(edge.url + path)
}

/** Why the last request failed, as the operator is told. */
async function lastCause(): Promise<string> {
  return (await edge.ended(sent)).at(-1)?.cause ?? ''
}

async function ask(path: string): Promise<string> {
  const response = await send(path)
  const body = Buffer.from(await response.arrayBuffer())
  if (!response.ok) return `${response.status} ${(JSON.parse(body.toString()) as { code: string }).code}`
  return `${response.status} ${(await sharp(body).metadata()).width}`
}

test('pictures come from an address that is allowed, under its path, with their own validators and lifetime', async () => {
  asked.length = 0
  const host = new URL(pictureServer.url).host
  assert.equal(await ask('/url/20x20/card.png'), '200 20')
  assert.equal(await ask('/url/card.png'), '200 80')
  assert.equal(
    await ask(`/url${base64({ key: 'großes Bild.png', edits: { resize: { width: 10 } } })}`),
    '200 10',
  )
  assert.equal(await ask('/bare/30x30/sub/card.png'), '200 30')
  assert.deepEqual(asked, [
    `${host} /pictures/card.png`,
    `${host} /pictures/card.png`,
    `${host} /pictures/gro%C3%9Fes%20Bild.png`,
    `${host} /sub/card.png`,
  ])
  const response = await send('/url/card.png')
  await response.arrayBuffer()
  assert.deepEqual(
    [response.headers.get('cache-control'), response.headers.get('etag')],
    ['max-age=9', '"of-the-source"'],
  )
})

test('an overlay comes from the same source', async () => {
  asked.length = 0
  const path = base64({ key: 'card.png', edits: { overlayWith: { bucket: 'net', key: 'dot.png' } } })
  assert.equal(await ask(`/url${path}`), '200 80')
  // The picture below it may be kept from the tests before.
  assert.ok(asked.some((each) => each.endsWith('/pictures/dot.png')))
})

test('a private address that is not allowed is not asked, and the operator is told', async () => {
  asked.length = 0
  assert.equal(await ask('/guarded/20x20/card.png'), '404 NoSuchKey')
  assert.equal(await ask('/guarded/card.png'), '404 NoSuchKey')
  assert.deepEqual(asked, [])
  assert.match(await lastCause(), /127\.0\.0\.1, a private address/)
})

const redirects: readonly (readonly [name: string, gives: string, told?: RegExp])[] = [
  ['moved.png', '200 20'],
  ['inside.png', '404 NoSuchKey', /127\.0\.0\.2, a private address/],
  ['inside-by-name.png', '404 NoSuchKey', /127\.0\.0\.2, a private address/],
  ['metadata.png', '404 NoSuchKey', /169\.254\.169\.254, a private address/],
  ['circle.png', '404 NoSuchKey', /redirects too often/],
  ['file.png', '404 NoSuchKey', /file: is not fetched/],
]
for (const [name, gives, told] of redirects)
  test(`the redirect of ${name} gives ${gives}`, async () => {
    assert.equal(await ask(`/url/20x20/${name}`), gives)
    assert.equal(await ask(`/url/${name}`), gives.replace(' 20', ' 80'))
    assert.deepEqual(askedInside, [])
    if (told !== undefined) assert.match(await lastCause(), told)
  })

const failures: readonly (readonly [path: string, gives: string])[] = [
  ['/url/20x20/none.png', '404 NoSuchKey'],
  ['/url/20x20/denied.png', '404 NoSuchKey'],
  ['/url/20x20/failing.png', '500 ImageRetrieval::CannotRetrieveImage'],
  ['/away/20x20/card.png', '404 NoSuchKey'],
]
for (const [path, gives] of failures)
  test(`${path} of an address gives ${gives}`, async () => assert.equal(await ask(path), gives))

test('a key cannot leave the path of an address, nor lead to another host', async () => {
  asked.length = 0
  const keys = ['../secret.png', 'a/../../secret.png', '..', './card.png', '']
  for (const key of keys)
    assert.equal(await ask(`/url${base64({ key, edits: { flip: true } })}`), '404 NoSuchKey')
  assert.deepEqual(asked, [])
  const harmless = [
    '//other.example/card.png',
    'http://other.example/card.png',
    '@other.example/card.png',
    'card.png?x=1',
    'card.png#x',
  ]
  for (const key of harmless) await ask(`/url${base64({ key, edits: { flip: true } })}`)
  const host = new URL(pictureServer.url).host
  assert.deepEqual(asked, [
    `${host} /pictures/other.example/card.png`,
    `${host} /pictures/http%3A//other.example/card.png`,
    `${host} /pictures/%40other.example/card.png`,
    `${host} /pictures/card.png%3Fx%3D1`,
    `${host} /pictures/card.png%23x`,
  ])
})

const prefixed: readonly (readonly [path: string, gives: string])[] = [
  ['/prefix/20x20/only.png', '200 20'],
  ['/prefix/only.png', '200 80'],
  ['/prefix/20x20/card.png', '404 NoSuchKey'],
  ['/prefix/20x20/s3:all/card.png', '200 20'],
  ['/prefix/20x20/s3:all/public/only.png', '200 20'],
  [`/prefix${base64({ key: '../card.png', edits: { flip: true } })}`, '404 NoSuchKey'],
  ['/deep/20x20/%C3%BC.png', '200 20'],
]
for (const [path, gives] of prefixed)
  test(`${path.slice(0, 40)} below a prefix gives ${gives}`, async () => assert.equal(await ask(path), gives))
