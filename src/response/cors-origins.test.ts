import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileAllowedOrigins, parseOriginPattern } from './cors-origins.ts'

test('origins are matched by scheme, host and port', () => {
  const cases = [
    ['https://example.org', 'https://example.org', true],
    ['https://example.org', 'HTTPS://Example.org', true],
    ['https://Example.org', 'https://example.org:443', true],
    ['https://example.org', 'http://example.org', false],
    ['https://example.org', 'https://example.org:8443', false],
    ['https://example.org', 'https://example.org.evil.test', false],
    ['https://example.org', 'https://evil.test/https://example.org', false],
    ['https://example.org', 'https://user@example.org', false],
    ['example.org', 'https://example.org', true],
    ['example.org', 'http://example.org', true],
    ['example.org', 'http://example.org:443', false],
    ['http://*.example.org', 'http://a.example.org', true],
    ['http://*.example.org', 'http://a.b.example.org', true],
    ['http://*.example.org', 'https://a.example.org', false],
    ['http://*.example.org', 'http://example.org', false],
    ['http://*.example.org', 'http://.example.org', false],
    ['http://*.example.org', 'http://badexample.org', false],
    ['*.example.org', 'https://a.example.org', true],
    ['*.example.org', 'http://a.example.org', true],
    ['*.example.org', 'http://example.org', false],
    ['*.example.org', 'http://a.example.org:8080', false],
    ['http://example.org:8080', 'http://example.org:8080', true],
    ['http://example.org:8080', 'http://example.org', false],
    ['http://example.org:*', 'http://example.org:9', true],
    ['http://example.org:*', 'http://example.org', true],
    ['http://example.org:1*3', 'http://example.org:13', true],
    ['http://example.org:1*3', 'http://example.org:1003', true],
    ['http://example.org:1*3', 'http://example.org:1', false],
    ['http://example.org:1*3', 'http://example.org:1004', false],
    ['*.example.org:*', 'https://a.example.org:8443', true],
    ['http://localhost:3000', 'http://localhost:3000', true],
    ['http://[::1]:3000', 'http://[::1]:3000', true],
    ['http://[::1]', 'http://[::1]', true],
    ['chrome-extension://abcdef', 'chrome-extension://abcdef', true],
    ['https://example.org', 'null', false],
    ['null', 'null', false],
    ['https://example.org', '', false],
    ['https://example.org', 'https://', false],
    ['https://example.org', 'https://example.org, https://example.org', false],
  ] as const
  for (const [pattern, origin, expected] of cases) {
    const { anyOrigin, allowsOrigin } = compileAllowedOrigins([pattern])
    assert.equal(anyOrigin, false)
    assert.equal(allowsOrigin(origin), expected, `${pattern} for ${origin}`)
  }
})

test('a star alone is every origin, among others too', () => {
  assert.equal(compileAllowedOrigins(['https://example.org', '*']).anyOrigin, true)
})

test('a pattern with a star in another place is refused with what to write', () => {
  const bad = [
    'example.*',
    'test.*.example.org',
    '*test.example.org',
    'exa*mple.org',
    'http*://example.org',
    'https://*',
    'https://example.org/',
    'https://example.org/path',
    'https://example.org:port',
    'https://example.org:',
    'https://exam ple.org',
    '',
    '*.',
    '*..example.org',
  ]
  for (const pattern of bad) {
    const problem = parseOriginPattern(pattern)
    assert.equal(typeof problem, 'string', pattern)
    assert.throws(() => compileAllowedOrigins([pattern]), Error, pattern)
  }
  assert.throws(() => compileAllowedOrigins(['https://a.test:x']), /port/)
})

test('no Origin header makes the matcher throw', () => {
  const { allowsOrigin } = compileAllowedOrigins(['*.example.org:1*3*5', 'https://example.org'])
  fc.assert(
    fc.property(fc.string(), fc.webAuthority(), (text, authority) => {
      assert.equal(typeof allowsOrigin(text), 'boolean')
      assert.equal(typeof allowsOrigin(`https://${authority}`), 'boolean')
    }),
  )
})
