import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  capturePathPattern,
  compilePathPattern,
  normalisePath,
  problemOfPathPattern,
} from './path-pattern.ts'

test('path patterns match as CloudFront matches them', () => {
  const cases: readonly (readonly [pattern: string, path: string, isMatch: boolean])[] = [
    ['*', '/', true],
    ['*', '*', true],
    ['/*', '/a/b', true],
    ['*.jpg', '/logo.jpg', true],
    ['*.jpg', '/a/b/logo.jpg', true],
    ['*.jpg', '/LOGO.JPG', false],
    ['*.jpg', '/logo.jpg/', false],
    ['*.jpg', '/logo.jpgx', false],
    ['/*.jpg', '/logo.jpg', true],
    ['*product.jpg', '/product.jpg', true],
    ['/*product.jpg', '/a/product.jpg', true],
    ['images/*.jpg', '/images/a/b.jpg', true],
    ['/images/*.jpg', '/images/.jpg', true],
    ['/images/*.jpg', '/x/images/a.jpg', false],
    ['a??.jpg', '/ant.jpg', true],
    ['a??.jpg', '/abe.jpg', true],
    ['a??.jpg', '/ab.jpg', false],
    ['a??.jpg', '/a/b.jpg', true],
    ['/a*.jpg', '/apple.jpg', true],
    ['/a*.jpg', '/appalachian/x.jpg', true],
    ['*.doc*', '/a.docx', true],
    ['*.doc*', '/a.doc', true],
    ['/hotels/*', '/hotels', false],
    ['/hotels/*', '/hotels/', true],
    ['/hotels*', '/hotels', true],
    ['/hotels', '/hotels', true],
    ['hotels', '/hotels', true],
    ['/hotels', '/hotels/', false],
    ['/Hotels/*', '/hotels/', false],
    ['/api/*/items/*', '/api/v1/items/3', true],
    ['/api/*/items/*', '/api/items/3', false],
    ['/a*b*c', '/abc', true],
    ['/a*b*c', '/acb', false],
    ['/a.c', '/abc', false],
    ['/a+', '/aa', false],
    ['/$1/*', '/$1/x', true],
    ['?', '/a', true],
    ['?', '/', false],
    ['/?*', '/', false],
  ]
  for (const [pattern, path, isMatch] of cases) {
    assert.equal(compilePathPattern(pattern)(path), isMatch, `${pattern} on ${path}`)
    const isCaptured = capturePathPattern(pattern, path) !== null
    if (path !== '*') assert.equal(isCaptured, isMatch, `captures of ${pattern} on ${path}`)
  }
})

test('captures are what each star matched', () => {
  const cases: readonly (readonly [pattern: string, path: string, captured: readonly string[] | null])[] = [
    ['/old/*', '/old/a/b', ['a/b']],
    ['/*/old/*', '/en/old/x/old/y', ['en', 'x/old/y']],
    ['*.html', '/a/b.html', ['a/b']],
    ['*', '/a', ['a']],
    ['/old', '/old', []],
    ['/old', '/new', null],
  ]
  for (const [pattern, path, captured] of cases) assert.deepEqual(capturePathPattern(pattern, path), captured)
})

test('paths are normalised for matching', () => {
  const cases: readonly (readonly [raw: string, normalised: string])[] = [
    ['/', '/'],
    ['', ''],
    ['*', '*'],
    ['/a/b/..', '/a/'],
    ['/a/b/../c', '/a/c'],
    ['/a/./b', '/a/b'],
    ['/a/.', '/a/'],
    ['/..', '/'],
    ['/../../a', '/a'],
    ['/a/b/../../..', '/'],
    ['/a/...', '/a/...'],
    ['/.well-known/x', '/.well-known/x'],
    ['/a/..b', '/a/..b'],
    ['//', '/'],
    ['//a///b//', '/a/b/'],
    ['/a//../b', '/b'],
    ['/%61dmin/x', '/admin/x'],
    ['/%41%5a%7E%2d%5F%30', '/AZ~-_0'],
    ['/a/%2e%2E/b', '/b'],
    ['/a/.%2e/b', '/b'],
    ['/a/%2e', '/a/'],
    ['/a%2Fb', '/a%2Fb'],
    ['/a%2f..%2fb', '/a%2f..%2fb'],
    ['/a%5c..%5cb', '/a%5c..%5cb'],
    ['/%2561', '/%2561'],
    ['/%00%20%2A%3f%7f%80%e2%82%ac', '/%00%20%2A%3f%7f%80%e2%82%ac'],
    ['/%40%5B%60%7B%2F%3A', '/%40%5B%60%7B%2F%3A'],
    ['/%', '/%'],
    ['/%6', '/%6'],
    ['/%zz/%6g', '/%zz/%6g'],
    ['/%+1', '/%+1'],
  ]
  for (const [raw, normalised] of cases) assert.equal(normalisePath(raw), normalised, raw)
})

const latin1 = fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) })
const paths = fc
  .array(fc.constantFrom('/', '.', '..', 'a', 'b', '%2e', '%2F', '%61', '%C3%A4'), { maxLength: 12 })
  .map((parts) => `/${parts.join('')}`)

test('a normalised path has no dot segment, no empty segment, and stays as it is', () => {
  fc.assert(
    fc.property(paths, (path) => {
      const normalised = normalisePath(path)
      assert.ok(normalised.startsWith('/'))
      assert.doesNotMatch(normalised, /\/\/|\/\.{1,2}(\/|$)|%61|%2e/)
      assert.equal(normalisePath(normalised), normalised)
    }),
    { numRuns: 3000 },
  )
})

test('a path without empty segments is normalised as a URL parser does it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom('.', '..', 'a', 'bc', '%2e', '.%2E', '.a'), { minLength: 1, maxLength: 8 }),
      (segments) => {
        const path = `/${segments.join('/')}`
        assert.equal(normalisePath(path), new URL(path, 'http://example.com').pathname)
      },
    ),
  )
})

test('any text is normalised and matched without failing', () => {
  fc.assert(
    fc.property(latin1, latin1, (path, pattern) => {
      const normalised = normalisePath(path)
      assert.equal(typeof compilePathPattern(pattern)(normalised), 'boolean')
      problemOfPathPattern(pattern)
    }),
  )
})

test('problems of patterns are told', () => {
  const cases: readonly (readonly [pattern: string, problem: RegExp])[] = [
    ['', /cannot be empty/],
    ['a'.repeat(256), /at most 255 characters, this one has 256/],
    ['/a b', /" " is not allowed/],
    ['/caf\u00e9', /"\u00e9" is not allowed.*put \? or \*/],
    ['/a%20b', /"%" is not allowed.*percent-encoded/],
    ['/a#b', /"#" is not allowed/],
    ['/(a)', /"\(" is not allowed/],
    ['/a\n', /"\\n" is not allowed/],
    ['/\u{1F600}', /"\u{1F600}" is not allowed/u],
  ]
  for (const [pattern, problem] of cases) assert.match(problemOfPathPattern(pattern) ?? 'none', problem)
  for (const pattern of ['*', '/', '/a/*', '*.jpg', 'a??.jpg', `/_-.*$/~"'@:+&?aZ9`, 'a'.repeat(255)]) {
    assert.equal(problemOfPathPattern(pattern), null, pattern)
  }
})
