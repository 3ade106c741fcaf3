import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytes, type RequestParts, rule, steps, testWaf, webAcl } from '../waf.fixture.ts'

const host = { Host: 'example.com' }
const rate = (more: object) => webAcl([rule('rate', 0, { RateBasedStatement: { Limit: 10, ...more } })])
const custom = (...CustomKeys: object[]) => rate({ AggregateKeyType: 'CUSTOM_KEYS', CustomKeys })
const text = (more: object = {}) => ({ ...more, TextTransformations: steps(['LOWERCASE']) })

interface Case {
  readonly title: string
  readonly acl: object
  /** Requests of one instance: together they reach the limit. */
  readonly same: readonly RequestParts[]
  /** A request of another instance. */
  readonly other?: RequestParts
  /** A request that lacks a key: neither counted nor limited. */
  readonly without?: RequestParts
}

const CASES: readonly Case[] = [
  { title: 'IP', acl: rate({ AggregateKeyType: 'IP' }), same: [{}], other: { from: '192.0.2.2' } },
  {
    title: 'FORWARDED_IP takes the first address; without the header nothing is counted',
    acl: rate({
      AggregateKeyType: 'FORWARDED_IP',
      ForwardedIPConfig: { HeaderName: 'X-F', FallbackBehavior: 'MATCH' },
    }),
    same: [{ headers: { 'X-F': '203.0.113.1' } }, { headers: { 'X-F': '203.0.113.1, 192.0.2.9' } }],
    other: { headers: { 'X-F': '203.0.113.2' } },
    without: { headers: host },
  },
  {
    title: 'CONSTANT counts everything in its scope',
    acl: rate({
      AggregateKeyType: 'CONSTANT',
      ScopeDownStatement: bytes({ UriPath: {} }, '/login', 'EXACTLY'),
    }),
    same: [
      { target: '/login', from: '192.0.2.1' },
      { target: '/login', from: '192.0.2.2' },
    ],
    without: { target: '/' },
  },
  {
    title: 'HEADER after its transformations, with IP',
    acl: custom({ Header: text({ Name: 'X-Key' }) }, { IP: {} }),
    same: [{ headers: { 'X-Key': 'A' } }, { headers: { 'x-key': 'a' } }],
    other: { headers: { 'X-Key': 'b' } },
    without: { headers: host },
  },
  {
    title: 'COOKIE',
    acl: custom({ Cookie: text({ Name: 'sid' }) }),
    same: [{ headers: { Cookie: 'a=1; sid=7' } }, { headers: { Cookie: 'sid=7' } }],
    other: { headers: { Cookie: 'sid=8' } },
    without: { headers: { Cookie: 'side=7' } },
  },
  {
    title: 'QUERY_ARGUMENT',
    acl: custom({ QueryArgument: text({ Name: 'user' }) }),
    same: [{ target: '/?user=A' }, { target: '/x?USER=a' }],
    other: { target: '/?user=b' },
    without: { target: '/?users=a' },
  },
  {
    title: 'QUERY_STRING',
    acl: custom({ QueryString: text() }),
    same: [{ target: '/?a' }, { target: '/b?A' }],
    other: { target: '/?b' },
    without: { target: '/' },
  },
  {
    title: 'URI_PATH',
    acl: custom({ UriPath: text() }),
    same: [{ target: '/A' }, { target: '/a?x' }],
    other: { target: '/b' },
  },
  { title: 'HTTP_METHOD', acl: custom({ HTTPMethod: {} }), same: [{}], other: { method: 'POST' } },
  { title: 'ASN', acl: custom({ ASN: {} }), same: [{ from: '192.0.2.1' }], other: { from: '192.0.2.2' } },
  {
    title: 'JA3, where a missing one may count',
    acl: custom({ JA3Fingerprint: { FallbackBehavior: 'MATCH' } }),
    same: [{}],
    other: { ja3: 'x' },
  },
  {
    title: 'JA4, where a missing one may not count',
    acl: custom({ JA4Fingerprint: { FallbackBehavior: 'NO_MATCH' } }),
    same: [{ ja4: 'a' }],
    other: { ja4: 'b' },
    without: {},
  },
  {
    title: 'LABEL_NAMESPACE, of labels that earlier rules added',
    acl: webAcl([
      rule(
        'mark',
        0,
        bytes({ UriPath: {} }, '/a', 'STARTS_WITH'),
        { Count: {} },
        { RuleLabels: [{ Name: 'team:blue' }] },
      ),
      rule(
        'mark2',
        1,
        bytes({ UriPath: {} }, '/b', 'STARTS_WITH'),
        { Count: {} },
        { RuleLabels: [{ Name: 'team:red' }] },
      ),
      rule('rate', 2, {
        RateBasedStatement: {
          Limit: 10,
          AggregateKeyType: 'CUSTOM_KEYS',
          CustomKeys: [{ LabelNamespace: { Namespace: 'awswaf:000000000000:webacl:test:team:' } }],
        },
      }),
    ]),
    same: [{ target: '/a' }],
    other: { target: '/b' },
    without: { target: '/' },
  },
]

for (const { title, acl, same, other, without } of CASES) {
  test(`rate by ${title}`, async () => {
    const waf = testWaf(acl)
    const kind = async (parts: RequestParts) => (await waf.send(parts)).verdict.kind
    for (let i = 0; i < 10; i++) assert.equal(await kind(same[i % same.length]!), 'pass')
    assert.equal(await kind(same[0]!), 'refused')
    if (other !== undefined) assert.equal(await kind(other), 'pass')
    if (without === undefined) return
    for (let i = 0; i < 12; i++) assert.equal(await kind(without), 'pass')
  })
}

test('labels of a rate-based rule are only for requests over the limit', async () => {
  const waf = testWaf(
    webAcl([
      rule(
        'rate',
        0,
        { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } },
        { Count: {} },
        { RuleLabels: [{ Name: 'fast' }] },
      ),
    ]),
  )
  for (let i = 0; i < 10; i++) assert.deepEqual((await waf.send()).evaluation.labels, [])
  assert.equal((await waf.send()).evaluation.labels.length, 1)
})

test('a /64 network of IPv6 is one client by option, and each address is one without', async () => {
  const acl = rate({ AggregateKeyType: 'IP' })
  const blockedAfter = async (ipv6Networks: boolean) => {
    const waf = testWaf(acl, { ipv6Networks })
    for (let i = 0; i < 20; i++) {
      if ((await waf.send({ from: `2001:db8::${i.toString(16)}` })).verdict.kind === 'refused') return i
    }
    return undefined
  }
  assert.equal(await blockedAfter(true), 10)
  assert.equal(await blockedAfter(false), undefined)
})

test('however many keys an attacker invents, no more are kept than the bound, and nobody is blocked for another', async () => {
  const waf = testWaf(custom({ Header: { Name: 'x-key', TextTransformations: steps([]) } }))
  const before = process.memoryUsage().heapUsed
  for (let i = 0; i < 25_000; i++) {
    const { verdict } = await waf.send({ headers: { 'x-key': `${i}-${'k'.repeat(300)}` } })
    assert.equal(verdict.kind, 'pass')
  }
  assert.ok(
    waf.counterSizes().every((size) => size <= 10_000),
    String(waf.counterSizes()),
  )
  const grown = (process.memoryUsage().heapUsed - before) / 2 ** 20
  assert.ok(grown < 200, `${grown} MB`)
  // Who really is above the limit is still found among them.
  for (let i = 0; i < 10; i++) await waf.send({ headers: { 'x-key': 'heavy' } })
  assert.equal((await waf.send({ headers: { 'x-key': 'heavy' } })).verdict.kind, 'refused')
})
