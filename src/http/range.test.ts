import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseContentRange, resolveRange } from './range.ts'

/** Range field, size of the whole, what is served (RFC 9110 section 14.1.2 and 14.2). */
const cases: [string | undefined, number, string][] = [
  [undefined, 10, 'whole'],
  ['bytes=0-4', 10, '0-4'],
  ['bytes=5-', 10, '5-9'],
  ['bytes=-3', 10, '7-9'],
  ['bytes=-30', 10, '0-9'],
  ['bytes=0-99', 10, '0-9'],
  ['bytes=9-9', 10, '9-9'],
  ['bytes=10-', 10, 'unsatisfiable'],
  ['bytes=-0', 10, 'unsatisfiable'],
  ['bytes=0-', 0, 'unsatisfiable'],
  ['bytes=5-2', 10, 'whole'],
  ['bytes=a-b', 10, 'whole'],
  ['bytes=-', 10, 'whole'],
  ['items=0-4', 10, 'whole'],
  ['bytes=0-1,4-5', 10, 'whole'],
  ['bytes=0-1, 20-30', 10, 'whole'],
  ['BYTES = 0-1', 10, '0-1'],
]

for (const [field, size, expected] of cases) {
  test(`${field ?? 'no Range'} of ${size} bytes is ${expected}`, () => {
    const answer = resolveRange(field, size)
    assert.equal(
      answer.kind === 'range' ? `${answer.range.first}-${answer.range.last}` : answer.kind,
      expected,
    )
  })
}

test('Content-Range is read strictly', () => {
  assert.deepEqual(parseContentRange('bytes 0-9/100'), { first: 0, last: 9, size: 100 })
  assert.deepEqual(parseContentRange('bytes 0-9/*'), { first: 0, last: 9, size: undefined })
  for (const bad of [undefined, 'bytes */100', 'bytes 9-0/100', 'bytes 0-100/100', 'items 0-9/100'])
    assert.equal(parseContentRange(bad), undefined)
})
