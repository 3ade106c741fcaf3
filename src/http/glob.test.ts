import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { captureGlob, compileGlob } from './glob.ts'

/** The meaning of a pattern, told in the slowest and plainest way. */
function matchesPlainly(pattern: string, text: string): boolean {
  if (pattern === '') return text === ''
  const rest = pattern.slice(1)
  if (pattern[0] === '*') {
    for (let taken = 0; taken <= text.length; taken++)
      if (matchesPlainly(rest, text.slice(taken))) return true
    return false
  }
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && matchesPlainly(rest, text.slice(1))
}

const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '/', '*', '?'), maxLength: 8 })
const texts = fc.string({ unit: fc.constantFrom('a', 'b', '/'), maxLength: 10 })

test('a compiled pattern matches what the plain meaning of the pattern matches', () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      assert.equal(compileGlob(pattern)(text), matchesPlainly(pattern, text), `${pattern} on ${text}`)
    }),
    { numRuns: 5000 },
  )
})

test('captured texts put in the place of the stars give the text again', () => {
  fc.assert(
    fc.property(patterns, texts, (pattern, text) => {
      const captured = captureGlob(pattern, text)
      assert.equal(captured !== null, matchesPlainly(pattern, text))
      if (captured === null) return
      const rebuilt = pattern.replace(/\*/g, () => captured.shift() ?? 'missing')
      assert.ok(matchesPlainly(rebuilt, text), rebuilt)
      assert.equal(captured.length, 0)
    }),
    { numRuns: 5000 },
  )
})

test('each star takes as little as it can from the left', () => {
  const cases: readonly (readonly [pattern: string, text: string, captured: readonly string[] | null])[] = [
    ['/a/*', '/a/b/c', ['b/c']],
    ['/*/*', '/a/b/c', ['a', 'b/c']],
    ['/*/x/*.jpg', '/a/x/b/x/c.jpg', ['a', 'b/x/c']],
    ['/a', '/a', []],
    ['/a', '/b', null],
    ['**', 'ab', ['', 'ab']],
    ['*?', 'ab', ['a']],
    ['a*a', 'a', null],
    ['a*a', 'aa', ['']],
  ]
  for (const [pattern, text, captured] of cases)
    assert.deepEqual(captureGlob(pattern, text), captured, pattern)
})

test('a pattern of many stars on a long text is over at once', () => {
  const text = 'a'.repeat(30_000)
  const cases = [`${'*a'.repeat(100)}b`, `${'*?a'.repeat(80)}b`, `*${'a'.repeat(250)}b*c`]
  const start = performance.now()
  for (const pattern of cases) assert.equal(compileGlob(pattern)(text), false)
  assert.ok(performance.now() - start < 1000)
})
