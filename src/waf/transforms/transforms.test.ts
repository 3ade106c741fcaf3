import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { transforms, type TransformName } from './transforms.ts'

/** Input and output as latin1 text. */
const CASES: Readonly<Record<TransformName, readonly (readonly [input: string, output: string])[]>> = {
  NONE: [['aB\0%41', 'aB\0%41']],
  BASE64_DECODE: [
    ['VGVzdENhc2U=', 'TestCase'],
    ['VGVz!dENhc2U=', 'Tes'],
    ['', ''],
  ],
  BASE64_DECODE_EXT: [
    ['VGV zd.EN\nhc2U=', 'TestCase'],
    ['P.HNjcmlwd D5hbGVydCgxKTwvc2NyaXB0Pg==', '<script>alert(1)</script>'],
  ],
  CMD_LINE: [
    ['C^o^m"m"A\'nD', 'command'],
    ['cmd ,;  /c  (dir', 'cmd/c(dir'],
  ],
  CMD_LINE_UNIX: [['c\\a\\t /e"t"c', 'cat/etc']],
  CMD_LINE_WIN: [['c^m^d /c', 'cmd/c']],
  COMPRESS_WHITE_SPACE: [
    ['a \t\r\n b', 'a b'],
    [' a ', ' a '],
    ['a\xa0\xa0b', 'a b'],
  ],
  CSS_DECODE: [
    ['ja\\0vascript', 'ja\0vascript'],
    ['\\61 b\\000063', 'abc'],
    ['test\\', 'test'],
    ['a\\\nb', 'ab'],
  ],
  ESCAPE_SEQ_DECODE: [
    ['\\a\\b\\f\\n\\r\\t\\v\\?\\\'\\"', '\x07\b\f\n\r\t\v?\'"'],
    ['\\x41\\101', 'AA'],
    ['\\q\\8', 'q8'],
  ],
  HEX_DECODE: [
    ['414243', 'ABC'],
    ['41424', 'AB'],
  ],
  HTML_ENTITY_DECODE: [
    ['&lt;&gt;&amp;&quot;', '<>&"'],
    ['&#65;&#x42&#67', 'ABC'],
    ['&nbsp;', '\xa0'],
    ['&nothing;', '&nothing;'],
  ],
  JS_DECODE: [
    ['\\u0041\\x42\\103', 'ABC'],
    ['\\uff21', 'A'],
    ['a\\zb\\', 'azb\\'],
  ],
  JS_DECODE_EXT: [
    ['\\u{41}\\u{000042}', 'AB'],
    ['\\u0043', 'C'],
  ],
  LOWERCASE: [
    ['ABCxyz09\xc4', 'abcxyz09\xc4'],
    ['', ''],
  ],
  UPPERCASE: [['abcXYZ\xe4', 'ABCXYZ\xe4']],
  MD5: [['', Buffer.from('d41d8cd98f00b204e9800998ecf8427e', 'hex').toString('latin1')]],
  SHA256: [
    [
      'abc',
      Buffer.from('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad', 'hex').toString(
        'latin1',
      ),
    ],
  ],
  NORMALIZE_PATH: [
    ['/a/./b/../c//d/', '/a/c/d/'],
    ['../../a', '../../a'],
    ['.', ''],
    ['/../etc', '/etc'],
  ],
  NORMALIZE_PATH_WIN: [['\\a\\..\\b', '/b']],
  REMOVE_COMMENTS_CHAR: [['a/*b*/c--d#e<!--f-->g', 'abcdefg']],
  REMOVE_NULLS: [['a\0b\0', 'ab']],
  REPLACE_NULLS: [['a\0b', 'a b']],
  REMOVE_WHITESPACE: [['a b\t\n\v\f\r\xa0c', 'abc']],
  REPLACE_COMMENTS: [
    ['a/*x*/b', 'a b'],
    ['a/*x', 'a '],
    ['a*/b', 'a*/b'],
  ],
  SQL_HEX_DECODE: [
    ['select 0x4142', 'select AB'],
    ['0xzz', '0xzz'],
  ],
  TRIM: [[' \ta b\n ', 'a b']],
  TRIM_LEFT: [['  a ', 'a ']],
  TRIM_RIGHT: [[' a  ', ' a']],
  URL_DECODE: [
    ['a%20b+c%zz%4', 'a b c%zz%4'],
    ['%2541', '%41'],
  ],
  URL_DECODE_UNI: [
    ['%u0041%uff1c%u1234', 'A<4'],
    ['%41+%u00', 'A %u00'],
  ],
  UTF8_TO_UNICODE: [
    ['\xc3\xa9', '%u00e9'],
    ['abc', 'abc'],
  ],
}

for (const [name, cases] of Object.entries(CASES)) {
  test(`${name} transforms bytes as documented`, () => {
    for (const [input, output] of cases) {
      // The table's keys are those of the transformations.
      assert.equal(transforms[name as TransformName](input), output, JSON.stringify(input))
    }
  })
}

test('every transformation takes any bytes and gives bytes', () => {
  const latin1 = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
  fc.assert(
    fc.property(latin1, (text) => {
      for (const transform of Object.values(transforms)) {
        for (const char of transform(text)) assert.ok(char.charCodeAt(0) <= 0xff)
      }
    }),
  )
})

test('inputs made for it do not slow a transformation down: twice the length costs about twice the time', () => {
  const bad = ['/*', '%', '\\', '&#', '../', '<!--', '\\u', '0x', '  ', '%u']
  for (const part of bad) {
    const text = part.repeat(65_536 / part.length)
    for (const [name, transform] of Object.entries(transforms)) {
      const started = process.cpuUsage()
      transform(text)
      const { user } = process.cpuUsage(started)
      assert.ok(user < 400_000, `${name} took ${user} us for 64 KB of ${part}`)
    }
  }
})
