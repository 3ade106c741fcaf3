import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { EdgeResponse } from '../visit.ts'
import { plainAction } from './acl/read-action.ts'
import { readWebAcl } from './config.ts'
import type { ExternalGroup, ExternalHit, InspectedResponse } from './external-group.ts'
import { bytes, rule, testWaf, visibility, webAcl } from './waf.fixture.ts'

const NAMESPACE = 'awswaf:managed:owasp:crs:'
const hit = (name: string, kind: 'block' | 'count' | 'allow'): ExternalHit => ({
  rule: name,
  labels: [NAMESPACE + name],
  action: plainAction(kind),
  evidence: [],
})

interface Script {
  readonly request?: readonly ExternalHit[]
  readonly response?: (response: InspectedResponse) => readonly ExternalHit[]
  readonly requestBodyBytes?: number
  readonly seen?: string[]
}

function group({ request = [], response, requestBodyBytes = 0, seen = [] }: Script): ExternalGroup {
  return {
    capacity: 0,
    labelNamespace: NAMESPACE,
    requestBodyBytes,
    hasRule: (name) => name.startsWith('9'),
    open: (inspection) => ({
      inspectRequest: () => {
        seen.push(`${inspection.peeked.length}${inspection.isPeekedCut ? '+' : ''}`)
        return request
      },
      ...(response === undefined ? {} : { responseBodyBytes: () => 100, inspectResponse: response }),
    }),
  }
}

const crs = (more: object = {}, override: object = { None: {} }) => ({
  Name: 'core-rules',
  Priority: 0,
  Statement: { ManagedRuleGroupStatement: { VendorName: 'OWASP', Name: 'CRS', ...more } },
  OverrideAction: override,
  VisibilityConfig: visibility('core-rules'),
})

function wafWith(script: Script, acl: object = webAcl([crs()])) {
  return testWaf(acl, {
    external: new Map([['OWASP/CRS', group(script)]]),
    room: {
      errorPage: (_passage, fault) => ({
        status: fault.row.status,
        headers: new HeaderList(),
        body: Body.none(),
      }),
    },
  })
}

test('hits of an external group decide, label and count like rules of a group', async () => {
  const script = { request: [hit('942100', 'count'), hit('949110', 'block'), hit('980130', 'count')] }
  const { verdict, evaluation } = await wafWith(script).send()
  assert.equal(verdict.kind, 'refused')
  assert.equal(evaluation.terminating!.name, 'core-rules')
  assert.equal(evaluation.hit!.rule, '949110')
  assert.deepEqual(evaluation.labels, [`${NAMESPACE}942100`, `${NAMESPACE}949110`])
  assert.deepEqual(
    evaluation.groups[0]!.counted.map((each) => each.rule),
    ['942100'],
  )
})

test('overrides, exclusions and OverrideAction hold for an external group', async () => {
  const script = { request: [hit('949110', 'block'), hit('950000', 'block')] }
  const overridden = await wafWith(
    script,
    webAcl([crs({ RuleActionOverrides: [{ Name: '949110', ActionToUse: { Count: {} } }] })]),
  ).send()
  assert.equal(overridden.evaluation.hit!.rule, '950000')
  const excluded = await wafWith(
    script,
    webAcl([crs({ ExcludedRules: [{ Name: '949110' }, { Name: '950000' }] })]),
  ).send()
  assert.equal(excluded.verdict.kind, 'pass')
  assert.deepEqual(
    excluded.evaluation.groups[0]!.excluded.map((each) => each.rule),
    ['949110', '950000'],
  )
  const counted = await wafWith(script, webAcl([crs({}, { Count: {} })])).send()
  assert.equal(counted.verdict.kind, 'pass')
  assert.deepEqual(
    counted.evaluation.counted.map((each) => [each.rule, each.overridden]),
    [['core-rules', 'block']],
  )
})

test('a group is asked only for requests in the scope of its statement', async () => {
  const seen: string[] = []
  const acl = webAcl([crs({ ScopeDownStatement: bytes({ UriPath: {} }, '/api', 'STARTS_WITH') })])
  const waf = wafWith({ request: [hit('1', 'block')], seen }, acl)
  assert.equal((await waf.send({ target: '/home' })).verdict.kind, 'pass')
  assert.deepEqual(seen, [])
  assert.equal((await waf.send({ target: '/api/x' })).verdict.kind, 'refused')
})

test('a group sees as much of the body as it wants, rules of AWS no more than their limit', async () => {
  const seen: string[] = []
  const acl = webAcl([crs(), rule('behind', 1, bytes({ Body: {} }, 'needle'))])
  const waf = wafWith({ seen, requestBodyBytes: 50_000 }, acl)
  const { verdict } = await waf.send({ method: 'POST', body: `${'x'.repeat(20_000)}needle` })
  assert.equal(verdict.kind, 'pass')
  await waf.send({ method: 'POST', body: 'x'.repeat(60_000) })
  assert.deepEqual(seen, ['20006', '50000+'])
})

function response(text: string): EdgeResponse {
  return { status: 200, headers: HeaderList.of({ 'Content-Type': 'text/html' }), body: Body.bytes(text) }
}

test('a response rule refuses a response, sees its beginning, and leaves others whole', async () => {
  const script: Script = {
    response: ({ body, isCut, status }) =>
      body.includes('stack trace') ? [hit(`95${status}${isCut ? '1' : '0'}`, 'block')] : [],
  }
  const waf = wafWith(script)
  const bad = await waf.respond({}, response(`stack trace ${'x'.repeat(200)}`))
  assert.equal(bad.response.status, 403)
  assert.equal(bad.evaluation.hit!.rule, '952001')
  assert.equal(bad.evaluation.action, 'block')
  assert.deepEqual(bad.evaluation.labels, [`${NAMESPACE}952001`])
  const good = await waf.respond({}, response('all is well'))
  assert.equal(good.response.status, 200)
  assert.equal((good.response.body.take() as Buffer).toString(), 'all is well')
})

test('OverrideAction Count lets a refused response go', async () => {
  const script: Script = { response: () => [hit('951000', 'block')] }
  const { response: sent, evaluation } = await wafWith(script, webAcl([crs({}, { Count: {} })])).respond(
    {},
    response('x'),
  )
  assert.equal(sent.status, 200)
  assert.deepEqual(
    evaluation.counted.map((each) => each.rule),
    ['core-rules'],
  )
})

test('check marks an external group as one that AWS would not take, and names overrides it does not have', () => {
  const { acl, notes, problems } = readWebAcl(
    webAcl([crs({ RuleActionOverrides: [{ Name: 'nobody', ActionToUse: { Count: {} } }] })]),
    { external: new Map([['OWASP/CRS', group({})]]) },
  )
  assert.deepEqual(problems, [])
  assert.notEqual(acl, undefined)
  const said = notes.map(({ message }) => message)
  assert.ok(said.includes('OWASP CRS runs here only; AWS WAF has no such managed rule group'))
  assert.ok(said.some((text) => text.includes('CRS has no rule named nobody here')))
})

test('a stored response in which nothing was found is not looked at again, one that was found is', async () => {
  let looked = 0
  const script: Script = {
    response: ({ body }) => {
      looked++
      return body.includes('stack trace') ? [hit('952001', 'block')] : []
    },
  }
  const waf = wafWith(script)
  const good = {}
  const bad = {}
  for (let i = 0; i < 3; i++) {
    const fine = await waf.respond({}, { ...response('all is well'), stored: good })
    assert.equal(fine.response.status, 200)
  }
  assert.equal(looked, 1)
  for (let i = 0; i < 3; i++) {
    const leak = await waf.respond({}, { ...response('stack trace'), stored: bad })
    assert.equal(leak.response.status, 403)
  }
  assert.equal(looked, 4)
  await waf.respond({}, response('all is well'))
  assert.equal(looked, 5)
})
