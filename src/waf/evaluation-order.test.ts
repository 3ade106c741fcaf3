import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { TokenState } from './evaluation.ts'
import { bareInterstitial } from './verdict.ts'
import { bytes, type RequestParts, rule, testWaf, visibility, webAcl } from './waf.fixture.ts'

/**
 * Golden pairs: a web ACL and a request, and what must come of them. One per rule of evaluation order
 * (DG:web-acl-processing and the pages about actions, labels, groups and overrides).
 */
interface Golden {
  readonly title: string
  readonly acl: object
  readonly request?: RequestParts
  readonly ruleGroups?: Readonly<Record<string, object>>
  /** What every token check says; missing unless given. */
  readonly token?: TokenState
  readonly verdict: 'pass' | 'refused' | number
  readonly by?: string
  /** The rule inside the group. */
  readonly within?: string
  readonly labels?: readonly string[]
  /** Request headers `x-amzn-waf-*` that go on. */
  readonly inserted?: Readonly<Record<string, string>>
  readonly counted?: readonly string[]
  /** Rules of the group that were only counted. */
  readonly groupCounted?: readonly string[]
  readonly groupTerminating?: string
  readonly responseHeaders?: Readonly<Record<string, string>>
  readonly responseBody?: string
}

const ALL = bytes({ UriPath: {} }, '/', 'STARTS_WITH')
const NONE = bytes({ UriPath: {} }, '/never', 'EXACTLY')
const count = { Count: {} }
const allow = { Allow: {} }
const captcha = { Captcha: {} }
const challenge = { Challenge: {} }
const labelled = (...names: string[]) => ({ RuleLabels: names.map((Name) => ({ Name })) })
const hasLabel = (Key: string, Scope = 'LABEL') => ({ LabelMatchStatement: { Key, Scope } })
const insert = (kind: string, Name: string, Value: string) => ({
  [kind]: { CustomRequestHandling: { InsertHeaders: [{ Name, Value }] } },
})
const own = (name: string) => `awswaf:000000000000:webacl:test:${name}`
const inGroup = (name: string) => `awswaf:000000000000:rulegroup:group:${name}`
const group = (rules: readonly unknown[], more: object = {}) => ({
  Name: 'group',
  Capacity: 500,
  Rules: rules,
  VisibilityConfig: visibility('group'),
  ...more,
})
const refer = (name: string, priority: number, override: object = { None: {} }, more: object = {}) => ({
  Name: name,
  Priority: priority,
  Statement: { RuleGroupReferenceStatement: { ARN: 'group', ...more } },
  OverrideAction: override,
  VisibilityConfig: visibility(name),
})
const valid: TokenState = { kind: 'valid', solvedAtMs: Date.UTC(2026, 10, 24) }

const GOLDEN: readonly Golden[] = [
  {
    title: 'rules run by ascending priority, not in the order they stand in',
    acl: webAcl([rule('second', 20, ALL, allow), rule('first', 10, ALL)]),
    verdict: 'refused',
    by: 'first',
  },
  {
    title: 'Block ends the evaluation: later rules leave no labels',
    acl: webAcl([rule('block', 0, ALL), rule('later', 1, ALL, count, labelled('later'))]),
    verdict: 'refused',
    by: 'block',
    labels: [],
  },
  {
    title: 'Allow ends the evaluation',
    acl: webAcl([rule('allow', 0, ALL, allow), rule('block', 1, ALL)]),
    verdict: 'pass',
    by: 'allow',
  },
  {
    title: 'Count goes on with the next rule',
    acl: webAcl([rule('count', 0, ALL, count), rule('block', 1, ALL)]),
    verdict: 'refused',
    by: 'block',
    counted: ['count'],
  },
  {
    title: 'without a rule that ends it, the default action decides',
    acl: webAcl([rule('never', 0, NONE)], { DefaultAction: { Block: {} } }),
    verdict: 'refused',
  },
  {
    title: 'a missing component matches nothing',
    acl: webAcl([rule('block', 0, bytes({ SingleHeader: { Name: 'x-none' } }, 'a'))]),
    verdict: 'pass',
  },
  {
    title: 'Not around a missing component matches',
    acl: webAcl([
      rule('block', 0, { NotStatement: { Statement: bytes({ SingleHeader: { Name: 'x-none' } }, 'a') } }),
    ]),
    verdict: 'refused',
    by: 'block',
  },
  {
    title: 'a label is there for later rules',
    acl: webAcl([rule('mark', 0, ALL, count, labelled('seen')), rule('block', 1, hasLabel('seen'))]),
    verdict: 'refused',
    by: 'block',
    labels: [own('seen')],
  },
  {
    title: 'a rule never sees its own labels',
    acl: webAcl([
      rule(
        'self',
        0,
        { OrStatement: { Statements: [hasLabel('self'), NONE] } },
        { Block: {} },
        labelled('self'),
      ),
    ]),
    verdict: 'pass',
    labels: [],
  },
  {
    title: 'the labels that GeoMatch adds are hidden from the rule that adds them',
    acl: webAcl([
      rule('geo', 0, {
        AndStatement: {
          Statements: [
            { GeoMatchStatement: { CountryCodes: ['US'] } },
            hasLabel('awswaf:clientip:geo:country:US'),
          ],
        },
      }),
      rule('later', 1, hasLabel('awswaf:clientip:geo:region:US-CA')),
    ]),
    verdict: 'refused',
    by: 'later',
    labels: ['awswaf:clientip:geo:country:US', 'awswaf:clientip:geo:region:US-CA'],
  },
  {
    title: 'GeoMatch adds its labels also where it does not match',
    acl: webAcl([rule('geo', 0, { GeoMatchStatement: { CountryCodes: ['DE'] } })]),
    verdict: 'pass',
    labels: ['awswaf:clientip:geo:country:US', 'awswaf:clientip:geo:region:US-CA'],
  },
  {
    title: 'labels of a rule that does not match are not added',
    acl: webAcl([rule('never', 0, NONE, count, labelled('never'))]),
    verdict: 'pass',
    labels: [],
  },
  {
    title: 'the blocking rule adds its labels too',
    acl: webAcl([rule('block', 0, ALL, { Block: {} }, labelled('why', 'a:b'))]),
    verdict: 'refused',
    labels: [own('why'), own('a:b')],
  },
  {
    title: 'Captcha without a token ends with 405',
    acl: webAcl([rule('captcha', 0, ALL, captcha)]),
    verdict: 405,
    by: 'captcha',
    responseHeaders: { 'x-amzn-waf-action': 'captcha' },
  },
  {
    title: 'Challenge without a token ends with 202',
    acl: webAcl([rule('challenge', 0, ALL, challenge)]),
    verdict: 202,
    by: 'challenge',
    responseHeaders: { 'x-amzn-waf-action': 'challenge' },
  },
  {
    title: 'with a valid token Captcha is Count: labels, headers and the next rule',
    acl: webAcl([
      rule('captcha', 0, ALL, insert('Captcha', 'solved', 'yes'), labelled('human')),
      rule('count', 1, hasLabel('human'), count),
    ]),
    token: valid,
    verdict: 'pass',
    labels: [own('human')],
    inserted: { 'x-amzn-waf-solved': 'yes' },
    counted: ['captcha', 'count'],
  },
  {
    title: 'with a valid token Challenge is Count, and a later Block blocks',
    acl: webAcl([rule('challenge', 0, ALL, challenge), rule('block', 1, ALL)]),
    token: valid,
    verdict: 'refused',
    by: 'block',
    counted: ['challenge'],
  },
  {
    title: 'an expired token is no token',
    acl: webAcl([rule('challenge', 0, ALL, challenge)]),
    token: { kind: 'TOKEN_EXPIRED' },
    verdict: 202,
  },
  {
    title: 'headers are inserted by Count and by the Allow that ends it',
    acl: webAcl([
      rule('count', 0, ALL, insert('Count', 'a', '1')),
      rule('allow', 1, ALL, insert('Allow', 'b', '2')),
    ]),
    verdict: 'pass',
    inserted: { 'x-amzn-waf-a': '1', 'x-amzn-waf-b': '2' },
  },
  {
    title: 'for one header name the last matching rule wins',
    acl: webAcl([
      rule('one', 0, ALL, insert('Count', 'a', '1')),
      rule('two', 1, ALL, insert('Count', 'A', '2')),
    ]),
    verdict: 'pass',
    inserted: { 'x-amzn-waf-a': '2' },
  },
  {
    title: 'an inserted header overwrites what the viewer sent under its name',
    acl: webAcl([rule('one', 0, ALL, insert('Count', 'a', 'ours'))]),
    request: { headers: { Host: 'example.com', 'X-Amzn-Waf-A': 'theirs' } },
    verdict: 'pass',
    inserted: { 'x-amzn-waf-a': 'ours' },
  },
  {
    title: 'later rules never see inserted headers',
    acl: webAcl([
      rule('one', 0, ALL, insert('Count', 'a', 'x')),
      rule('two', 1, bytes({ SingleHeader: { Name: 'x-amzn-waf-a' } }, 'x')),
    ]),
    verdict: 'pass',
    inserted: { 'x-amzn-waf-a': 'x' },
  },
  {
    title: 'the default action Allow inserts headers',
    acl: webAcl([], { DefaultAction: insert('Allow', 'checked', 'yes') }),
    verdict: 'pass',
    inserted: { 'x-amzn-waf-checked': 'yes' },
  },
  {
    title: 'a custom response has the status, the headers and the body of the rule',
    acl: webAcl(
      [
        rule('block', 0, ALL, {
          Block: {
            CustomResponse: {
              ResponseCode: 429,
              CustomResponseBodyKey: 'slow',
              ResponseHeaders: [{ Name: 'Retry-After', Value: '30' }],
            },
          },
        }),
      ],
      { CustomResponseBodies: { slow: { ContentType: 'APPLICATION_JSON', Content: '{"slow":true}' } } },
    ),
    verdict: 429,
    responseHeaders: { 'retry-after': '30', 'content-type': 'application/json' },
    responseBody: '{"slow":true}',
  },
  {
    title: 'the default action Block may have a custom response',
    acl: webAcl([], { DefaultAction: { Block: { CustomResponse: { ResponseCode: 404 } } } }),
    verdict: 404,
  },
  {
    title: 'a group runs in the place of its reference, its rules by their own priority',
    acl: webAcl([rule('before', 0, ALL, count), refer('group-rule', 1), rule('after', 2, ALL, allow)]),
    ruleGroups: { group: group([rule('two', 2, ALL, allow), rule('one', 1, ALL)]) },
    verdict: 'refused',
    by: 'group-rule',
    within: 'one',
    counted: ['before'],
    groupTerminating: 'one',
  },
  {
    title: 'a group without a terminating match lets the web ACL go on',
    acl: webAcl([refer('group-rule', 0), rule('after', 1, ALL)]),
    ruleGroups: { group: group([rule('one', 1, ALL, count), rule('two', 2, NONE)]) },
    verdict: 'refused',
    by: 'after',
    groupCounted: ['one'],
  },
  {
    title: 'Allow inside a group ends the web ACL',
    acl: webAcl([refer('group-rule', 0), rule('block', 1, ALL)]),
    ruleGroups: { group: group([rule('one', 1, ALL, allow)]) },
    verdict: 'pass',
    by: 'group-rule',
    within: 'one',
  },
  {
    title: 'labels of a group carry its namespace, and the web ACL matches them in full',
    acl: webAcl([
      refer('group-rule', 0),
      rule('short', 1, hasLabel('mark')),
      rule('full', 2, hasLabel(inGroup('mark'))),
    ]),
    ruleGroups: { group: group([rule('one', 1, ALL, count, labelled('mark'))]) },
    verdict: 'refused',
    by: 'full',
    labels: [inGroup('mark')],
    groupCounted: ['one'],
  },
  {
    title: 'inside a group a short key means the group, not the web ACL',
    acl: webAcl([rule('mark', 0, ALL, count, labelled('mark')), refer('group-rule', 1)]),
    ruleGroups: { group: group([rule('one', 1, hasLabel('mark'))]) },
    verdict: 'pass',
    labels: [own('mark')],
  },
  {
    title: 'NAMESPACE matches every label of a namespace',
    acl: webAcl([
      rule('mark', 0, ALL, count, labelled('team:blue:one')),
      rule('block', 1, hasLabel('blue:', 'NAMESPACE')),
    ]),
    verdict: 'refused',
    by: 'block',
    labels: [own('team:blue:one')],
  },
  {
    title: 'LABEL takes the end of a label at a colon, never in the middle of a word',
    acl: webAcl([
      rule('mark', 0, ALL, count, labelled('team:blue')),
      rule('middle', 1, hasLabel('lue')),
      rule('end', 2, hasLabel('blue')),
    ]),
    verdict: 'refused',
    by: 'end',
    labels: [own('team:blue')],
  },
  {
    title: 'labels are compared with their case',
    acl: webAcl([rule('mark', 0, ALL, count, labelled('Blue')), rule('block', 1, hasLabel('blue'))]),
    verdict: 'pass',
    labels: [own('Blue')],
  },
  {
    title: 'OverrideAction Count: the group stops at its first terminating rule and is counted',
    acl: webAcl([refer('group-rule', 0, { Count: {} }), rule('after', 1, ALL, count)]),
    ruleGroups: {
      group: group([
        rule('one', 1, ALL, { Block: {} }, labelled('one')),
        rule('two', 2, ALL, count, labelled('two')),
      ]),
    },
    verdict: 'pass',
    labels: [inGroup('one')],
    counted: ['group-rule', 'after'],
    groupTerminating: 'one',
    groupCounted: [],
  },
  {
    title: "RuleActionOverrides replace a rule's action as if it were configured so",
    acl: webAcl([
      refer(
        'group-rule',
        0,
        { None: {} },
        {
          RuleActionOverrides: [{ Name: 'one', ActionToUse: insert('Count', 'would', 'block') }],
        },
      ),
    ]),
    ruleGroups: { group: group([rule('one', 1, ALL), rule('two', 2, ALL, count)]) },
    verdict: 'pass',
    inserted: { 'x-amzn-waf-would': 'block' },
    groupCounted: ['one', 'two'],
  },
  {
    title: 'RuleActionOverrides can make a counting rule block',
    acl: webAcl([
      refer(
        'group-rule',
        0,
        { None: {} },
        {
          RuleActionOverrides: [{ Name: 'one', ActionToUse: { Block: {} } }],
        },
      ),
    ]),
    ruleGroups: { group: group([rule('one', 1, ALL, count)]) },
    verdict: 'refused',
    by: 'group-rule',
    within: 'one',
  },
  {
    title: 'ExcludedRules turn a rule to Count',
    acl: webAcl([refer('group-rule', 0, { None: {} }, { ExcludedRules: [{ Name: 'one' }] })]),
    ruleGroups: { group: group([rule('one', 1, ALL)]) },
    verdict: 'pass',
  },
  {
    title: 'response bodies are those of the group the rule stands in',
    acl: webAcl([refer('group-rule', 0)], {
      CustomResponseBodies: { page: { ContentType: 'TEXT_PLAIN', Content: 'of the web ACL' } },
    }),
    ruleGroups: {
      group: group(
        [
          rule('one', 1, ALL, {
            Block: { CustomResponse: { ResponseCode: 403, CustomResponseBodyKey: 'page' } },
          }),
        ],
        { CustomResponseBodies: { page: { ContentType: 'TEXT_PLAIN', Content: 'of the group' } } },
      ),
    },
    verdict: 403,
    responseBody: 'of the group',
  },
  {
    title: 'Firewall Manager groups run before and after the rules',
    acl: webAcl([rule('own', 0, ALL, count)], {
      PreProcessFirewallManagerRuleGroups: [
        {
          Name: 'before',
          Priority: 5,
          FirewallManagerStatement: { RuleGroupReferenceStatement: { ARN: 'group' } },
          OverrideAction: { Count: {} },
          VisibilityConfig: visibility('before'),
        },
      ],
      PostProcessFirewallManagerRuleGroups: [
        {
          Name: 'after',
          Priority: 0,
          FirewallManagerStatement: { RuleGroupReferenceStatement: { ARN: 'group' } },
          OverrideAction: { None: {} },
          VisibilityConfig: visibility('after'),
        },
      ],
    }),
    ruleGroups: { group: group([rule('one', 1, ALL)]) },
    verdict: 'refused',
    by: 'after',
    counted: ['before', 'own'],
  },
  {
    title: 'And and Or run from left to right and stop early, which the geo labels show',
    acl: webAcl([
      rule('and', 0, {
        AndStatement: { Statements: [NONE, { GeoMatchStatement: { CountryCodes: ['US'] } }] },
      }),
    ]),
    verdict: 'pass',
    labels: [],
  },
  {
    title: 'statements nest as deep as JSON goes',
    acl: webAcl([
      rule(
        'deep',
        0,
        Array.from({ length: 40 }).reduce<object>(
          (inner) => ({ NotStatement: { Statement: { AndStatement: { Statements: [inner] } } } }),
          ALL,
        ),
      ),
    ]),
    verdict: 'refused',
    by: 'deep',
  },
  {
    title: 'Monetize answers 402',
    acl: webAcl([rule('pay', 0, ALL, { Monetize: {} })]),
    verdict: 402,
    by: 'pay',
  },
]

for (const golden of GOLDEN) {
  test(golden.title, async () => {
    const { token } = golden
    const waf = testWaf(golden.acl, {
      registry: {
        ipSets: new Map(),
        regexPatternSets: new Map(),
        ruleGroups: new Map(Object.entries(golden.ruleGroups ?? {})),
        load: undefined,
      },
      ...(token === undefined
        ? {}
        : {
            room: { tokens: { check: () => token, interstitial: bareInterstitial, answer: () => undefined } },
          }),
    })
    const { verdict, evaluation, request } = await waf.send(golden.request)
    assert.equal(verdict.kind === 'answered' ? verdict.response.status : verdict.kind, golden.verdict)
    if (golden.by !== undefined) assert.equal(evaluation.terminating?.name, golden.by)
    if (golden.within !== undefined) assert.equal(evaluation.hit?.rule, golden.within)
    if (golden.labels !== undefined) assert.deepEqual(evaluation.labels, golden.labels)
    if (golden.counted !== undefined)
      assert.deepEqual(
        evaluation.counted.map((hit) => hit.rule),
        golden.counted,
      )
    const [outcome] = evaluation.groups
    if (golden.groupCounted !== undefined) {
      assert.deepEqual(
        outcome?.counted.map((hit) => hit.rule),
        golden.groupCounted,
      )
    }
    if (golden.groupTerminating !== undefined)
      assert.equal(outcome?.terminating?.rule, golden.groupTerminating)
    const inserted = [...request.headers].filter(([name]) => name.toLowerCase().startsWith('x-amzn-waf-'))
    if (golden.verdict === 'pass') {
      const lower = inserted.map(([name, value]) => [name.toLowerCase(), value])
      assert.deepEqual(Object.fromEntries(lower), golden.inserted ?? {})
      assert.equal(inserted.length, Object.keys(golden.inserted ?? {}).length)
    }
    if (verdict.kind !== 'answered') return
    for (const [name, value] of Object.entries(golden.responseHeaders ?? {})) {
      assert.equal(verdict.response.headers.get(name), value)
    }
    if (golden.responseBody !== undefined) {
      assert.equal(verdict.response.body.buffered?.toString(), golden.responseBody)
    }
  })
}
