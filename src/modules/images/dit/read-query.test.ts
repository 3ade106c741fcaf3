import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../image-error.ts'
import { checkRequest } from './check-request.ts'
import { readQuery } from './read-query.ts'
import { editOf, isValidTransformation, TRANSFORMATION_TYPES } from './transformations.ts'
import type { Value } from './value.ts'

const cases: readonly (readonly [query: string, read: Readonly<Record<string, Value>>])[] = [
  ['', {}],
  ['blur=3&flip=true&tint=red', { blur: 3, flip: true, tint: 'red' }],
  ['resize.width=1&resize[height]=2&resize.fit=fill', { resize: { width: 1, height: 2, fit: 'fill' } }],
  ['smartCrop=true&smartCrop.index=1', { smartCrop: { index: 1 } }],
  ['extract=1,2,3,4', { extract: [1, 2, 3, 4] }],
  ['extract=[1,2,3,4]', { extract: [1, 2, 3, 4] }],
  ['extract[]=1', { extract: [1] }],
  ['blur=1&blur=2', { blur: [1, 2] }],
  ['watermark=[a.test/x,y.png,[1,,p]]', { watermark: ['a.test/x', 'y.png', [1, null, 'p']] }],
  [
    'watermark=[https://a.test/x.png,[5p,-1,0.5,0.25,]]',
    {
      watermark: ['https://a.test/x.png', ['5p', -1, 0.5, 0.25, null]],
    },
  ],
  ['tint=1,2,3,4,5,6,7,8,9,10,11,12', { tint: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10] }],
  ['blur&flip=&policyId=a&a.b.c=1&a[b][c]=2&__proto__=1&1=2&=3', {}],
  [
    'blur=1e2&rotate=-.5&quality=1e999&flip=False',
    { blur: 100, rotate: -0.5, quality: '1e999', flip: 'False' },
  ],
  ['grayscale=true&greyscale=false', { grayscale: [true, false] }],
  ['constructor.name=1', { constructor: { name: 1 } as unknown as Value }],
]
for (const [query, read] of cases) {
  test(`the query ${query === '' ? 'that is empty' : query} is read`, () => {
    assert.deepEqual(
      readQuery(query).map(({ type, value }) => [type, value]),
      Object.entries(read),
    )
  })
}

test('no query is too strange to be read, and what is valid gives at most one edit of the engine', () => {
  const name = fc.oneof(
    fc.constantFrom(...TRANSFORMATION_TYPES),
    fc.constantFrom(
      'resize.width',
      'resize[height]',
      'sharpen.sigma',
      'extract[]',
      'tint[2]',
      'smartCrop.index',
    ),
    fc.string(),
  )
  const text = fc.oneof(
    fc.string(),
    fc.constantFrom('true', 'false', '3', '0.5', '[1,2,3,4]', '1,2,3', 'red', '[[[', ']],', '[a,[b,c]]'),
    fc.double().map(String),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, text), { maxLength: 60 }), (pairs) => {
      const read = readQuery(new URLSearchParams(pairs).toString())
      assert.equal(new Set(read.map(({ type }) => type)).size, read.length)
      for (const each of read) {
        const edit = editOf(each)
        if (edit !== undefined) assert.ok(isValidTransformation(each), JSON.stringify(each))
      }
    }),
  )
})

const HEADERS = { getJoined: () => undefined }
const check = (path: string, host: string) =>
  checkRequest({ path, query: undefined, accept: undefined, host, headers: HEADERS, nowMs: 0 }, host)

test('what is refused before anything else', () => {
  for (const [path, host] of [
    ['', 'a.test'],
    ['card.png', 'a.test'],
    [`/${'a'.repeat(2_048)}`, 'a.test'],
    ['/a\tb', 'a.test'],
    ['/a%1Fb', 'a.test'],
    ['/a%00', 'a.test'],
    ['/', 'a b'],
    ['/', 'a/b'],
    ['/', '.'],
    ['/', `${'a.'.repeat(127)}a`],
    ['/', '[::1'],
  ] as const)
    assert.throws(
      () => check(path, host),
      (error) => error instanceof ImageError && error.status === 400 && error.code === 'VALIDATION_ERROR',
      JSON.stringify([path, host]),
    )
  for (const [path, host] of [
    [`/${'a'.repeat(2_047)}`, 'a.test'],
    ['/ä%20%C3%A4', 'a.test.'],
    ['/', ''],
    ['/', 'localhost:8080'],
    ['/', '[fe80::1]:80'],
  ] as const)
    check(path, host)
})

test('a host of many labels is refused in no time', () => {
  const start = process.cpuUsage()
  for (const host of [`${'a-'.repeat(8_000)}!`, `${'a.'.repeat(8_000)}!`, '['.repeat(16_000)])
    assert.throws(() => check('/', host))
  const { user } = process.cpuUsage(start)
  assert.ok(user < 200_000, `${user} microseconds`)
})
