import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { fakeEc2 } from '../../../test/support/aws/ec2.ts'
import { fakeIpSets } from '../../../test/support/aws/waf-ip-sets.ts'
import { createAwsIpSets } from './aws-ip-sets.ts'
import { rangesOf } from './contract.ts'
import { createSecurityGroups } from './security-groups.ts'
import { applyTarget } from './target.ts'

const environment = {
  AWS_ACCESS_KEY_ID: 'AKIAEXAMPLE',
  AWS_SECRET_ACCESS_KEY: 'example',
  AWS_REGION: 'eu-central-1',
}
const kept = Object.fromEntries(Object.keys(environment).map((name) => [name, process.env[name]]))
before(() => Object.assign(process.env, environment))
after(() => {
  for (const [name, value] of Object.entries(kept)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

const config = {
  vpcId: 'vpc-1',
  ports: [{ from: 443, to: 443 }],
  prefixName: 'edge',
  rulesPerGroup: 60,
  groupsPerInterface: 5,
}

test('a rule that somebody else authorised between reading and writing is no failure: it is planned anew', async () => {
  await using ec2 = await fakeEc2()
  const target = createSecurityGroups({ ...config, endpoint: ec2.endpoint })
  await applyTarget(target, rangesOf('192.0.2.0/24'), () => {})
  const [group] = ec2.groups.values()
  let isFirst = true
  await applyTarget(target, rangesOf('192.0.2.0/24', '198.51.100.0/24', '203.0.113.0/24'), () => {
    if (isFirst)
      group!.rules.set('tcp 443 443 198.51.100.0/24', {
        protocol: 'tcp',
        from: 443,
        to: 443,
        cidr: '198.51.100.0/24',
      })
    isFirst = false
  })
  assert.deepEqual([...group!.rules.values()].map(({ cidr }) => cidr).toSorted(), [
    '192.0.2.0/24',
    '198.51.100.0/24',
    '203.0.113.0/24',
  ])
  target.close()
})

test('groups of other VPCs, other prefixes and other people are left alone', async () => {
  await using ec2 = await fakeEc2()
  for (const [id, name, vpc, tag] of [
    ['sg-a', 'edge-1', 'vpc-2', 'edge'],
    ['sg-b', 'other-1', 'vpc-1', 'other'],
    ['sg-c', 'edge-9', 'vpc-1', undefined],
  ] as const)
    (ec2.groups as Map<string, unknown>).set(id, {
      id,
      name,
      vpc,
      tags: new Map(tag === undefined ? [] : [['edgeward:ip-ranges', tag]]),
      rules: new Map([['x', { protocol: 'tcp', from: 22, to: 22, cidr: '10.0.0.0/8' }]]),
    })
  const target = createSecurityGroups({ ...config, endpoint: ec2.endpoint })
  await applyTarget(target, rangesOf('192.0.2.0/24', '2001:db8::/32'), () => {})
  for (const id of ['sg-a', 'sg-b', 'sg-c']) assert.equal(ec2.groups.get(id)!.rules.size, 1)
  assert.equal(ec2.groups.size, 4)
  target.close()
})

test('a call that AWS refuses says what was tried and why, and nothing of the request', async () => {
  await using ec2 = await fakeEc2({ rulesPerGroup: 1 })
  const target = createSecurityGroups({ ...config, endpoint: ec2.endpoint })
  await assert.rejects(
    applyTarget(target, rangesOf('192.0.2.0/24', '198.51.100.0/24'), () => {}),
    (error: Error) => {
      assert.equal(
        error.message,
        'authorize 2 rules in edge-1 failed: RulesPerSecurityGroupLimitExceeded: The maximum number of rules per security group has been reached.',
      )
      assert.equal(error.cause, undefined)
      return true
    },
  )
  target.close()
})

test('an IP set of AWS WAF that others update at the same time is read anew, five times at most', async () => {
  await using waf = await fakeIpSets()
  const target = createAwsIpSets({ prefixName: 'edge', scope: 'REGIONAL', endpoint: waf.endpoint })
  await applyTarget(target, rangesOf('192.0.2.0/24'), () => {})
  waf.interfere(3)
  await applyTarget(target, rangesOf('198.51.100.0/24'), () => {})
  assert.deepEqual(waf.addresses().get('edge-ipv4'), ['198.51.100.0/24'])
  waf.interfere(100)
  await assert.rejects(
    applyTarget(target, rangesOf('203.0.113.0/24'), () => {}),
    /replace the IP set edge-ipv4 failed: WAFOptimisticLockException/,
  )
  target.close()
})
