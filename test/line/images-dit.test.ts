import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import sharp, { type Sharp } from 'sharp'
import { type Json, type Mistake, testMistakes } from '../support/images.ts'
import { differenceOf, type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

let shelf: Pictures
let edge: RunningEdge

const POLICIES = {
  small: { transformations: [{ transformation: 'resize', value: { width: 20 } }] },
  grey: {
    transformations: [
      { transformation: 'grayscale', value: true },
      {
        transformation: 'resize',
        value: { width: 10 },
        condition: { field: 'X-Device', value: ['phone', 'watch'] },
      },
    ],
  },
  viewer: { outputs: { format: 'auto', quality: [80, [2, 3, 30]], autosize: [10, 400, 900] } },
}

before(async () => {
  shelf = await pictures()
  const images = { dialect: 'dit', policies: POLICIES }
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder } },
    behaviors: [
      {
        path: '/small/*',
        stripPrefix: '/small',
        origin: 'photos',
        cachePolicy: 'CachingDisabled',
        images: { ...images, policy: 'small' },
      },
      { path: '/cached/*', stripPrefix: '/cached', origin: 'photos', images },
    ],
    defaultBehavior: { origin: 'photos', cachePolicy: 'CachingDisabled', images },
  })
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

interface Got {
  readonly status: number
  readonly headers: Headers
  readonly body: Buffer
}

async function ask(path: string, headers: Readonly<Record<string, string>> = {}): Promise<Got> {
  const response = await fetch(edge.url + path, { headers })
  return {
    status: response.status,
    headers: response.headers,
    body: Buffer.from(await response.arrayBuffer()),
  }
}

/** A query and the same by sharp alone; what is invalid is passed over, as in version 8. */
const cases: readonly {
  path: string
  headers?: Readonly<Record<string, string>>
  like: (picture: Sharp) => Sharp
  type?: string
  tolerance?: number
}[] = [
  { path: '/card.png?resize.width=40', like: (picture) => picture.resize(40) },
  { path: '/card.png?resize[width]=40&resize[height]=40', like: (picture) => picture.resize(40, 40) },
  {
    path: '/card.png?resize.width=40&resize.height=40&resize.fit=contain&resize.background=%23ff0000',
    like: (picture) => picture.resize(40, 40, { fit: 'contain', background: '#ff0000' }),
  },
  { path: '/card.png?resize.width=160&resize.withoutEnlargement=true', like: (picture) => picture },
  { path: '/card.png?resize.ratio=0.5', like: (picture) => picture.resize(40, 30) },
  {
    path: '/card.png?extract=40,0,80,30',
    like: (picture) => picture.extract({ left: 40, top: 0, width: 40, height: 30 }),
  },
  {
    path: '/card.png?resize.width=20&extract=[40,0,80,30]',
    like: (picture) => picture.extract({ left: 40, top: 0, width: 40, height: 30 }).resize(20),
  },
  { path: '/card.png?rotate=450', like: (picture) => picture.rotate(90) },
  { path: '/card.png?flip=true&flop=true', like: (picture) => picture.flip().flop() },
  { path: '/card.png?grayscale=true', like: (picture) => picture.greyscale() },
  { path: '/card.png?normalize=true', like: (picture) => picture.normalise() },
  { path: '/card.png?blur=3', like: (picture) => picture.blur(3) },
  { path: '/card.png?sharpen=true', like: (picture) => picture.sharpen() },
  { path: '/card.png?sharpen.sigma=2', like: (picture) => picture.sharpen({ sigma: 2 }) },
  {
    path: '/card.png?convolve.width=3&convolve.height=3&convolve.kernel=1,2,1,2,4,2,1,2,1',
    like: (picture) => picture.convolve({ width: 3, height: 3, kernel: [1, 2, 1, 2, 4, 2, 1, 2, 1] }),
  },
  { path: '/card.png?tint=red', like: (picture) => picture.tint('red') },
  { path: '/card.png?tint=[255,0,0,1]', like: (picture) => picture.tint({ r: 255, g: 0, b: 0 }) },
  { path: '/card.png?flatten=blue', like: (picture) => picture.flatten({ background: 'blue' }) },
  {
    path: '/card.png?format=jpg&quality=30',
    like: (picture) => picture.jpeg({ quality: 30 }),
    type: 'image/jpeg',
    tolerance: 0.1,
  },
  {
    path: '/scene.jpg?quality=20',
    like: (picture) => picture.jpeg({ quality: 20 }),
    type: 'image/jpeg',
    tolerance: 0.1,
  },
  {
    path: '/card.png?blur=0.1&rotate=no&resize.width=5000&format=bmp&glow=3&flip',
    like: (picture) => picture,
  },
  { path: '/card.png?policyId=small', like: (picture) => picture.resize(20) },
  { path: '/card.png?policyId=small&resize.width=30', like: (picture) => picture.resize(30) },
  { path: '/card.png?policyId=small&resize.width=none', like: (picture) => picture.resize(20) },
  { path: '/small/card.png', like: (picture) => picture.resize(20) },
  { path: '/small/card.png?policyId=grey', like: (picture) => picture.greyscale() },
  {
    path: '/card.png?policyId=grey',
    headers: { 'x-device': 'watch' },
    like: (picture) => picture.greyscale().resize(10),
  },
  {
    path: '/card.png?policyId=grey',
    headers: { 'x-device': 'watches' },
    like: (picture) => picture.greyscale(),
  },
  {
    path: '/scene.jpg?policyId=viewer',
    headers: { 'sec-ch-dpr': '2.04' },
    like: (picture) => picture.jpeg({ quality: 30 }),
    type: 'image/jpeg',
    tolerance: 0.1,
  },
  {
    path: '/scene.jpg?policyId=viewer',
    headers: { accept: 'image/avif,image/webp', 'sec-ch-viewport-width': '700' },
    like: (picture) => picture.webp({ quality: 80 }),
    type: 'image/webp',
    tolerance: 0.1,
  },
]
for (const { path, headers = {}, like, type = 'image/png', tolerance = 0.6 } of cases) {
  test(`${path} with ${JSON.stringify(headers)} is what sharp makes of it`, async () => {
    const got = await ask(path, headers)
    assert.equal(got.status, 200, got.body.toString('latin1', 0, 300))
    assert.equal(got.headers.get('content-type'), type)
    const file = /([^/?]+)(?:\?|$)/.exec(path)![1]!
    const difference = await differenceOf(got.body, await like(sharp(shelf.bytes.get(file)!)).toBuffer())
    assert.ok(difference <= tolerance, `differs by ${difference}`)
  })
}

test('autosize takes the first width above the viewport, as the edge of version 8 rounds it', async () => {
  await shelf.put(
    'wide.jpg',
    await sharp(shelf.bytes.get('scene.jpg')!).resize(1000, 50, { fit: 'fill' }).toBuffer(),
  )
  const width = async (viewport: string) => {
    const { status, body } = await ask('/wide.jpg?policyId=viewer', { 'sec-ch-viewport-width': viewport })
    assert.equal(status, 200, body.toString('latin1', 0, 200))
    return (await sharp(body).metadata()).width
  }
  assert.deepEqual(
    [await width('300'), await width('321'), await width('2000'), await width('wide')],
    [400, 900, 900, 1000],
  )
})

test('at most ten transformations are done', async () => {
  const many =
    'flip=true&flop=true&grayscale=true&normalize=true&blur=1&sharpen=true&rotate=90&tint=red&flatten=red&animated=true'
  const { body } = await ask(`/card.png?${many}&resize.width=20`)
  // The turned original, not a resized one.
  assert.equal((await sharp(body).metadata()).width, 60)
})

test('errors have the form and the codes of version 8', async () => {
  const table = [
    { path: '/none.png?blur=3', status: 404, error: 'ImageNotFound' },
    { path: '/card.png?policyId=none', status: 404, error: 'POLICY_NOT_FOUND' },
    { path: `/${'a'.repeat(2_048)}`, status: 400, error: 'VALIDATION_ERROR' },
  ]
  for (const { path, status, error } of table) {
    const got = await ask(path)
    const said = JSON.parse(got.body.toString()) as Json
    assert.deepEqual([got.status, said['error']], [status, error])
    assert.match(String(said['requestId']), /^[\da-f]{8}-/)
    assert.equal(typeof said['message'], 'string')
  }
})

test('hints are asked for, and the cache keeps a variant for each of what they are rounded to', async () => {
  const hit = async (headers: Readonly<Record<string, string>>) =>
    (await ask('/cached/scene.jpg?policyId=viewer', headers)).headers.get('x-cache')?.split(' ')[0]
  const first = await ask('/card.png')
  assert.equal(first.headers.get('accept-ch'), 'Sec-CH-DPR, Sec-CH-Viewport-Width')
  assert.equal(first.headers.get('cache-control'), 'public, max-age=86400')
  assert.deepEqual(
    [
      await hit({ 'sec-ch-dpr': '1.98' }),
      await hit({ 'sec-ch-dpr': '2.02' }),
      await hit({ 'sec-ch-dpr': '1' }),
      await hit({ 'sec-ch-dpr': '1', accept: 'image/webp' }),
    ],
    ['Miss', 'Hit', 'Miss', 'Miss'],
  )
})

const mistakes: readonly Mistake[] = [
  {
    what: 'a policy that is not there',
    images: { dialect: 'dit', policy: 'a' },
    path: 'images.policy',
    says: /no policy a/,
  },
  {
    what: 'signing',
    images: { dialect: 'dit', signing: { secret: 'a' } },
    path: 'images.signing',
    says: /means nothing/,
  },
  {
    what: 'a transformation without a value',
    images: { dialect: 'dit', policies: { a: { transformations: [{ transformation: 'blur' }] } } },
    path: 'images.policies.a.transformations[0].value',
    says: /./,
  },
  {
    what: 'a transformation that version 8 does not have',
    images: { dialect: 'dit', policies: { a: { transformations: [{ transformation: 'glow', value: 1 }] } } },
    path: 'images.policies.a.transformations[0]',
    says: /glow/,
  },
]
testMistakes(mistakes)
