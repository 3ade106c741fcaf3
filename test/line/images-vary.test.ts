import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Secret } from '../../src/base/secret.ts'
import { imageUrl } from '../../src/modules/images/readable/links.ts'
import { base64, type Json } from '../support/images.ts'
import { type Pictures, pictures } from '../support/pictures.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

/*
 * What Accept chose is told by Vary, or a cache behind the edge shows one viewer the format of another (RFC 9110
 * section 12.5.5). Where the URL names the format, Accept chose nothing.
 */

const KEY = 'a secret of the site'

let shelf: Pictures
let edge: RunningEdge

before(async () => {
  shelf = await pictures()
  const behavior = (name: string, images: Json, cachePolicy = 'CachingDisabled') => ({
    path: `/${name}/*`,
    stripPrefix: `/${name}`,
    origin: 'photos',
    cachePolicy,
    images,
  })
  const readable = {
    dialect: 'edge',
    presets: { auto: 'w=20&f=auto', fixed: 'w=20&f=webp', open: 'w=20' },
    signing: { secret: 'links' },
  }
  const automatic = { dialect: 'dit', policies: { auto: { outputs: { format: 'auto' } } } }
  const fixed = {
    dialect: 'dit',
    policies: { small: { transformations: [{ transformation: 'resize', value: { width: 20 } }] } },
  }
  edge = await runEdge({
    origins: { photos: { folder: shelf.folder } },
    behaviors: [
      behavior('sih', { dialect: 'sih', autoFormats: ['avif', 'webp'] }),
      behavior('sih-plain', { dialect: 'sih' }),
      behavior('sih-cached', { dialect: 'sih', autoFormats: ['webp'] }, 'CachingOptimized'),
      behavior('edge', { ...readable, autoFormats: ['avif', 'webp'] }),
      behavior('edge-plain', readable),
      behavior('edge-cached', readable, 'CachingOptimized'),
      behavior('dit', automatic),
      behavior('dit-plain', fixed),
      behavior('dit-cached', automatic, 'CachingOptimized'),
    ],
    defaultBehavior: { origin: 'photos' },
  })
  await (await edge.edge.seams.secrets()).put('links', new Secret(KEY))
})

after(async () => {
  await edge[Symbol.asyncDispose]()
  await shelf[Symbol.asyncDispose]()
})

const signed = (prefix: string, query: string, file = '/card.png') =>
  imageUrl(file, { prefix, key: KEY, parameters: Object.fromEntries(new URLSearchParams(query)) })

const paths: readonly { readonly path: string; readonly varies: boolean; readonly why: string }[] = [
  // Version 7: Accept may choose for every URL, and the cache key has what it chose.
  { path: '/sih/20x20/card.png', varies: true, why: 'Accept chooses' },
  { path: '/sih/card.png', varies: true, why: 'Accept chooses where there are no edits' },
  { path: '/sih/drawing.svg', varies: true, why: 'a drawing is left as it is, and other edits would not' },
  { path: `/sih${base64({ key: 'card.png', edits: { flip: true } })}`, varies: true, why: 'Accept chooses' },
  { path: `/sih${base64({ key: 'card.png', outputFormat: 'png' })}`, varies: true, why: 'Accept goes first' },
  { path: '/sih/filters:format(png)/card.jpg', varies: true, why: 'all of version 7 do, as one rule' },
  { path: '/sih/card.jpg?format=png', varies: true, why: 'all of version 7 do, as one rule' },
  { path: '/sih-plain/20x20/card.png', varies: false, why: 'no formats are configured' },
  // Readable URLs: only where no format is named, or f=auto is.
  { path: '/edge/open/card.png', varies: true, why: 'formats are configured and the URL names none' },
  { path: '/edge/card.png', varies: true, why: 'also the original is converted' },
  { path: '/edge/auto/card.png', varies: true, why: 'f=auto' },
  { path: '/edge/fixed/card.png', varies: false, why: 'the preset names the format' },
  { path: signed('/edge', 'w=20&f=png'), varies: false, why: 'the URL names the format' },
  { path: signed('/edge', 'w=20&f=json'), varies: false, why: 'the URL asks for a description' },
  { path: signed('/edge', 'w=20&f=auto'), varies: true, why: 'f=auto' },
  { path: '/edge-plain/auto/card.png', varies: true, why: 'f=auto' },
  { path: '/edge-plain/open/card.png', varies: false, why: 'no formats are configured' },
  { path: '/edge-plain/card.png', varies: false, why: 'no formats are configured' },
  // Version 8: where a policy of the behavior lets Accept choose.
  { path: '/dit/card.png?policyId=auto', varies: true, why: 'the policy lets Accept choose' },
  {
    path: '/dit/card.png?policyId=auto&format=png',
    varies: true,
    why: 'any URL of the behavior may have it',
  },
  { path: '/dit/card.png', varies: true, why: 'any URL of the behavior may have it' },
  { path: '/dit-plain/card.png?policyId=small', varies: false, why: 'no policy has the format auto' },
  { path: '/dit-plain/card.png?format=webp', varies: false, why: 'no policy has the format auto' },
]

async function ask(path: string, headers: Readonly<Record<string, string>>, method = 'GET') {
  const response = await fetch(edge.url + path, { method, headers })
  await response.arrayBuffer()
  const fields = (response.headers.get('vary') ?? '').split(',').map((field) => field.trim().toLowerCase())
  return { response, varies: fields.includes('accept') }
}

for (const { path, varies, why } of paths) {
  test(`${path.slice(0, 50)} ${varies ? 'varies' : 'does not vary'} by Accept, as 200, 304 and for HEAD: ${why}`, async () => {
    const types = new Set<string | null>()
    for (const accept of ['image/avif,image/webp,*/*', 'image/webp', '*/*']) {
      const got = await ask(path, { accept })
      assert.deepEqual([got.response.status, got.varies], [200, varies], accept)
      types.add(got.response.headers.get('content-type'))
      const etag = got.response.headers.get('etag')!
      const again = await ask(path, { accept, 'if-none-match': etag })
      assert.deepEqual([again.response.status, again.varies], [304, varies], accept)
      const head = await ask(path, { accept }, 'HEAD')
      assert.deepEqual([head.response.status, head.varies], [200, varies], accept)
      assert.equal(head.response.headers.get('content-type'), got.response.headers.get('content-type'))
    }
    // The rule itself: what comes out differently for another Accept must say so.
    if (types.size > 1) assert.ok(varies)
  })
}

test('variants of one URL have validators of their own, so that no viewer is told to keep the other format', async () => {
  for (const path of ['/sih/20x20/card.png', '/edge/open/card.png', '/dit/card.png?policyId=auto']) {
    const webp = await ask(path, { accept: 'image/webp' })
    const other = await ask(path, { accept: '*/*', 'if-none-match': webp.response.headers.get('etag')! })
    assert.equal(other.response.status, 200, path)
  }
})

test('a hit, its 304 and its HEAD vary as the miss did', async () => {
  for (const path of [
    '/sih-cached/20x20/card.png',
    '/edge-cached/auto/card.png',
    '/dit-cached/card.png?policyId=auto',
  ]) {
    const accept = 'image/webp'
    const miss = await ask(path, { accept })
    const etag = miss.response.headers.get('etag')!
    const answers = [
      miss,
      await ask(path, { accept }),
      await ask(path, { accept, 'if-none-match': etag }),
      await ask(path, { accept }, 'HEAD'),
    ]
    assert.deepEqual(
      answers.map(({ response, varies }) => [
        response.status,
        varies,
        response.headers.get('x-cache')?.split(' ')[0],
      ]),
      [
        [200, true, 'Miss'],
        [200, true, 'Hit'],
        [304, true, 'Hit'],
        [200, true, 'Hit'],
      ],
      path,
    )
  }
})
