import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { checkConfig } from '../../src/config/check.ts'
import { enableLinearEngine } from '../../src/waf/regex/linear-engine.ts'
import { rule, webAcl } from '../../src/waf/waf.fixture.ts'
import { runEdge } from '../support/running-edge.ts'

// As main.ts does it, so that the patterns of the Core Rule Set compile as they do in a running edge.
enableLinearEngine()

const GROUP = { ManagedRuleGroupStatement: { VendorName: 'OWASP', Name: 'CRS' } }

function crs(override: object = { None: {} }, statement: object = GROUP): object {
  return webAcl([
    rule('core-rules', 0, statement, undefined, { Action: undefined, OverrideAction: override }),
  ])
}

/** An origin that leaks a database error at /leak and says how many bytes it was sent elsewhere. */
async function startOrigin() {
  let requests = 0
  const server = createServer((request, response) => {
    requests++
    let bytes = 0
    request.on('data', (chunk: Buffer) => (bytes += chunk.length))
    request.on('end', () => {
      response.setHeader('content-type', 'text/html')
      response.end(
        request.url === '/leak' ? '<b>ORA-00933: SQL command not properly ended</b>' : `got ${bytes}`,
      )
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get requests() {
      return requests
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

function site(originUrl: string, acl: object, settings: object = {}) {
  return {
    origins: { o: { url: originUrl } },
    defaultBehavior: {
      origin: 'o',
      cachePolicy: 'CachingDisabled',
      originRequestPolicy: 'AllViewer',
      allowedMethods: 'all',
    },
    webAcl: acl,
    waf: { crs: settings },
  }
}

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64)', accept: 'text/html' }

test('the Core Rule Set blocks attacks in query, cookie and body, and lets the whole of a good body through', async () => {
  await using origin = await startOrigin()
  await using edge = await runEdge(site(origin.url, crs()))
  const status = async (
    path: string,
    { headers = {}, ...init }: { headers?: Record<string, string>; method?: string; body?: string } = {},
  ): Promise<number> => {
    const response = await fetch(`${edge.url}${path}`, { ...init, headers: { ...BROWSER, ...headers } })
    await response.arrayBuffer()
    return response.status
  }
  assert.equal(await status('/shop?page=2&q=winter+boots'), 200)
  assert.equal(
    await status(`/?q=${encodeURIComponent("1' or '1'='1' union select password from users--")}`),
    403,
  )
  assert.equal(await status(`/?q=${encodeURIComponent('<script>alert(1)</script>')}`), 403)
  assert.equal(await status('/', { headers: { cookie: 'a=../../../../etc/passwd' } }), 403)
  const json = { 'content-type': 'application/json' }
  assert.equal(
    await status('/', { method: 'POST', headers: json, body: '{"a":{"b":"; cat /etc/passwd"}}' }),
    403,
  )
  const seen = origin.requests
  const body = JSON.stringify({ text: 'all is well. '.repeat(30_000) })
  const response = await fetch(`${edge.url}/`, { method: 'POST', headers: { ...BROWSER, ...json }, body })
  assert.equal(await response.text(), `got ${body.length}`)
  assert.equal(origin.requests, seen + 1)

  const visits = await edge.ended(6)
  const blocked = visits[1]!
  assert.equal(blocked.fault, 'RequestBlocked')
  assert.equal(blocked.waf?.action, 'block')
  assert.equal(blocked.waf?.rule, '949110')
  assert.ok(blocked.waf?.labels.includes('crs:attack-sqli'))
  assert.ok(blocked.waf?.labels.includes('crs:942100'))
})

test('Count lets everything through and says what would have been blocked', async () => {
  await using origin = await startOrigin()
  await using edge = await runEdge(site(origin.url, crs({ Count: {} })))
  const response = await fetch(`${edge.url}/?q=%3Cscript%3Ealert(1)%3C/script%3E`, { headers: BROWSER })
  assert.equal(response.status, 200)
  await response.text()
  const [visit] = await edge.ended(1)
  assert.equal(visit!.waf?.action, 'allow')
  assert.ok(visit!.waf?.labels.includes('crs:941100'))
  assert.ok(visit!.waf?.labels.includes('crs:attack-xss'))
})

test('a response that leaks is blocked at inspect-response', async () => {
  await using origin = await startOrigin()
  await using edge = await runEdge(site(origin.url, crs()))
  const leak = await fetch(`${edge.url}/leak`, { headers: BROWSER })
  assert.equal(leak.status, 403)
  assert.doesNotMatch(await leak.text(), /ORA-00933/)
  const fine = await fetch(`${edge.url}/fine`, { headers: BROWSER })
  assert.equal(await fine.text(), 'got 0')
})

test('paranoia, threshold and exclusions of the configuration change what is blocked', async () => {
  await using origin = await startOrigin()
  const attack = '/?comment=%3Cscript%3Ealert(1)%3C/script%3E'
  const cases: readonly { readonly settings: object; readonly path: string; readonly status: number }[] = [
    { settings: { threshold: 1_000 }, path: attack, status: 200 },
    {
      settings: { exclusions: [{ rules: ['attack-xss'], targets: ['ARGS:comment'] }] },
      path: attack,
      status: 200,
    },
    { settings: { exclusions: [{ rules: ['941100-941999'], path: '/cms/*' }] }, path: attack, status: 403 },
    {
      settings: { exclusions: [{ rules: ['941100-941999'], path: '/cms/*' }] },
      path: `/cms${attack}`,
      status: 200,
    },
    { settings: { paranoia: 4 }, path: '/?a=%22%27%3B', status: 403 },
  ]
  for (const { settings, path, status } of cases) {
    await using edge = await runEdge(site(origin.url, crs(), settings))
    const response = await fetch(`${edge.url}${path}`, { headers: BROWSER })
    await response.arrayBuffer()
    assert.equal(response.status, status, `${JSON.stringify(settings)} ${path}`)
  }
})

test('rules of files of your own run before the set, and what is wrong with them is told with its line', async () => {
  await using origin = await startOrigin()
  await using edge = await runEdge(site(origin.url, crs({ Count: {} })))
  await writeFile(
    join(edge.folder, 'own.conf'),
    'SecRule ARGS:teapot "@unconditionalMatch" "id:10,phase:1,deny,status:418"\n',
  )
  await writeFile(join(edge.folder, 'bad.conf'), '\n\nSecRool x\n')
  const config = (file: string) => ({
    listeners: [{ port: 0, host: '127.0.0.1' }],
    distributions: { test: site(origin.url, crs(), { exclusions: [file] }) },
  })
  const good = await checkConfig(config('own.conf'), edge.folder)
  assert.deepEqual(
    good.problems.filter(({ level }) => level === 'error'),
    [],
  )
  assert.ok(good.problems.some(({ message }) => /OWASP CRS runs here only/.test(message)))
  const bad = await checkConfig(config('bad.conf'), edge.folder)
  const errors = bad.problems.filter(({ level }) => level === 'error')
  assert.equal(errors.length, 1)
  assert.match(errors[0]!.message, /bad\.conf:3: the directive SecRool is not known/)
})

test('a folder without rules is a problem that says what to give', async () => {
  const config = {
    listeners: [{ port: 0, host: '127.0.0.1' }],
    distributions: { test: site('http://127.0.0.1:9', crs(), { path: '/nowhere' }) },
  }
  const { problems } = await checkConfig(config, '/')
  const [error] = problems.filter(({ level }) => level === 'error')
  assert.match(error!.message, /\/nowhere: there are no rules\/\*\.conf/)
})
