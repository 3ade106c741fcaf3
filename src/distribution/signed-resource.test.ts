import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { coversTarget, type SignedTarget, targetUrl } from './signed-resource.ts'

function target(url: string): SignedTarget {
  const [, scheme, host = '', path = '', , query] = /^(https?):\/\/([^/]*)([^?]*)(\?(.*))?$/.exec(url) ?? []
  return { scheme: scheme === 'http' ? 'http' : 'https', host, path, query }
}

test('a resource covers the URLs that CloudFront says it covers', () => {
  const cases: readonly (readonly [resource: string, url: string, isCovered: boolean])[] = [
    ['https://a.test/x.jpg', 'https://a.test/x.jpg', true],
    ['https://a.test/x.jpg', 'http://a.test/x.jpg', false],
    ['https://a.test/x.jpg', 'https://a.test/x.jpg?', false],
    ['https://a.test/x.jpg', 'https://a.test/x.jpg?a=1', false],
    ['https://a.test/x.jpg', 'https://a.test/X.jpg', false],
    ['https://A.test/x.jpg', 'https://a.TEST/x.jpg', true],
    ['https://a.test:8443/x', 'https://a.test:8443/x', true],
    ['https://a.test/x', 'https://a.test:8443/x', false],
    // The wildcards of one section stay in it.
    ['*', 'http://anything/x?y', true],
    ['https://*', 'https://a.test/x?y', true],
    ['https://*', 'http://a.test/x', false],
    ['http*://a.test/x', 'https://a.test/x', true],
    ['http*://a.test/x', 'http://a.test/x', true],
    ['http?://a.test/x', 'https://a.test/x', true],
    ['http?://a.test/x', 'http://a.test/x', false],
    ['*://a.test/x', 'http://a.test/x', true],
    ['*a.test/x', 'http://a.test/x', true],
    ['*a.test/x', 'https://www.a.test/x', true],
    ['*/x/*', 'https://a.test/x/y', true],
    ['a.test/x', 'http://a.test/x', false],
    ['/x', 'http://a.test/x', false],
    ['https://*.test/x', 'https://a.b.test/x', true],
    ['https://*.test/x', 'https://evil/y.test/x', false],
    ['https://?.test/x', 'https://a.test/x', true],
    ['https://?.test/x', 'https://ab.test/x', false],
    ['https://a.test*', 'https://a.test/x/y?z', true],
    ['https://a.test*', 'https://a.test:8443/', true],
    ['https://a.test', 'https://a.test/', false],
    ['https://a.test/*', 'https://a.test/', true],
    ['https://a.test/*', 'https://a.test/x/y', true],
    ['https://a.test/*', 'https://a.test/x?y=1&z', true],
    ['https://a.test/x*', 'https://a.test/x?y', true],
    ['https://a.test/*.jpg', 'https://a.test/x/y.jpg', true],
    ['https://a.test/*.jpg', 'https://a.test/y.jpg?a=1', false],
    ['https://a.test/*.jpg', 'https://a.test/y?a=1.jpg', false],
    ['https://a.test/*.jpg*', 'https://a.test/y.jpg?a=1', true],
    ['https://a.test/*/y*', 'https://a.test/x/y', true],
    ['https://a.test/*y', 'https://a.test/x?y', false],
    ['https://a.test/game_?.zip', 'https://a.test/game_1.zip', true],
    ['https://a.test/game_?.zip', 'https://a.test/game_12.zip', false],
    // The question mark before a query, plain and escaped.
    ['https://a.test/x?size=*', 'https://a.test/x?size=large', true],
    ['https://a.test/x\\?size=*', 'https://a.test/x?size=large', true],
    ['https://a.test/x?size=*', 'https://a.test/y?size=large', false],
    ['https://a.test/x?size=*', 'https://a.test/x', false],
    ['https://a.test/x\\?size=*', 'https://a.test/xxsize=large', false],
    ['https://a.test/x?size=*&c=1', 'https://a.test/x?size=large&c=1', true],
    ['https://a.test/x?size=*&c=1', 'https://a.test/x?size=large&c=2', false],
    ['https://a.test/*?a=?', 'https://a.test/x/y?a=1', true],
    ['https://a.test/*?a=?', 'https://a.test/x/y?a=12', false],
    ['https://a.test/*a?*b', 'https://a.test/xa1a?b', true],
    ['https://a.test/x?u=http://b.test/*', 'https://a.test/x?u=http://b.test/y', true],
    ['*?u=http://b.test/', 'https://a.test/x?u=http://b.test/', false],
    ['', 'https://a.test/', false],
    ['://', 'https://a.test/', false],
  ]
  for (const [resource, url, isCovered] of cases) {
    assert.equal(coversTarget(resource, target(url)), isCovered, `${resource} and ${url}`)
  }
})

test('a URL without wildcards covers itself and nothing else', () => {
  const segment = fc.stringMatching(/^[a-c%.]{0,4}$/)
  const url = fc
    .tuple(segment, segment, fc.option(segment, { nil: undefined }))
    .map(([host, path, query]) => targetUrl({ scheme: 'https', host: `h${host}`, path: `/${path}`, query }))
  fc.assert(
    fc.property(url, url, (one, other) => {
      assert.ok(coversTarget(one, target(one)))
      // An unescaped question mark may also be one character of the path, so only URLs without one are compared.
      if (!one.includes('?')) assert.equal(coversTarget(one, target(other)), one === other)
    }),
  )
})

test('any resource is compared without failing', () => {
  const text = fc.string({ unit: fc.constantFrom('*', '?', '\\', '/', ':', 'a', 'http://') })
  fc.assert(
    fc.property(text, text, fc.option(text, { nil: undefined }), (resource, path, query) => {
      const covers = coversTarget(resource, { scheme: 'http', host: 'a', path, query })
      assert.equal(typeof covers, 'boolean')
    }),
    { numRuns: 2000 },
  )
})

test('a resource made to be slow is compared in bounded time', () => {
  const start = performance.now()
  const resource = `https://a.test/${'*a?'.repeat(1500)}b`
  assert.equal(coversTarget(resource, target(`https://a.test/${'a'.repeat(8000)}`)), false)
  assert.ok(performance.now() - start < 2000)
})
