import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { scriptOrigin } from '../support/scripted-origin.ts'
import { publicVisit } from '../../src/log/public-visit.ts'
import { planOf, runEdge } from '../support/running-edge.ts'

/** Files of functions, gone with their scope. */
class FunctionFiles implements Disposable {
  readonly folder = mkdtempSync(join(tmpdir(), 'edgeward-functions-'))

  write(name: string, text: string): string {
    const file = join(this.folder, name)
    writeFileSync(file, text)
    return file
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** An origin that waits for the whole body and answers with the header `x-body` and it. */
async function listeningOrigin(): Promise<{ readonly url: string } & AsyncDisposable> {
  const server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () =>
      response.end(`${String(request.headers['x-body'])} | ${Buffer.concat(chunks).toString()}`),
    )
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

const ok = 'HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nX-Origin: yes\r\nContent-Length: 2\r\n\r\nok'

test('a Lambda@Edge function at each of the four events sees and changes what CloudFront lets it', async () => {
  using files = new FunctionFiles()
  const file = files.write(
    'index.js',
    `exports.viewerRequest = async (event) => {
       const { request, config } = event.Records[0].cf
       request.headers['x-seen'] = [{ key: 'X-Seen', value: config.eventType + ' ' + request.uri + ' ' + request.clientIp }]
       request.uri = '/rewritten' + request.uri
       request.querystring = 'b=2'
       return request
     }
     exports.originRequest = (event, context, callback) => {
       const { request } = event.Records[0].cf
       request.headers['x-origin-event'] = [{ value: request.origin.custom.domainName + ' ' + request.headers['user-agent'][0].value }]
       callback(null, request)
     }
     exports.originResponse = async (event) => {
       const { request, response } = event.Records[0].cf
       response.status = '201'
       response.body = request.uri + ' ' + response.headers['x-origin'][0].value
       response.headers['x-origin-response'] = [{ key: 'X-Origin-Response', value: response.status }]
       return response
     }
     exports.viewerResponse = async (event) => {
       const { response, config } = event.Records[0].cf
       delete response.headers['x-origin']
       response.headers['x-viewer-response'] = [{ key: 'X-Viewer-Response', value: config.distributionId }]
       return response
     }`,
  )
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    id: 'EDFDVBD6EXAMPLE',
    origins: { o: { url: origin.url } },
    defaultBehavior: {
      origin: 'o',
      originRequestPolicy: 'AllViewer',
      functions: {
        viewerRequest: { lambdaEdge: file, handler: 'index.viewerRequest' },
        originRequest: { lambdaEdge: file, handler: 'index.originRequest' },
        originResponse: { lambdaEdge: file, handler: 'index.originResponse' },
        viewerResponse: { lambdaEdge: file, handler: 'index.viewerResponse' },
      },
    },
  })
  const response = await fetch(`${edge.url}/a?b=1`)
  assert.equal(response.status, 201)
  assert.equal(await response.text(), '/rewritten/a yes')
  assert.equal(response.headers.get('x-origin'), null)
  assert.equal(response.headers.get('x-origin-response'), '201')
  assert.equal(response.headers.get('x-viewer-response'), 'EDFDVBD6EXAMPLE')
  assert.match(origin.received[0]!, /^GET \/rewritten\/a\?b=2 HTTP\/1\.1\r\n/)
  assert.match(origin.received[0]!, /\r\nX-Seen: viewer-request \/a 127\.0\.0\.1\r\n/)
  assert.match(origin.received[0]!, /\r\nX-Origin-Event: 127\.0\.0\.1 \S+\r\n/)
  const [visit] = await edge.ended(1)
  assert.deepEqual(
    visit!.functions!.map(({ event, outcome }) => `${event} ${outcome}`),
    [
      'viewer-request changed',
      'origin-request changed',
      'origin-response changed',
      'viewer-response changed',
    ],
  )
})

for (const run of ['sandbox', 'inline']) {
  test(`a CloudFront Function (${run}) at both viewer events changes request and response`, async () => {
    using files = new FunctionFiles()
    const request = files.write(
      'request.js',
      `function handler(event) {
         var request = event.request
         request.uri = request.uri.replace('/old', '/new')
         request.querystring.b = { value: '2' }
         request.cookies.seen = { value: 'yes' }
         request.headers['x-ip'] = { value: event.viewer.ip }
         return request
       }`,
    )
    const response = files.write(
      'response.js',
      `function handler(event) {
         var response = event.response
         response.statusCode = 203
         response.headers['x-added'] = { value: event.request.uri }
         response.cookies.theme = { value: 'dark', attributes: 'Path=/' }
         return response
       }`,
    )
    await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
    await using edge = await runEdge({
      origins: { o: { url: origin.url } },
      defaultBehavior: {
        origin: 'o',
        originRequestPolicy: 'AllViewer',
        functions: {
          viewerRequest: { cloudFront: request, run },
          viewerResponse: { cloudFront: response, run },
        },
      },
    })
    const answer = await fetch(`${edge.url}/old/a?a=1`)
    assert.equal(
      answer.status,
      203,
      edge
        .visits()
        .map((visit) => visit.cause)
        .join(),
    )
    assert.equal(answer.headers.get('x-added'), '/new/a')
    assert.equal(answer.headers.get('set-cookie'), 'theme=dark; Path=/')
    assert.equal(await answer.text(), 'ok')
    assert.match(origin.received[0]!, /^GET \/new\/a\?a=1&b=2 HTTP\/1\.1\r\n/)
    assert.match(origin.received[0]!, /\r\nCookie: seen=yes\r\n/)
    assert.match(origin.received[0]!, /\r\nX-Ip: 127\.0\.0\.1\r\n/)
  })
}

test('a reply of viewer-request leaves the line: no origin, no viewer-response', async () => {
  using files = new FunctionFiles()
  const lambda = files.write(
    'index.js',
    `exports.handler = async () => ({ status: '302', headers: { location: [{ key: 'Location', value: '/there' }] } })
     exports.after = async (event) => { event.Records[0].cf.response.headers['x-after'] = [{ value: '1' }]; return event.Records[0].cf.response }`,
  )
  const cloudFront = files.write(
    'reply.js',
    `function handler() { return { statusCode: 418, headers: { 'x-tea': { value: 'yes' } }, body: 'short and stout' } }`,
  )
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    behaviors: [{ path: '/tea', origin: 'o', functions: { viewerRequest: { cloudFront } } }],
    defaultBehavior: {
      origin: 'o',
      functions: {
        viewerRequest: { lambdaEdge: lambda },
        viewerResponse: { lambdaEdge: lambda, handler: 'index.after' },
      },
    },
  })
  const redirect = await fetch(edge.url, { redirect: 'manual' })
  assert.equal(redirect.status, 302)
  assert.equal(redirect.headers.get('location'), '/there')
  assert.equal(redirect.headers.get('x-after'), null)
  assert.equal(redirect.headers.get('x-cache'), 'LambdaGeneratedResponse from edgeward')
  const tea = await fetch(`${edge.url}/tea`)
  assert.equal(tea.status, 418)
  assert.equal(await tea.text(), 'short and stout')
  assert.equal(tea.headers.get('x-cache'), 'FunctionGeneratedResponse from edgeward')
  assert.equal(origin.connections(), 0)
})

test('a reply of origin-request goes through the rest of the line and skips origin-response', async () => {
  using files = new FunctionFiles()
  const file = files.write(
    'index.mjs',
    `export const handler = async () => ({ status: 200, headers: {}, body: 'bWFkZQ==', bodyEncoding: 'base64' })
     export const never = async () => { throw new Error('must not run') }
     export const last = async (event) => { const { response } = event.Records[0].cf; response.headers['x-last'] = [{ value: 'yes' }]; return response }`,
  )
  await using edge = await runEdge({
    origins: { o: { url: 'http://127.0.0.1:9' } },
    defaultBehavior: {
      origin: 'o',
      functions: {
        originRequest: { lambdaEdge: file },
        originResponse: { lambdaEdge: file, handler: 'index.never' },
        viewerResponse: { lambdaEdge: file, handler: 'index.last' },
      },
    },
  })
  const response = await fetch(edge.url)
  assert.equal(await response.text(), 'made')
  assert.equal(response.headers.get('x-last'), 'yes')
  const [visit] = await edge.ended(1)
  assert.equal(visit!.exit, 'origin-request')
  assert.equal(visit!.detailedResultType, 'MissGeneratedResponse')
})

test('an origin-request function chooses another origin, over plain HTTP and with its own headers', async () => {
  using files = new FunctionFiles()
  await using first = await scriptOrigin((_head, socket) => socket.write(ok))
  await using second = await scriptOrigin((_head, socket) => socket.write(ok.replace('ok', 'hi')))
  const file = files.write(
    'index.js',
    `exports.handler = async (event) => {
       const { request } = event.Records[0].cf
       request.origin = { custom: { domainName: 'localhost', port: ${second.port}, protocol: 'http', path: '/base',
         sslProtocols: ['TLSv1.2'], readTimeout: 5, keepaliveTimeout: 5, customHeaders: { 'x-from': [{ key: 'X-From', value: 'function' }] } } }
       request.headers.host = [{ key: 'Host', value: 'localhost' }]
       return request
     }`,
  )
  await using edge = await runEdge({
    origins: { o: { url: first.url, customHeaders: { 'X-Secret': 'plain' } } },
    defaultBehavior: { origin: 'o', functions: { originRequest: { lambdaEdge: file } } },
  })
  for (let i = 0; i < 2; i++) assert.equal(await (await fetch(`${edge.url}/x`)).text(), 'hi')
  assert.equal(first.connections(), 0)
  assert.equal(second.connections(), 1, 'the connection to a chosen origin is used again')
  assert.match(second.received[0]!, /^GET \/base\/x HTTP\/1\.1\r\n/)
  assert.match(second.received[0]!, /\r\nHost: localhost\r\n/)
  assert.match(second.received[0]!, /\r\nX-From: function\r\n/)
  assert.doesNotMatch(second.received[0]!, /X-Secret/)
})

test('a CloudFront Function chooses, changes and groups origins', async () => {
  using files = new FunctionFiles()
  await using one = await scriptOrigin((_head, socket) => socket.write(ok.replace('ok', '-1')))
  await using two = await scriptOrigin((_head, socket) => socket.write(ok.replace('ok', '-2')))
  await using broken = await scriptOrigin((_head, socket) =>
    socket.write('HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n'),
  )
  const cloudFront = files.write(
    'route.js',
    `import cf from 'cloudfront'
     function handler(event) {
       var how = event.request.querystring.how.value
       if (how === 'select') cf.selectRequestOriginById('two')
       if (how === 'update') cf.updateRequestOrigin({ domainName: 'localhost', originPath: '/p', customHeaders: { 'x-b': '1' },
         customOriginConfig: { port: ${two.port}, protocol: 'http', sslProtocols: ['TLSv1.2'] } })
       if (how === 'group') cf.createRequestOriginGroup({ originIds: ['broken', 'two'], failoverCriteria: { statusCodes: [503] } })
       if (how === 'wrong') cf.selectRequestOriginById('nowhere')
       return event.request
     }`,
  )
  await using edge = await runEdge({
    origins: { one: { url: one.url }, two: { url: two.url }, broken: { url: broken.url } },
    defaultBehavior: {
      origin: 'one',
      // The cache key does not know which origin a function chose.
      cachePolicy: 'CachingDisabled',
      functions: { viewerRequest: { cloudFront } },
    },
  })
  const get = async (how: string) => (await fetch(`${edge.url}/?how=${how}`)).text()
  assert.equal(await get('none'), '-1')
  assert.equal(await get('select'), '-2')
  assert.equal(await get('group'), '-2')
  assert.equal(broken.received.length, 1)
  assert.equal(await get('update'), '-2')
  assert.match(two.received.join(''), /GET \/p\/ HTTP\/1\.1\r\nHost: localhost:\d+\r\n[^]*X-B: 1\r\n/)
  const wrong = await fetch(`${edge.url}/?how=wrong`)
  assert.equal(wrong.status, 502)
  assert.equal(wrong.headers.get('x-cache'), 'FunctionValidationError from edgeward')
})

test('a body is shown with includeBody and reaches the origin whole, or replaced', async () => {
  using files = new FunctionFiles()
  const file = files.write(
    'index.js',
    `exports.handler = async (event) => {
       const { request } = event.Records[0].cf
       const text = Buffer.from(request.body.data, 'base64').toString()
       request.headers['x-body'] = [{ value: [request.body.action, request.body.encoding, request.body.inputTruncated, text.length].join(' ') }]
       if (request.uri === '/replace') request.body = { action: 'replace', encoding: 'text', data: 'another' }
       return request
     }`,
  )
  await using origin = await listeningOrigin()
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: {
      origin: 'o',
      allowedMethods: 'all',
      originRequestPolicy: 'AllViewer',
      functions: { viewerRequest: { lambdaEdge: file, includeBody: true } },
    },
  })
  const post = async (path: string, body: string) =>
    (await fetch(edge.url + path, { method: 'POST', body })).text()
  assert.equal(
    await post('/', 'a'.repeat(40 * 1024)),
    `read-only base64 false 40960 | ${'a'.repeat(40 * 1024)}`,
  )
  assert.equal(
    await post('/', 'b'.repeat(40 * 1024 + 1)),
    `read-only base64 true 40960 | ${'b'.repeat(40 * 1024 + 1)}`,
  )
  assert.equal(await post('/replace', 'c'.repeat(100_000)), 'read-only base64 true 40960 | another')
})

const failures: readonly (readonly [
  what: string,
  source: string,
  status: number,
  xCache: string,
  cause: RegExp,
])[] = [
  ['throws', `throw new TypeError('no')`, 503, 'LambdaExecutionError', /TypeError: no/],
  ['returns nothing', `return undefined`, 502, 'LambdaValidationError', /the result must be an object/],
  [
    'adds a disallowed header',
    `event.Records[0].cf.request.headers.connection = [{ value: 'close' }]; return event.Records[0].cf.request`,
    502,
    'LambdaValidationError',
    /at viewer-request, request\.headers\["connection"\] is a disallowed header.*edge-function-restrictions-all/,
  ],
  ['is too slow', `await new Promise(() => {})`, 503, 'LambdaExecutionError', /did not end within 200 ms/],
  ['ends its process', `process.exit(3)`, 503, 'LambdaExecutionError', /exited with code 3/],
]

for (const [what, source, status, xCache, cause] of failures) {
  test(`a Lambda@Edge function that ${what} is ${status} ${xCache}, and the log says why`, async () => {
    using files = new FunctionFiles()
    const lambdaEdge = files.write(
      'index.js',
      `exports.handler = async (event) => { console.log('begins'); ${source} }`,
    )
    await using edge = await runEdge({
      origins: { o: { url: 'http://127.0.0.1:9' } },
      defaultBehavior: { origin: 'o', functions: { viewerRequest: { lambdaEdge, timeoutMs: 200 } } },
    })
    const response = await fetch(edge.url)
    assert.equal(response.status, status)
    assert.equal(response.headers.get('x-cache'), `${xCache} from edgeward`)
    // Viewers are told which rule was broken, as CloudFront tells them, and nothing about exceptions.
    const page = await response.text()
    assert.equal(page.includes('failed validation: at viewer-request'), status === 502)
    assert.doesNotMatch(page, /TypeError/)
    const [visit] = await edge.ended(1)
    assert.equal(visit!.detailedResultType, xCache)
    assert.match(visit!.cause!, cause)
    const [entry] = edge.edge.functions.log.find({ requestId: visit!.request.id, limit: 10 })
    assert.match(entry!.cause!, cause)
  })
}

test('what a handler writes to its console is found by request id', async () => {
  using files = new FunctionFiles()
  const lambdaEdge = files.write(
    'index.js',
    `exports.handler = async (event, context) => { console.log('path %s', event.Records[0].cf.request.uri, { a: 1 }); console.error('bad'); return event.Records[0].cf.request }`,
  )
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', functions: { viewerRequest: { lambdaEdge } } },
  })
  const response = await fetch(`${edge.url}/x`)
  await response.text()
  const [entry] = edge.edge.functions.log.find({ requestId: response.headers.get('x-amz-cf-id')!, limit: 1 })
  assert.deepEqual(
    entry!.lines.map(({ level, text }) => `${level} ${text}`),
    ['INFO path /x { a: 1 }', 'ERROR bad'],
  )
})

test('a reload swaps a changed handler, and no request is dropped on the way', async () => {
  using files = new FunctionFiles()
  const source = (version: number) =>
    `exports.handler = async () => { await new Promise((done) => setTimeout(done, 5)); return { status: '200', body: '${version}' } }`
  const lambdaEdge = files.write('index.js', source(1))
  const distribution = {
    origins: { o: { url: 'http://127.0.0.1:9' } },
    defaultBehavior: { origin: 'o', functions: { viewerRequest: { lambdaEdge } } },
  }
  await using edge = await runEdge(distribution)
  const config = { listeners: [{ port: 0 }], distributions: { test: distribution }, admin: false }
  const answers: string[] = []
  let isOver = false
  const traffic = Array.from({ length: 4 }, async () => {
    while (!isOver) {
      const response = await fetch(edge.url)
      answers.push(`${response.status} ${await response.text()}`)
    }
  })
  await edge.ended(20)
  files.write('index.js', source(2))
  await edge.edge.reload(await planOf(config, edge.folder, 2))
  await edge.ended(answers.length + 40)
  isOver = true
  await Promise.all(traffic)
  assert.deepEqual([...new Set(answers)], ['200 1', '200 2'])
  assert.equal(answers.lastIndexOf('200 1') < answers.length - 10, true, 'the new one took over')
})

test('a handler in TypeScript with a package of its own runs as it is', async () => {
  using files = new FunctionFiles()
  const lambdaEdge = files.write(
    'index.ts',
    `import { basename } from 'node:path'
     import { greet } from './greet.ts'
     enum Kind { One = 'one' }
     export async function handler(event: { Records: [{ cf: { request: { uri: string } } }] }) {
       return { status: '200', body: greet(basename(event.Records[0].cf.request.uri)) + Kind.One }
     }`,
  )
  files.write('greet.ts', 'export const greet = (name: string): string => `hello ${name} `')
  await using edge = await runEdge({
    origins: { o: { url: 'http://127.0.0.1:9' } },
    defaultBehavior: { origin: 'o', functions: { viewerRequest: { lambdaEdge } } },
  })
  assert.equal(await (await fetch(`${edge.url}/dir/you`)).text(), 'hello you one')
})

test('visits and explain show what a function changed, and hide what is secret', async () => {
  using files = new FunctionFiles()
  const cloudFront = files.write(
    'change.js',
    `function handler(event) {
       var request = event.request
       request.uri = '/new'
       request.headers['authorization'] = { value: 'Bearer hidden-token' }
       request.headers['x-plain'] = { value: 'shown' }
       return request
     }`,
  )
  await using origin = await scriptOrigin((_head, socket) => socket.write(ok))
  await using edge = await runEdge({
    origins: { o: { url: origin.url } },
    defaultBehavior: { origin: 'o', functions: { viewerRequest: { cloudFront } } },
  })
  await (await fetch(`${edge.url}/old`)).text()
  const [visit] = await edge.ended(1)
  const [run] = publicVisit(visit!).functions!
  assert.deepEqual(run!.changes, [
    '~ uri: /old -> /new',
    '+ authorization: Bearer [secret]',
    '+ x-plain: shown',
  ])
  const { stages } = await edge.edge.explain({ url: `${edge.url}/old`, method: 'GET', headers: [] })
  const says = stages.find(({ stage }) => stage === 'viewer-request')!.says.join('\n')
  assert.match(says, /^CloudFront Function change was run for this explanation: changed, /)
  assert.match(says, /~ uri: \/old -> \/new/)
  assert.doesNotMatch(says, /hidden-token/)
  assert.match(stages.find(({ stage }) => stage === 'lookup')!.says.join('\n'), /\/new/)
  assert.equal(edge.visits().length, 1, 'explain is no visit')
  assert.match(
    edge.edge.metricsText(),
    /^edgeward_function_runs_total\{function="change",kind="cloudfront",event="viewer-request"\} 1$/m,
  )
})
