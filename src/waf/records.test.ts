import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ManualClock } from '../../test/support/manual-clock.ts'
import { bytes, rule, testWaf, visibility, webAcl } from './waf.fixture.ts'

const ALL = bytes({ UriPath: {} }, '/', 'STARTS_WITH')
const hidden = { SampledRequestsEnabled: false, CloudWatchMetricsEnabled: false, MetricName: 'quiet' }

test('requests are counted by rule under the names of AWS metrics, labels by name', async () => {
  const waf = testWaf(
    webAcl([
      rule('mark', 0, ALL, { Count: {} }, { RuleLabels: [{ Name: 'seen' }] }),
      rule('block', 1, bytes({ UriPath: {} }, '/b', 'EXACTLY')),
      rule('captcha', 2, bytes({ UriPath: {} }, '/c', 'EXACTLY'), { Captcha: {} }),
    ]),
  )
  for (const target of ['/a', '/b', '/b', '/c']) await waf.send({ target })
  const records = waf.waf.records(waf.acl.arn)!
  const shown = Object.fromEntries(
    [...records.counts].map(([name, counts]) => [
      name,
      Object.fromEntries(Object.entries(counts).filter(([, count]) => count > 0)),
    ]),
  )
  assert.deepEqual(shown, {
    Default_Action: { AllowedRequests: 1 },
    ALL: { AllowedRequests: 1, BlockedRequests: 2, CaptchaRequests: 1 },
    mark: { CountedRequests: 4 },
    block: { BlockedRequests: 2 },
    captcha: { CaptchaRequests: 1 },
  })
  assert.deepEqual([...records.labels], [['awswaf:000000000000:webacl:test:seen', 4]])
})

test('a rule may ask for neither samples nor metrics', async () => {
  const waf = testWaf(webAcl([rule('quiet', 0, ALL, { Block: {} }, { VisibilityConfig: hidden })]))
  await waf.send()
  const records = waf.waf.records(waf.acl.arn)!
  assert.equal(records.hasMetrics('quiet'), false)
  assert.equal(records.sampled('quiet', 0, Infinity, 10).samples.length, 0)
})

test('at most a hundred samples of a rule are kept, of three hours, and a flood leaves room for what comes later', async () => {
  const clock = new ManualClock()
  const waf = testWaf(webAcl([rule('block', 0, ALL)]), { clock })
  for (let i = 0; i < 1_000; i++) await waf.send({ target: `/flood/${i}` })
  clock.advance(60_000)
  for (let i = 0; i < 10; i++) await waf.send({ target: `/later/${i}` })
  const records = waf.waf.records(waf.acl.arn)!
  const { samples, population } = records.sampled('block', 0, clock.now(), 500)
  assert.equal(population, 1_010)
  assert.equal(samples[0]!.path, '/later/9')
  assert.ok(samples.some(({ path }) => path.startsWith('/flood/')))
  for (let i = 0; i < 20; i++) {
    clock.advance(1_000)
    for (let j = 0; j < 30; j++) await waf.send()
  }
  assert.equal(records.sampled('block', 0, clock.now(), 500).samples.length, 100)
  assert.equal(records.sampled('block', 0, clock.now() + 4 * 3_600_000, 500).samples.length, 0)
})

test('a group is told as passed when nothing in it matched', async () => {
  const ruleGroups = new Map([
    [
      'group',
      {
        Rules: [rule('never', 0, bytes({ UriPath: {} }, '/x', 'EXACTLY'))],
        VisibilityConfig: visibility('group'),
      },
    ],
  ])
  const waf = testWaf(
    webAcl([
      {
        Name: 'ref',
        Priority: 0,
        Statement: { RuleGroupReferenceStatement: { ARN: 'group' } },
        OverrideAction: { None: {} },
        VisibilityConfig: visibility('ref'),
      },
    ]),
    { registry: { ipSets: new Map(), regexPatternSets: new Map(), ruleGroups, load: undefined } },
  )
  await waf.send()
  await waf.send({ target: '/x' })
  const { counts } = waf.waf.records(waf.acl.arn)!
  assert.equal(counts.get('group')!.PassedRequests, 1)
  assert.equal(counts.get('group/never')!.BlockedRequests, 1)
})
