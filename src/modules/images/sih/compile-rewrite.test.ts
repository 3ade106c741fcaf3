import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ImageError } from '../image-error.ts'
import { compileRewrite } from './compile-rewrite.ts'

const cases = [
  {
    match: '/^\\/thumb-(\\d+)/g',
    substitution: '/fit-in/$1x$1',
    path: '/thumb-40/a.png',
    gives: '/fit-in/40x40/a.png',
  },
  {
    match: '/(filters-)/gm',
    substitution: 'filters:',
    path: '/filters-a/filters-b',
    gives: '/filters:a/filters:b',
  },
  { match: 'thumb', substitution: 'x', path: '/thumb/thumb', gives: '/x/thumb' },
  { match: '/THUMB/iy', substitution: 'x', path: '/a/thumb', gives: '/a/x' },
]
for (const { match, substitution, path, gives } of cases) {
  test(`${match} makes ${gives} of ${path}, each time it is asked`, () => {
    const rewrite = compileRewrite(match, substitution)
    assert.deepEqual([rewrite(path), rewrite(path)], [gives, gives])
  })
}

test('a pattern that would run for years is stopped, and goes on to serve other paths', () => {
  const rewrite = compileRewrite('/^\\/(?=(a+)+$)(.*)/', '/fit-in/$2')
  assert.throws(
    () => rewrite(`/${'a'.repeat(60)}b`),
    (error) => error instanceof ImageError && error.status === 500,
  )
  assert.equal(rewrite('/aaa'), '/fit-in/aaa')
})

test('a path of more than 2,048 characters is refused before the pattern sees it', () => {
  assert.throws(
    () => compileRewrite('/a/', 'b')('/'.repeat(2_049)),
    (error) => error instanceof ImageError && error.status === 400,
  )
})

test('what is no pattern is a SyntaxError', () => {
  assert.throws(() => compileRewrite('/(/g', 'x'), SyntaxError)
})
