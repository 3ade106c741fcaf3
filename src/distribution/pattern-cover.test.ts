import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePathPattern } from './path-pattern.ts'
import { coversPattern, isSamePattern } from './pattern-cover.ts'

const cases: readonly (readonly [earlier: string, pattern: string, covers: boolean])[] = [
  ['*', '/a', true],
  ['/*', '*.jpg', true],
  ['/hotels/*', '/hotels/rooms/*', true],
  ['/hotels/*', 'hotels/1', true],
  ['/hotels/*', '/hotels', false],
  ['/hotels/rooms/*', '/hotels/*', false],
  ['*.jpg', '/images/*.jpg', true],
  ['/images/*.jpg', '*.jpg', false],
  ['/a?', '/ab', true],
  ['/a?', '/a*', false],
  ['/a*', '/a?', true],
  ['/a??', '/a?', false],
  ['/*a*', '/bab', true],
  ['/a', '/A', false],
]

for (const [earlier, pattern, covers] of cases) {
  test(`${earlier} ${covers ? 'covers' : 'does not cover'} ${pattern}`, () => {
    assert.equal(coversPattern(earlier, pattern), covers)
  })
}

test('a pattern that is covered matches nothing that the earlier one does not', () => {
  const pattern = fc
    .array(fc.constantFrom('*', '?', 'a', 'b', '/'), { maxLength: 6 })
    .map((parts) => parts.join('') || '*')
  const path = fc.array(fc.constantFrom('a', 'b', '/'), { maxLength: 8 }).map((parts) => `/${parts.join('')}`)
  fc.assert(
    fc.property(pattern, pattern, fc.array(path, { minLength: 20 }), (earlier, later, paths) => {
      if (!coversPattern(earlier, later)) return
      const [first, second] = [compilePathPattern(earlier), compilePathPattern(later)]
      for (const each of paths) if (second(each)) assert.ok(first(each), `${earlier} ${later} ${each}`)
    }),
    { numRuns: 2000 },
  )
})

test('the slash at the beginning is implied', () => {
  assert.equal(isSamePattern('*.jpg', '/*.jpg'), true)
  assert.equal(isSamePattern('/a', '/a/'), false)
})
