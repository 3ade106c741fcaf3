import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editDistance, nearest, suggest } from './nearest.ts'

const keys = ['origin', 'origins', 'behaviors', 'defaultBehavior', 'cachePolicy', 'id']

const cases: readonly (readonly [word: string, expected: string | undefined])[] = [
  ['orign', 'origin'],
  ['Origins', 'origins'],
  ['behaviours', 'behaviors'],
  ['defaultBehaviour', 'defaultBehavior'],
  ['cahcePolicy', 'cachePolicy'],
  ['di', 'id'],
  ['webAcl', undefined],
  ['', undefined],
]

for (const [word, expected] of cases) {
  test(`${JSON.stringify(word)} is nearest to ${expected ?? 'nothing'}`, () => {
    assert.equal(nearest(word, keys), expected)
  })
}

test('a swap of neighbours counts once', () => {
  assert.equal(editDistance('ab', 'ba'), 1)
  assert.equal(editDistance('', 'abc'), 3)
  assert.equal(editDistance('kitten', 'sitting'), 3)
})

test('where nothing is near it is told what there is', () => {
  assert.equal(suggest('zzz', ['a', 'b'], 'origins'), 'origins: a, b')
  assert.equal(suggest('zzz', [], 'origins'), 'there are no origins yet')
  assert.match(
    suggest(
      'zzz',
      Array.from({ length: 20 }, (_, i) => `o${i}`),
      'origins',
    ),
    /o11, and 8 more$/,
  )
})
