import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { findSqli } from './sqli/find-sqli.ts'
import { findXss } from './xss/find-xss.ts'

const SQLI = [
  "1' OR '1'='1",
  "admin'--",
  '1 OR 1=1',
  '1 UNION SELECT user, password FROM users',
  '1/**/UNION/**/ALL/**/SELECT/**/1,2,3',
  "'; DROP TABLE users; --",
  "1' AND SLEEP(5)#",
  '1; EXEC xp_cmdshell("dir")',
  "x' AND 1=(SELECT COUNT(*) FROM tabname); --",
  '" or ""="',
  '1 AND (SELECT 1 FROM (SELECT COUNT(*),CONCAT(version(),0x3a,FLOOR(RAND(0)*2))x FROM information_schema.tables GROUP BY x)a)',
  "1' /*!50000UNION*/ SELECT 1",
]

const XSS = [
  '<script>alert(1)</script>',
  '<img src=x onerror=alert(1)>',
  '"><svg/onload=alert(1)>',
  "' onmouseover='alert(1)",
  'javascript:alert(1)',
  'jAvAsCrIpT&#58;alert(1)',
  '<a href="java\tscript:alert(1)">x</a>',
  '<iframe src="data:text/html,<b>x">',
  '<div style="width:expression(alert(1))">',
  '<scr\0ipt>alert(1)</scr\0ipt>',
  '<!--[if IE]><b>x<![endif]-->',
]

for (const text of SQLI) {
  test(`SQL injection: ${text}`, () => {
    const found = findSqli(text, 'LOW')
    assert.ok(found !== undefined)
    assert.ok(found.start >= 0 && found.end <= text.length && found.start < found.end)
    assert.ok((found.matchedData ?? []).length > 0)
  })
}

for (const text of XSS) {
  test(`scripting: ${JSON.stringify(text)}`, () => {
    const found = findXss(text)
    assert.ok(found !== undefined)
    assert.ok(found.start >= 0 && found.end <= text.length && found.start < found.end)
  })
}

test('sentences with the words and marks of SQL and HTML are neither', () => {
  const file = path.join(import.meta.dirname, 'testdata', 'sentences.txt')
  const sentences = readFileSync(file, 'latin1').split('\n')
  assert.ok(sentences.length > 100)
  for (const sentence of sentences) {
    assert.equal(findSqli(sentence, 'LOW'), undefined, sentence)
    assert.equal(findXss(sentence), undefined, sentence)
  }
})

test('HIGH finds all that LOW finds', () => {
  const word = fc.constantFrom(
    "'",
    '"',
    ' or ',
    '1',
    '=',
    'union ',
    'select ',
    'a',
    '--',
    '#',
    '(',
    ')',
    ';',
    ',',
    ' ',
    '/*',
    '*/',
  )
  fc.assert(
    fc.property(fc.array(word, { maxLength: 14 }), (words) => {
      const text = words.join('')
      if (findSqli(text, 'LOW') !== undefined) assert.ok(findSqli(text, 'HIGH') !== undefined, text)
    }),
  )
})

test('any bytes are read, and input made to be slow is not', () => {
  const latin1 = fc.uint8Array({ maxLength: 80 }).map((bytes) => Buffer.from(bytes).toString('latin1'))
  fc.assert(
    fc.property(latin1, (text) => {
      findSqli(text, 'HIGH')
      findXss(text)
    }),
  )
  for (const part of [
    "'",
    '(',
    '/*',
    '<',
    '<!--',
    '<a ',
    'a=',
    '&#',
    '"',
    '--',
    'select ',
    '<a href="',
    ' style=',
    '1,',
    '$a$',
    '`',
  ]) {
    const text = part.repeat(65_536 / part.length)
    const started = process.cpuUsage()
    findSqli(text, 'HIGH')
    findXss(text)
    const { user } = process.cpuUsage(started)
    assert.ok(user < 1_000_000, `${user} us for 64 KB of ${part}`)
  }
})
