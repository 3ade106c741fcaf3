import assert from 'node:assert/strict'
import { test } from 'node:test'
import { countRequests } from '../support/counting-origin.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { runEdge } from '../support/running-edge.ts'

/** Honours what origins say: no minimum, an hour where they say nothing. */
const policy = {
  minTtlSeconds: 0,
  defaultTtlSeconds: 3600,
  maxTtlSeconds: 86_400,
  queryStringBehavior: 'all',
}

function site(url: string, behavior: Record<string, unknown> = {}) {
  return { origins: { o: { url } }, defaultBehavior: { origin: 'o', cachePolicy: policy, ...behavior } }
}

const xCache = (response: Response) => response.headers.get('x-cache')?.split(' ')[0]

test('a second request is a hit with Age, and the origin is not asked again', async () => {
  const clock = new ManualClock()
  await using origin = await countRequests((_request, response) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('X-Own', 'yes').end('body')
  })
  await using edge = await runEdge(site(origin.url), { clock })
  const first = await fetch(`${edge.url}/a?x=1`, { headers: { connection: 'close' } })
  assert.equal(await first.text(), 'body')
  assert.equal(xCache(first), 'Miss')
  assert.equal(first.headers.get('age'), null)
  clock.advance(5000)
  const second = await fetch(`${edge.url}/a?x=1`)
  assert.equal(await second.text(), 'body')
  assert.equal(xCache(second), 'Hit')
  assert.equal(second.headers.get('age'), '5')
  assert.equal(second.headers.get('x-own'), 'yes')
  assert.equal(second.headers.get('content-length'), '4')
  const head = await fetch(`${edge.url}/a?x=1`, { method: 'HEAD' })
  assert.equal(xCache(head), 'Hit')
  assert.equal(head.headers.get('content-length'), '4')
  assert.equal(origin.requests.length, 1)
  const visits = await edge.ended(3)
  assert.deepEqual(
    visits.map(({ cache }) => [cache!.status, cache!.why]),
    [
      ['miss', 'never-stored'],
      ['hit', 'fresh'],
      ['hit', 'fresh'],
    ],
  )
})

test('an expired response is validated with its own validators, and a 304 renews it', async () => {
  const clock = new ManualClock()
  await using origin = await countRequests((request, response) => {
    response.setHeader('Cache-Control', 'max-age=10').setHeader('ETag', '"one"')
    if (request.headers['if-none-match'] === '"one"') response.writeHead(304, { 'X-New': '1' }).end()
    else response.end('body')
  })
  await using edge = await runEdge(site(origin.url), { clock })
  await (await fetch(edge.url, { headers: { connection: 'close' } })).text()
  clock.advance(10_000)
  const renewed = await fetch(edge.url, {
    headers: { 'if-none-match': '"other"', connection: 'close' },
  })
  assert.equal(renewed.status, 200)
  assert.equal(xCache(renewed), 'RefreshHit')
  assert.equal(await renewed.text(), 'body')
  assert.equal(renewed.headers.get('x-new'), '1')
  clock.advance(9000)
  const hit = await fetch(edge.url)
  assert.equal(xCache(hit), 'Hit')
  assert.equal(hit.headers.get('age'), '9')
  assert.equal(hit.headers.get('x-new'), '1')
  assert.equal(origin.requests.length, 2)
})

test('what an origin forbids to keep is not kept, and the reason is in the visit', async () => {
  await using origin = await countRequests((_request, response) => {
    response.setHeader('Cache-Control', 'no-store').end('body')
  })
  await using edge = await runEdge(site(origin.url))
  for (let i = 0; i < 2; i++) assert.equal(xCache(await fetch(edge.url)), 'Miss')
  assert.equal(origin.requests.length, 2)
  const [visit] = await edge.ended(2)
  assert.equal(visit!.cache!.stored, 'no-store')
})
