import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { AclRegistry } from './acl/registry.ts'
import { bytes, type RequestParts, rule, steps, testWaf, webAcl } from './waf.fixture.ts'

/** One statement, requests it must match and requests it must not. */
interface Case {
  readonly title: string
  readonly statement: object
  readonly matches: readonly RequestParts[]
  readonly passes: readonly RequestParts[]
}

const NONE = steps([])
const host = { Host: 'example.com' }
const get = (target: string, headers: RequestParts['headers'] = {}): RequestParts => ({
  target,
  headers: { ...host, ...headers },
})
const post = (body: string | Buffer): RequestParts => ({ method: 'POST', body })
const field = (name: string, more: object = {}) => ({ [name]: more })
const json = (more: object = {}) =>
  field('JsonBody', { MatchPattern: { All: {} }, MatchScope: 'ALL', ...more })
const all = (name: string, MatchScope: string, MatchPattern: object = { All: {} }, more: object = {}) =>
  field(name, { MatchPattern, MatchScope, OversizeHandling: 'CONTINUE', ...more })

const REGISTRY: AclRegistry = {
  ipSets: new Map([['list', ['192.0.2.0/31', '2001:db8::/32']]]),
  regexPatternSets: new Map([['probes', ['\\.php$', '^/wp-']]]),
  ruleGroups: new Map(),
  load: undefined,
}

const CASES: readonly Case[] = [
  // ByteMatchStatement
  {
    title: 'EXACTLY',
    statement: bytes({ UriPath: {} }, '/a', 'EXACTLY'),
    matches: [get('/a'), get('/a?b=c')],
    passes: [get('/a/'), get('/A')],
  },
  {
    title: 'STARTS_WITH and its transformation',
    statement: bytes({ UriPath: {} }, '/admin', 'STARTS_WITH', 'URL_DECODE', 'LOWERCASE'),
    matches: [get('/%41DMIN/x')],
    passes: [get('/x/admin')],
  },
  {
    title: 'ENDS_WITH',
    statement: bytes({ UriPath: {} }, '.php', 'ENDS_WITH'),
    matches: [get('/a.php')],
    passes: [get('/a.php/')],
  },
  {
    title: 'CONTAINS',
    statement: bytes({ QueryString: {} }, 'b=', 'CONTAINS'),
    matches: [get('/?a=1&b=2')],
    passes: [get('/'), get('/?'), get('/?a')],
  },
  {
    title: 'CONTAINS_WORD stands between bytes that are no word',
    statement: bytes({ QueryString: {} }, 'bot', 'CONTAINS_WORD'),
    matches: [get('/?a=bot'), get('/?robot&bot-x'), get('/?bot')],
    passes: [get('/?robot'), get('/?bot_1'), get('/?bots')],
  },
  {
    title: 'transformations run by priority, one after the other',
    statement: {
      ByteMatchStatement: {
        SearchString: 'union',
        FieldToMatch: { QueryString: {} },
        PositionalConstraint: 'CONTAINS',
        TextTransformations: [
          { Priority: 2, Type: 'LOWERCASE' },
          { Priority: 1, Type: 'REPLACE_COMMENTS' },
          { Priority: 0, Type: 'URL_DECODE' },
        ],
      },
    },
    matches: [get('/?q=%55NION')],
    passes: [get('/?q=UN%2F%2A%2A%2FION')],
  },
  // Regular expressions
  {
    title: 'RegexMatch searches anywhere',
    statement: {
      RegexMatchStatement: {
        RegexString: '[0-9]{3}-(?:a|b)$',
        FieldToMatch: { UriPath: {} },
        TextTransformations: NONE,
      },
    },
    matches: [get('/x/123-a')],
    passes: [get('/x/12-a'), get('/123-a/')],
  },
  {
    title: 'a pattern set matches when one of its patterns does',
    statement: {
      RegexPatternSetReferenceStatement: {
        ARN: 'probes',
        FieldToMatch: { UriPath: {} },
        TextTransformations: NONE,
      },
    },
    matches: [get('/wp-login'), get('/x.php')],
    passes: [get('/x.phpx'), get('/a/wp-')],
  },
  // SizeConstraintStatement
  ...(
    [
      ['EQ', [4], [3, 5]],
      ['NE', [3, 5], [4]],
      ['LE', [3, 4], [5]],
      ['LT', [3], [4, 5]],
      ['GE', [4, 5], [3]],
      ['GT', [5], [3, 4]],
    ] as const
  ).map(([ComparisonOperator, yes, no]) => ({
    title: `size ${ComparisonOperator}, in bytes after transformations`,
    statement: {
      SizeConstraintStatement: {
        ComparisonOperator,
        Size: 4,
        FieldToMatch: { SingleQueryArgument: { Name: 'q' } },
        TextTransformations: steps(['URL_DECODE']),
      },
    },
    matches: yes.map((length) => get(`/?q=${'%C3'.repeat(length)}`)),
    passes: no.map((length) => get(`/?q=${'%C3'.repeat(length)}`)),
  })),
  // SqliMatchStatement, XssMatchStatement
  {
    title: 'SqliMatch',
    statement: {
      SqliMatchStatement: {
        FieldToMatch: { AllQueryArguments: {} },
        TextTransformations: steps(['URL_DECODE']),
      },
    },
    matches: [get("/?id=1'%20or%20'1'='1"), get('/?a=x&id=1%20union%20select%20a%20from%20b')],
    passes: [get("/?q=women's%20shoes"), get('/?q=select%20a%20gift'), get('/')],
  },
  {
    title: 'XssMatch',
    statement: {
      XssMatchStatement: { FieldToMatch: { QueryString: {} }, TextTransformations: steps(['URL_DECODE']) },
    },
    matches: [get('/?q=%3Cscript%3E'), get('/?q=%22onmouseover=alert(1)//')],
    passes: [get('/?q=1%20%3C%202'), get('/?on=1&off=2')],
  },
  // GeoMatch, AsnMatch
  {
    title: 'GeoMatch',
    statement: { GeoMatchStatement: { CountryCodes: ['DE', 'XX'] } },
    matches: [{ from: '192.0.2.2' }, { from: '203.0.113.1' }],
    passes: [{ from: '192.0.2.1' }],
  },
  {
    title: 'GeoMatch of the first forwarded address, with its fallback for what is no address',
    statement: {
      GeoMatchStatement: {
        CountryCodes: ['FR'],
        ForwardedIPConfig: { HeaderName: 'X-Forwarded-For', FallbackBehavior: 'MATCH' },
      },
    },
    matches: [
      get('/', { 'X-Forwarded-For': '198.51.100.7, 192.0.2.1' }),
      get('/', { 'X-Forwarded-For': 'unknown' }),
      get('/', { 'X-Forwarded-For': '198.51.100.7; 192.0.2.1' }),
    ],
    passes: [get('/'), get('/', { 'X-Forwarded-For': '192.0.2.1, 198.51.100.7' })],
  },
  {
    title: 'AsnMatch; an address without a network is number 0',
    statement: { AsnMatchStatement: { AsnList: [64_497, 0] } },
    matches: [{ from: '192.0.2.2' }, { from: '203.0.113.9' }],
    passes: [{ from: '192.0.2.1' }],
  },
  {
    title: 'AsnMatch of a forwarded address',
    statement: {
      AsnMatchStatement: {
        AsnList: [64_498],
        ForwardedIPConfig: { HeaderName: 'x-real-ip', FallbackBehavior: 'NO_MATCH' },
      },
    },
    matches: [get('/', { 'X-Real-IP': '198.51.100.7' })],
    passes: [get('/'), get('/', { 'X-Real-IP': 'x' })],
  },
  // IPSetReferenceStatement
  {
    title: 'an IP set of both families',
    statement: { IPSetReferenceStatement: { ARN: 'list' } },
    matches: [{ from: '192.0.2.0' }, { from: '192.0.2.1' }, { from: '2001:db8:1::9' }],
    passes: [{ from: '192.0.2.2' }, { from: '2001:db9::1' }],
  },
  ...(
    [
      ['FIRST', ['192.0.2.1, 203.0.113.1'], ['203.0.113.1, 192.0.2.1']],
      ['LAST', ['203.0.113.1, 192.0.2.1'], ['192.0.2.1, 203.0.113.1']],
      ['ANY', ['203.0.113.1, 192.0.2.1, 203.0.113.2'], [`192.0.2.1${', 203.0.113.1'.repeat(10)}`]],
    ] as const
  ).map(([Position, yes, no]) => ({
    title: `a forwarded address in position ${Position}`,
    statement: {
      IPSetReferenceStatement: {
        ARN: 'list',
        IPSetForwardedIPConfig: { HeaderName: 'X-Forwarded-For', FallbackBehavior: 'NO_MATCH', Position },
      },
    },
    matches: yes.map((value) => get('/', { 'X-Forwarded-For': value })),
    passes: [...no.map((value) => get('/', { 'X-Forwarded-For': value })), { from: '192.0.2.1' }],
  })),
  // And, Or, Not
  {
    title: 'And, Or and Not',
    statement: {
      AndStatement: {
        Statements: [
          {
            OrStatement: {
              Statements: [bytes({ UriPath: {} }, '/a', 'EXACTLY'), bytes({ UriPath: {} }, '/b', 'EXACTLY')],
            },
          },
          { NotStatement: { Statement: bytes({ Method: {} }, 'GET', 'EXACTLY') } },
        ],
      },
    },
    matches: [
      { method: 'POST', target: '/a' },
      { method: 'PUT', target: '/b' },
    ],
    passes: [get('/a'), { method: 'POST', target: '/c' }],
  },
  // Fields
  {
    title: 'Method',
    statement: bytes({ Method: {} }, 'PURGE', 'EXACTLY'),
    matches: [{ method: 'PURGE' }],
    passes: [get('/')],
  },
  {
    title: 'UriPath is raw',
    statement: bytes({ UriPath: {} }, '/a/../%2e', 'EXACTLY'),
    matches: [get('/a/../%2e')],
    passes: [get('/')],
  },
  {
    title: 'SingleHeader, whatever the case of its name, and every line of it',
    statement: bytes(field('SingleHeader', { Name: 'X-One' }), 'b', 'EXACTLY'),
    matches: [get('/', { 'x-oNE': 'b' }), get('/', { 'X-One': ['a', 'b'] })],
    passes: [get('/', { 'X-Two': 'b' }), get('/', { 'X-One': 'a, b' })],
  },
  {
    title: 'SingleQueryArgument, whatever the case of its name, and every occurrence',
    statement: bytes(field('SingleQueryArgument', { Name: 'Id' }), '7', 'EXACTLY'),
    matches: [get('/?ID=7'), get('/?id=1&x=2&iD=7'), get('/?%69d=7')],
    passes: [get('/?id=77'), get('/?x=7')],
  },
  {
    title: 'AllQueryArguments looks at values, not at names',
    statement: bytes({ AllQueryArguments: {} }, 'x', 'EXACTLY'),
    matches: [get('/?a=1&b=x')],
    passes: [get('/?x=1'), get('/?a=x%26'), get('/')],
  },
  {
    title: 'PreParse: duplicates are joined by commas before the arguments are split',
    statement: {
      ByteMatchStatement: {
        ...(
          bytes(field('SingleQueryArgument', { Name: 'a' }), '1,3', 'EXACTLY') as {
            ByteMatchStatement: object
          }
        ).ByteMatchStatement,
        PreParseTextTransformations: [{ Priority: 0, Type: 'COMBINE_DUPLICATE_QUERY_ARGS_BY_COMMA' }],
      },
    },
    matches: [get('/?a=1&b=2&a=3')],
    passes: [get('/?a=1'), get('/?a=1&A=3')],
  },
  {
    title: 'PreParse: semicolons become ampersands, after decoding',
    statement: {
      ByteMatchStatement: {
        ...(
          bytes(field('SingleQueryArgument', { Name: 'b' }), '2', 'EXACTLY') as { ByteMatchStatement: object }
        ).ByteMatchStatement,
        PreParseTextTransformations: [
          { Priority: 0, Type: 'URL_DECODE' },
          { Priority: 1, Type: 'REPLACE_SEMICOLONS_WITH_AMPERSANDS' },
        ],
      },
    },
    matches: [get('/?a=1;b=2'), get('/?a=1%3Bb=2')],
    passes: [get('/?a=1')],
  },
  {
    title: 'Headers ALL takes names and values',
    statement: bytes(all('Headers', 'ALL'), 'X-Odd'),
    matches: [get('/', { 'X-Odd': '1' }), get('/', { A: 'X-Odd' })],
    passes: [get('/')],
  },
  {
    title: 'Headers KEY takes names',
    statement: bytes(all('Headers', 'KEY'), 'odd'),
    matches: [get('/', { odd: '1' })],
    passes: [get('/', { A: 'odd' })],
  },
  {
    title: 'Headers VALUE of listed names, in any case',
    statement: bytes(all('Headers', 'VALUE', { IncludedHeaders: ['X-A'] }), 'v'),
    matches: [get('/', { 'x-a': 'v' })],
    passes: [get('/', { 'x-b': 'v' })],
  },
  {
    title: 'Headers without those that are excluded',
    statement: bytes(all('Headers', 'VALUE', { ExcludedHeaders: ['x-a'] }), 'v'),
    matches: [get('/', { 'x-b': 'v' })],
    passes: [get('/', { 'X-A': 'v' })],
  },
  {
    title: 'Cookies are compared with their case',
    statement: bytes(all('Cookies', 'VALUE', { IncludedCookies: ['Id'] }), '7', 'EXACTLY'),
    matches: [get('/', { Cookie: 'a=1; Id=7' })],
    passes: [get('/', { Cookie: 'id=7' }), get('/')],
  },
  {
    title: 'HeaderOrder joins names by colons',
    statement: bytes(field('HeaderOrder', { OversizeHandling: 'CONTINUE' }), 'host:b:a', 'EXACTLY'),
    matches: [get('/', { B: '1', A: '2' })],
    passes: [get('/', { A: '1', B: '2' })],
  },
  {
    title: 'Body',
    statement: bytes(field('Body'), 'needle'),
    matches: [post('a needle')],
    passes: [post('hay'), get('/')],
  },
  {
    title: 'JsonBody ALL, KEY and VALUE below a pointer, as the developer guide has it',
    statement: bytes(json({ MatchPattern: { IncludedPaths: ['/a/b'] } }), 'f', 'EXACTLY'),
    matches: [post('{"a":{"b":{"e":{"f":"g"}}}}')],
    passes: [post('{"a":{"f":{"e":"x"}}}')],
  },
  {
    title: "a pointer's own key is not looked at",
    statement: bytes(json({ MatchPattern: { IncludedPaths: ['/a/b'] }, MatchScope: 'KEY' }), 'b', 'EXACTLY'),
    matches: [post('{"a":{"b":{"b":1}}}')],
    passes: [post('{"a":{"b":{"e":1}}}')],
  },
  {
    title: 'JsonBody VALUE: escapes are resolved, numbers are text, lists have indexes',
    statement: bytes(
      json({ MatchScope: 'VALUE', MatchPattern: { IncludedPaths: ['/a/1'] } }),
      '\u00e9',
      'EXACTLY',
    ),
    matches: [post('{"a":[0,"\\u00e9"]}')],
    passes: [post('{"a":["\\u00e9",0]}')],
  },
  {
    title: 'a lenient parser: missing commas and colons, and colons too many',
    statement: bytes(json({ MatchScope: 'VALUE' }), 'end', 'EXACTLY'),
    matches: [post('{"a" "x" "b"::"end"}'), post('["x" "end"]')],
    passes: [post('"end"'), post('{')],
  },
  {
    title: 'invalid JSON: what was parsed so far',
    statement: bytes(json({ MatchScope: 'VALUE' }), 'seen', 'EXACTLY'),
    matches: [post('{"a":"seen","b":')],
    passes: [post('{"a":*,"b":"seen"}')],
  },
  {
    title: 'invalid JSON: MATCH',
    statement: bytes(json({ InvalidFallbackBehavior: 'MATCH' }), 'never'),
    matches: [post('{"a":'), post('{"a":1,"a":2}'), post('x')],
    passes: [post('{"a":1}')],
  },
  {
    title: 'invalid JSON: NO_MATCH',
    statement: bytes(json({ InvalidFallbackBehavior: 'NO_MATCH' }), 'a'),
    matches: [post('{"a":1}')],
    passes: [post('{"a":1')],
  },
  {
    title: 'invalid JSON: EVALUATE_AS_STRING',
    statement: bytes(json({ InvalidFallbackBehavior: 'EVALUATE_AS_STRING' }), '{"a', 'STARTS_WITH'),
    matches: [post('{"a":1')],
    passes: [post('{"a":1}')],
  },
  {
    title: 'JA3 and JA4, and what counts where there is none',
    statement: {
      OrStatement: {
        Statements: [
          bytes(field('JA3Fingerprint', { FallbackBehavior: 'NO_MATCH' }), 'a'.repeat(32), 'EXACTLY'),
          bytes(
            field('JA4Fingerprint', { FallbackBehavior: 'MATCH' }),
            't13d1516h2_8daaf6152771_b186095e22b6',
            'EXACTLY',
          ),
        ],
      },
    },
    matches: [
      { ja3: 'a'.repeat(32), ja4: 'x' },
      { ja3: 'b', ja4: 't13d1516h2_8daaf6152771_b186095e22b6' },
      { ja3: 'b' },
    ],
    passes: [{ ja3: 'b', ja4: 'x' }],
  },
  {
    title: 'UriFragment',
    statement: bytes(field('UriFragment', { FallbackBehavior: 'NO_MATCH' }), 'top', 'EXACTLY'),
    matches: [get('/a#top'), get('/a?b#top')],
    passes: [get('/a')],
  },
  {
    title: 'oversize headers: beyond 200 of them',
    statement: bytes(all('Headers', 'KEY', { All: {} }, { OversizeHandling: 'MATCH' }), 'never'),
    matches: [
      get('/', Object.fromEntries(Array.from({ length: 200 }, (_, i) => [`x-${i}`, '']))),
      get('/', { A: 'x'.repeat(8_200) }),
    ],
    passes: [get('/', { A: 'x' })],
  },
  {
    title: 'oversize cookies: what fits is inspected',
    statement: bytes(all('Cookies', 'VALUE'), 'mark'),
    matches: [get('/', { Cookie: `a=mark; b=${'x'.repeat(9_000)}` })],
    passes: [get('/', { Cookie: `b=${'x'.repeat(9_000)}; a=mark` })],
  },
]

for (const { title, statement, matches, passes } of CASES) {
  test(title, async () => {
    const waf = testWaf(webAcl([rule('r', 0, statement)]), { registry: REGISTRY })
    for (const request of matches) {
      const { verdict } = await waf.send(request)
      assert.equal(verdict.kind, 'refused', `should match ${describe(request)}`)
    }
    for (const request of passes) {
      const { verdict } = await waf.send(request)
      assert.equal(verdict.kind, 'pass', `should not match ${describe(request)}`)
    }
  })
}

function describe(request: RequestParts): string {
  return JSON.stringify(request).slice(0, 200)
}
