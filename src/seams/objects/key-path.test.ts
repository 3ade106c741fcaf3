import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { AWKWARD_KEYS } from './awkward-keys.ts'
import { compareKeys, isHashedName, nameOfSegment, pathOfKey, segmentOfName } from './key-path.ts'

const unit = fc.constantFrom(
  'a',
  'A',
  '/',
  '.',
  '..',
  '+',
  '=',
  '~',
  '^',
  '%',
  '2e',
  '\0',
  'é',
  '日',
  '\uffff',
  '😀',
  ' ',
  '\\',
)
const key = fc.oneof(
  fc.array(unit, { minLength: 1, maxLength: 12 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 200 }),
)
const written = (k: string): string =>
  [...pathOfKey(k).folders.map(({ name }) => name), pathOfKey(k).file].join('/')

test('names are safe on every disk: no separators, no capitals, not hidden, not "." or "..", not too long', () => {
  const check = (k: string): void => {
    const path = pathOfKey(k)
    for (const name of [...path.folders.map((folder) => folder.name), path.file]) {
      assert.match(name, /^(?![.])[a-z0-9._^%=~-]+(?<![.])\+?$/)
      assert.ok(name.length <= 143, `${name.length}`)
    }
    assert.ok(written(k).length <= 3_200)
  }
  for (const k of AWKWARD_KEYS) check(k)
  fc.assert(fc.property(key, check))
})

test('two keys never have the same path, also where the disk does not tell capitals', () => {
  const paths = new Set(AWKWARD_KEYS.map((k) => written(k).toLowerCase()))
  assert.equal(paths.size, AWKWARD_KEYS.length)
  fc.assert(fc.property(key, key, (a, b) => a === b || written(a) !== written(b)))
})

test('an object and a folder of the same name have different paths', () => {
  assert.notEqual(pathOfKey('a').file, pathOfKey('a/b').folders[0]?.name)
  assert.notEqual(pathOfKey('a+').file, pathOfKey('a/b').folders[0]?.name)
})

test('a name that was not cut gives its segment back, and a foreign name gives none', () => {
  fc.assert(
    fc.property(key, (k) => {
      for (const segment of k.split('/')) {
        const name = nameOfSegment(segment)
        assert.equal(isHashedName(name) ? segment : segmentOfName(name), segment)
      }
    }),
  )
  for (const name of [
    '',
    'A',
    'é',
    '%',
    '%4',
    '%zz',
    '%61',
    '^',
    '^A',
    '^1',
    '.a',
    'a.',
    'a b',
    'a=',
    '%ff',
  ]) {
    assert.equal(segmentOfName(name), undefined, name)
  }
})

test('keys are ordered by their UTF-8 bytes', () => {
  const sign = (a: string, b: string): number => Math.sign(Buffer.compare(Buffer.from(a), Buffer.from(b)))
  fc.assert(fc.property(key, key, (a, b) => Math.sign(compareKeys(a, b)) === sign(a, b)))
  assert.ok(compareKeys('\u{10000}', '\uffff') > 0)
})
