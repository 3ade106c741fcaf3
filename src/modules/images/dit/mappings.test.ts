import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileMappings, describeMappingProblem } from './mappings.ts'

const find = compileMappings([
  { path: '/', source: 'root' },
  { path: '/a', source: 'a' },
  { path: '/a/*', source: 'a-any' },
  { path: '/a/b', source: 'a-b' },
  { path: '/*/b/c', source: 'any-b-c' },
  { host: '*.example.com', source: 'any-label' },
  { host: 'Img.example.com', source: 'img' },
])

const cases: readonly (readonly [host: string, path: string, source: string | undefined])[] = [
  ['x', '/', 'root'],
  ['x', '/z/y', 'root'],
  ['x', '/a', 'a'],
  ['x', '/a/', 'a'],
  ['x', '//a//b', 'a-b'],
  ['x', '/a/b', 'a-b'],
  ['x', '/a/z', 'a-any'],
  ['x', '/a/b/c', 'any-b-c'],
  ['x', '/A', 'root'],
  ['img.example.com', '/a', 'img'],
  ['IMG.EXAMPLE.COM', '/a', 'img'],
  ['other.example.com', '/a', 'any-label'],
  ['a.b.example.com', '/a', 'a'],
  ['example.com', '/a', 'a'],
  ['', '/a', 'a'],
]
for (const [host, path, source] of cases) {
  test(`${host} with ${path} leads to ${source}`, () => {
    assert.equal(find(host, path)?.source, source)
  })
}

test('where nothing fits there is no mapping', () => {
  assert.equal(compileMappings([{ path: '/a', source: 'a' }])('x', '/b'), undefined)
  assert.equal(compileMappings([{ host: 'a', source: 'a' }])('x', '/b'), undefined)
})

test('the path that is found is as deep as any that fits', () => {
  const segment = fc.constantFrom('a', 'b', '*')
  const paths = fc.array(fc.array(segment, { maxLength: 4 }), { minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(paths, fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 6 }), (patterns, asked) => {
      const fits = patterns.filter(
        (parts) =>
          parts.length <= asked.length && parts.every((part, at) => part === '*' || part === asked[at]),
      )
      const compiled = compileMappings(
        patterns.map((parts) => ({ path: `/${parts.join('/')}`, source: parts.join('/') })),
      )
      const found = compiled('x', `/${asked.join('/')}`)
      const depth = found === undefined ? -1 : found.source.split('/').filter((part) => part !== '').length
      assert.equal(depth, Math.max(-1, ...fits.map(({ length }) => length)))
    }),
  )
})

test('a mapping that could never be found is told apart', () => {
  const said = (mapping: { host?: string; path?: string }) => describeMappingProblem(mapping) ?? 'nothing'
  assert.match(said({}), /host or a path/)
  assert.match(said({ host: 'a', path: '/a' }), /host or a path/)
  assert.match(said({ host: 'a*.b' }), /whole label/)
  assert.match(said({ path: '/a/*.jpg' }), /whole label/)
  assert.match(said({ path: '/1/2/3/4/5/6/7/8/9/10/11' }), /10 levels/)
  assert.equal(said({ path: '/*/b' }), 'nothing')
  assert.equal(said({ host: '*.b' }), 'nothing')
})
