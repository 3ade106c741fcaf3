import assert from 'node:assert/strict'
import { mkdtemp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startAdmin } from '../../src/admin/server.ts'
import { createCli } from '../../src/cli/cli.ts'
import { bytes, rule, visibility, webAcl } from '../../src/waf/waf.fixture.ts'
import { runEdge } from '../support/running-edge.ts'

/** Runs one command and gives its exit code and what it printed. */
async function cli(...argv: readonly string[]) {
  const out: string[] = []
  const errors: string[] = []
  const code = await createCli({
    out: (line) => void out.push(line),
    error: (line) => void errors.push(line),
    isTerminal: false,
  }).run(argv)
  return { code, out: out.join('\n'), error: errors.join('\n') }
}

async function configured() {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-waf-'))
  await mkdir(join(folder, 'site'))
  const file = join(folder, 'edgeward.config.json')
  const config = {
    admin: false,
    ipSets: { bad: ['192.0.2.0/24'] },
    distributions: {
      shop: {
        origins: { site: { folder: './site' } },
        defaultBehavior: { origin: 'site' },
        webAcl: webAcl([
          rule('listed', 0, { IPSetReferenceStatement: { ARN: 'bad' } }),
          {
            Name: 'admin',
            Priority: 1,
            Statement: {
              ManagedRuleGroupStatement: {
                VendorName: 'AWS',
                Name: 'AWSManagedRulesAdminProtectionRuleSet',
              },
            },
            OverrideAction: { None: {} },
            VisibilityConfig: visibility('admin'),
          },
        ]),
      },
    },
  }
  await writeFile(file, JSON.stringify(config))
  return { file, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) }
}

test('ipset changes the state of an edge that is not running, and reset goes back', async () => {
  await using config = await configured()
  const list = await cli('ipset', 'list', '-c', config.file)
  assert.equal(list.out, 'name blocks\nbad       1  as configured')
  const added = await cli('ipset', 'add', 'bad', '198.51.100.7', '2001:db8::1', '-c', config.file)
  assert.equal(
    added.out,
    'bad: 3 blocks, changed while running\n  192.0.2.0/24\n  198.51.100.7/32\n  2001:db8::1/128',
  )
  const removed = await cli('ipset', 'remove', 'bad', '192.0.2.0/24', '-c', config.file, '--json')
  assert.deepEqual(JSON.parse(removed.out), {
    name: 'bad',
    source: 'running',
    addresses: ['198.51.100.7/32', '2001:db8::1/128'],
  })
  const wrong = await cli('ipset', 'add', 'bad', '300.0.0.1', '-c', config.file)
  assert.equal(wrong.code, 1)
  assert.match(wrong.error, /cannot hold "300\.0\.0\.1\/32"/)
  const unknown = await cli('ipset', 'show', 'good', '-c', config.file)
  assert.equal(unknown.code, 1)
  assert.equal(unknown.error, 'there is no IP set named good; there are bad')
  const reset = await cli('ipset', 'reset', 'bad', '-c', config.file)
  assert.equal(reset.out, 'bad: 1 block, as configured\n  192.0.2.0/24')
})

test('waf rules shows units and fidelity in the order of evaluation', async () => {
  await using config = await configured()
  const { out, code } = await cli('waf', 'rules', '-c', config.file)
  assert.equal(code, 0)
  assert.equal(
    out,
    [
      'test: 101 of 5000 capacity units, default action allow',
      'rule                       action  units',
      'listed                     block       1',
      'admin                      group     100',
      '  AdminProtection_URIPATH  block          documented',
    ].join('\n'),
  )
  const none = await cli('waf', 'samples', '-c', config.file)
  assert.equal(none.code, 1)
  assert.match(none.error, /no edge with this configuration answers/)
})

test('the control API shows samples, counts and limited keys, and changes IP sets', async () => {
  const acl = webAcl([
    rule('listed', 0, { IPSetReferenceStatement: { ARN: 'bad' } }),
    rule('rate', 1, { RateBasedStatement: { Limit: 10, AggregateKeyType: 'IP' } }),
    rule('path', 2, bytes({ UriPath: {} }, '/no', 'EXACTLY')),
  ])
  await using edge = await runEdge(
    { origins: { o: { folder: '.' } }, defaultBehavior: { origin: 'o' }, webAcl: acl },
    { top: { ipSets: { bad: [] } } },
  )
  const admin = await startAdmin({
    planned: { host: '127.0.0.1', port: 0, token: undefined, isRequired: true },
    edge: edge.edge,
    dataFolder: edge.folder,
    reload: () => Promise.resolve(undefined),
    routes: () => edge.edge.adminRoutes(),
  })
  try {
    const token = (await readFile(join(edge.folder, 'admin-token'), 'utf8')).trim()
    const ask = async (path: string, method = 'GET', body?: unknown) => {
      const response = await fetch(`${admin.url}${path}`, {
        method,
        headers: { authorization: `Bearer ${token}` },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      return { status: response.status, body: (await response.json()) as Record<string, unknown> }
    }
    await fetch(`${edge.url}/no?token=secret`, { headers: { authorization: 'Bearer secret' } })
    const samples = await ask('/waf/test/samples?rule=path')
    assert.equal(samples.body['population'], 1)
    assert.doesNotMatch(JSON.stringify(samples.body), /Bearer secret|token=secret/)
    for (let i = 0; i < 11; i++) await fetch(`${edge.url}/x`)
    const limited = await ask('/waf/test/limited')
    assert.match(JSON.stringify(limited.body), /"rule":"rate".*"keys":\[\{"key":"127\.0\.0\.1"/)
    assert.match(
      edge.edge.metricsText(),
      /edgeward_waf_requests_total\{web_acl="test",rule="path",metric="BlockedRequests"\} 1\n/,
    )
    const put = await ask('/ip-sets/bad', 'PUT', { add: ['127.0.0.1/32'] })
    assert.equal(put.status, 200)
    assert.equal((await fetch(`${edge.url}/x`)).status, 403)
    assert.equal((await edge.ended(13)).at(-1)!.waf!.rule, 'listed')
    assert.equal((await ask('/ip-sets/bad', 'PUT', { add: ['nonsense'] })).status, 400)
    assert.equal((await ask('/ip-sets/bad', 'PUT', {})).status, 400)
    assert.equal((await ask('/ip-sets/none', 'PUT', { add: ['127.0.0.1/32'] })).status, 404)
    assert.equal((await ask('/waf/none/counts')).status, 404)
    assert.equal((await ask('/ip-sets/bad', 'DELETE')).status, 200)
  } finally {
    await admin.close()
  }
})
