import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parsePattern } from './parse.ts'
import { compilePattern } from './pattern.ts'
import { requiredLiterals } from './required-literals.ts'
import type { RegexOptions } from './syntax.ts'

const OPTIONS: RegexOptions = {
  ignoreCase: false,
  dotAll: true,
  multiline: false,
  dollarEndOnly: true,
  extended: false,
}

const needs = (source: string): readonly string[] | undefined =>
  requiredLiterals(parsePattern(source, OPTIONS).root)

test('literals are read off a pattern', () => {
  assert.deepEqual(needs('(?i)<script[^>]*>'), ['<script'])
  assert.deepEqual(needs('(?:union|select)\\s+\\w'), ['union', 'select'])
  assert.deepEqual(needs('\\bor\\b.*=x?'), ['or'])
  assert.equal(needs('\\w+'), undefined)
  assert.equal(needs('a*'), undefined)
  assert.equal(needs('(?:evil)?'), undefined)
})

/** Patterns as trees of the things that decide what is required. */
const pattern = fc.letrec<{ node: string }>((tie) => ({
  node: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom('a', 'b', 'ab', '<', '[ab]', '(?i:aB)', '.', '\\b', '^', '$', '[^a]'),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `${a}${b}`),
    fc.tuple(tie('node'), tie('node')).map(([a, b]) => `(?:${a}|${b})`),
    tie('node').map((a) => `(?:${a})*`),
    tie('node').map((a) => `(?:${a})?`),
    tie('node').map((a) => `(${a}){1,2}`),
    tie('node').map((a) => `(?:${a}){2}`),
  ),
})).node

test('every text that matches holds one of the literals', () => {
  fc.assert(
    fc.property(
      pattern,
      fc.array(fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'B', '<', ' '), maxLength: 8 }), {
        minLength: 5,
        maxLength: 20,
      }),
      (source, texts) => {
        const literals = needs(source)
        if (literals === undefined) return
        const compiled = compilePattern(source, OPTIONS)
        for (const text of texts) {
          if (!compiled.test(text)) continue
          const lower = text.toLowerCase()
          assert.ok(
            literals.some((literal) => lower.includes(literal)),
            `${source} matches ${JSON.stringify(text)} without ${literals.join(', ')}`,
          )
        }
      },
    ),
    { numRuns: 2_000, seed: 3 },
  )
})
