import assert from 'node:assert/strict'
import { chmod, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { startAdmin } from '../../src/admin/server.ts'
import { standardFields } from '../../src/log/standard-format.ts'
import { runEdge, talk } from '../support/running-edge.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok'

async function linesIn(folder: string): Promise<string[]> {
  const texts = []
  for (const name of await readdir(folder)) {
    const bytes = await readFile(join(folder, name))
    texts.push(name.endsWith('.gz') ? gunzipSync(bytes).toString() : bytes.toString())
  }
  return texts.join('').trimEnd().split('\n')
}

test("the standard log has CloudFront's two head lines and 33 tab-separated fields per request", async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-log-'))
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  {
    await using edge = await runEdge(
      {
        id: 'EDFDVBD6EXAMPLE',
        domainName: 'd111111abcdef8.example',
        origins: { o: { url: origin.url } },
        defaultBehavior: { origin: 'o' },
      },
      { top: { log: { access: { folder, gzip: false } } } },
    )
    await talk(
      edge.port,
      'GET /a%20b"c?x=[1] HTTP/1.1\r\nHost: shop.example:81\r\nUser-Agent: Agent 1\tx\r\nReferer: http://r/<>\r\nCookie: secret=1\r\nX-Forwarded-For: 203.0.113.9\r\nConnection: close\r\n\r\n',
    )
    await edge.edge.log.flush()
  }
  const [version, fields, line, ...rest] = await linesIn(folder)
  assert.equal(version, '#Version: 1.0')
  assert.equal(fields, `#Fields: ${standardFields.join(' ')}`)
  assert.deepEqual(rest, [])
  const values = line!.split('\t')
  assert.equal(values.length, 33)
  const record = Object.fromEntries(standardFields.map((name, index) => [name, values[index]!]))
  assert.match(record['date']!, /^\d{4}-\d\d-\d\d$/)
  assert.match(record['time']!, /^\d\d:\d\d:\d\d$/)
  assert.equal(record['cs-method'], 'GET')
  assert.equal(record['cs(Host)'], 'd111111abcdef8.example')
  assert.equal(record['x-host-header'], 'shop.example:81')
  assert.equal(record['cs-uri-stem'], '/a%2520b%22c')
  assert.equal(record['cs-uri-query'], 'x=%5B1%5D')
  assert.equal(record['cs(User-Agent)'], 'Agent%201%09x')
  assert.equal(record['cs(Referer)'], 'http://r/%3C%3E')
  assert.equal(record['cs(Cookie)'], '-')
  assert.equal(record['sc-status'], '200')
  assert.equal(record['x-edge-result-type'], 'Miss')
  assert.match(record['x-edge-request-id']!, /^[\w-]{54}==$/)
  assert.equal(record['cs-protocol'], 'http')
  assert.equal(record['cs-protocol-version'], 'HTTP/1.1')
  assert.equal(record['x-forwarded-for'], '203.0.113.9')
  assert.equal(record['ssl-protocol'], '-')
  assert.equal(record['sc-content-type'], 'text/plain')
  assert.equal(record['sc-content-len'], '2')
  assert.match(record['time-taken']!, /^\d+\.\d{3}$/)
  await rm(folder, { recursive: true })
})

test('the JSON log has the same names, all values text, and is compressed when the file is finished', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-log-'))
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  {
    await using edge = await runEdge(
      { logCookies: true, origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } },
      { top: { log: { access: { folder, format: 'json' } } } },
    )
    await fetch(`${edge.url}/x`, { headers: { cookie: 'a=1' } })
    await edge.ended(1)
  }
  const names = await readdir(folder)
  assert.ok(names.length === 1 && names[0]!.endsWith('.json.gz'), String(names))
  const record = JSON.parse((await linesIn(folder))[0]!) as Record<string, string>
  for (const name of standardFields) assert.equal(typeof record[name], 'string', name)
  assert.equal(record['cs(Cookie)'], 'a=1')
  assert.equal(record['cache-behavior-path-pattern'], '*')
  assert.match(record['timestamp(ms)']!, /^\d{13}$/)
  assert.match(record['origin-fbl']!, /^\d+\.\d{3}$/)
  await rm(folder, { recursive: true })
})

test('a log that cannot be written drops its lines with a count and one report, and traffic goes on', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-log-'))
  await writeFile(join(folder, 'file'), 'in the way')
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(
    { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } },
    { top: { log: { access: { folder: join(folder, 'file') } } } },
  )
  for (let i = 0; i < 3; i++) {
    assert.equal((await fetch(edge.url)).status, 200)
    await edge.edge.log.flush()
  }
  assert.equal(edge.edge.log.access!.dropped, 3)
  assert.equal(edge.said.filter((line) => line.includes('cannot be written')).length, 1)
  assert.match(edge.edge.metricsText(), /edgeward_log_lines_dropped_total 3\n/)
  await rm(folder, { recursive: true })
})

test('the admin port: health is open, the rest asks for the token, tells visits without secrets, and refuses web pages', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' },
  })
  const admin = await startAdmin({
    planned: { host: '127.0.0.1', port: 0, token: undefined, isRequired: true },
    edge: edge.edge,
    dataFolder: edge.folder,
    reload: async () => 'distributions.x: wrong',
  })
  try {
    const tokenFile = join(edge.folder, 'admin-token')
    assert.equal((await stat(tokenFile)).mode & 0o777, 0o600)
    const authorization = `Bearer ${(await readFile(tokenFile, 'utf8')).trim()}`
    const ask = (
      path: string,
      init: Omit<RequestInit, 'headers'> & { headers?: Record<string, string> } = {},
    ) => fetch(admin.url + path, { ...init, headers: { authorization, ...init.headers } })
    assert.equal((await fetch(`${admin.url}/healthz`)).status, 200)
    assert.equal((await fetch(`${admin.url}/readyz`)).status, 200)
    for (const path of ['/metrics', '/visits', '/plan'])
      assert.equal((await fetch(admin.url + path)).status, 401, path)
    assert.equal((await ask('/visits', { headers: { authorization: 'Bearer wrong' } })).status, 401)
    assert.equal((await ask('/visits', { headers: { origin: 'http://evil.example' } })).status, 403)
    assert.match(
      await talk(
        Number(new URL(admin.url).port),
        `GET /visits HTTP/1.1\r\nHost: evil.example\r\nAuthorization: ${authorization}\r\nConnection: close\r\n\r\n`,
      ),
      /^HTTP\/1\.1 403 /,
    )

    const response = await fetch(`${edge.url}/p?Signature=hidden&a=1`, {
      headers: { authorization: 'Basic hidden', cookie: 'session=hidden' },
    })
    const id = response.headers.get('x-amz-cf-id')!
    await edge.ended(1)
    const visit = await (await ask(`/visits/${id}`)).text()
    assert.ok(visit.includes('"status": 200') && visit.includes(id))
    assert.ok(!visit.includes('hidden'), visit)
    assert.equal((await ask('/visits/none')).status, 404)
    assert.match(
      await (await ask('/metrics')).text(),
      /edgeward_requests_total\{distribution="test",status="2xx",result="Miss"\} 1\n/,
    )
    assert.equal((await ask('/reload', { method: 'POST' })).status, 422)
    assert.equal((await ask('/reload')).status, 405)
    assert.match(await (await ask('/nothing')).text(), /GET \/metrics/)
    const explained = await (
      await ask('/explain', { method: 'POST', body: JSON.stringify({ url: `${edge.url}/a` }) })
    ).text()
    assert.match(explained, /"stage": "send"/)
    assert.equal((await ask('/explain', { method: 'POST', body: '{' })).status, 400)
  } finally {
    await admin.close()
  }
})

test('captures keep a request for replay, without its secrets', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-capture-'))
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  {
    await using edge = await runEdge(
      { origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } },
      { top: { log: { capture: { folder, sample: 1 } } } },
    )
    await fetch(`${edge.url}/c`, { headers: { authorization: 'Basic hidden', 'x-plain': 'shown' } })
    await edge.ended(1)
  }
  const text = await readFile(join(folder, 'capture.jsonl'), 'utf8')
  assert.ok(text.includes('shown') && !text.includes('hidden'))
  await chmod(folder, 0o700)
  await rm(folder, { recursive: true })
})
