import assert from 'node:assert/strict'
import { test } from 'node:test'
import { allowedMethodSet, cachedMethodSet } from './methods.ts'

const cases: readonly (readonly [
  methods: 'all' | string[],
  allowed: number | undefined,
  cached: number | undefined,
])[] = [
  [['GET', 'HEAD'], 2, 2],
  [['HEAD', 'GET', 'GET'], 2, 2],
  [['OPTIONS', 'GET', 'HEAD'], 3, 3],
  [['GET', 'HEAD', 'OPTIONS', 'PUT', 'POST', 'PATCH', 'DELETE'], 7, undefined],
  [['GET'], undefined, undefined],
  [['GET', 'HEAD', 'POST'], undefined, undefined],
  [[], undefined, undefined],
]

for (const [methods, allowed, cached] of cases) {
  test(`${methods.length === 0 ? 'no method' : String(methods)}: ${allowed === undefined ? 'no set' : `a set of ${allowed}`}`, () => {
    assert.equal(allowedMethodSet(methods)?.size, allowed)
    assert.equal(methods === 'all' ? undefined : cachedMethodSet(methods)?.size, cached)
  })
}

test('all stands for the seven methods of CloudFront', () => {
  assert.equal(allowedMethodSet('all')?.size, 7)
})
