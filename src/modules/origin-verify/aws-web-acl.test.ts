import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { inspect } from 'node:util'
import { type FakeWaf, fakeWaf } from '../../../test/support/aws/waf.ts'
import { tellAwsWebAcl } from './aws-web-acl.ts'

const RULE = 'edgeward-origin-verify'
const news = (...accepted: string[]) => ({ header: 'X-Origin-Verify', accepted, send: accepted[0]! })
const visibility = (name: string) => ({
  SampledRequestsEnabled: true,
  CloudWatchMetricsEnabled: true,
  MetricName: name,
})

/** An ACL with something in every member that an update would lose if it were not sent back. */
const full = {
  Name: 'shop',
  Id: 'a1b2c3',
  ARN: 'arn:aws:wafv2:eu-central-1:123456789012:regional/webacl/shop/a1b2c3',
  DefaultAction: { Allow: { CustomRequestHandling: { InsertHeaders: [{ Name: 'x-waf', Value: '1' }] } } },
  Description: 'before the load balancer',
  Rules: [
    {
      Name: 'managed',
      Priority: 5,
      OverrideAction: { None: {} },
      VisibilityConfig: visibility('managed'),
      Statement: { ManagedRuleGroupStatement: { VendorName: 'AWS', Name: 'AWSManagedRulesCommonRuleSet' } },
    },
    {
      Name: 'rate',
      Priority: 9,
      Action: { Block: { CustomResponse: { ResponseCode: 429, CustomResponseBodyKey: 'slow' } } },
      RuleLabels: [{ Name: 'rate' }],
      VisibilityConfig: visibility('rate'),
      Statement: { RateBasedStatement: { Limit: 1000, AggregateKeyType: 'IP', EvaluationWindowSec: 60 } },
    },
  ],
  VisibilityConfig: visibility('shop'),
  CustomResponseBodies: { slow: { ContentType: 'TEXT_PLAIN', Content: 'slow down' } },
  CaptchaConfig: { ImmunityTimeProperty: { ImmunityTime: 300 } },
  ChallengeConfig: { ImmunityTimeProperty: { ImmunityTime: 600 } },
  TokenDomains: ['shop.test'],
  AssociationConfig: { RequestBody: { CLOUDFRONT: { DefaultSizeInspectionLimit: 'KB_32' } } },
}

const environment = { AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE', AWS_SECRET_ACCESS_KEY: 'example' }
const kept = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]))
before(() => Object.assign(process.env, environment))
after(() => {
  for (const [name, value] of Object.entries(kept)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

const tell = (waf: FakeWaf, given: ReturnType<typeof news>): Promise<void> =>
  tellAwsWebAcl(
    { name: 'shop', id: 'a1b2c3', scope: 'REGIONAL', region: 'eu-central-1', endpoint: waf.endpoint },
    RULE,
    given,
  )

/** The values that our rule lets pass. */
function valuesOf(acl: Readonly<Record<string, unknown>>): string[] {
  const text = JSON.stringify((acl['Rules'] as { Name: string }[]).find(({ Name }) => Name === RULE))
  return [...text.matchAll(/"SearchString":"([^"]+)"/g)].map(([, value]) =>
    Buffer.from(value!, 'base64').toString(),
  )
}

test('the rule is put in front of the others, then only its values change, and nothing else ever', async () => {
  await using waf = await fakeWaf(full)
  await tell(waf, news('value-one'))
  const { Rules, ...rest } = waf.acl()
  const { Rules: rulesBefore, ...restBefore } = full
  assert.deepEqual(rest, restBefore)
  const [first, ...others] = Rules as { Name: string; Priority: number; Statement: unknown }[]
  assert.deepEqual(others, rulesBefore)
  assert.equal(first?.Name, RULE)
  assert.equal(first.Priority, 0)
  assert.deepEqual(first.Statement, {
    NotStatement: {
      Statement: {
        ByteMatchStatement: {
          SearchString: Buffer.from('value-one').toString('base64'),
          FieldToMatch: { SingleHeader: { Name: 'x-origin-verify' } },
          TextTransformations: [{ Priority: 0, Type: 'NONE' }],
          PositionalConstraint: 'EXACTLY',
        },
      },
    },
  })
  await tell(waf, news('value-one', 'value-two'))
  assert.deepEqual(valuesOf(waf.acl()), ['value-one', 'value-two'])
  await tell(waf, news('value-two', 'value-three'))
  assert.deepEqual(valuesOf(waf.acl()), ['value-two', 'value-three'])
  assert.deepEqual((waf.acl()['Rules'] as unknown[]).slice(1), rulesBefore)
})

test('what somebody set on our rule stays: its place, its action, its metrics', async () => {
  await using waf = await fakeWaf(full)
  const ours = {
    Name: RULE,
    Priority: 7,
    Action: { Count: {} },
    VisibilityConfig: visibility('mine'),
    Statement: { GeoMatchStatement: { CountryCodes: ['XX'] } },
  }
  waf.change({ Rules: [full.Rules[0], ours, full.Rules[1]] })
  await tell(waf, news('value-one'))
  const rules = waf.acl()['Rules'] as (typeof ours)[]
  assert.deepEqual({ ...rules[1], Statement: undefined }, { ...ours, Statement: undefined })
  assert.deepEqual(valuesOf(waf.acl()), ['value-one'])
})

test('an ACL that others change at the same moment is read anew, and their change stays', async () => {
  await using waf = await fakeWaf(full)
  waf.interfere(3)
  await tell(waf, news('value-one'))
  assert.deepEqual(valuesOf(waf.acl()), ['value-one'])
  assert.equal(waf.calls.filter(({ operation }) => operation === 'GetWebACL').length, 4)
  waf.interfere(1_000)
  await assert.rejects(
    tell(waf, news('value-two')),
    /the web ACL shop in AWS WAF could not be changed: WAFOptimisticLock/,
  )
})

test('an error names the ACL and what AWS said, and shows no value', async () => {
  await using waf = await fakeWaf({ ...full, Id: 'other' })
  await assert.rejects(tell(waf, news('secret-value')), (error) => {
    assert.match(
      String(error),
      /the web ACL shop in AWS WAF could not be changed: WAFNonexistentItemException/,
    )
    assert.ok(!inspect(error, { depth: 9 }).includes('secret-value'))
    assert.ok(!inspect(error, { depth: 9 }).includes(Buffer.from('secret-value').toString('base64')))
    return true
  })
})

test('where no place in front is left, it is said what to do', async () => {
  await using waf = await fakeWaf(full)
  waf.change({ Rules: [{ ...full.Rules[0], Priority: 0 }] })
  await assert.rejects(tell(waf, news('v')), /has a rule of priority 0.*give the rules higher numbers/)
  assert.ok(!waf.calls.some(({ operation }) => operation === 'UpdateWebACL'))
})

test('the fake refuses what AWS refuses: members that are missing, a stale token, a request that is not signed', async () => {
  await using waf = await fakeWaf(full)
  const send = async (operation: string, body: object, headers: Record<string, string> = {}) => {
    const response = await fetch(waf.endpoint, {
      method: 'POST',
      headers: { 'x-amz-target': `AWSWAF_20190729.${operation}`, ...headers },
      body: JSON.stringify(body),
    })
    return `${response.status} ${await response.text()}`
  }
  assert.match(await send('GetWebACL', {}), /^403 .*not signed/)
  const authorization = `AWS4-HMAC-SHA256 Credential=a/20261126/r/wafv2/aws4_request, SignedHeaders=host, Signature=${'0'.repeat(64)}`
  const which = { Name: 'shop', Id: 'a1b2c3', Scope: 'REGIONAL' }
  const update = { ...which, DefaultAction: { Allow: {} }, VisibilityConfig: visibility('shop') }
  assert.match(
    await send('UpdateWebACL', update, { authorization }),
    /^400 .*UpdateWebACL\.LockToken is required/,
  )
  assert.match(
    await send('UpdateWebACL', { ...update, LockToken: 'stale' }, { authorization }),
    /^400 .*WAFOptimisticLockException/,
  )
})
