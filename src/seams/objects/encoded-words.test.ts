import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { decodeHeaderText, encodeHeaderText } from './encoded-words.ts'

const encoded: readonly (readonly [text: string, header: string])[] = [
  ['', ''],
  ['inline; filename="a b.txt"', 'inline; filename="a b.txt"'],
  ['größe', '=?UTF-8?B?Z3LDtsOfZQ==?='],
  // A header loses the space at its ends, so it travels in a word.
  [' a', '=?UTF-8?B?IGE=?='],
  ['a\tb', '=?UTF-8?B?YQli?='],
  // What looks like a word would be taken for one.
  ['=?UTF-8?B?eA==?=', '=?UTF-8?B?PT9VVEYtOD9CP2VBPT0/PQ==?='],
]
for (const [text, header] of encoded)
  test(`${JSON.stringify(text)} travels as ${JSON.stringify(header)}`, () => {
    assert.equal(encodeHeaderText(text), header)
    assert.equal(decodeHeaderText(header), text)
  })

const decoded: readonly (readonly [header: string, text: string])[] = [
  ['=?utf-8?q?gr=C3=B6=C3=9Fe_2?=', 'größe 2'],
  ['=?ISO-8859-1?Q?a=F6?=', 'aö'],
  ['=?ISO-8859-1?Q?a?=  =?ISO-8859-1?Q?b?= c', 'ab c'],
  ['=?US-ASCII*EN?Q?Keith_Moore?=', 'Keith Moore'],
  ['=?koi8-r?B?8A==?=', '=?koi8-r?B?8A==?='],
  ['=?UTF-8?X?a?=', '=?UTF-8?X?a?='],
]
for (const [header, text] of decoded)
  test(`the header ${header} says ${JSON.stringify(text)}`, () =>
    assert.equal(decodeHeaderText(header), text))

test('any text comes back, in ASCII, and in words of at most 75 characters', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      const header = encodeHeaderText(text)
      assert.match(header, /^[\x20-\x7e]*$/)
      if (header !== text) for (const word of header.split(' ')) assert.ok(word.length <= 75)
      assert.equal(decodeHeaderText(header), text)
    }),
  )
})
