import assert from 'node:assert/strict'
import type { ServerResponse } from 'node:http'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { systemClock } from '../../src/base/clock.ts'
import { InvalidationFollower } from '../../src/cache/invalidations.ts'
import type { Selection } from '../../src/cache/store/store.ts'
import { openEmbeddedState } from '../../src/seams/state/embedded.ts'
import { countRequests } from '../support/counting-origin.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { type RunningEdge, runEdge } from '../support/running-edge.ts'

const policy = {
  minTtlSeconds: 0,
  defaultTtlSeconds: 3600,
  maxTtlSeconds: 86_400,
  queryStringBehavior: 'all',
  headerBehavior: { allow: ['X-Variant'] },
}

function site(url: string) {
  return { origins: { o: { url } }, defaultBehavior: { origin: 'o', cachePolicy: policy } }
}

const idOf = (edge: RunningEdge) => edge.edge.plan.current.distributions[0]!.id

/** Whether each URL is a hit, in order. */
async function hits(edge: RunningEdge, paths: readonly string[], headers: Record<string, string> = {}) {
  const found: string[] = []
  for (const path of paths) {
    const response = await fetch(`${edge.url}${path}`, { headers })
    await response.arrayBuffer()
    if (response.headers.get('x-cache')!.startsWith('Hit')) found.push(path)
  }
  return found
}

const paths = ['/a', '/a?x=1', '/a/b', '/a/b/c', '/b', '/A']
const selections: {
  readonly name: string
  readonly select: {
    readonly paths?: readonly string[]
    readonly tags?: readonly string[]
    readonly all?: boolean
  }
  readonly left: readonly string[]
  readonly count: number
}[] = [
  {
    name: 'an exact path',
    select: { paths: ['/a'] },
    left: ['/a?x=1', '/a/b', '/a/b/c', '/b', '/A'],
    count: 1,
  },
  {
    name: 'a path with its query',
    select: { paths: ['/a?x=1'] },
    left: ['/a', '/a/b', '/a/b/c', '/b', '/A'],
    count: 1,
  },
  {
    name: 'everything below a folder',
    select: { paths: ['/a/*'] },
    left: ['/a', '/a?x=1', '/b', '/A'],
    count: 2,
  },
  { name: 'everything that begins so', select: { paths: ['/a*'] }, left: ['/b', '/A'], count: 4 },
  {
    name: 'a * that is not the last character is itself',
    select: { paths: ['/*/b'] },
    left: paths,
    count: 0,
  },
  {
    name: 'several paths',
    select: { paths: ['/b', '/A'] },
    left: ['/a', '/a?x=1', '/a/b', '/a/b/c'],
    count: 2,
  },
  { name: 'everything', select: { paths: ['/*'] }, left: [], count: 6 },
  { name: 'a distribution', select: { all: true }, left: [], count: 6 },
  { name: 'a tag', select: { tags: ['/a/b'] }, left: ['/a', '/a?x=1', '/a/b/c', '/b', '/A'], count: 1 },
  {
    name: 'the beginning of a tag',
    select: { tags: ['/a/*'] },
    left: ['/a', '/a?x=1', '/b', '/A'],
    count: 2,
  },
  { name: 'a tag of all', select: { tags: ['site', 'nothing'] }, left: [], count: 6 },
]
for (const { name, select, left, count } of selections) {
  test(`invalidation of ${name}`, async () => {
    await using origin = await countRequests((request, response) => {
      response.setHeader('Cache-Tag', `${request.url!}, site`).end('x')
    })
    await using edge = await runEdge(site(origin.url))
    await hits(edge, paths)
    assert.deepEqual(await hits(edge, paths), paths)
    const done = await edge.edge.invalidate({ distributionId: idOf(edge), ...select, by: 'test' })
    assert.equal(done.count, count)
    assert.deepEqual(await hits(edge, paths), left)
    const visits = edge.visits().slice(paths.length * 2)
    for (const visit of visits.filter(({ cache }) => cache!.status === 'miss'))
      assert.equal(visit.cache!.why, 'invalidated')
  })
}

test('invalidation of a path removes all its variants', async () => {
  await using origin = await countRequests((_request, response) => void response.end('x'))
  await using edge = await runEdge(site(origin.url))
  for (const variant of ['1', '2']) await hits(edge, ['/a'], { 'x-variant': variant })
  await edge.edge.invalidate({ distributionId: idOf(edge), paths: ['/a'], by: 'test' })
  for (const variant of ['1', '2']) assert.deepEqual(await hits(edge, ['/a'], { 'x-variant': variant }), [])
})

test('a soft invalidation makes stale: what is there is validated, and served when the origin fails', async () => {
  let isDown = false
  await using origin = await countRequests((request, response) => {
    if (isDown) return void request.socket.destroy()
    response.setHeader('ETag', '"a"')
    if (request.headers['if-none-match'] === '"a"') response.writeHead(304).end()
    else response.end('body')
  })
  await using edge = await runEdge(site(origin.url))
  await hits(edge, ['/a'])
  await edge.edge.invalidate({ distributionId: idOf(edge), paths: ['/a'], soft: true, by: 'test' })
  const validated = await fetch(`${edge.url}/a`)
  assert.equal(validated.headers.get('x-cache'), 'RefreshHit from edgeward')
  await edge.edge.invalidate({ distributionId: idOf(edge), paths: ['/a'], soft: true, by: 'test' })
  isDown = true
  const stale = await fetch(`${edge.url}/a`)
  assert.equal(await stale.text(), 'body')
  assert.equal(edge.visits().at(-1)!.cache!.why, 'stale-on-error')
})

const inFlight = [
  { name: 'by path, before its head has come', early: true, select: { paths: ['/a'] }, isKept: false },
  { name: 'by path, while its body arrives', early: false, select: { paths: ['/a*'] }, isKept: false },
  { name: 'by tag, before its head has come', early: true, select: { tags: ['t'] }, isKept: false },
  {
    name: 'by the beginning of a tag, before its head has come',
    early: true,
    select: { tags: ['t*'] },
    isKept: false,
  },
  { name: 'by tag, while its body arrives', early: false, select: { tags: ['t'] }, isKept: false },
  { name: 'of another path', early: true, select: { paths: ['/b'] }, isKept: true },
  { name: 'of another tag', early: true, select: { tags: ['u'] }, isKept: true },
] as const
for (const { name, early, select, isKept } of inFlight) {
  test(`what is fetched during an invalidation ${name} is ${isKept ? '' : 'not '}kept`, async () => {
    const answers: ServerResponse[] = []
    await using origin = await countRequests((_request, response) => {
      answers.push(response)
      response.setHeader('Cache-Tag', 't')
      if (!early || answers.length > 1) response.write('first-')
      if (answers.length > 1) response.end('second')
    })
    await using edge = await runEdge(site(origin.url))
    const response = fetch(`${edge.url}/a`)
    await origin.asked(1)
    if (!early) await response
    await edge.edge.invalidate({ distributionId: idOf(edge), ...select, by: 'test' })
    answers[0]!.end('last')
    assert.match(await (await response).text(), /last$/)
    assert.deepEqual(await hits(edge, ['/a']), isKept ? ['/a'] : [])
  })
}

test('the same reference with the same items is done once, with others it is refused', async () => {
  await using origin = await countRequests((_request, response) => void response.end('x'))
  await using edge = await runEdge(site(origin.url))
  await hits(edge, ['/a'])
  const ask = (path: string) =>
    edge.edge.invalidate({ distributionId: idOf(edge), paths: [path], id: 'ref', by: 'test' })
  assert.deepEqual(await ask('/a'), { id: 'ref', count: 1 })
  await hits(edge, ['/a'])
  assert.deepEqual(await ask('/a'), { id: 'ref', count: 0 })
  assert.deepEqual(await hits(edge, ['/a']), ['/a'])
  await assert.rejects(ask('/b'), /exists with other items/)
})

test('processes that share a state folder invalidate for each other', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-invalidations-'))
  try {
    const open = () =>
      openEmbeddedState({ folder, clock: systemClock, processes: 2, report: (error) => assert.fail(error) })
    await using here = await open()
    await using there = await open()
    const seen: [string, Selection, boolean][] = []
    const follow = async (name: string, state: typeof here) => {
      const follower = await InvalidationFollower.open({
        log: (id) => state.invalidations.log(id),
        apply: (selection, { soft }) => {
          seen.push([name, selection, soft])
          return 1
        },
        positionFile: undefined,
        report: assert.fail,
      })
      await follower.follow(['D'])
      return follower
    }
    const one = await follow('here', here)
    const two = await follow('there', there)
    await one.append({ distributionId: 'D', paths: ['/a', '/b*'], tags: ['t'], by: 'test' })
    await there.refresh()
    const wanted = [
      { distributionId: 'D', paths: ['/a', '/b*'] },
      { distributionId: 'D', tags: ['t'] },
    ]
    for (const name of ['here', 'there'])
      assert.deepEqual(
        seen.filter(([who]) => who === name).map(([, selection]) => selection),
        wanted,
      )
    await one.close()
    await two.close()
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('what was invalidated while a process was not running is caught up with, once', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-invalidations-'))
  try {
    await using state = await openEmbeddedState({
      folder: join(folder, 'state'),
      clock: systemClock,
      processes: 1,
      report: (error) => assert.fail(error),
    })
    const log = state.invalidations.log('D')
    const run = async (): Promise<Selection[]> => {
      const seen: Selection[] = []
      const follower = await InvalidationFollower.open({
        log: () => log,
        apply: (selection) => {
          seen.push(selection)
          return 0
        },
        positionFile: join(folder, 'cache', 'invalidations.json'),
        report: assert.fail,
      })
      await follower.follow(['D'])
      await follower.close()
      return seen
    }
    assert.deepEqual(await run(), [])
    await log.append({ id: '1', items: [{ kind: 'path', value: '/a', soft: false }], by: 'test' })
    assert.deepEqual(await run(), [{ distributionId: 'D', paths: ['/a'] }])
    assert.deepEqual(await run(), [])
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})

test('an unsafe request empties nothing in the cloudfront profile, and its targets in the rfc profile', async () => {
  for (const [cacheProfile, left] of [
    ['cloudfront', ['/a', '/b', '/c']],
    ['rfc', ['/c']],
  ] as const) {
    await using origin = await countRequests((request, response) => {
      response.setHeader('Cache-Control', 'max-age=60')
      if (request.method === 'POST')
        response.setHeader('Location', '/b').setHeader('Content-Location', 'http://other.example/c')
      response.end('x')
    })
    await using edge = await runEdge(
      {
        origins: { o: { url: origin.url } },
        defaultBehavior: { origin: 'o', cachePolicy: policy, cacheProfile, allowedMethods: 'all' },
      },
      { clock: new ManualClock() },
    )
    await hits(edge, ['/a', '/b', '/c'])
    await fetch(`${edge.url}/a`, { method: 'POST', body: 'x' })
    await fetch(`${edge.url}/*`, { method: 'POST', body: 'x' })
    assert.deepEqual(await hits(edge, ['/a', '/b', '/c']), left)
  }
})
