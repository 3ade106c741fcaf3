import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { bytes, rule, visibility, webAcl } from '../waf/waf.fixture.ts'
import { checkConfig } from './check.ts'

const site = { origins: { o: { url: 'http://127.0.0.1:9' } }, defaultBehavior: { origin: 'o' } }
const ALL = bytes({ UriPath: {} }, '/', 'STARTS_WITH')
const at = 'distributions.main.webAcl.'

async function problemsOf(webAclDocument: unknown, top: object = {}, more: object = {}, folder = '/nowhere') {
  const config = { distributions: { main: { ...site, webAcl: webAclDocument, ...more } }, ...top }
  const { problems, checked } = await checkConfig(config, folder, { environment: {} })
  return { checked, problems, said: problems.map(({ path, message }) => `${path}: ${message}`) }
}

interface Bad {
  readonly title: string
  readonly acl: unknown
  readonly top?: object
  readonly says: readonly (string | RegExp)[]
}

const statement = (value: object, more: object = {}) => webAcl([rule('r', 0, value, { Block: {} }, more)])
const here = `${at}Rules[0].Statement`

const BAD: readonly Bad[] = [
  {
    title: 'a statement that AWS WAF does not know',
    acl: statement({ IpMatchStatement: {} }),
    says: [
      /Rules\[0\]\.Statement\.IpMatchStatement: AWS WAF knows no such statement; it is one of AndStatement/,
    ],
  },
  {
    title: 'two statements where one is expected',
    acl: statement({ ...ALL, GeoMatchStatement: { CountryCodes: ['DE'] } }),
    says: [`${here}: exactly one statement is expected; found ByteMatchStatement, GeoMatchStatement`],
  },
  {
    title: 'a rate-based statement inside another',
    acl: statement({
      NotStatement: { Statement: { RateBasedStatement: { Limit: 100, AggregateKeyType: 'IP' } } },
    }),
    says: [
      /NotStatement\.Statement\.RateBasedStatement: RateBasedStatement cannot stand inside another statement/,
    ],
  },
  {
    title: 'an empty And',
    acl: statement({ AndStatement: { Statements: [] } }),
    says: [`${here}.AndStatement.Statements: must be a list of at least one statement`],
  },
  {
    title: 'more capacity units than fit, with the largest rules',
    acl: webAcl(
      Array.from({ length: 50 }, (_, i) =>
        rule(`r${i}`, i, {
          XssMatchStatement: {
            FieldToMatch: { AllQueryArguments: {} },
            TextTransformations: Array.from({ length: 6 }, (_step, Priority) => ({
              Priority,
              Type: 'URL_DECODE',
            })),
          },
        }),
      ),
    ),
    says: [/webAcl\.Rules: the rules need 5500 capacity units and at most 5000 fit; the largest are r0 110/],
  },
  {
    title: 'an IP set that is not there',
    acl: statement({
      IPSetReferenceStatement: { ARN: 'arn:aws:wafv2:us-east-1:123456789012:global/ipset/office/1' },
    }),
    says: [`${here}.IPSetReferenceStatement.ARN: there is no IP set named office; add it to ipSets`],
  },
  {
    title: 'the ARN of another kind of resource',
    acl: statement({
      IPSetReferenceStatement: { ARN: 'arn:aws:wafv2:us-east-1:123456789012:global/rulegroup/office/1' },
    }),
    says: [/this is the ARN of a rulegroup; that of a ipset is expected/],
  },
  {
    title: 'bad CIDR blocks, told once where the set stands, whoever refers to it',
    acl: webAcl([
      rule('a', 0, { IPSetReferenceStatement: { ARN: 'office' } }),
      rule('b', 1, { IPSetReferenceStatement: { ARN: 'office' } }),
    ]),
    top: { ipSets: { office: ['192.0.2.0/33', '0.0.0.0/0', '192.0.2.1', 'here'] } },
    says: [
      /^ipSets\.office\.Addresses\[0\]: IP set office: "192\.0\.2\.0\/33" needs a prefix length from 0 to 32/,
      /^ipSets\.office\.Addresses\[1\]: .*every address/,
      /^ipSets\.office\.Addresses\[2\]: .*write 192\.0\.2\.1\/32/,
      /^ipSets\.office\.Addresses\[3\]: .*not an IP address/,
    ],
  },
  {
    title: 'a bad regular expression, with the character',
    acl: statement({
      RegexMatchStatement: {
        RegexString: 'a(b',
        FieldToMatch: { UriPath: {} },
        TextTransformations: [{ Priority: 0, Type: 'NONE' }],
      },
    }),
    says: [/RegexMatchStatement\.RegexString: .*at character/],
  },
  {
    title: 'what the PCRE of AWS WAF leaves out',
    acl: webAcl(
      ['(a)\\1', '(?>a)', 'a++', '(?R)', '\\Ka'].map((RegexString, i) =>
        rule(`r${i}`, i, {
          RegexMatchStatement: {
            RegexString,
            FieldToMatch: { UriPath: {} },
            TextTransformations: [{ Priority: 0, Type: 'NONE' }],
          },
        }),
      ),
    ),
    says: [/Rules\[0\]/, /Rules\[1\]/, /Rules\[2\]/, /Rules\[3\]/, /Rules\[4\]/],
  },
  {
    title: 'every problem of a rule at once',
    acl: webAcl([
      {
        Name: 'bad name!',
        Priority: -1,
        Statement: {
          ByteMatchStatement: {
            SearchString: 'x'.repeat(201),
            FieldToMatch: { Heading: {} },
            PositionalConstraint: 'SOMEWHERE',
            TextTransformations: [],
          },
        },
        Action: { Block: {}, Allow: {} },
        Extra: 1,
        VisibilityConfig: visibility('x'),
      },
    ]),
    says: [
      /Rules\[0\]\.Name: must be 1 to 128/,
      /Rules\[0\]\.Priority/,
      /Rules\[0\]\.Extra: AWS WAF knows no such member/,
      /SearchString: must be at most 200 bytes/,
      /PositionalConstraint/,
      /TextTransformations/,
      /FieldToMatch\.Heading: AWS WAF knows no such component/,
      /Rules\[0\]\.Action: exactly one of Allow, Block, Count, Captcha, Challenge, Monetize is expected/,
    ],
  },
  {
    title: 'names and priorities that are taken',
    acl: webAcl([rule('a', 0, ALL), rule('a', 0, ALL)]),
    says: [/Rules\[1\]\.Name: a is taken by rule 0/, /Rules\[1\]\.Priority: 0 is taken by rule 0/],
  },
  {
    title: 'Action and OverrideAction in the wrong places',
    acl: webAcl([
      { ...(rule('a', 0, ALL) as object), OverrideAction: { None: {} } },
      {
        Name: 'b',
        Priority: 1,
        Statement: { RuleGroupReferenceStatement: { ARN: 'group' } },
        Action: { Block: {} },
        RuleLabels: [{ Name: 'x' }],
        VisibilityConfig: visibility('b'),
      },
    ]),
    top: { ruleGroups: { group: { Rules: [], VisibilityConfig: visibility('g') } } },
    says: [
      /Rules\[0\]\.OverrideAction: stands only in a rule that refers to a group/,
      /Rules\[1\]\.Action: cannot stand in a rule that refers to a group/,
      /Rules\[1\]\.OverrideAction: exactly one of None, Count is expected/,
      /Rules\[1\]\.RuleLabels: a rule that refers to a group has no labels/,
    ],
  },
  {
    title: 'labels out of the grammar',
    acl: statement(ALL, { RuleLabels: [{ Name: 'awswaf:x' }, { Name: 'a b' }, { Name: 'a:b:c:d:e:f:g' }] }),
    says: [
      /RuleLabels\[0\]\.Name: "awswaf" is reserved/,
      /RuleLabels\[1\]\.Name/,
      /RuleLabels\[2\]\.Name: .*five namespaces/,
    ],
  },
  {
    title: 'a rate-based rule that lets traffic through, or lacks what its keys need',
    acl: webAcl([
      rule('a', 0, { RateBasedStatement: { Limit: 100, AggregateKeyType: 'IP' } }, { Allow: {} }),
      rule('b', 1, { RateBasedStatement: { Limit: 9, AggregateKeyType: 'IP', EvaluationWindowSec: 30 } }),
      rule('c', 2, { RateBasedStatement: { Limit: 100, AggregateKeyType: 'FORWARDED_IP' } }),
      rule('d', 3, { RateBasedStatement: { Limit: 100, AggregateKeyType: 'CONSTANT' } }),
      rule('e', 4, { RateBasedStatement: { Limit: 100, AggregateKeyType: 'CUSTOM_KEYS' } }),
    ]),
    says: [
      /Rules\[0\]\.Action: exactly one of Block, Count, Captcha, Challenge, Monetize/,
      /Rules\[1\]\.Statement\.RateBasedStatement\.Limit/,
      /Rules\[1\]\.Statement\.RateBasedStatement\.EvaluationWindowSec/,
      /Rules\[2\]\.Statement\.RateBasedStatement\.ForwardedIPConfig: is missing/,
      /Rules\[3\]\.Statement\.RateBasedStatement\.ScopeDownStatement: is missing/,
      /Rules\[4\]\.Statement\.RateBasedStatement\.CustomKeys: is missing/,
    ],
  },
  {
    title: 'custom responses',
    acl: webAcl([
      rule('a', 0, ALL, {
        Block: {
          CustomResponse: {
            ResponseCode: 418,
            CustomResponseBodyKey: 'page',
            ResponseHeaders: [{ Name: 'content-type', Value: 'x' }],
          },
        },
      }),
      rule('b', 1, ALL, {
        Block: {
          CustomResponse: {
            ResponseCode: 403,
            CustomResponseBodyKey: 'page',
            ResponseHeaders: [
              { Name: 'content-type', Value: 'x' },
              { Name: 'X-A', Value: '1' },
              { Name: 'x-a', Value: '2' },
            ],
          },
        },
      }),
    ]),
    says: [
      /Rules\[0\]\.Action\.Block\.CustomResponse\.ResponseCode: must be one of 200/,
      /Rules\[1\].*ResponseHeaders\[0\]\.Name: Content-Type comes with the response body/,
      /Rules\[1\].*ResponseHeaders\[2\]\.Name: x-a is given twice/,
      /Rules\[1\].*CustomResponseBodyKey: there is no body named page/,
    ],
  },
  {
    title: 'a rule group whose rules need more than its Capacity, and one in a group',
    acl: webAcl([]),
    top: {
      ruleGroups: {
        small: {
          Capacity: 1,
          Rules: [rule('a', 0, ALL)],
          VisibilityConfig: visibility('small'),
        },
        nested: {
          Rules: [
            {
              Name: 'n',
              Priority: 0,
              Statement: { RuleGroupReferenceStatement: { ARN: 'small' } },
              OverrideAction: { None: {} },
              VisibilityConfig: visibility('n'),
            },
          ],
          VisibilityConfig: visibility('nested'),
        },
      },
    },
    says: [
      /^ruleGroups\.small\.Capacity: the rules of small need 2 capacity units; Capacity is 1/,
      /^ruleGroups\.nested\.Rules\[0\]\..*: a rule group cannot refer to another group/,
    ],
  },
  {
    title: 'an override of a rule that the group does not have',
    acl: webAcl([
      {
        Name: 'g',
        Priority: 0,
        Statement: {
          RuleGroupReferenceStatement: {
            ARN: 'group',
            RuleActionOverrides: [{ Name: 'nobody', ActionToUse: { Count: {} } }],
          },
        },
        OverrideAction: { None: {} },
        VisibilityConfig: visibility('g'),
      },
    ]),
    top: { ruleGroups: { group: { Rules: [rule('a', 0, ALL)], VisibilityConfig: visibility('g') } } },
    says: [/RuleActionOverrides: the rule group group has no rule named nobody/],
  },
  { title: 'a web ACL that is no object', acl: 5, says: [/^distributions\.main\.webAcl: /] },
  {
    title: 'a name that leads nowhere',
    acl: 'main-acl',
    says: [/there is no web ACL named "main-acl" in webAcls/],
  },
  {
    title: 'a file that is not there',
    acl: './acl.json',
    says: [/the file \/nowhere\/acl\.json cannot be read: it does not exist/],
  },
]

for (const { title, acl, top = {}, says } of BAD) {
  test(`bad web ACL: ${title}`, async () => {
    const { said, problems, checked } = await problemsOf(acl, top)
    const errors = said.filter((_text, i) => problems[i]!.level === 'error')
    assert.equal(checked, undefined)
    assert.equal(errors.length, says.length, errors.join('\n'))
    for (const wanted of says) {
      const isSaid = errors.some((text) => (typeof wanted === 'string' ? text === wanted : wanted.test(text)))
      assert.ok(isSaid, `${String(wanted)}\nis not among\n${errors.join('\n')}`)
    }
  })
}

test('documents in files: paths inside them stand in the message, and lists may be text', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-acl-'))
  try {
    await writeFile(
      join(folder, 'acl.json'),
      JSON.stringify(webAcl([rule('a', 0, { IPSetReferenceStatement: { ARN: 'bad' } }), rule('b', 1, {})])),
    )
    await writeFile(join(folder, 'bad.txt'), '# our list\n192.0.2.0/24\n\n2001:db8::/32 # documentation\n')
    await writeFile(join(folder, 'torn.json'), '{"Rules": [')
    const first = await problemsOf('./acl.json', { ipSets: { bad: './bad.txt' } }, {}, folder)
    assert.deepEqual(first.said, [
      'distributions.main.webAcl: acl.json: Rules[1].Statement: exactly one statement is expected',
    ])
    await writeFile(
      join(folder, 'acl.json'),
      JSON.stringify(webAcl([rule('a', 0, { IPSetReferenceStatement: { ARN: 'bad' } })])),
    )
    const second = await problemsOf('./acl.json', { ipSets: { bad: './bad.txt' } }, {}, folder)
    assert.deepEqual(second.said, [])
    assert.equal(second.checked!.webAcls.get('main')!.capacity, 1)
    assert.deepEqual(
      second.checked!.files.toSorted(),
      [join(folder, 'acl.json'), join(folder, 'bad.txt')].toSorted(),
    )
    const torn = await problemsOf('./torn.json', {}, {}, folder)
    assert.match(torn.said[0]!, /torn\.json:1:\d+: this is no JSON/)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('the forms of API, CloudFormation and console mean the same', async () => {
  const api = {
    WebACL: webAcl([
      rule('a', 0, bytes({ UriPath: {} }, Buffer.from('/admin').toString('base64'), 'STARTS_WITH')),
    ]),
    LockToken: 'x',
  }
  const console = webAcl([rule('a', 0, bytes({ UriPath: {} }, '/admin', 'STARTS_WITH'))])
  const resource = { Type: 'AWS::WAFv2::WebACL', Properties: console }
  const template = {
    Resources: {
      Acl: {
        Type: 'AWS::WAFv2::WebACL',
        Properties: webAcl([
          rule('a', 0, bytes({ UriPath: {} }, '/admin', 'STARTS_WITH')),
          rule('b', 1, { IPSetReferenceStatement: { Arn: { 'Fn::GetAtt': ['Office', 'Arn'] } } }),
        ]),
      },
      Office: {
        Type: 'AWS::WAFv2::IPSet',
        Properties: {
          Name: 'office',
          Addresses: ['192.0.2.0/24'],
          IPAddressVersion: 'IPV4',
          Scope: 'CLOUDFRONT',
        },
      },
    },
  }
  for (const document of [api, console, resource, template]) {
    const { checked, said } = await problemsOf(document)
    assert.deepEqual(said, [])
    const [first] = checked!.webAcls.get('main')!.rules
    const { statement: found } = first!
    assert.equal(found.kind === 'byte-match' && found.search, '/admin')
  }
})

test('check says what only runs here: a larger body limit, more units than the base price, no VisibilityConfig', async () => {
  const acl = webAcl([rule('a', 0, bytes({ Body: {} }, 'x'))])
  const { problems } = await problemsOf(acl, {}, { waf: { bodyLimitBytes: 100_000 } })
  assert.deepEqual(
    problems.map(({ level, message }) => [level, message]),
    [['warning', '100000 bytes of a body are inspected here; AWS WAF inspects at most 65536']],
  )
})
