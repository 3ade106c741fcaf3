import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { startAdmin } from '../../src/admin/server.ts'
import { Secret } from '../../src/base/secret.ts'
import { createCli } from '../../src/cli/cli.ts'
import { runEdge } from '../support/running-edge.ts'

const SOURCE = `import cf from 'cloudfront'
async function handler(event) {
  var key = event.request.uri.slice(1)
  var value = (await cf.kvs().exists(key)) ? await cf.kvs().get(key) : 'none'
  return { statusCode: 200, body: value }
}`

const item = (key: string, value: string) => ({ key, value })

/** An edge with a store and its control API, and the command line that asks it. */
async function runWithStore() {
  const folder = mkdtempSync(join(tmpdir(), 'edgeward-kvs-'))
  const cloudFront = join(folder, 'function.js')
  const importFile = join(folder, 'store.json')
  writeFileSync(cloudFront, SOURCE)
  writeFileSync(importFile, JSON.stringify({ data: [item('a', 'one'), item('b', 'two')] }))
  const config = {
    dataFolder: join(folder, 'data'),
    keyValueStores: { shop: { importFile } },
    admin: { port: 1, token: 'token-of-the-test' },
  }
  const distributions = {
    test: {
      origins: { o: { url: 'http://127.0.0.1:9' } },
      defaultBehavior: { origin: 'o', functions: { viewerRequest: { cloudFront, keyValueStore: 'shop' } } },
    },
  }
  const edge = await runEdge(distributions.test, { top: config })
  const admin = await startAdmin({
    planned: { host: '127.0.0.1', port: 0, token: new Secret('token-of-the-test'), isRequired: true },
    edge: edge.edge,
    dataFolder: folder,
    reload: () => Promise.resolve(undefined),
    routes: () => edge.edge.adminRoutes(),
  })
  const port = Number(new URL(admin.url).port)
  const configFile = join(folder, 'edge.json')
  writeFileSync(configFile, JSON.stringify({ ...config, admin: { ...config.admin, port }, distributions }))
  return {
    edge,
    url: admin.url,
    get: async (path: string) => (await fetch(edge.url + path)).text(),
    async cli(
      ...argv: string[]
    ): Promise<{ readonly code: number; readonly out: string; readonly error: string }> {
      let out = ''
      let error = ''
      const cli = createCli({
        out: (line) => (out += `${line}\n`),
        error: (line) => (error += `${line}\n`),
        isTerminal: false,
      })
      const code = await cli.run([...argv, '-c', configFile])
      return { code, out: out.trimEnd(), error: error.trimEnd() }
    },
    async [Symbol.asyncDispose]() {
      await admin.close()
      await edge[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

test('a store begins with its import file, is changed while running, and functions see it at once', async () => {
  await using running = await runWithStore()
  assert.equal(await running.get('/a'), 'one')
  assert.match((await running.cli('kvs', 'list')).out, /^shop {2}2 keys, 8 bytes, KV[0-9A-F]{12}, changed /)
  assert.equal((await running.cli('kvs', 'get', 'shop', 'b')).out, 'two')
  const put = await running.cli('kvs', 'put', 'shop', 'c', 'three')
  assert.match(put.out, /^KV[0-9A-F]{12}$/)
  assert.equal(await running.get('/c'), 'three')
  const stale = await running.cli('kvs', 'put', 'shop', 'c', 'four', '--if-match', 'KV000000000000')
  assert.equal(stale.code, 1)
  assert.match(stale.error, /the key-value store shop has changed: its ETag is KV/)
  assert.equal(await running.get('/c'), 'three')
  assert.equal((await running.cli('kvs', 'put', 'shop', 'c', 'four', '--if-match', put.out)).code, 0)
  assert.equal(await running.get('/c'), 'four')
  assert.equal((await running.cli('kvs', 'delete', 'shop', 'a')).code, 0)
  assert.equal(await running.get('/a'), 'none')
  assert.deepEqual(JSON.parse((await running.cli('kvs', 'export', 'shop')).out), {
    data: [item('b', 'two'), item('c', 'four')],
  })
})

test('what cannot be done is told in a sentence', async () => {
  await using running = await runWithStore()
  const cases: readonly (readonly [argv: string[], says: RegExp])[] = [
    [['kvs', 'get', 'shop', 'nothing'], /the key-value store shop has no key "nothing"/],
    [['kvs', 'delete', 'shop', 'nothing'], /has no key "nothing"/],
    [['kvs', 'keys', 'other'], /there is no key-value store other; there are: shop/],
    [['kvs', 'put', 'shop', 'k', 'v'.repeat(1025)], /value of 1025 bytes; at most 1024/],
    [['kvs', 'put', 'shop', 'k'.repeat(513), 'v'], /key of 513 bytes; 1 to 512/],
    [['kvs', 'import', 'shop', '/no/such/file'], /no such file/],
  ]
  for (const [argv, says] of cases) {
    const { code, error } = await running.cli(...argv)
    assert.equal(code, 1, argv.join(' '))
    assert.match(error, says)
  }
})

test('a whole file is imported in updates of fifty keys', async () => {
  await using running = await runWithStore()
  const file = join(running.edge.folder, 'many.json')
  const data = Array.from({ length: 120 }, (_, index) => item(`key-${index}`, String(index)))
  writeFileSync(file, JSON.stringify({ data }))
  assert.match((await running.cli('kvs', 'import', 'shop', file)).out, /^120 keys, KV/)
  assert.equal(await running.get('/key-119'), '119')
  assert.equal((await running.cli('kvs', 'keys', 'shop')).out.split('\n').length, 122)
})

test('the control API asks for the ETag, and answers with the new one', async () => {
  await using running = await runWithStore()
  const ask = async (method: string, path: string, body?: unknown) => {
    const response = await fetch(running.url + path, {
      method,
      headers: { authorization: 'Bearer token-of-the-test' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    return {
      status: response.status,
      etag: response.headers.get('etag'),
      body: (await response.json()) as { etag?: string; error?: string },
    }
  }
  const { body, etag } = await ask('GET', '/key-value-stores/shop')
  assert.equal((await ask('PUT', '/key-value-stores/shop/keys/a', { value: '1' })).status, 428)
  const changed = await ask('POST', `/key-value-stores/shop/keys?ifMatch=${body.etag}`, {
    puts: [item('x', '1')],
    deletes: ['a'],
  })
  assert.equal(changed.status, 200)
  assert.notEqual(changed.body.etag, body.etag)
  assert.equal(
    (await ask('PUT', `/key-value-stores/shop/keys/a?ifMatch=${body.etag}`, { value: '1' })).status,
    412,
  )
  const wrong = await ask('POST', `/key-value-stores/shop/keys?ifMatch=${changed.body.etag}`, { put: [] })
  assert.equal(wrong.status, 400)
  assert.equal(etag, null)
})

test('the command line finds what a function wrote by request id', async () => {
  await using running = await runWithStore()
  assert.equal((await running.cli('functions', 'logs')).out, '')
  assert.match((await running.cli('functions', 'list')).out, /"functions": \[\]/)
})
