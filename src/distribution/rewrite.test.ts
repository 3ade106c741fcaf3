import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compileRewrite, type RewriteConfig } from './rewrite.ts'

const strip: RewriteConfig = { stripPrefix: '/hotels' }
const rules: RewriteConfig = {
  rewrite: [
    { from: '/a/*/b/*', to: '/$2/$1' },
    { from: '/a/*', to: '/c/$1' },
    { from: '/page-?', to: '/page' },
  ],
}

const cases: readonly (readonly [config: RewriteConfig, path: string, expected: string])[] = [
  [strip, '/hotels/rooms/1', '/rooms/1'],
  [strip, '/hotels/', '/'],
  [strip, '/hotels', '/'],
  [strip, '/hotelsandmore', '/hotelsandmore'],
  [strip, '/HOTELS/a', '/HOTELS/a'],
  [strip, '/x/hotels/a', '/x/hotels/a'],
  [strip, '/hotels//a', '//a'],
  [strip, '/hotels/%2e%2e/a', '/%2e%2e/a'],
  [rules, '/a/1/b/2', '/2/1'],
  [rules, '/a/1/2', '/c/1/2'],
  [rules, '/a/', '/c/'],
  [rules, '/page-7', '/page'],
  [rules, '/other', '/other'],
  [{ ...strip, rewrite: [{ from: '/rooms/*', to: '/r/$1' }] }, '/hotels/rooms/1', '/r/1'],
]

for (const [config, path, expected] of cases) {
  test(`${JSON.stringify(config)} sends ${path} as ${expected}`, () => {
    assert.equal(compileRewrite(config)?.toOrigin(path), expected)
  })
}

test('a stripped prefix is put back unless the behavior says no', () => {
  assert.deepEqual([compileRewrite(strip)?.prefix, compileRewrite(strip)?.mapBack], ['/hotels', true])
  assert.equal(compileRewrite({ ...strip, mapBack: false })?.mapBack, false)
  assert.deepEqual([compileRewrite(rules)?.prefix, compileRewrite(rules)?.mapBack], [undefined, false])
  assert.equal(compileRewrite({}), undefined)
})
