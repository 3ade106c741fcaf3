import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { ServerResponse } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import { countRequests } from '../support/counting-origin.ts'
import { dial, runEdge } from '../support/running-edge.ts'

const policy = {
  minTtlSeconds: 0,
  defaultTtlSeconds: 3600,
  maxTtlSeconds: 86_400,
  queryStringBehavior: 'all',
}

function site(url: string, behavior: Record<string, unknown> = {}) {
  return { origins: { o: { url } }, defaultBehavior: { origin: 'o', cachePolicy: policy, ...behavior } }
}

/** Lets everything that is under way come to rest. */
async function settle(): Promise<void> {
  for (let i = 0; i < 20; i++) await new Promise((turn) => setImmediate(turn))
}

/** `count` viewers that have sent the same request; resolves when the edge has all of them. */
async function crowd(
  port: number,
  count: number,
  seen: () => number,
  path = '/',
): Promise<ReturnType<typeof dial>[]> {
  const viewers: ReturnType<typeof dial>[] = []
  for (let i = 0; i < count; i++) {
    const viewer = dial(port)
    viewers.push(viewer)
    ;(await viewer).socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  }
  while (seen() < count) await new Promise((turn) => setImmediate(turn))
  return viewers
}

test('a thousand concurrent misses make one request to the origin, and all receive its answer', async () => {
  let answer: ServerResponse | undefined
  await using origin = await countRequests((_request, response) => void (answer = response))
  await using edge = await runEdge(site(origin.url))
  const viewers = await crowd(
    edge.port,
    1000,
    () => edge.edge.cache.waiting() + (answer === undefined ? 0 : 1),
  )
  answer!.setHeader('Cache-Control', 'max-age=60').end('the one answer')
  for (const viewer of viewers) assert.match(await (await viewer).until(/the one answer$/), /^HTTP\/1\.1 200/)
  assert.equal(origin.requests.length, 1)
  const visits = await edge.ended(1000)
  assert.equal(visits.filter((visit) => visit.resultType === 'Miss').length, 1)
  assert.equal(visits.filter((visit) => visit.cache!.why === 'collapsed').length, 999)
})

test('who comes while the body still arrives reads it from its beginning', async () => {
  let answer: ServerResponse | undefined
  await using origin = await countRequests((_request, response) => {
    answer = response
    response.setHeader('Cache-Control', 'max-age=60').write('first-')
  })
  await using edge = await runEdge(site(origin.url))
  const [early] = await crowd(edge.port, 1, () => (answer === undefined ? 0 : 1))
  await (await early!).until(/first-/)
  const late = await dial(edge.port)
  late.socket.write('GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')
  await late.until(/X-Cache: Hit[^]*first-/)
  answer!.end('last')
  for (const viewer of [await early!, late]) await viewer.until(/first-[^]*last/)
  assert.equal(origin.requests.length, 1)
  const third = await fetch(edge.url)
  assert.equal(await third.text(), 'first-last')
  assert.equal(third.headers.get('content-length'), '10')
})

test('the slowest viewer does not slow the others', async () => {
  const piece = Buffer.alloc(65_536, 'x')
  const pieces = 256
  await using origin = await countRequests((_request, response) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Content-Length', piece.length * pieces)
    let left = pieces
    const more = () => {
      while (left > 0) if ((left--, !response.write(piece))) return void response.once('drain', more)
      response.end()
    }
    more()
  })
  await using edge = await runEdge(site(origin.url))
  const slow = connect(edge.port, '127.0.0.1')
  slow.on('error', () => slow.destroy())
  slow.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await once(slow, 'readable')
  // The slow one reads nothing at all, and yet another has the whole of it.
  const fast = await fetch(edge.url)
  assert.equal(fast.headers.get('x-cache'), 'Hit from edgeward')
  assert.equal((await fast.arrayBuffer()).byteLength, piece.length * pieces)
  assert.equal(origin.requests.length, 1)
  slow.destroy()
})

test('a fetch survives the leaving of whoever began it while others wait, and ends with the last', async () => {
  let answer: ServerResponse | undefined
  await using origin = await countRequests((_request, response) => void (answer = response))
  await using edge = await runEdge(site(origin.url))
  const [first] = await crowd(edge.port, 1, () => (answer === undefined ? 0 : 1))
  const [second] = await crowd(edge.port, 1, () => edge.edge.cache.waiting())
  ;(await first!).socket.destroy()
  const [listener] = edge.edge.listeners
  while (listener!.connections() > 1) await settle()
  answer!.setHeader('Cache-Control', 'max-age=60').end('still there')
  await (await second!).until(/still there/)
  assert.equal(origin.requests.length, 1)

  answer = undefined
  const [third] = await crowd(edge.port, 1, () => (answer === undefined ? 0 : 1), '/other')
  const gone = once(answer!, 'close')
  ;(await third!).socket.destroy()
  await gone
  await edge.ended(3)
  await settle()
  assert.equal(edge.edge.cache.fetching(), 0)
})

test('an answer that is not kept is for one viewer only; the others ask by themselves', async () => {
  const answers: ServerResponse[] = []
  await using origin = await countRequests((_request, response, index) => {
    response.setHeader('Cache-Control', 'private')
    if (index === 0) answers.push(response)
    else response.end(`for ${index}`)
  })
  await using edge = await runEdge(site(origin.url))
  const viewers = await crowd(edge.port, 5, () => edge.edge.cache.waiting() + answers.length)
  answers[0]!.end('for 0')
  const texts = await Promise.all(viewers.map(async (viewer) => (await viewer).until(/for \d$/)))
  assert.deepEqual(texts.map((text) => text.slice(-5)).toSorted(), [
    'for 0',
    'for 1',
    'for 2',
    'for 3',
    'for 4',
  ])
  // From now on nobody waits for anybody here.
  await Promise.all([fetch(edge.url), fetch(edge.url)])
  assert.equal(origin.requests.length, 7)
})

const notCollapsed: { readonly name: string; readonly behavior: Record<string, unknown> }[] = [
  { name: 'cookies are forwarded', behavior: { originRequestPolicy: { cookieBehavior: 'all' } } },
  { name: 'caching is disabled', behavior: { cachePolicy: 'CachingDisabled' } },
]
for (const { name, behavior } of notCollapsed) {
  test(`requests do not wait for each other where ${name}`, async () => {
    const answers: ServerResponse[] = []
    await using origin = await countRequests((_request, response) => void answers.push(response))
    await using edge = await runEdge(site(origin.url, behavior))
    const viewers = await crowd(edge.port, 10, () => answers.length)
    for (const each of answers) each.end('mine')
    for (const viewer of viewers) await (await viewer).until(/mine$/)
    assert.equal(origin.requests.length, 10)
  })
}

test('who waits is told of the failure of the one request, and the origin is left alone for a while', async () => {
  const waiting: ServerResponse[] = []
  await using origin = await countRequests((_request, response) => void waiting.push(response))
  await using edge = await runEdge(site(origin.url))
  const viewers = await crowd(edge.port, 20, () => edge.edge.cache.waiting() + waiting.length)
  waiting[0]!.destroy()
  for (const viewer of viewers) await (await viewer).until(/^HTTP\/1\.1 502/)
  const after = await fetch(edge.url)
  assert.equal(after.status, 502)
  assert.equal(origin.requests.length, 1)
})

test('a body that breaks off is cut off for all who read it, and is not kept', async () => {
  const answers: ServerResponse[] = []
  await using origin = await countRequests((_request, response, index) => {
    response.setHeader('Cache-Control', 'max-age=60').setHeader('Content-Length', 10)
    if (index > 0) return void response.end('0123456789')
    answers.push(response)
    response.write('01234')
  })
  await using edge = await runEdge(site(origin.url))
  const [early] = await crowd(edge.port, 1, () => answers.length)
  await (await early!).until(/01234$/)
  const late = await dial(edge.port)
  late.socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n')
  await late.until(/01234$/)
  answers[0]!.destroy()
  for (const { socket } of [await early!, late]) if (!socket.destroyed) await once(socket, 'close')
  assert.doesNotMatch(late.text(), /56789/)
  const again = await fetch(edge.url)
  assert.equal(again.headers.get('x-cache'), 'Miss from edgeward')
  assert.equal(await again.text(), '0123456789')
})
