import assert from 'node:assert/strict'
import path from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { readFolderPath, referenceToFolder } from './folder-path.ts'

const readable: readonly [asked: string, file: string][] = [
  ['/', '/'],
  ['/a', '/a'],
  ['/a/b.html', '/a/b.html'],
  ['/a/', '/a/'],
  ['/a%20b', '/a b'],
  ['/a+b', '/a+b'],
  ['/%C3%A9t%C3%A9.txt', '/été.txt'],
  ['/été.txt', '/été.txt'],
  ['/100%25', '/100%'],
  // Decoded once: these are odd names, not dot segments.
  ['/%252e%252e/a', '/%2e%2e/a'],
  ['/a%252fb', '/a%2fb'],
  ['/a..b/c...', '/a..b/c...'],
  ['/.well-known/acme-challenge/x', '/.well-known/acme-challenge/x'],
]

for (const [asked, file] of readable) {
  test(`${asked} is the file ${file}`, () => {
    assert.deepEqual(readFolderPath(asked), { kind: 'path', path: file })
  })
}

const missing = [
  '/..',
  '/.',
  '/../etc/passwd',
  '/a/../../etc/passwd',
  '/a/./b',
  '/%2e%2e/etc/passwd',
  '/%2E./etc/passwd',
  '/.%2e',
  '/..%2fetc%2fpasswd',
  '/a%2fb',
  '/a%2F..%2Fb',
  '/..%5c..%5cetc',
  '/..\\..\\etc',
  '/a%5Cb',
  '/a%00.html',
  '/a\0',
  '//etc/passwd',
  '/a//b',
  '//',
  '/.git/config',
  '/.env',
  '/a/.htpasswd',
  '/%2eenv',
  '/.well-known2/x',
  '/.well-known/.git/config',
  '/.well-know',
]

for (const asked of missing) {
  test(`${JSON.stringify(asked)} names no file`, () => {
    assert.deepEqual(readFolderPath(asked), { kind: 'missing' })
  })
}

const malformed = ['', 'a', '*', '/%', '/%2', '/%zz', '/a%', '/%ff', '/%c0%ae%c0%ae/', '/%ed%a0%80', '/%2f%']

for (const asked of malformed) {
  test(`${JSON.stringify(asked)} is malformed`, () => {
    assert.deepEqual(readFolderPath(asked), { kind: 'malformed' })
  })
}

test('whatever is asked for, a path that is read stays inside its folder and shows no hidden name', () => {
  const piece = fc.constantFrom(
    '/',
    '.',
    '..',
    '%2e',
    '%2E',
    '%2f',
    '%5c',
    '\\',
    '%00',
    '%25',
    'a',
    'é',
    '%',
    '%C3%A9',
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const read = readFolderPath(`/${pieces.join('')}`)
      if (read.kind !== 'path') return
      const full = path.join('/srv/site', read.path)
      assert.ok(full === '/srv/site/' || full.startsWith('/srv/site/'), full)
      assert.equal(full, `/srv/site${read.path}`)
      assert.doesNotMatch(read.path, /\/\.|\\|\0/)
    }),
  )
})

const references: readonly [asked: string, query: string | undefined, reference: string][] = [
  ['/dir', undefined, './dir/'],
  ['/a/dir', 'x=1&y=%20', './dir/?x=1&y=%20'],
  ['/dir', '', './dir/?'],
  ['/a%20b', undefined, './a%20b/'],
  ['/a:b', undefined, './a:b/'],
  // A function may put anything there: it must neither end the header line nor lead elsewhere.
  ['/é b', 'q=é\r\nSet-Cookie: x', './%C3%A9%20b/?q=%C3%A9%0D%0ASet-Cookie:%20x'],
  ['/a?b#c', 'd#e', './a%3Fb%23c/?d%23e'],
  ['/\ud800', '\udc00', './%EF%BF%BD/?%EF%BF%BD'],
]

for (const [asked, query, reference] of references) {
  test(`${JSON.stringify(asked)} with query ${JSON.stringify(query)} leads to ${reference}`, () => {
    assert.equal(referenceToFolder(asked, query), reference)
  })
}
