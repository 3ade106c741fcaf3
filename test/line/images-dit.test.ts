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
  {
    what: 'a watermark from a host that is that of no source',
    images: {
      dialect: 'dit',
      sources: { Photos: { origin: 'photos' }, partner: { url: 'https://img.partner.test/x/' } },
      policies: {
        a: {
          transformations: [
            { transformation: 'watermark', value: ['https://elsewhere.test/a.png', [0, 0, 0, 0.5]] },
          ],
        },
      },
    },
    path: 'images.policies.a.transformations[0]',
    says: /elsewhere\.test.*no source.*photos.*img\.partner\.test/,
  },
  ...(
    [
      ['resize', { width: 4001 }, /whole numbers from 1 to 4000/],
      ['resize', { fit: 'fill' }, /width or height/],
      ['extract', [0, 0, 0, 0], /left, top, right, bottom/],
      ['blur', 0.1, /0\.3 to 1000/],
      ['sharpen', { m1: 1 }, /sigma/],
      ['convolve', { kernel: [1] }, /nine whole numbers/],
      ['rotate', 'left', /degrees/],
      ['greyscale', 1, /true or false/],
      ['stripIcc', 'yes', /true or false/],
      ['tint', 'nocolour', /name of a colour/],
      ['flatten', '#12345', /hexadecimal/],
      ['smartCrop', { index: 16 }, /index from 0 to 15/],
      ['watermark', ['https://photos/a.png', [0, 0]], /one share at least/],
      ['format', 'heif', /jpg, jpeg, png/],
      ['quality', 0, /1 to 100/],
    ] as const
  ).map(([transformation, value, says]): Mistake => ({
    what: `a policy with ${transformation} of ${JSON.stringify(value)}`,
    images: { dialect: 'dit', policies: { a: { transformations: [{ transformation, value }] } } },
    path: 'images.policies.a.transformations[0].value',
    says,
  })),
  {
    what: 'a policy that does nothing',
    images: { dialect: 'dit', policies: { a: { outputs: [] } } },
    path: 'images.policies.a',
    says: /does nothing.*transformations or outputs/,
  },
  {
    what: 'no transformation where there must be one',
    images: { dialect: 'dit', policies: { a: { transformations: [] } } },
    path: 'images.policies.a.transformations',
    says: /1/,
  },
  {
    what: 'a hundred and one transformations',
    images: {
      dialect: 'dit',
      policies: {
        a: { transformations: Array.from({ length: 101 }, () => ({ transformation: 'blur', value: 1 })) },
      },
    },
    path: 'images.policies.a.transformations',
    says: /100/,
  },
  {
    what: 'a policy of more than 10,000 characters',
    images: {
      dialect: 'dit',
      policies: {
        a: {
          transformations: Array.from({ length: 100 }, () => ({
            transformation: 'blur',
            value: 1,
            condition: { field: 'X-A', value: 'a'.repeat(60) },
          })),
        },
      },
    },
    path: 'images.policies.a',
    says: /has 1\d{4} characters.*at most 10000/,
  },
  {
    what: 'an output that stands twice',
    images: {
      dialect: 'dit',
      policies: {
        a: {
          outputs: [
            { type: 'format', value: 'auto' },
            { type: 'format', value: 'webp' },
          ],
        },
      },
    },
    path: 'images.policies.a.outputs[1]',
    says: /format stands twice.*each type once/,
  },
  {
    what: 'a value that is none, beside another mistake in the same policy',
    images: {
      dialect: 'dit',
      policies: {
        a: { transformations: [{ transformation: 'blur', value: 0 }], outputs: [{ type: 'size', value: 1 }] },
      },
    },
    path: 'images.policies.a.transformations[0].value',
    says: /0\.3 to 1000/,
  },
  {
    what: 'an output of no type',
    images: { dialect: 'dit', policies: { a: { outputs: [{ type: 'size', value: 1 }] } } },
    path: 'images.policies.a.outputs[0]',
    says: /format.*quality.*autosize/,
  },
  {
    what: 'a range of densities that holds none',
    images: { dialect: 'dit', policies: { a: { outputs: { quality: [80, [1, 2, 50], [3, 3, 40]] } } } },
    path: 'images.policies.a.outputs.quality[2]',
    says: /from 3 to below 3/,
  },
  {
    what: 'a range of densities of two numbers',
    images: { dialect: 'dit', policies: { a: { outputs: { quality: [80, [1, 2]] } } } },
    path: 'images.policies.a.outputs.quality[1]',
    says: /./,
  },
  {
    what: 'a quality that is a fraction',
    images: { dialect: 'dit', policies: { a: { outputs: [{ type: 'quality', value: [80.5] }] } } },
    path: 'images.policies.a.outputs[0].value[0]',
    says: /./,
  },
  {
    what: 'an automatic size of no widths',
    images: { dialect: 'dit', policies: { a: { outputs: { autosize: [] } } } },
    path: 'images.policies.a.outputs.autosize',
    says: /1/,
  },
  {
    what: 'a condition with no values',
    images: {
      dialect: 'dit',
      policies: {
        a: {
          transformations: [{ transformation: 'blur', value: 1, condition: { field: 'X-A', value: [] } }],
        },
      },
    },
    path: 'images.policies.a.transformations[0].condition.value',
    says: /./,
  },
  {
    what: 'a condition on what is no header',
    images: {
      dialect: 'dit',
      policies: {
        a: {
          transformations: [{ transformation: 'blur', value: 1, condition: { field: 'X A', value: 'a' } }],
        },
      },
    },
    path: 'images.policies.a.transformations[0].condition.field',
    says: /name of a header/,
  },
  {
    what: 'no transformations at all for a request',
    images: { dialect: 'dit', maxTransformations: 0 },
    path: 'images.maxTransformations',
    says: /1/,
  },
  {
    what: 'a bound of transformations for another dialect',
    images: { dialect: 'sih', maxTransformations: 5 },
    path: 'images.maxTransformations',
    says: /means nothing/,
  },
  {
    what: 'a preset with metadata of no kind',
    images: { dialect: 'edge', presets: { a: 'meta=some' } },
    path: 'images.presets.a',
    says: /meta must be one of keep, copyright, none/,
  },
  {
    what: 'a mapping by host and path at once',
    images: {
      dialect: 'dit',
      sources: { a: { origin: 'photos' } },
      mappings: [{ host: 'a.test', path: '/a', source: 'a' }],
    },
    path: 'images.mappings[0]',
    says: /a host or a path/,
  },
  {
    what: 'a mapping by neither',
    images: { dialect: 'dit', sources: { a: { origin: 'photos' } }, mappings: [{ source: 'a' }] },
    path: 'images.mappings[0]',
    says: /a host or a path/,
  },
  {
    what: 'a star that is a part of a segment',
    images: {
      dialect: 'dit',
      sources: { a: { origin: 'photos' } },
      mappings: [{ path: '/a*', source: 'a' }],
    },
    path: 'images.mappings[0]',
    says: /whole label or segment/,
  },
  {
    what: 'a path of eleven levels',
    images: {
      dialect: 'dit',
      sources: { a: { origin: 'photos' } },
      mappings: [{ path: '/a'.repeat(11), source: 'a' }],
    },
    path: 'images.mappings[0]',
    says: /more than 10 levels/,
  },
  {
    what: 'a mapping to a source that is not there',
    images: { dialect: 'dit', mappings: [{ path: '/a', source: 'b' }] },
    path: 'images.mappings[0].source',
    says: /no source b.*among `sources`/,
  },
  {
    what: 'a mapping to a policy that is not there',
    images: {
      dialect: 'dit',
      sources: { a: { origin: 'photos' } },
      policies: { c: {} },
      mappings: [{ path: '/a', source: 'a', policy: 'b' }],
    },
    path: 'images.mappings[0].policy',
    says: /no policy b.*c/,
  },
  {
    what: 'mappings of another dialect',
    images: { dialect: 'edge', mappings: [{ path: '/a', source: 'a' }] },
    path: 'images.mappings',
    says: /means nothing/,
  },
  {
    what: 'an originPath of another dialect',
    images: { dialect: 'edge', sources: { a: { origin: 'photos', originPath: 'x' } } },
    path: 'images.sources.a.originPath',
    says: /only means something for the dialect dit/,
  },
]
testMistakes(mistakes)
