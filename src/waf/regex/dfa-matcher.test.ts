import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { DfaMatcher } from './dfa-matcher.ts'
import { ProgramMatcher } from './matcher.ts'
import { parsePattern } from './parse.ts'
import { compileProgram } from './program.ts'
import type { RegexOptions } from './syntax.ts'

const OPTIONS: RegexOptions = {
  ignoreCase: false,
  dotAll: true,
  multiline: false,
  dollarEndOnly: true,
  extended: false,
}

function matchers(source: string): { dfa: DfaMatcher; own: ProgramMatcher } {
  const { root, captures } = parsePattern(source, OPTIONS)
  const program = compileProgram(root, 10_000)
  return { dfa: new DfaMatcher(program), own: new ProgramMatcher(program, captures) }
}

const PATTERNS = [
  'a',
  '^a',
  'a$',
  '^$',
  '^(?:a|b)+$',
  'a\\b',
  '\\ba',
  '\\Bb',
  '(?m)^b$',
  'a.c',
  '(?i)ab[^c]',
  '(?:ab){2,3}c?',
  '[a-c]*-\\s?b',
  'a{0,3}b|^c',
  '(a*)*b',
  'x*',
  '\\bb\\b|c\\B',
]

test('the automaton and the matcher agree on every pattern and text', () => {
  for (const source of PATTERNS) {
    const { dfa, own } = matchers(source)
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom('a', 'b', 'c', 'A', 'B', '-', ' ', '\n', '\xff'), { maxLength: 12 }),
        (chars) => {
          const text = chars.join('')
          assert.equal(dfa.test(text), own.search(text) !== undefined, `${source} on ${JSON.stringify(text)}`)
        },
      ),
      { numRuns: 200, seed: 7 },
    )
  }
})

test('an automaton with more states than it may keep still gives right answers', () => {
  // The tenth byte from the end: 1,024 combinations to remember, and 4,096 for the twelfth.
  const { dfa } = matchers('a[ab]{12}$')
  let state = 1
  const next = (): number => (state = (state * 48_271) % 2_147_483_647)
  for (let round = 0; round < 20; round++) {
    const text = Array.from({ length: 3_000 }, () => (next() % 2 === 0 ? 'a' : 'b')).join('')
    assert.equal(dfa.test(text), text.at(-13) === 'a')
  }
})
