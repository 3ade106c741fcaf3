import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { join } from 'node:path'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { bytes, rule, visibility, webAcl } from '../../src/waf/waf.fixture.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { planOf, type RunningEdge, runEdge, statusOf, talk } from '../support/running-edge.ts'

const ALL = bytes({ UriPath: {} }, '/', 'STARTS_WITH')

/** An origin that gives back what it was sent. */
async function echoOrigin() {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      response.setHeader('content-type', 'application/json')
      const body = Buffer.concat(chunks)
      response.end(
        JSON.stringify({
          url: request.url,
          headers: request.headers,
          bytes: body.length,
          end: body.subarray(-4).toString(),
        }),
      )
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

interface Echo {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: number
  readonly end: string
}

function site(originUrl: string, acl: unknown, more: object = {}) {
  return {
    origins: { o: { url: originUrl } },
    defaultBehavior: {
      origin: 'o',
      cachePolicy: 'CachingDisabled',
      originRequestPolicy: 'AllViewer',
      allowedMethods: 'all',
    },
    webAcl: acl,
    ...more,
  }
}

test('a blocked request gets the 403 of CloudFront and never reaches the origin', async () => {
  await using edge = await runEdge(
    site(
      'http://127.0.0.1:9',
      webAcl([rule('no-admin', 0, bytes({ UriPath: {} }, '/admin', 'STARTS_WITH'))]),
    ),
  )
  const response = await fetch(`${edge.url}/admin/x`)
  assert.equal(response.status, 403)
  assert.match(await response.text(), /Request blocked\./)
  assert.equal(response.headers.get('x-cache'), 'Error from edgeward')
  const [visit] = await edge.ended(1)
  assert.equal(visit!.exit, 'waf')
  assert.equal(visit!.fault, 'RequestBlocked')
  assert.match(visit!.cause!, /no-admin/)
  assert.deepEqual(visit!.waf, { webAcl: 'test', action: 'block', rule: 'no-admin', labels: [] })
})

test('a custom error page takes the place of a block, and a custom response does not give way to it', async () => {
  await using origin = await echoOrigin()
  const acl = webAcl([
    rule('plain', 0, bytes({ UriPath: {} }, '/plain', 'EXACTLY')),
    rule('own', 1, bytes({ UriPath: {} }, '/own', 'EXACTLY'), {
      Block: { CustomResponse: { ResponseCode: 403 } },
    }),
  ])
  const customErrorResponses = [{ errorCode: 403, responsePagePath: '/sorry', responseCode: 200 }]
  await using edge = await runEdge(site(origin.url, acl, { customErrorResponses }))
  const plain = await fetch(`${edge.url}/plain`)
  assert.equal(plain.status, 200)
  assert.equal(((await plain.json()) as Echo).url, '/sorry')
  const own = await fetch(`${edge.url}/own`)
  assert.equal(own.status, 403)
  assert.equal(await own.text(), '')
})

test('headers that rules insert reach the origin, and the whole body behind what was inspected', async () => {
  await using origin = await echoOrigin()
  const acl = webAcl([
    rule('mark', 0, bytes({ Body: { OversizeHandling: 'CONTINUE' } }, 'needle'), {
      Count: { CustomRequestHandling: { InsertHeaders: [{ Name: 'seen', Value: 'needle' }] } },
    }),
  ])
  await using edge = await runEdge(site(origin.url, acl))
  const long = `needle${'x'.repeat(200_000)}tail`
  const near = (await (await fetch(`${edge.url}/`, { method: 'POST', body: long })).json()) as Echo
  assert.equal(near.headers['x-amzn-waf-seen'], 'needle')
  assert.equal(near.bytes, long.length)
  assert.equal(near.end, 'tail')
  // Behind the 16 KB that are inspected nothing is seen, but everything goes on.
  const far = `${'x'.repeat(20_000)}needle${'y'.repeat(10)}tail`
  const unseen = (await (await fetch(`${edge.url}/`, { method: 'POST', body: far })).json()) as Echo
  assert.equal(unseen.headers['x-amzn-waf-seen'], undefined)
  assert.equal(unseen.bytes, far.length)
})

test('oversize handling decides about bodies beyond the limit, and a larger limit is an option', async () => {
  await using origin = await echoOrigin()
  const acl = webAcl([rule('big', 0, bytes({ Body: { OversizeHandling: 'MATCH' } }, 'never there'))])
  await using edge = await runEdge(site(origin.url, acl))
  const send = (on: RunningEdge, length: number) =>
    fetch(on.url, { method: 'POST', body: 'x'.repeat(length) })
  assert.equal((await send(edge, 16_384)).status, 200)
  assert.equal((await send(edge, 16_385)).status, 403)
  await using wider = await runEdge(site(origin.url, acl, { waf: { bodyLimitBytes: 100_000 } }))
  assert.equal((await send(wider, 100_000)).status, 200)
  assert.equal((await send(wider, 100_001)).status, 403)
})

test('a rate-based rule blocks above its limit, keeps counting while it blocks, and lets go when the rate falls', async () => {
  await using origin = await echoOrigin()
  const clock = new ManualClock()
  const acl = webAcl([
    rule('rate', 0, {
      RateBasedStatement: {
        Limit: 10,
        EvaluationWindowSec: 60,
        AggregateKeyType: 'CUSTOM_KEYS',
        CustomKeys: [
          { IP: {} },
          { Header: { Name: 'x-user', TextTransformations: [{ Priority: 0, Type: 'LOWERCASE' }] } },
        ],
      },
    }),
  ])
  await using edge = await runEdge(site(origin.url, acl), { clock })
  // A connection each: moving the clock closes those that wait.
  const ask = async (user: string | undefined) => {
    const header = user === undefined ? '' : `X-User: ${user}\r\n`
    return statusOf(await talk(edge.port, `GET / HTTP/1.1\r\nHost: a\r\n${header}Connection: close\r\n\r\n`))
  }
  for (let i = 0; i < 10; i++) assert.equal(await ask(i % 2 === 0 ? 'Anna' : 'anna'), 200)
  assert.equal(await ask('anna'), 403)
  // Another instance of the keys, and requests without a key, are not limited.
  assert.equal(await ask('bert'), 200)
  for (let i = 0; i < 12; i++) assert.equal(await ask(undefined), 200)
  clock.advance(40_000)
  assert.equal(await ask('anna'), 403)
  clock.advance(75_000)
  assert.equal(await ask('anna'), 200)
})

test('an IP set of the state takes the place of the configured one while the edge runs', async () => {
  await using origin = await echoOrigin()
  const acl = webAcl([
    rule('office', 0, { NotStatement: { Statement: { IPSetReferenceStatement: { ARN: 'office' } } } }),
  ])
  await using edge = await runEdge(site(origin.url, acl), { top: { ipSets: { office: ['127.0.0.0/8'] } } })
  const status = async () => (await fetch(edge.url)).status
  assert.equal(await status(), 200)
  const { ipSets } = edge.edge.waf.state!
  const set = await ipSets.create('office', { family: 'any', addresses: ['192.0.2.0/24'] })
  assert.equal(await status(), 403)
  const next = await ipSets.update('office', set.lockToken, ['192.0.2.0/24', '127.0.0.1/32'])
  assert.equal(await status(), 200)
  await ipSets.update('office', next.lockToken, [])
  assert.equal(await status(), 403)
})

test('a reload changes the rules and keeps what was counted', async () => {
  await using origin = await echoOrigin()
  const rate = rule('rate', 0, {
    RateBasedStatement: { Limit: 10, EvaluationWindowSec: 300, AggregateKeyType: 'IP' },
  })
  const config = (acl: object) => ({
    listeners: [{ port: 0, host: '127.0.0.1' }],
    distributions: { test: site(origin.url, acl) },
    admin: false,
  })
  await using edge = await runEdge(site(origin.url, webAcl([rate])))
  for (let i = 0; i < 10; i++) assert.equal((await fetch(edge.url)).status, 200)
  const next = await planOf(
    config(webAcl([rate, rule('path', 1, bytes({ UriPath: {} }, '/gone', 'EXACTLY'))])),
    edge.folder,
    2,
  )
  await edge.edge.reload(next)
  assert.equal((await fetch(`${edge.url}/gone`)).status, 403)
  const visits = await edge.ended(11)
  assert.equal(visits.at(-1)!.waf!.rule, 'rate')
})

test('the log of the WAF has the schema of AWS, and hides what it is told to', async () => {
  await using origin = await echoOrigin()
  const acl = webAcl([
    rule('mark', 0, ALL, { Count: {} }, { RuleLabels: [{ Name: 'seen' }] }),
    rule('sqli', 1, {
      SqliMatchStatement: {
        FieldToMatch: { AllQueryArguments: {} },
        TextTransformations: [{ Priority: 0, Type: 'URL_DECODE' }],
      },
    }),
  ])
  const waf = {
    log: { folder: 'waf-log', redactedFields: [{ SingleHeader: { Name: 'Authorization' } }] },
  }
  await using edge = await runEdge(site(origin.url, acl, { waf }))
  await fetch(`${edge.url}/a?q=1%20UNION%20SELECT%20password%20FROM%20users--`, {
    headers: { authorization: 'Bearer secret' },
  })
  await fetch(`${edge.url}/b`)
  await edge.edge.waf.log.flush()
  const folder = join(edge.folder, 'waf-log')
  const [file] = await readdir(folder)
  assert.match(file!, /^aws-waf-logs-test\./)
  const text = await readFile(join(folder, file!), 'utf8')
  assert.doesNotMatch(text, /Bearer secret/)
  const [blocked, allowed] = text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  assert.equal(blocked!['action'], 'BLOCK')
  assert.equal(blocked!['terminatingRuleId'], 'sqli')
  assert.equal(blocked!['terminatingRuleType'], 'REGULAR')
  assert.deepEqual(blocked!['labels'], [{ name: 'awswaf:000000000000:webacl:test:seen' }])
  const [details] = blocked!['terminatingRuleMatchDetails'] as Record<string, unknown>[]
  assert.equal(details!['conditionType'], 'SQL_INJECTION')
  assert.equal(details!['location'], 'ALL_QUERY_ARGS')
  assert.equal(details!['matchedFieldName'], 'q')
  assert.equal(allowed!['action'], 'ALLOW')
  assert.equal(allowed!['terminatingRuleId'], 'Default_Action')
  assert.equal(allowed!['httpSourceName'], 'CF')
})

test('explain shows every rule visited, the transformed value and the bytes that matched, and counts nothing', async () => {
  await using edge = await runEdge(
    site(
      'http://127.0.0.1:9',
      webAcl([
        rule('first', 0, bytes({ UriPath: {} }, '/never', 'EXACTLY'), { Count: {} }),
        rule('rate', 1, {
          RateBasedStatement: { Limit: 10, EvaluationWindowSec: 60, AggregateKeyType: 'IP' },
        }),
        rule(
          'traversal',
          2,
          bytes({ SingleQueryArgument: { Name: 'file' } }, '../', 'CONTAINS', 'URL_DECODE'),
        ),
      ]),
    ),
  )
  const question = { url: `${edge.url}/x?file=a%2F..%2F..%2Fetc`, method: 'GET', headers: [] }
  for (let i = 0; i < 12; i++) await edge.edge.explain(question)
  const { stages, outcome } = await edge.edge.explain(question)
  const says = stages.find(({ stage }) => stage === 'waf')!.says
  assert.deepEqual(says, [
    'web ACL test, 24 capacity units',
    'first: no match',
    'rate: no match',
    'traversal: block',
    '  SINGLE_QUERY_ARG file: ByteMatchStatement matched »../« at 2 of "a/../../etc"',
    'traversal decided: block',
  ])
  assert.equal(outcome, '403 by traversal of the web ACL (block)')
})

test('a group that Firewall Manager puts in and one of the registry share labels across the web ACL', async () => {
  await using origin = await echoOrigin()
  const ruleGroups = {
    marks: {
      Name: 'marks',
      Capacity: 100,
      Rules: [rule('mark', 0, ALL, { Count: {} }, { RuleLabels: [{ Name: 'seen' }] })],
      VisibilityConfig: visibility('marks'),
    },
  }
  const acl = webAcl([
    {
      Name: 'marks',
      Priority: 0,
      Statement: {
        RuleGroupReferenceStatement: { ARN: 'arn:aws:wafv2:us-east-1:000000000000:global/rulegroup/marks/1' },
      },
      OverrideAction: { None: {} },
      VisibilityConfig: visibility('marks'),
    },
    rule('block', 1, {
      LabelMatchStatement: { Scope: 'LABEL', Key: 'awswaf:000000000000:rulegroup:marks:seen' },
    }),
  ])
  await using edge = await runEdge(site(origin.url, acl), { top: { ruleGroups } })
  assert.equal((await fetch(edge.url)).status, 403)
})

test('rules see the path that was asked for, not the default root object', async () => {
  await using origin = await echoOrigin()
  const acl = webAcl([rule('file', 0, bytes({ UriPath: {} }, '/index.html', 'EXACTLY'))])
  await using edge = await runEdge(site(origin.url, acl, { defaultRootObject: 'index.html' }))
  const response = await fetch(`${edge.url}/`)
  assert.equal(((await response.json()) as Echo).url, '/index.html')
})
