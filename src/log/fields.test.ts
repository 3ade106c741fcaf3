import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { createMoments, createRemembering, encodeValue, orDash, seconds } from './fields.ts'

const encodings: readonly (readonly [text: string, encoded: string])[] = [
  ['/hotels/rooms', '/hotels/rooms'],
  ['/a b', '/a%20b'],
  ['/a%20b', '/a%2520b'],
  ['<>"#%{}|\\^~[]`\'', '%3C%3E%22%23%25%7B%7D%7C%5C%5E%7E%5B%5D%60%27'],
  ['!$&()*+,-./:;=?@_AZaz09', '!$&()*+,-./:;=?@_AZaz09'],
  ['\t\r\n\0\x7f', '%09%0D%0A%00%7F'],
  // One character of a header value is one byte.
  ['caf\u00e9', 'caf%E9'],
  ['\u20ac', '%E2%82%AC'],
  ['\u{1f600}', '%F0%9F%98%80'],
  // Half of a pair cannot be written in UTF-8; it must not break the log.
  ['\ud83d', '%EF%BF%BD'],
]

for (const [text, encoded] of encodings) {
  test(`${JSON.stringify(text)} is logged as ${encoded}`, () => assert.equal(encodeValue(text), encoded))
}

test('no value can leave its field: what is logged holds no control character, space or quote', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      assert.match(encodeValue(text), /^[!$%&()*+,\-./0-9:;=?@A-Z_a-z]*$/)
    }),
  )
})

test('a value that was seen before is logged as the first time, however many others came between', () => {
  const remembering = createRemembering()
  for (let i = 0; i < 3000; i++) assert.equal(remembering(`agent ${i % 1500}`), `agent%20${i % 1500}`)
  assert.equal(remembering(undefined), '-')
  assert.equal(remembering(''), '-')
  assert.equal(remembering(' '.repeat(600)), '%20'.repeat(600))
})

test('no value is a dash', () => {
  assert.equal(orDash(undefined), '-')
  assert.equal(orDash(''), '-')
  assert.equal(orDash('-'), '-')
})

const durations: readonly (readonly [ms: number, text: string])[] = [
  [0, '0.000'],
  [0.4, '0.000'],
  [0.6, '0.001'],
  [7, '0.007'],
  [42, '0.042'],
  [999.6, '1.000'],
  [1234.4, '1.234'],
  [61_005, '61.005'],
  [-5, '0.000'],
  [Number.NaN, '0.000'],
]

for (const [ms, text] of durations) {
  test(`${ms} ms are ${text} seconds`, () => assert.equal(seconds(ms), text))
}

test('date and time are UTC and follow the clock back too', () => {
  const momentOf = createMoments()
  assert.deepEqual(momentOf(Date.UTC(2026, 0, 2, 3, 4, 5, 999)), { date: '2026-01-02', time: '03:04:05' })
  assert.deepEqual(momentOf(Date.UTC(2026, 0, 2, 3, 4, 6)), { date: '2026-01-02', time: '03:04:06' })
  assert.deepEqual(momentOf(Date.UTC(2025, 11, 31, 23, 59, 59)), { date: '2025-12-31', time: '23:59:59' })
})
