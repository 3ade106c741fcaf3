import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { compileHosts, findHost, problemOfAlias, problemsOfHosts } from './host-table.ts'

const entries = [
  { aliases: ['www.example.com', 'Shop.Example.com'], domainName: 'd1.cloudfront.net', value: 'one' },
  { aliases: ['*.example.com', 'localhost'], domainName: 'd2.cloudfront.net', value: 'two' },
  { aliases: ['*.eu.example.com', '*.localhost'], domainName: 'd3.cloudfront.net', value: 'three' },
] as const

test('the most specific name that covers a host answers', () => {
  const table = compileHosts(entries)
  const cases: readonly (readonly [host: string, value: string | undefined])[] = [
    ['www.example.com', 'one'],
    ['WWW.example.COM', 'one'],
    ['shop.example.com', 'one'],
    ['www.example.com.', 'one'],
    ['d1.cloudfront.net', 'one'],
    ['D3.CloudFront.net', 'three'],
    ['a.example.com', 'two'],
    ['a.b.example.com', 'two'],
    ['a.www.example.com', 'two'],
    ['eu.example.com', 'two'],
    ['a.eu.example.com', 'three'],
    ['a.b.eu.example.com', 'three'],
    ['A.EU.EXAMPLE.COM', 'three'],
    ['example.com', undefined],
    ['.example.com', undefined],
    ['badexample.com', undefined],
    ['example.com.evil.net', undefined],
    ['localhost', 'two'],
    ['x.localhost', 'three'],
    ['127.0.0.1', undefined],
    ['[::1]', undefined],
    ['', undefined],
    ['.', undefined],
    ['..', undefined],
  ]
  for (const [host, value] of cases) assert.equal(findHost(table, host), value, host)
})

test('a distribution that is alone answers to any host, unless told not to', () => {
  const [alone] = entries
  assert.equal(findHost(compileHosts([alone]), 'anything.test'), 'one')
  assert.equal(findHost(compileHosts([alone]), `${'a.'.repeat(300)}test`), 'one')
  assert.equal(findHost(compileHosts([alone], { singleAnswersAnyHost: false }), 'anything.test'), undefined)
  assert.equal(findHost(compileHosts([]), 'anything.test'), undefined)
})

test('any host is looked up without failing, and a very long one at once', () => {
  const table = compileHosts(entries)
  fc.assert(
    fc.property(
      fc.string({ unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)) }),
      (host) => findHost(table, host) === undefined,
    ),
  )
  const start = performance.now()
  assert.equal(findHost(table, `${'a.'.repeat(500_000)}example.com`), undefined)
  assert.ok(performance.now() - start < 500)
})

test('problems of aliases are told', () => {
  const cases: readonly (readonly [alias: string, problem: RegExp])[] = [
    ['', /cannot be empty/],
    ['*', /whole first part/],
    ['*x.example.com', /whole first part/],
    ['a.*.example.com', /whole first part/],
    ['*.*.example.com', /whole first part/],
    ['www.example.com:8080', /leave out scheme, port/],
    ['https://www.example.com', /leave out scheme, port/],
    ['b\u00fccher.example', /ASCII form/],
    ['*.', /no empty part/],
    ['.example.com', /no empty part/],
    ['example.com.', /no empty part/],
    ['a..b', /no empty part/],
    ['-a.example.com', /"-a" is not a part/],
    ['a-.example.com', /"a-" is not a part/],
    ['a b.example.com', /"a b" is not a part/],
    [`${'a'.repeat(64)}.example.com`, /not a part of a host name/],
    ['a.'.repeat(127), /at most 253 characters/],
  ]
  for (const [alias, problem] of cases) assert.match(problemOfAlias(alias) ?? 'none', problem, alias)
  for (const alias of [
    'www.example.com',
    '*.example.com',
    'localhost',
    'a',
    '_x.a-b.test',
    '10.0.0.1',
    'WWW.test',
  ]) {
    assert.equal(problemOfAlias(alias), null, alias)
  }
})

test('a name belongs to one distribution only', () => {
  assert.deepEqual(problemsOfHosts(entries), [])
  const clashing = [
    { aliases: ['a.test', 'A.TEST', '*.b.test'], domainName: 'd1.test', value: 1 },
    { aliases: ['*.B.test', 'c.test', 'd1.test', '*x.test'], domainName: 'D1.test', value: 2 },
  ]
  const told = problemsOfHosts(clashing).map(
    ({ entry, alias, problem }) => `${entry} ${alias}: ${problem.slice(0, 28)}`,
  )
  assert.deepEqual(told, [
    '1 D1.test: another distribution has thi',
    '0 A.TEST: the name is listed twice',
    '1 *.B.test: another distribution has thi',
    '1 d1.test: another distribution has thi',
    '1 *x.test: a * may only be the whole fi',
  ])
  assert.equal(findHost(compileHosts(clashing), 'x.b.test'), 1)
})
