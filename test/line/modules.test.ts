import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startAdmin } from '../../src/admin/server.ts'
import { Secret } from '../../src/base/secret.ts'
import { Fault } from '../../src/faults.ts'
import { Body } from '../../src/http/body.ts'
import { HeaderList } from '../../src/http/header-list.ts'
import { defineModule, type Hooks, type Module, type ModuleContext } from '../../src/modules/module.ts'
import type { Plan } from '../../src/plan.ts'
import { scriptOrigin } from '../support/scripted-origin.ts'
import { runEdge } from '../support/running-edge.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** No configuration has a key for a module of a test: the compiled plan is given one. */
function configured(plan: Plan, ...keys: string[]): Plan {
  return { ...plan, modules: Object.fromEntries(keys.map((key) => [key, {}])) }
}

const site = (url: string) => ({
  origins: { o: { url } },
  defaultBehavior: { origin: 'o', cachePolicy: 'CachingDisabled', originRequestPolicy: 'AllViewer' },
})

function hooking(name: string, hooks: Hooks): Module {
  return defineModule({ name, key: name, open: () => ({ bind: () => hooks }) })
}

function text(status: number, body: string): { status: number; headers: HeaderList; body: Body } {
  return { status, headers: HeaderList.of({ 'content-type': 'text/plain' }), body: Body.bytes(body) }
}

test('hooks of several modules run stage by stage in the order of the list', async () => {
  const ran: string[] = []
  const tracing = (name: string) =>
    hooking(name, {
      inspect: () => {
        ran.push(`${name} waf`)
        return { kind: 'pass' }
      },
      viewerRequest: async (passage) => {
        ran.push(`${name} viewer-request`)
        const headers = passage.request.headers.clone()
        headers.append('X-Seen', name)
        passage.request = { ...passage.request, headers }
        return { kind: 'continue' }
      },
      cacheKey: () => `${name} part`,
      send: async (passage, request, next) => {
        ran.push(`${name} send`)
        const response = await next(passage, request)
        ran.push(`${name} sent`)
        return response
      },
      shape: (_passage, response) => {
        ran.push(`${name} shape`)
        response.headers.append('X-Shaped', name)
        return response
      },
      finish: () => void ran.push(`${name} finish`),
    })
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(site(origin.url), {
    modules: [tracing('one'), tracing('two'), hooking('idle', {})],
    adapt: (plan) => configured(plan, 'one', 'two'),
  })
  const response = await fetch(`${edge.url}/a`)
  assert.equal(response.headers.get('x-shaped'), 'one, two')
  await edge.ended(1)
  assert.deepEqual(ran, [
    ...['one waf', 'two waf', 'one viewer-request', 'two viewer-request'],
    ...['one send', 'two send', 'two sent', 'one sent', 'one shape', 'two shape', 'one finish', 'two finish'],
  ])
  assert.match(origin.received[0]!, /X-Seen: one\r\nX-Seen: two\r\n/)
})

test('a module may answer or refuse at waf and viewer-request, and answer in the place of the origin', async () => {
  const module = hooking('door', {
    inspect: ({ request }) =>
      request.path === '/blocked'
        ? { kind: 'refused', fault: new Fault('RequestBlocked') }
        : { kind: 'pass' },
    viewerRequest: ({ request }) =>
      request.path === '/answered'
        ? { kind: 'answered', response: text(299, 'by the module') }
        : { kind: 'continue' },
    send: (passage, request, next) =>
      request.path === '/instead' ? text(200, 'instead') : next(passage, request),
  })
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(site(origin.url), {
    modules: [module],
    adapt: (plan) => configured(plan, 'door'),
  })
  const cases = [
    { path: '/blocked', status: 403, body: /ERROR/i },
    { path: '/answered', status: 299, body: /^by the module$/ },
    { path: '/instead', status: 200, body: /^instead$/ },
    { path: '/else', status: 200, body: /^ok$/ },
  ]
  for (const { path, status, body } of cases) {
    const response = await fetch(edge.url + path)
    assert.equal(response.status, status, path)
    assert.match(await response.text(), body, path)
  }
  assert.equal(origin.received.join('').match(/GET /g)!.length, 1)
})

test('secret headers reach the origin and nothing else', async () => {
  const module = defineModule({
    name: 'keeper',
    key: 'keeper',
    open: () => ({ secretHeaders: () => [{ name: 'X-Origin-Verify', value: new Secret('s3cret-value') }] }),
  })
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(site(origin.url), {
    modules: [module],
    adapt: (plan) => configured(plan, 'keeper'),
  })
  await fetch(`${edge.url}/a`, { headers: { 'X-Origin-Verify': 'forged' } })
  const [visit] = await edge.ended(1)
  assert.match(origin.received[0]!, /\r\nX-Origin-Verify: s3cret-value\r\n/i)
  assert.ok(!origin.received[0]!.includes('forged'))
  assert.ok(!JSON.stringify(visit).includes('s3cret'))
  const explained = await edge.edge.explain({ url: `${edge.url}/a`, method: 'GET', headers: [] })
  assert.ok(!JSON.stringify(explained).includes('s3cret'))
})

test('a module answers paths of its own for any allowed method, adds admin routes, metrics and explain lines, and asks origins', async () => {
  let context: ModuleContext | undefined
  let isClosed = false
  const module = defineModule({
    name: 'notices',
    key: 'notices',
    open: (given) => {
      context = given
      return {
        bind: () => ({ explain: () => [{ stage: 'send', says: 'notices were here' }] }),
        routes: () => [
          {
            path: '/notify',
            methods: ['POST'],
            handle: async ({ request }) => text(202, `took ${(await request.body.peek(100)).length}`),
          },
        ],
        adminRoutes: [{ method: 'GET', path: '/notices', handle: () => ({ body: { count: 3 } }) }],
        metrics: () => 'edgeward_notices_total 3',
        close: async () => void (isClosed = true),
      }
    },
  })
  {
    await using origin = await scriptOrigin((head, socket) => {
      socket.write(head.startsWith('GET /base/inner?q=1') ? ok.replace('200 OK', '299 Found') : ok)
    })
    await using edge = await runEdge(
      { origins: { o: { url: `${origin.url}/base` } }, defaultBehavior: { origin: 'o' } },
      { modules: [module], adapt: (plan) => configured(plan, 'notices') },
    )
    const posted = await fetch(`${edge.url}/notify`, { method: 'POST', body: 'hello' })
    assert.equal(posted.status, 202)
    assert.equal(await posted.text(), 'took 5')
    assert.equal((await fetch(`${edge.url}/notify`)).status, 200)
    assert.match(edge.edge.metricsText(), /^edgeward_notices_total 3$/m)
    const explained = await edge.edge.explain({ url: `${edge.url}/a`, method: 'GET', headers: [] })
    const send = explained.stages.find(({ stage }) => stage === 'send')
    assert.ok(send!.says.includes('notices were here'))

    const [distribution] = edge.edge.plan.current.distributions
    const answer = await context!.fetchFrom({
      distribution: distribution!,
      origin: distribution!.origins.get('o')!,
      path: '/inner',
      query: 'q=1',
    })
    assert.ok(!(answer instanceof Fault))
    assert.equal(answer.status, 299)
    answer.body.discard()

    const admin = await startAdmin({
      planned: { host: '127.0.0.1', port: 0, token: new Secret('0123456789abcdef'), isRequired: true },
      edge: edge.edge,
      dataFolder: edge.folder,
      reload: async () => undefined,
      routes: () => edge.edge.adminRoutes(),
    })
    const notices = await fetch(`${admin.url}/notices`, {
      headers: { authorization: 'Bearer 0123456789abcdef' },
    })
    assert.deepEqual(await notices.json(), { count: 3 })
    await admin.close()
  }
  assert.ok(isClosed)
})

test('a module that cannot start keeps the edge from starting, and a reload from being taken', async () => {
  const module = defineModule({
    name: 'broken',
    key: 'broken',
    open: () => Promise.reject(new Error('its folder is missing')),
  })
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await assert.rejects(
    runEdge(site(origin.url), { modules: [module], adapt: (plan) => configured(plan, 'broken') }),
    /^Error: broken cannot start: its folder is missing$/,
  )
  await using edge = await runEdge(site(origin.url), { modules: [module] })
  const before = edge.edge.plan.current
  await assert.rejects(
    edge.edge.reload({ ...configured(before, 'broken'), version: 2 }),
    /broken cannot start/,
  )
  assert.equal(edge.edge.plan.current, before)
  assert.equal((await fetch(`${edge.url}/a`)).status, 200)
})

test('a module named first by a reload is opened, bound, and told of the plan', async () => {
  const told: number[] = []
  const module = defineModule({
    name: 'late',
    key: 'late',
    open: () => ({
      bind: () => ({ send: () => text(200, 'late') }),
      adopted: (plan) => void told.push(plan.version),
    }),
  })
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge(site(origin.url), { modules: [module] })
  assert.equal(await (await fetch(`${edge.url}/a`)).text(), 'ok')
  await edge.edge.reload({ ...configured(edge.edge.plan.current, 'late'), version: 2 })
  assert.equal(await (await fetch(`${edge.url}/a`)).text(), 'late')
  assert.deepEqual(told, [2])
})
