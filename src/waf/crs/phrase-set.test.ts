import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { PhraseSet } from './phrase-set.ts'

const word = fc.string({ unit: fc.constantFrom('a', 'b', 'A', 'c', '\xff'), minLength: 1, maxLength: 4 })
const text = fc.string({ unit: fc.constantFrom('a', 'b', 'B', 'c', '\xff', ' '), maxLength: 30 })
const fold = (value: string): string => value.replaceAll(/[A-Z]/g, (char) => char.toLowerCase())

test('a scan finds the phrases that are in a text, in any ASCII case, and no others', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), text, (words, subject) => {
      const set = new PhraseSet(words.map((each, number) => ({ text: each, number })))
      const stamps = new Uint32Array(words.length)
      set.scan(subject, stamps, 7)
      const found = words.map((each) => fold(subject).includes(fold(each)))
      assert.deepEqual(
        [...stamps].map((stamp) => stamp === 7),
        found,
      )
      assert.equal(set.find(subject) !== undefined, found.includes(true))
    }),
    { seed: 1 },
  )
})

test('the place that is found holds a phrase', () => {
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 12 }), text, (words, subject) => {
      const found = new PhraseSet(words.map((each) => ({ text: each, number: 0 }))).find(subject)
      if (found === undefined) return
      assert.ok(words.map(fold).includes(fold(subject.slice(found.start, found.end))))
    }),
    { seed: 2 },
  )
})
