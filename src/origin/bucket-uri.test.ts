import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { canonicalQuery, climbs, encodeKey } from './bucket-uri.ts'

const keys: readonly [path: string, encoded: string][] = [
  ['/', '/'],
  ['/photos/a-b_c.d~e.jpg', '/photos/a-b_c.d~e.jpg'],
  ['/a b', '/a%20b'],
  ['/a%20b', '/a%20b'],
  ['/a+b', '/a%2Bb'],
  ['/a%2bb', '/a%2Bb'],
  ['/100%', '/100%25'],
  ['/100%25', '/100%25'],
  ['/%zz%4', '/%25zz%254'],
  ['/%2520', '/%2520'],
  ['/a//b/', '/a//b/'],
  ['//', '//'],
  ['/été', '/%C3%A9t%C3%A9'],
  ['/%c3%a9t%c3%a9', '/%C3%A9t%C3%A9'],
  ['/😀', '/%F0%9F%98%80'],
  ['/%ff', '/%FF'],
  ['/%41%7e', '/A~'],
  ['/a%2Fb', '/a/b'],
  ['/\\\0\r\n', '/%5C%00%0D%0A'],
  ["/!*'()", '/%21%2A%27%28%29'],
  ['/a=b&c;d:e@f,g$h', '/a%3Db%26c%3Bd%3Ae%40f%2Cg%24h'],
  ['/a?b#c', '/a%3Fb%23c'],
]

for (const [path, encoded] of keys) {
  test(`the key ${JSON.stringify(path)} travels as ${encoded}`, () => {
    assert.equal(encodeKey(path), encoded)
  })
}

test('a key is encoded once, however often it is encoded, and decodes to what was meant', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (name) => {
      const encoded = encodeKey(`/${encodeURIComponent(name)}`)
      assert.equal(decodeURIComponent(encoded), `/${name}`)
      assert.equal(encodeKey(encoded), encoded)
      assert.match(encoded, /^[A-Za-z0-9\-._~/%]*$/)
    }),
  )
})

const queries: readonly [query: string | undefined, canonical: string][] = [
  [undefined, ''],
  ['', ''],
  ['&&', ''],
  ['acl', 'acl='],
  ['b=2&a=1', 'a=1&b=2'],
  ['a=2&a=1&a=10', 'a=1&a=10&a=2'],
  // The name decides, not the text: `=` sorts after `-`.
  ['a-b=1&a=2', 'a=2&a-b=1'],
  ['B=1&a=2', 'B=1&a=2'],
  ['a=b=c', 'a=b%3Dc'],
  ['prefix=a/b', 'prefix=a%2Fb'],
  ['q=a+b%20c%2Bd', 'q=a%20b%20c%2Bd'],
  ['q=é&r=%c3%a9', 'q=%C3%A9&r=%C3%A9'],
  ['q=%&r=%zz', 'q=%25&r=%25zz'],
  ['=x', '=x'],
]

for (const [query, canonical] of queries) {
  test(`the query ${JSON.stringify(query)} is ${canonical || 'empty'}`, () => {
    assert.equal(canonicalQuery(query), canonical)
  })
}

const climbing: readonly [path: string, isClimbing: boolean][] = [
  ['/..', true],
  ['/../other/key', true],
  ['/a/../b', true],
  ['/a/%2e%2e/b', true],
  ['/a/.%2E', true],
  ['/a%2f..%2fb', true],
  ['..', true],
  ['/a..b', false],
  ['/...', false],
  ['/.', false],
  ['/%252e%252e/', false],
]

for (const [path, isClimbing] of climbing) {
  test(`${path} ${isClimbing ? 'has' : 'does not have'} a segment that leads upwards`, () => {
    assert.equal(climbs(encodeKey(path)), isClimbing)
  })
}
