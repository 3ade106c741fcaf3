import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileWildcard } from './wildcard.ts'

test('a star stands for any text, also none', () => {
  const cases = [
    ['abc', 'abc', true],
    ['abc', 'abcd', false],
    ['*', '', true],
    ['*', 'abc', true],
    ['a*', 'a', true],
    ['a*', 'ba', false],
    ['a*c', 'ac', true],
    ['a*c', 'abbc', true],
    ['a*a', 'a', false],
    ['a*b*c', 'abc', true],
    ['a*b*c', 'axbxc', true],
    ['a*b*c', 'acb', false],
    ['a*bc*c', 'abc', false],
    ['a**b', 'ab', true],
    ['.*', 'x', false],
  ] as const
  for (const [pattern, text, expected] of cases) {
    assert.equal(compileWildcard(pattern)(text), expected, `${pattern} on ${text}`)
  }
})
