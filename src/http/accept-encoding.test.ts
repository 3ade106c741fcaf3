import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { normaliseAcceptEncoding } from './accept-encoding.ts'

const BOTH = { gzip: true, brotli: true }
const GZIP = { gzip: true, brotli: false }
const BROTLI = { gzip: false, brotli: true }
const NONE = { gzip: false, brotli: false }

test('Accept-Encoding is reduced to the enabled codings it names', () => {
  const cases = [
    ['gzip, deflate, br', BOTH, 'br,gzip'],
    ['gzip, deflate, br, zstd', BOTH, 'br,gzip'],
    ['br,gzip', BOTH, 'br,gzip'],
    ['GZIP ,\tBR', BOTH, 'br,gzip'],
    ['gzip', BOTH, 'gzip'],
    ['br', BOTH, 'br'],
    ['deflate', BOTH, undefined],
    ['identity', BOTH, undefined],
    ['*', BOTH, undefined],
    ['', BOTH, undefined],
    [undefined, BOTH, undefined],
    ['gzip, br', GZIP, 'gzip'],
    ['gzip, br', BROTLI, 'br'],
    ['br', GZIP, undefined],
    ['gzip, br', NONE, undefined],
    ['x-gzip, brotli, gzipped, bra', BOTH, undefined],
    ['x-gzip, gzip', BOTH, 'gzip'],
  ] as const
  for (const [value, enabled, expected] of cases) {
    assert.equal(normaliseAcceptEncoding(value, enabled), expected, `${value} ${JSON.stringify(enabled)}`)
  }
})

test('a coding with weight 0 is not accepted', () => {
  const cases = [
    ['gzip;q=0', undefined],
    ['gzip; q=0.0, br', 'br'],
    ['gzip;q=0.000 , br;q=0.001', 'br'],
    ['gzip;q=1.0, br;q=0.5', 'br,gzip'],
    ['gzip ; Q=0', undefined],
    ['gzip;q=', undefined],
    ['gzip;q=high', undefined],
    ['gzip;level=9', 'gzip'],
    ['gzip;level=9;q=0', undefined],
    ['gzip;q=0, gzip', 'gzip'],
  ] as const
  for (const [value, expected] of cases) assert.equal(normaliseAcceptEncoding(value, BOTH), expected, value)
})

test('an HTTP/1.0 viewer accepts no coding', () => {
  assert.equal(normaliseAcceptEncoding('gzip', { ...BOTH, httpVersion: '1.0' }), undefined)
  assert.equal(normaliseAcceptEncoding('gzip', { ...BOTH, httpVersion: '1.1' }), 'gzip')
  assert.equal(normaliseAcceptEncoding('gzip', { ...BOTH, httpVersion: '2.0' }), 'gzip')
})

test('any text gives a known form, and the known forms are left as they are', () => {
  fc.assert(
    fc.property(fc.string(), (value) => {
      const first = normaliseAcceptEncoding(value, BOTH)
      assert.ok(first === undefined || ['br,gzip', 'br', 'gzip'].includes(first))
      assert.equal(normaliseAcceptEncoding(first, BOTH), first)
    }),
  )
})
