import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { judgePolicy, parseSignedPolicy } from './signed-policy.ts'

const before = { DateLessThan: { 'AWS:EpochTime': 200 } }
const policyOf = (condition: unknown, rest: object = { Resource: '*' }) =>
  JSON.stringify({ Statement: [{ ...rest, Condition: condition }] })

test('a custom policy is read in its documented form', () => {
  const all = {
    ...before,
    DateGreaterThan: { 'AWS:EpochTime': 100 },
    IpAddress: { 'AWS:SourceIp': '192.0.2.0/24' },
  }
  const read = { resource: '*', dateLessThan: 200, dateGreaterThan: 100, sourceIp: '192.0.2.0/24' }
  assert.deepEqual(parseSignedPolicy(policyOf(all)), read)
  assert.deepEqual(parseSignedPolicy(JSON.stringify({ Statement: { Resource: '*', Condition: all } })), read)
  const spaced = JSON.stringify(
    { Version: '2012-10-17', Statement: [{ Resource: '*', Condition: all }] },
    null,
    2,
  )
  assert.deepEqual(parseSignedPolicy(spaced), read)
  assert.deepEqual(parseSignedPolicy(policyOf(before, {})), {
    resource: undefined,
    dateLessThan: 200,
    dateGreaterThan: undefined,
    sourceIp: undefined,
  })
})

test('a policy that says something else is malformed', () => {
  const withIp = (sourceIp: unknown) => policyOf({ ...before, IpAddress: { 'AWS:SourceIp': sourceIp } })
  const withEnd = (time: unknown) => policyOf({ DateLessThan: { 'AWS:EpochTime': time } })
  const statement = { Resource: '*', Condition: before }
  const cases: readonly string[] = [
    '',
    'null',
    '[]',
    '"x"',
    '{"Statement":',
    '{}',
    '{"Statement":[]}',
    '{"Statement":[null]}',
    '{"Statement":[[]]}',
    JSON.stringify({ Statement: [statement, statement] }),
    JSON.stringify({ Statement: [{ Resource: '*' }] }),
    JSON.stringify({ Statement: [{ ...statement, Effect: 'Deny' }] }),
    JSON.stringify({ Statement: [{ ...statement, NotResource: 'https://a.test/secret' }] }),
    `{"Statement":[{"__proto__":{},"Resource":"*","Condition":${JSON.stringify(before)}}]}`,
    policyOf(before, { Resource: ['*'] }),
    policyOf(before, { Resource: null }),
    policyOf([]),
    policyOf({}),
    policyOf({ DateGreaterThan: { 'AWS:EpochTime': 1 } }),
    policyOf({ ...before, StringEquals: { 'aws:UserAgent': 'x' } }),
    policyOf({ ...before, DateGreaterThan: {} }),
    policyOf({ ...before, DateGreaterThan: null }),
    policyOf({ ...before, DateGreaterThan: { 'AWS:EpochTime': '1' } }),
    policyOf({ DateLessThan: { 'AWS:EpochTime': 1, 'AWS:Other': 1 } }),
    withEnd('200'),
    withEnd(1.5),
    withEnd(-1),
    withEnd(null),
    withEnd(2 ** 60),
    withIp('2001:db8::/32'),
    withIp('::ffff:192.0.2.0/120'),
    withIp('192.0.2.0/33'),
    withIp('192.0.2/24'),
    withIp('192.0.2.0/'),
    withIp(['192.0.2.0/24']),
    withIp(undefined),
  ]
  for (const json of cases) assert.equal(parseSignedPolicy(json), undefined, json)
})

test('the bounds of time are strict', () => {
  const policy = { resource: undefined, dateLessThan: 200, dateGreaterThan: 100, sourceIp: undefined }
  const target = { scheme: 'https', host: 'a.test', path: '/', query: undefined } as const
  const cases = [
    [99, 'the policy is not valid yet'],
    [100, 'the policy is not valid yet'],
    [101, undefined],
    [199, undefined],
    [200, 'the policy has expired'],
    [201, 'the policy has expired'],
  ] as const
  for (const [now, refusal] of cases) assert.equal(judgePolicy(policy, target, '192.0.2.1', now), refusal)
})

test('an address condition knows IPv4 addresses and ranges', () => {
  const target = { scheme: 'https', host: 'a.test', path: '/', query: undefined } as const
  const cases: readonly (readonly [sourceIp: string, clientIp: string, isIn: boolean])[] = [
    ['192.0.2.10/32', '192.0.2.10', true],
    ['192.0.2.10', '192.0.2.10', true],
    ['192.0.2.10/32', '192.0.2.11', false],
    ['192.0.2.0/24', '192.0.2.255', true],
    ['192.0.2.77/24', '192.0.2.1', true],
    ['0.0.0.0/0', '203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['0.0.0.0/0', 'rubbish', false],
  ]
  for (const [sourceIp, clientIp, isIn] of cases) {
    const policy = { resource: undefined, dateLessThan: 200, dateGreaterThan: undefined, sourceIp }
    const refusal = isIn ? undefined : 'the policy is for another client address'
    assert.equal(judgePolicy(policy, target, clientIp, 1), refusal, `${clientIp} in ${sourceIp}`)
  }
})

test('any JSON is read without failing', () => {
  fc.assert(fc.property(fc.json(), (json) => parseSignedPolicy(json) === undefined))
  assert.equal(parseSignedPolicy('['.repeat(8000)), undefined)
  assert.equal(parseSignedPolicy(`${'{"Statement":'.repeat(500)}1${'}'.repeat(500)}`), undefined)
})
