import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { ImageSource } from '../source/sources.ts'
import { PurgeTally, readSelection } from './select-sources.ts'
import { sourceOfKey, sourceTag, variantKey } from './variant-key.ts'

const source = (name: string, url = 'https://a.example/'): ImageSource => ({
  kind: 'url',
  name,
  base: new URL(url),
  isAllowed: () => false,
})
const AS_IT_IS = { format: undefined, isNegotiated: false, options: {} }
const SETTINGS = { metadata: 'keep', isStrict: false, faces: 'attention' } as const

const keyFor = (name: string, key: string) =>
  variantKey('d', source(name), key, [{ name: 'flip', value: true, from: '' }], AS_IT_IS, SETTINGS).key

test('a key says whose variant it is, whatever characters the source is named by, and no store refuses it', () => {
  const text = fc
    .string({ unit: 'grapheme', minLength: 1, maxLength: 300 })
    .filter((each) => each.isWellFormed())
  fc.assert(
    fc.property(text, text, (name, key) => {
      const bucket = name.replaceAll('/', '')
      const objectKey = keyFor(bucket, key)
      assert.ok(Buffer.byteLength(objectKey) <= 1_024)
      const found = sourceOfKey(objectKey)!
      assert.ok(`${bucket}/${key}`.startsWith(`${found.name}/${found.key}`) || found.isCut)
      if (!found.isCut) assert.deepEqual([found.name, found.key], [bucket, key])
    }),
  )
  assert.equal(sourceOfKey('something/else.txt'), undefined)
})

test('everything that changes a result changes the key, and where a request wrote it does not', () => {
  const flip = { name: 'flip', value: true, from: 'query flip' }
  const base = variantKey('d', source('a'), 'x.jpg', [flip], AS_IT_IS, SETTINGS)
  const elsewhere = variantKey('d', source('a'), 'x.jpg', [{ ...flip, from: 'path' }], AS_IT_IS, SETTINGS)
  assert.deepEqual(elsewhere, base)
  const webp = { ...AS_IT_IS, format: 'webp' }
  const others = [
    variantKey('d', source('a'), 'x.jpg', [], AS_IT_IS, SETTINGS),
    variantKey('d', source('a'), 'x.jpg', [flip], webp, SETTINGS),
    variantKey('d', source('a'), 'x.jpg', [flip], { ...webp, options: { quality: 50 } }, SETTINGS),
    variantKey('d', source('a'), 'x.jpg', [flip], AS_IT_IS, { ...SETTINGS, metadata: 'strip' }),
    variantKey('d', source('a'), 'x.jpg', [flip], AS_IT_IS, { ...SETTINGS, isStrict: true }),
    variantKey('d', source('a'), 'y.jpg', [flip], AS_IT_IS, SETTINGS),
    variantKey('d', source('a', 'https://b.example/'), 'x.jpg', [flip], AS_IT_IS, SETTINGS),
  ]
  assert.equal(new Set([base, ...others].map(({ key }) => key)).size, 8)
  // Variants of one source stand together.
  for (const { prefix } of others.slice(0, 5)) assert.equal(prefix, base.prefix)
  for (const { prefix } of others.slice(5)) assert.notEqual(prefix, base.prefix)
})

const selections: readonly { source: string; bucket?: string; selects: readonly string[] }[] = [
  { source: 'cats/1.jpg', selects: ['photos cats/1.jpg', 'other cats/1.jpg'] },
  { source: '/cats/1.jpg', bucket: 'photos', selects: ['photos cats/1.jpg'] },
  { source: 'cats/*', selects: ['photos cats/1.jpg', 'photos cats/1.jpg.bak', 'other cats/1.jpg'] },
  { source: '*', bucket: 'other', selects: ['other cats/1.jpg'] },
  { source: 'cats', selects: [] },
]
for (const { source: text, bucket, selects } of selections) {
  test(`a purge of ${text}${bucket === undefined ? '' : ` in ${bucket}`} takes ${selects.length} of four`, () => {
    const all = ['photos cats/1.jpg', 'photos cats/1.jpg.bak', 'photos dogs/1.jpg', 'other cats/1.jpg']
    const tally = new PurgeTally(readSelection(text, bucket))
    const taken = all.filter((each) => {
      const [name = '', key = ''] = each.split(' ')
      return tally.selects(keyFor(name, key))
    })
    assert.deepEqual(taken, selects)
  })
}

test('of a source with a very long key rather too much is purged than too little', () => {
  const long = `${'ö'.repeat(400)}/a.jpg`
  const key = keyFor('photos', long)
  assert.ok(new PurgeTally(readSelection(long, undefined)).selects(key))
  assert.ok(new PurgeTally(readSelection(`${'ö'.repeat(400)}/*`, undefined)).selects(key))
  assert.ok(!new PurgeTally(readSelection('ä*', undefined)).selects(key))
})

test('a tag is one word of bounded length, and tells sources apart', () => {
  const keys = ['a.jpg', 'a b,c.jpg', 'ä/b.jpg', 'x'.repeat(3_000), 'x'.repeat(3_001)]
  const tags = keys.map((key) => sourceTag('photos', key))
  assert.equal(tags[0], 'images:photos/a.jpg')
  assert.equal(tags[2], 'images:photos/%C3%A4/b.jpg')
  assert.equal(new Set(tags).size, keys.length)
  for (const tag of tags) assert.match(tag, /^[\x21-\x2b\x2d-\x7e]{1,1024}$/)
})
