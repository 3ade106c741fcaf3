import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { ImageError } from '../image-error.ts'
import { canonicalText, knownParameters, PICTURE_PARAMETERS, readParameters } from './parameters.ts'

const read = (query: string) => readParameters(knownParameters(query), 'query')

const mistakes: readonly { query: string; says: RegExp }[] = [
  { query: 'w=0', says: /w must be a whole number from 1 to 65535/ },
  { query: 'h=1.5', says: /h must be a whole number/ },
  { query: 'w=1e3', says: /w must be a whole number/ },
  { query: 'w=10&dpr=9', says: /dpr must be a number from 0.1 to 5/ },
  { query: 'fit=cover', says: /fit must be a part of a size: w or h/ },
  { query: 'w=10&fit=crop', says: /fit must be one of cover, contain/ },
  { query: 'w=10&at=middle', says: /at must be one of center/ },
  { query: 'crop=1,2,3', says: /crop must be four whole numbers/ },
  { query: 'flip=yes', says: /flip must be 1 or 0/ },
  { query: 'blur=0.1', says: /blur must be a number from 0.3/ },
  { query: 'bg=%23fff', says: /bg must be the name of a colour, or its hexadecimal digits without #/ },
  { query: 'f=heic', says: /f must be one of auto, avif/ },
  { query: 'meta=all', says: /meta must be one of keep, copyright, none/ },
  { query: 'profile=p3', says: /profile must be one of keep, srgb/ },
  { query: 'q=101', says: /q must be a whole number from 1 to 100/ },
]
for (const { query, says } of mistakes) {
  test(`${query} is refused with a sentence that says what may stand there`, () => {
    assert.throws(
      () => read(query),
      (error) => error instanceof ImageError && error.status === 400 && says.test(error.message),
    )
  })
}

test('the last value of a parameter counts, the order does not, and what is unknown is passed over', () => {
  const one = knownParameters('w=1&utm_source=x&h=3&w=2')
  const other = knownParameters('h=3&w=2&fbclid=y')
  assert.equal(canonicalText(one), 'h=3&w=2')
  assert.equal(canonicalText(one), canonicalText(other))
})

test('what signs a link is no part of the picture', () => {
  assert.equal(canonicalText(knownParameters('s=abc&expires=9&w=2')), 'w=2')
})

test('no query does anything but give edits or an ImageError of 400', () => {
  const value = fc.oneof(
    fc.string(),
    fc.constantFrom('1', '0', '10', 'auto', 'cover', 'left', '1,2,3,4', 'red'),
  )
  const pair = fc.tuple(fc.constantFrom(...PICTURE_PARAMETERS), value)
  fc.assert(
    fc.property(fc.array(pair, { maxLength: 8 }), (pairs) => {
      const query = new URLSearchParams(pairs.map(([name, text]) => [name, text])).toString()
      try {
        const { edits } = read(query)
        assert.equal(JSON.stringify(edits), JSON.stringify(read(canonicalText(knownParameters(query))).edits))
      } catch (error) {
        assert.ok(error instanceof ImageError && error.status === 400, String(error))
      }
    }),
  )
})
