import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { HeaderList } from '../http/header-list.ts'
import { partKey, partOf, within } from './parts.ts'
import { tagsOf } from './tags.ts'
import { matchesVariant, variantKey, varyNames, varyValues } from './variants.ts'

const name = fc.constantFrom('accept', 'accept-language', 'x-a', 'x-b')
const value = fc.string({
  unit: fc.constantFrom('a', 'b', '1', '=', ':', '!', ' ', ';', ',', '"'),
  maxLength: 8,
})
const request = fc
  .array(fc.tuple(name, value), { maxLength: 5 })
  .map((fields) => new HeaderList(fields.flat()))

test('a variant answers the request it was stored for, and one with other values never', () => {
  fc.assert(
    fc.property(fc.uniqueArray(name), request, request, (names, one, other) => {
      const key = variantKey('D /a', varyValues(names.toSorted(), one))
      if (names.length > 0) assert.ok(matchesVariant(key, 'D /a', one))
      const isSame = variantKey('D /a', varyValues(names.toSorted(), other)) === key
      assert.equal(matchesVariant(key, 'D /a', other), isSame && names.length > 0)
    }),
  )
})

const equal: readonly [name: string, one: string, other: string, isEqual: boolean][] = [
  ['x-a', 'a, b', 'a,b', true],
  ['x-a', ' a ;q=1 ', 'a;q=1', true],
  ['x-a', 'a, b', 'b, a', false],
  ['x-a', 'A', 'a', false],
  ['x-a', '"a, b"', '"a,b"', false],
  ['accept-language', 'en, DE', 'de,en', true],
  ['accept-language', 'en;q=0.1, de', 'en, de;q=0.1', false],
]
for (const [field, one, other, isEqual] of equal) {
  test(`${field}: ${one} is ${isEqual ? '' : 'not '}the same as ${other}`, () => {
    const key = (text: string) => variantKey('', varyValues([field], new HeaderList([field, text])))
    assert.equal(key(one) === key(other), isEqual)
  })
}

test('a field that is not there is not the same as an empty one', () => {
  const key = variantKey('D /', varyValues(['x-a'], new HeaderList()))
  assert.equal(matchesVariant(key, 'D /', new HeaderList(['X-A', ''])), false)
  assert.equal(matchesVariant(key, 'D /', new HeaderList(['X-A', '!'])), false)
})

test('Vary names are sorted, in lower case and once; a star anywhere is a star', () => {
  const names = (...values: string[]) => varyNames(new HeaderList(values.flatMap((each) => ['Vary', each])))
  assert.deepEqual(names(), [])
  assert.deepEqual(names('X-B, x-a', 'X-A,,'), ['x-a', 'x-b'])
  for (const star of ['*', ' , *', 'a, *']) assert.equal(names(star), undefined)
  assert.equal(names('a', '*'), undefined)
})

test('keys of parts read as they were written', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(), fc.option(fc.nat(), { nil: undefined }), (first, length, rest) => {
      const last = first + length
      const part = { first, last, size: rest === undefined ? undefined : last + 1 + rest }
      assert.deepEqual(partOf(partKey('D /a', part), 'D /a'), part)
    }),
  )
  for (const key of ['D /a', 'D /a\nvary:x =', 'D /a\npart x-y/z'])
    assert.equal(partOf(key, 'D /a'), undefined)
})

const ranges: readonly [
  range: string,
  size: number | undefined,
  gives: readonly [number, number] | undefined,
][] = [
  ['bytes=10-19', 100, [10, 19]],
  ['bytes=12-15', 100, [12, 15]],
  ['bytes=9-15', 100, undefined],
  ['bytes=12-20', 100, undefined],
  ['bytes=12-', 100, undefined],
  ['bytes=12-', 20, [12, 19]],
  ['bytes=-5', 20, [15, 19]],
  ['bytes=-5', undefined, undefined],
  ['bytes=12-15', undefined, [12, 15]],
  ['bytes=11-12,14-15', 100, undefined],
]
for (const [range, size, gives] of ranges) {
  test(`of bytes 10-19/${size ?? '*'} ${range} is ${gives === undefined ? 'not answered' : gives.join('-')}`, () => {
    const found = within({ first: 10, last: 19, size }, range)
    assert.deepEqual(found === undefined ? undefined : [found.first, found.last], gives)
  })
}

test('tags are the words of the configured fields, each once', () => {
  const headers = new HeaderList([
    'Cache-Tag',
    'a, b,,c',
    'Surrogate-Key',
    'c  d',
    'X-Other',
    'e',
    'cache-tag',
    'f',
  ])
  assert.deepEqual(tagsOf(headers, ['cache-tag', 'surrogate-key']), ['a', 'b', 'c', 'f', 'd'])
  assert.deepEqual(tagsOf(headers, []), [])
  assert.deepEqual(tagsOf(new HeaderList(['Cache-Tag', 'x'.repeat(2000)]), ['cache-tag']), [])
})
