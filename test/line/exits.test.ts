import assert from 'node:assert/strict'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { scriptOrigin } from '../support/scripted-origin.ts'
import { runEdge } from '../support/running-edge.ts'

const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'

test("a request goes down the whole line and comes back with the edge's marks", async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({ origins: { o: { url: origin.url } }, defaultBehavior: { origin: 'o' } })
  const response = await fetch(`${edge.url}/a/b?c=1`)
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'ok')
  assert.equal(response.headers.get('x-cache'), 'Miss from edgeward')
  assert.match(response.headers.get('via')!, /^1\.1 \S+ \(edgeward\)$/)
  const [visit] = await edge.ended(1)
  assert.equal(response.headers.get('x-amz-cf-id'), visit!.request.id)
  assert.equal(visit!.exit, 'send')
  assert.equal(visit!.cache!.status, 'miss')
  assert.equal(visit!.cache!.why, 'never-stored')
  assert.match(origin.received[0]!, /^GET \/a\/b HTTP\/1\.1\r\n/)
})

test('exit match: a host no distribution answers to is 403', async () => {
  await using edge = await runEdge(
    {
      aliases: ['one.example'],
      origins: { o: { url: 'http://127.0.0.1:9' } },
      defaultBehavior: { origin: 'o' },
    },
    {
      top: {
        distributions: {
          one: {
            aliases: ['one.example'],
            origins: { o: { url: 'http://127.0.0.1:9' } },
            defaultBehavior: { origin: 'o' },
          },
          two: {
            aliases: ['two.example'],
            origins: { o: { url: 'http://127.0.0.1:9' } },
            defaultBehavior: { origin: 'o' },
          },
        },
      },
    },
  )
  const response = await fetch(edge.url)
  assert.equal(response.status, 403)
  const [visit] = await edge.ended(1)
  assert.equal(visit!.exit, 'match')
  assert.equal(visit!.fault, 'UnknownHost')
})

test('exit match: a request that came through twice before is a loop, 403', async () => {
  await using edge = await runEdge({
    origins: { o: { url: 'http://127.0.0.1:9' } },
    defaultBehavior: { origin: 'o' },
  })
  const via = 'a.example (edgeward), 1.1 b.example (edgeward), 1.1 c.example (edgeward)'
  const response = await fetch(edge.url, { headers: { via: `1.1 ${via}` } })
  assert.equal(response.status, 403)
  assert.equal((await edge.ended(1))[0]!.fault, 'RequestLoop')
})

test('exit behavior: protocol, method, geography and redirects', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o' },
    behaviors: [
      { path: '/secure/*', origin: 'o', viewerProtocolPolicy: 'https-only' },
      { path: '/moved/*', origin: 'o', viewerProtocolPolicy: 'redirect-to-https', allowedMethods: 'all' },
      { path: '/old/*', origin: 'o', redirect: { to: '/new/$1', status: 308 } },
    ],
  })
  assert.equal((await fetch(`${edge.url}/secure/x`)).status, 403)
  const get = await fetch(`${edge.url}/moved/x?q=1`, { redirect: 'manual' })
  assert.equal(get.status, 301)
  assert.equal(get.headers.get('location'), 'https://127.0.0.1/moved/x?q=1')
  assert.equal(get.headers.get('x-cache'), 'Redirect from edgeward')
  assert.equal(
    (await fetch(`${edge.url}/moved/x`, { method: 'POST', body: 'a', redirect: 'manual' })).status,
    307,
  )
  const old = await fetch(`${edge.url}/old/a/b?x=y`, { redirect: 'manual' })
  assert.equal(old.status, 308)
  assert.equal(old.headers.get('location'), '/new/a/b?x=y')
  const post = await fetch(`${edge.url}/x`, { method: 'POST', body: 'a' })
  assert.equal(post.status, 403)
  assert.match(await post.text(), /not configured to allow the HTTP request method/)
  assert.equal(origin.received.join(''), '')
  const visits = await edge.ended(5)
  assert.ok(visits.every((visit) => visit.exit === 'behavior'))
})

test('the first matching pattern wins on the normalised path, and the raw path travels on', async () => {
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o' },
    behaviors: [
      { path: '/a/b*', origin: 'o' },
      { path: '/a*', origin: 'o' },
      { path: '*.jpg', origin: 'o' },
    ],
  })
  const { talk } = await import('../support/running-edge.ts')
  const table: [string, string][] = [
    ['/a/b/..', '/a*'],
    ['/x.jpg', '*.jpg'],
    ['/X.JPG', '*'],
    ['//a//b', '/a/b*'],
    ['/a/bc', '/a/b*'],
  ]
  for (const [path] of table)
    await talk(edge.port, `GET ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
  const visits = await edge.ended(table.length)
  assert.deepEqual(
    visits.map((visit) => visit.behavior),
    table.map(([, pattern]) => pattern),
  )
  for (const [path] of table) assert.ok(origin.received.join('').includes(`GET ${path} HTTP/1.1\r\n`), path)
})

test('exit send: a custom error page takes the place of an origin error, and the log still says Error', async () => {
  await using origin = await scriptOrigin((head, socket) => {
    if (head.startsWith('GET /errors/')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage')
    else socket.write('HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\nnope!')
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o' },
    customErrorResponses: [{ errorCode: 404, responsePagePath: '/errors/404.html', responseCode: 200 }],
  })
  const response = await fetch(`${edge.url}/missing`)
  assert.equal(response.status, 200)
  assert.equal(await response.text(), 'page')
  assert.equal(response.headers.get('x-cache'), 'Error from edgeward')
  const [visit] = await edge.ended(1)
  assert.equal(visit!.errorPageFor, 404)
  assert.equal(visit!.resultType, 'Error')
})

test('a refusal of the edge itself gets the custom error page too', async () => {
  await using origin = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\npage'),
  )
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o' },
    customErrorResponses: [{ errorCode: 403, responsePagePath: '/denied.html', responseCode: 403 }],
  })
  const response = await fetch(edge.url, { method: 'DELETE' })
  assert.equal(response.status, 403)
  assert.equal(await response.text(), 'page')
})

test('when the error page cannot be fetched the viewer receives the status of that failed fetch', async () => {
  await using origin = await scriptOrigin((head, socket) => {
    const status = head.includes('/page') ? '503 Busy' : '404 Not Found'
    socket.write(`HTTP/1.1 ${status}\r\nContent-Length: 0\r\n\r\n`)
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o' },
    customErrorResponses: [{ errorCode: 404, responsePagePath: '/page', responseCode: 200 }],
  })
  assert.equal((await fetch(`${edge.url}/missing`)).status, 503)
})

test('a folder is served as a static site, and a stripped prefix comes back in its redirect', async () => {
  await using edge = await runEdge({
    origins: { site: { folder: '.' } },
    defaultBehavior: { origin: 'site' },
    behaviors: [{ path: '/docs*', origin: 'site', stripPrefix: '/docs' }],
  })
  await mkdir(join(edge.folder, 'guide'))
  await writeFile(join(edge.folder, 'guide', 'index.html'), '<h1>Guide</h1>')
  const redirect = await fetch(`${edge.url}/docs/guide`, { redirect: 'manual' })
  assert.equal(redirect.status, 301)
  assert.equal(new URL(redirect.headers.get('location')!, `${edge.url}/docs/guide`).pathname, '/docs/guide/')
  assert.equal(await (await fetch(`${edge.url}/docs/guide/`)).text(), '<h1>Guide</h1>')
  const escape = await fetch(`${edge.url}/docs/%2e%2e/%2e%2e/etc/passwd`)
  assert.ok([400, 403, 404].includes(escape.status))
})

test('redirects, cookies and trailing slashes of an origin survive the prefix', async () => {
  await using origin = await scriptOrigin((head, socket) => {
    const host = /host: (\S+)/i.exec(head)![1]
    socket.write(
      `HTTP/1.1 302 Found\r\nLocation: http://${host}/rooms/\r\nSet-Cookie: a=b; Path=/; HttpOnly\r\nRefresh: 5; url=/later\r\nContent-Length: 0\r\n\r\n`,
    )
  })
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o' },
    behaviors: [
      {
        path: '/hotels*',
        origin: 'o',
        stripPrefix: '/hotels',
        originRequestPolicy: 'AllViewer',
        cachePolicy: 'CachingDisabled',
      },
    ],
  })
  const response = await fetch(`${edge.url}/hotels/rooms`, { redirect: 'manual' })
  assert.equal(response.headers.get('location'), '/hotels/rooms/')
  assert.equal(response.headers.get('set-cookie'), 'a=b; Path=/hotels/; HttpOnly')
  assert.equal(response.headers.get('refresh'), '5; url=/hotels/later')
  await fetch(`${edge.url}/hotels`, { redirect: 'manual' })
  const paths = origin.received.join('').match(/^GET \S+/gm)
  assert.deepEqual(paths, ['GET /rooms', 'GET /'])
})
