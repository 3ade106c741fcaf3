import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isPromise } from '../../src/base/promise.ts'
import { newRequestId } from '../../src/base/ids.ts'
import { Body } from '../../src/http/body.ts'
import { HeaderList } from '../../src/http/header-list.ts'
import { countRequests } from '../support/counting-origin.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { runEdge } from '../support/running-edge.ts'

const policy = {
  minTtlSeconds: 0,
  defaultTtlSeconds: 3600,
  maxTtlSeconds: 86_400,
  queryStringBehavior: 'all',
  headerBehavior: { allow: ['X-Kind'] },
  cookieBehavior: { allow: ['session'] },
}

function site(url: string, behavior: Record<string, unknown> = {}) {
  return { origins: { o: { url } }, defaultBehavior: { origin: 'o', cachePolicy: policy, ...behavior } }
}

/** On a connection of its own: time that is moved on closes idle ones. */
const debug = { 'edgeward-debug': 'cache-status', connection: 'close' }
const statusOf = async (url: string, headers: Record<string, string> = {}) =>
  (await fetch(url, { headers: { ...debug, ...headers } })).headers.get('cache-status')

test('Cache-Status tells who asks what became of a request, and why', async () => {
  const clock = new ManualClock()
  await using origin = await countRequests((request, response) => {
    response
      .setHeader('Cache-Control', request.url === '/private' ? 'private' : 'max-age=60')
      .setHeader('ETag', '"a"')
    if (request.headers['if-none-match'] === '"a"') response.writeHead(304).end()
    else response.end('x')
  })
  await using edge = await runEdge(site(origin.url), { clock })
  const a = `${edge.url}/a`
  assert.equal((await fetch(a, { headers: { connection: 'close' } })).headers.get('cache-status'), null)
  assert.equal(await statusOf(a), 'edgeward; hit; ttl=60; detail="fresh"')
  clock.advance(61_000)
  assert.equal(await statusOf(a), 'edgeward; fwd=stale; fwd-status=304; ttl=60; stored; detail="revalidated"')
  assert.equal(
    await statusOf(`${edge.url}/new`),
    'edgeward; fwd=uri-miss; fwd-status=200; stored; detail="never-stored"',
  )
  assert.equal(
    await statusOf(`${edge.url}/private`),
    'edgeward; fwd=uri-miss; fwd-status=200; detail="never-stored, not stored: private"',
  )
})

test('Cache-Status can be told always or never', async () => {
  await using origin = await countRequests((_request, response) => void response.end('x'))
  for (const [cacheStatus, headers, isTold] of [
    ['always', {}, true],
    ['never', debug, false],
  ] as const) {
    await using edge = await runEdge(site(origin.url), { top: { cache: { cacheStatus } } })
    assert.equal((await fetch(edge.url, { headers })).headers.has('cache-status'), isTold)
  }
})

test('a miss says in which part its key differs from the nearest one stored', async () => {
  await using origin = await countRequests((_request, response) => void response.end('x'))
  await using edge = await runEdge(site(origin.url))
  await fetch(`${edge.url}/a?x=1`, { headers: { 'x-kind': '1', cookie: 'session=1' } })
  const table: [string, Record<string, string>, string][] = [
    ['/a?x=2', { 'x-kind': '1', cookie: 'session=1' }, 'query string'],
    ['/a?x=1', { 'x-kind': '2', cookie: 'session=1' }, 'x-kind'],
    ['/a?x=1', { 'x-kind': '1', cookie: 'session=2; other=3' }, 'cookie'],
    ['/a', { cookie: 'session=1' }, 'query string, x-kind'],
  ]
  for (const [path, headers, part] of table) {
    await fetch(`${edge.url}${path}`, { headers })
    const { cache } = edge.visits().at(-1)!
    assert.deepEqual([cache!.why, cache!.detail], ['key-differs', part])
  }
  await fetch(`${edge.url}/b`)
  assert.equal(edge.visits().at(-1)!.cache!.why, 'never-stored')
})

test('a miss of what was evicted says so', async () => {
  await using origin = await countRequests((_request, response) => void response.end(Buffer.alloc(30_000)))
  await using edge = await runEdge(site(origin.url), {
    top: { cache: { memoryBytes: 1 << 20, disk: false } },
  })
  for (let i = 0; i < 60; i++) await (await fetch(`${edge.url}/${i}`)).arrayBuffer()
  for (let i = 0; i < 60; i++) await (await fetch(`${edge.url}/${i}`)).arrayBuffer()
  const second = edge.visits().slice(60)
  assert.ok(second.some(({ cache }) => cache!.status === 'miss' && cache!.why === 'evicted'))
  assert.ok(second.every(({ cache }) => cache!.why === 'evicted' || cache!.why === 'fresh'))
})

test('explain tells what would be found, and changes nothing', async () => {
  const clock = new ManualClock()
  await using origin = await countRequests((_request, response) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Cache-Tag', 'red').end('body')
  })
  await using edge = await runEdge(site(origin.url), { clock })
  const outcomes: string[] = []
  const explained = async (path: string) => {
    const { stages, outcome } = await edge.edge.explain({
      url: `${edge.url}${path}`,
      method: 'GET',
      headers: [],
    })
    outcomes.push(outcome)
    return stages.find(({ stage }) => stage === 'lookup')!.says.slice(2)
  }
  assert.deepEqual(await explained('/a'), ['miss: nothing of this path was ever stored'])
  await fetch(`${edge.url}/a`, { headers: { connection: 'close' } })
  clock.advance(10_000)
  assert.deepEqual(await explained('/a'), [
    'hit: status 200, 4 bytes, 10 s old, fresh for 50 s more',
    'tags: red',
    'so no origin is asked now; what it would be asked for is below',
  ])
  assert.deepEqual(await explained('/a?x'), [
    'miss: this path is stored under a key that differs in: query string',
  ])
  assert.equal(origin.requests.length, 1)
  assert.deepEqual(outcomes, ['the answer of origin o', 'the stored response', 'the answer of origin o'])
})

test('a hit is answered in one go: no promise is made for it', async () => {
  await using origin = await countRequests((_request, response) => void response.end('body'))
  await using edge = await runEdge(site(origin.url))
  const request = () => ({
    id: newRequestId(),
    method: 'GET',
    path: '/a',
    query: undefined,
    httpVersion: '1.1' as const,
    scheme: 'http' as const,
    host: 'x',
    headers: new HeaderList(['Host', 'x']),
    body: Body.none(),
    connection: {
      id: 1,
      local: { address: '127.0.0.1', port: 1 },
      remote: { address: '127.0.0.1', port: 2 },
      tls: undefined,
    },
    client: { address: '127.0.0.1', port: 2 },
    headBytes: 0,
  })
  const serve = () => edge.edge.line.serve(edge.edge.open(request()))
  ;(await serve()).body.discard()
  const hit = serve()
  assert.ok(!isPromise(hit))
  assert.equal(hit.body.buffered!.toString(), 'body')
})

test('limits hold when everything is filled beyond them', async () => {
  const memoryBytes = 1 << 20
  await using origin = await countRequests((request, response) => {
    response.setHeader('Cache-Control', 'max-age=600').setHeader('Vary', 'X-Any')
    if (request.url === '/tagged')
      response.setHeader('Cache-Tag', Array.from({ length: 1000 }, (_, i) => `t${i}`).join(' '))
    response.end(Buffer.alloc(request.url!.startsWith('/large') ? 3 << 20 : 2000))
  })
  await using edge = await runEdge(site(origin.url, { cacheProfile: 'rfc' }), {
    top: { cache: { memoryBytes, disk: false } },
  })
  const { cache } = edge.edge
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${edge.url}${path}`, { headers })
    await response.arrayBuffer()
    return response.headers.get('x-cache')!.split(' ')[0]
  }
  // Bytes, whatever the number of objects.
  for (let i = 0; i < 600; i++) await get(`/${i}`)
  const full = cache.stats()
  assert.ok(full.bytes <= memoryBytes && full.bytes > memoryBytes / 2, `${full.bytes} bytes`)
  assert.ok(full.evictions > 0)
  // Variants of one key.
  for (let i = 0; i < 300; i++) await get('/one', { 'x-any': String(i) })
  assert.equal(await get('/one', { 'x-any': '299' }), 'Hit')
  assert.equal(await get('/one', { 'x-any': '0' }), 'Miss')
  assert.ok(cache.variants(`${edge.edge.plan.current.distributions[0]!.id} /one`) <= 256)
  // What is larger than may be, or has more tags than may be, goes through and is not kept.
  for (const path of ['/large', '/tagged']) {
    assert.equal(await get(path), 'Miss')
    while (cache.fetching() > 0) await new Promise((turn) => setImmediate(turn))
    assert.equal(await get(path), 'Miss')
    while (cache.fetching() > 0) await new Promise((turn) => setImmediate(turn))
    assert.equal(edge.visits().at(-1)!.cache!.stored, 'refused-by-store', path)
  }
  assert.ok(cache.stats().bytes <= memoryBytes)
  assert.equal(cache.fetching(), 0)
})
