import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compilePattern } from './pattern.ts'
import { RegexSyntaxError } from './syntax.ts'

/** Patterns that mean the same in PCRE and JavaScript, from small pieces. */
const piece = fc.oneof(
  fc.constantFrom(
    'a',
    'b',
    'c',
    '.',
    '\\d',
    '\\w',
    '[ab]',
    '[^a]',
    '\\b',
    '(?:a|b)',
    '(a)',
    'a|b',
    '(?=b)',
    '(?!b)',
  ),
)
const repeated = fc
  .tuple(piece, fc.constantFrom('', '*', '+', '?', '{2}', '{1,3}', '*?'))
  .map(([one, times]) => (/^(?:\\b|\(\?[=!]|a\|b)/.test(one) ? one : one + times))
const pattern = fc.array(repeated, { minLength: 1, maxLength: 5 }).map((pieces) => pieces.join(''))
const subject = fc.string({ unit: fc.constantFrom('a', 'b', 'c', '1', ' ', '\n'), maxLength: 14 })

test('a pattern finds what JavaScript finds, in the same place', () => {
  fc.assert(
    fc.property(pattern, subject, (source, text) => {
      const expected = new RegExp(source).exec(text)
      const compiled = compilePattern(source)
      assert.equal(compiled.test(text), expected !== null)
      const found = compiled.exec(text)
      const span = expected === null ? undefined : [expected.index, expected.index + expected[0].length]
      assert.deepEqual(found === undefined ? undefined : [found[0], found[1]], span)
    }),
    { numRuns: 500 },
  )
})

const CATASTROPHIC: readonly (readonly [source: string, text: string])[] = [
  ['^(a+)+$', `${'a'.repeat(50_000)}!`],
  ['(a*)*b', 'a'.repeat(50_000)],
  ['(?:a|a)*b', 'a'.repeat(50_000)],
  ['(?:a|ab)*c', 'ab'.repeat(25_000)],
  ['a*a*a*a*a*b', 'a'.repeat(20_000)],
  ['^(?:(?:a+)+)+$', `${'a'.repeat(30_000)}b`],
  ['([a-z]+)*@', 'a'.repeat(50_000)],
  ['\\s*$x', ' '.repeat(50_000)],
  ['(.*)(.*)(.*)(.*)[^x]x', 'x'.repeat(10_000)],
  ['(?=(a+)+$)a', `${'a'.repeat(5_000)}b`],
]

for (const [source, text] of CATASTROPHIC) {
  test(`${source} takes time in proportion to its subject`, () => {
    const compiled = compilePattern(source)
    compiled.test(text.slice(0, 100))
    const started = process.cpuUsage()
    compiled.test(text)
    const { user } = process.cpuUsage(started)
    // Backtracking would take longer than the universe has; a linear run takes milliseconds.
    assert.ok(user < 3_000_000, `${user} us`)
  })
}

test('what AWS WAF does not take is refused with its position', () => {
  for (const source of [
    '(a',
    'a)',
    '[a',
    '*a',
    '(a)\\1',
    '(?>a)',
    'a++',
    '\\C',
    '(?R)',
    '(?(1)a)',
    'a{3,2}',
    '\\',
  ]) {
    assert.throws(() => compilePattern(source), RegexSyntaxError, source)
  }
})
