import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { findJsonMistake } from './json-mistake.ts'

const cases: readonly (readonly [text: string, position: number, problem: string])[] = [
  ['', 0, 'the text ends, expected a value'],
  ['{', 1, 'the text ends, expected a key in double quotes or }'],
  ['{"a":1', 6, 'the text ends, expected a comma or }'],
  ['[1', 2, 'the text ends, expected a comma or ]'],
  ['{"a":}', 5, 'found "}", expected a value'],
  ['{"a":1,}', 7, 'found "}", expected a key in double quotes'],
  ['[1,]', 3, 'found "]", expected a value'],
  ['[1}', 2, 'found "}", expected a comma or ]'],
  ['{"a" 1}', 5, 'found "1", expected a colon'],
  ["{'a': 1}", 1, 'found "\'", expected a key in double quotes or }'],
  ['{a: 1}', 1, 'found "a", expected a key in double quotes or }'],
  ['{"a": 1 "b": 2}', 8, 'found "\\"b\\"", expected a comma or }'],
  ['// comment\n{}', 0, 'found "/", expected a value'],
  ['[01]', 2, 'found "1", expected a comma or ]'],
  ['["a\nb"]', 1, 'this text has no closing quote on its line, or an escape that JSON does not know'],
  ['{} {}', 3, 'found "{", expected nothing more'],
  ['{"a":1,"b":{"a":1},"a":2}', 19, 'the key "a" stands twice in one object'],
  ['{"a":1,"\\u0061":2}', 7, 'the key "a" stands twice in one object'],
]

for (const [text, position, problem] of cases) {
  test(`${JSON.stringify(text)}: ${problem}`, () => {
    assert.deepEqual(findJsonMistake(text), { position, problem })
  })
}

test('it finds no mistake in what JSON.stringify writes', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom(0, 2), (value, indent) => {
      assert.equal(findJsonMistake(JSON.stringify(value, undefined, indent)), undefined)
    }),
  )
})

test('it finds a mistake exactly where JSON.parse does, but for keys that stand twice', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    ',',
    ':',
    '"a"',
    '"b"',
    '1',
    '-0.5e3',
    '.5',
    'true',
    'nul',
    ' ',
    '\n',
    '"\\x"',
    '\\',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const text = pieces.join('')
      const mistake = findJsonMistake(text)
      if (mistake?.problem.includes('twice') === true) return
      assert.equal(mistake === undefined, isJson(text), text)
    }),
    { numRuns: 2000 },
  )
})

test('a long text costs time in proportion', () => {
  const long = JSON.stringify({ a: 'x'.repeat(2_000_000), b: '\\"'.repeat(500_000) })
  assert.equal(findJsonMistake(long), undefined)
  assert.equal(findJsonMistake('['.repeat(500_000))?.position, 500_000)
})

function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch (error) {
    assert.ok(error instanceof SyntaxError)
    return false
  }
}
