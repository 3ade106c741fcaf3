import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isKept, NO_REDACTION, toLogRecord } from './log-record.ts'
import type { LoggingFilter, Redaction } from './plan.ts'
import {
  bytes,
  type RequestParts,
  rule,
  testWaf,
  type TestWafOptions,
  visibility,
  webAcl,
} from './waf.fixture.ts'

const ALL = bytes({ UriPath: {} }, '/', 'STARTS_WITH')
const AT = Date.UTC(2026, 10, 24)

async function recordOf(
  acl: object,
  parts: RequestParts = {},
  options: TestWafOptions = {},
  redaction: Redaction = NO_REDACTION,
) {
  const waf = testWaf(acl, options)
  const { evaluation, request } = await waf.send(parts)
  const context = { acl: waf.acl, atMs: AT, sourceId: 'E123456', country: 'US', redaction }
  // As readers of the log see it.
  return JSON.parse(JSON.stringify(toLogRecord(evaluation, request, context))) as Record<string, unknown>
}

test('a request that no rule decided', async () => {
  const record = await recordOf(webAcl([]), {
    target: '/a?b=c',
    headers: { Host: 'example.com', 'X-A': '1' },
    ja3: 'j3',
    ja4: 'j4',
  })
  assert.deepEqual(record, {
    timestamp: AT,
    formatVersion: 1,
    webaclId: 'arn:aws:wafv2:us-east-1:000000000000:global/webacl/test/test',
    terminatingRuleId: 'Default_Action',
    terminatingRuleType: 'REGULAR',
    action: 'ALLOW',
    terminatingRuleMatchDetails: [],
    httpSourceName: 'CF',
    httpSourceId: 'E123456',
    ruleGroupList: [],
    rateBasedRuleList: [],
    nonTerminatingMatchingRules: [],
    requestHeadersInserted: null,
    responseCodeSent: null,
    httpRequest: {
      clientIp: '192.0.2.1',
      country: 'US',
      headers: [
        { name: 'Host', value: 'example.com' },
        { name: 'X-A', value: '1' },
      ],
      uri: '/a',
      args: 'b=c',
      httpVersion: 'HTTP/1.1',
      httpMethod: 'GET',
      requestId: 'test-request',
      fragment: '',
      scheme: 'https',
      host: 'example.com',
    },
    ja3Fingerprint: 'j3',
    ja4Fingerprint: 'j4',
  })
})

test('match details, sizes and oversize fields of a blocked body', async () => {
  const record = await recordOf(
    webAcl([
      rule('count', 0, ALL, {
        Count: { CustomRequestHandling: { InsertHeaders: [{ Name: 'a', Value: 'b' }] } },
      }),
      rule(
        'xss',
        1,
        {
          XssMatchStatement: {
            FieldToMatch: { Body: { OversizeHandling: 'CONTINUE' } },
            TextTransformations: [{ Priority: 0, Type: 'NONE' }],
          },
        },
        { Block: { CustomResponse: { ResponseCode: 406 - 1 } } },
      ),
    ]),
    { method: 'POST', body: `<script>${'x'.repeat(20_000)}` },
  )
  assert.equal(record['action'], 'BLOCK')
  assert.equal(record['responseCodeSent'], 405)
  assert.deepEqual(record['terminatingRuleMatchDetails'], [
    { conditionType: 'XSS', location: 'BODY', matchedData: ['<', 'script'] },
  ])
  assert.deepEqual(record['nonTerminatingMatchingRules'], [
    { ruleId: 'count', action: 'COUNT', ruleMatchDetails: [] },
  ])
  assert.deepEqual(record['oversizeFields'], ['REQUEST_BODY'])
  assert.equal(record['requestBodySize'], 20_008)
  assert.equal(record['requestBodySizeInspectedByWAF'], 16_384)
})

test('a rule group: the reference is the terminating rule, the inner rule stands in the list', async () => {
  const ruleGroups = new Map([
    [
      'group',
      {
        Rules: [rule('counted', 0, ALL, { Count: {} }), rule('excluded', 1, ALL), rule('ends', 2, ALL)],
        VisibilityConfig: visibility('group'),
      },
    ],
  ])
  const record = await recordOf(
    webAcl([
      {
        Name: 'reference',
        Priority: 0,
        Statement: { RuleGroupReferenceStatement: { ARN: 'group', ExcludedRules: [{ Name: 'excluded' }] } },
        OverrideAction: { None: {} },
        VisibilityConfig: visibility('reference'),
      },
    ]),
    {},
    { registry: { ipSets: new Map(), regexPatternSets: new Map(), ruleGroups, load: undefined } },
  )
  assert.equal(record['terminatingRuleId'], 'reference')
  assert.equal(record['terminatingRuleType'], 'GROUP')
  assert.deepEqual(record['ruleGroupList'], [
    {
      ruleGroupId: 'arn:aws:wafv2:us-east-1:000000000000:global/rulegroup/group/group',
      terminatingRule: { ruleId: 'ends', action: 'BLOCK', ruleMatchDetails: [] },
      nonTerminatingMatchingRules: [{ ruleId: 'counted', action: 'COUNT', ruleMatchDetails: [] }],
      excludedRules: [{ exclusionType: 'EXCLUDED_AS_COUNT', ruleId: 'excluded' }],
    },
  ])
})

test('rate-based rules: the key, the limit, and at most 32 characters of custom values', async () => {
  const waf = testWaf(
    webAcl([
      rule('rate', 0, {
        RateBasedStatement: {
          Limit: 10,
          EvaluationWindowSec: 120,
          AggregateKeyType: 'CUSTOM_KEYS',
          CustomKeys: [
            { HTTPMethod: {} },
            { Header: { Name: 'X-Key', TextTransformations: [{ Priority: 0, Type: 'NONE' }] } },
          ],
        },
      }),
    ]),
  )
  const parts = { headers: { Host: 'example.com', 'X-Key': 'k'.repeat(40) } }
  for (let i = 0; i < 10; i++) await waf.send(parts)
  const { evaluation, request } = await waf.send(parts)
  const record = toLogRecord(evaluation, request, {
    acl: waf.acl,
    atMs: AT,
    sourceId: 'E1',
    country: undefined,
    redaction: NO_REDACTION,
  })
  assert.equal(record['terminatingRuleType'], 'RATE_BASED')
  assert.deepEqual(record['rateBasedRuleList'], [
    {
      rateBasedRuleId: `${waf.acl.arn}/rate`,
      rateBasedRuleName: 'rate',
      limitKey: 'CUSTOMKEYS',
      maxRateAllowed: 10,
      evaluationWindowSec: '120',
      customValues: [
        { key: 'HTTP_METHOD', value: 'GET' },
        { key: 'HEADER', name: 'x-key', value: 'k'.repeat(32) },
      ],
    },
  ])
})

test('redacted fields and data protection hide values and keep names', async () => {
  const protection = (FieldType: string, FieldKeys: string[], Action: string) => ({
    Field: { FieldType, FieldKeys },
    Action,
  })
  const acl = webAcl([], {
    DataProtectionConfig: {
      DataProtections: [
        protection('SINGLE_HEADER', ['X-Token'], 'SUBSTITUTION'),
        protection('SINGLE_COOKIE', ['sid'], 'HASH'),
        protection('SINGLE_QUERY_ARGUMENT', ['Mail'], 'SUBSTITUTION'),
      ],
    },
  })
  const parts = {
    target: '/p?mail=a@b.c&x=1',
    headers: {
      Host: 'example.com',
      Authorization: 'Basic x',
      'X-Token': 'secret',
      Cookie: 'sid=42; theme=dark',
    },
  }
  const redaction: Redaction = {
    method: true,
    uriPath: true,
    queryString: false,
    headers: new Set(['authorization']),
  }
  const { httpRequest } = (await recordOf(acl, parts, {}, redaction)) as {
    httpRequest: Record<string, unknown>
  }
  assert.equal(httpRequest['httpMethod'], 'REDACTED')
  assert.equal(httpRequest['uri'], 'REDACTED')
  assert.equal(httpRequest['args'], 'mail=REDACTED&x=1')
  const headers = httpRequest['headers'] as { name: string; value: string }[]
  assert.deepEqual(headers.slice(1, 3), [
    { name: 'Authorization', value: 'REDACTED' },
    { name: 'X-Token', value: 'REDACTED' },
  ])
  assert.match(headers[3]!.value, /^sid=[0-9a-f]{64}; theme=dark$/)
})

test('a logging filter: the first that is for a request decides, else the default', async () => {
  const waf = testWaf(
    webAcl([
      rule(
        'mark',
        0,
        bytes({ UriPath: {} }, '/mark', 'STARTS_WITH'),
        { Count: {} },
        { RuleLabels: [{ Name: 'seen' }] },
      ),
      rule('block', 1, bytes({ UriPath: {} }, '/mark/block', 'EXACTLY')),
    ]),
  )
  const label = 'awswaf:000000000000:webacl:test:seen'
  const filter = (needsAll: boolean): LoggingFilter => ({
    keepsByDefault: false,
    filters: [
      { keeps: true, needsAll, conditions: [{ action: 'BLOCK' }, { label }] },
      { keeps: false, needsAll: false, conditions: [{ action: 'ALLOW' }] },
    ],
  })
  const kept = async (target: string, needsAll: boolean) =>
    isKept((await waf.send({ target })).evaluation, filter(needsAll))
  assert.equal(await kept('/', true), false)
  assert.equal(await kept('/mark', true), false)
  assert.equal(await kept('/mark', false), true)
  assert.equal(await kept('/mark/block', true), true)
})
