import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cp, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { tmpdir } from 'node:os'
import { after, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { openEmbeddedKeys } from '../../seams/keys/embedded.ts'
import { systemClock } from '../../base/clock.ts'
import { dial, type RunningEdge, runEdge } from '../../../test/support/running-edge.ts'
import { decryptMessage } from './encryption-sdk.ts'
import { unprotectFields } from './unprotect-fields.ts'

interface Echo extends AsyncDisposable {
  readonly url: string
  /** What arrived, in order: whole requests only. */
  readonly requests: {
    readonly method: string
    readonly url: string
    readonly headers: IncomingHttpHeaders
    readonly body: string
  }[]
  /** Bodies that broke off. */
  broken: number
}

/** An origin that remembers what it was sent and answers with it. */
async function echoOrigin(headers: Record<string, string> = {}): Promise<Echo> {
  const requests: Echo['requests'] = []
  const echo = { url: '', requests, broken: 0, [Symbol.asyncDispose]: close }
  const server = createServer((request, response) => {
    const pieces: Buffer[] = []
    request.on('data', (piece: Buffer) => pieces.push(piece))
    request.on('error', () => echo.broken++)
    request.on('end', () => {
      const body = Buffer.concat(pieces).toString('latin1')
      requests.push({ method: request.method!, url: request.url!, headers: request.headers, body })
      response.writeHead(200, {
        'content-type': request.headers['content-type'] ?? 'application/json',
        ...headers,
      })
      response.end(body === '' ? '{}' : Buffer.from(body, 'latin1'))
    })
  })
  async function close(): Promise<void> {
    server.closeAllConnections()
    server.close()
    await once(server, 'close')
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  echo.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return echo
}

/** Making keys takes long: one ring, of which every edge gets a copy. */
const ring = await mkdtemp(join(tmpdir(), 'edgeward-ring-'))
{
  await using keys = await openEmbeddedKeys({ folder: ring, clock: systemClock })
  await keys.create('cards')
  await keys.create('people')
}
after(() => rm(ring, { recursive: true }))

/** An edge with two keys, and what opens them. */
async function protectingEdge(
  origin: string,
  fieldEncryption: Record<string, unknown>,
  more: Record<string, unknown> = {},
  jwks?: string,
): Promise<RunningEdge & { readonly open: (text: string, contentType?: string) => Promise<string> }> {
  const edge = await runEdge(
    {
      origins: { o: { url: origin } },
      defaultBehavior: {
        origin: 'o',
        allowedMethods: 'all',
        cachePolicy: 'CachingDisabled',
        originRequestPolicy: 'AllViewer',
        fieldEncryption,
        ...more,
      },
    },
    {
      prepare: async (folder) => {
        await cp(ring, join(folder, '.edgeward/keys'), { recursive: true })
        if (jwks !== undefined) await writeFile(join(folder, 'jwks.json'), jwks)
      },
    },
  )
  const open = async (text: string, contentType = 'application/json'): Promise<string> => {
    const keys = await edge.edge.seams.keys()
    const result = await unprotectFields(
      text,
      { blockBytes: () => 256, open: (id, block) => keys.decryptOaepSha256(id, block) },
      { contentType },
    )
    return result.text
  }
  return Object.assign(edge, { open })
}

const rules = { key: 'cards', fields: [{ name: 'ssn' }, { path: 'card.number' }] }

test('JSON, forms, multipart, XML and NDJSON reach the origin with their fields encrypted and everything else as it was', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, rules)
  const cases: [type: string, body: string][] = [
    ['application/json', '{ "ssn":"078-05-1120", "n":1.0, "card":{"number":4111111111111111} }'],
    ['application/vnd.api+json; charset=utf-8', '{"a":[{"ssn":"x"}]}'],
    ['application/x-www-form-urlencoded', 'a=1+2&ssn=078-05-1120&card[number]=4111&b=%7e'],
    [
      'multipart/form-data; boundary=B',
      '--B\r\nContent-Disposition: form-data; name="ssn"\r\n\r\n078-05\r\n--B--\r\n',
    ],
    ['application/xml', '<p><ssn>078-05-1120</ssn><x a="1"/></p>'],
    ['application/x-ndjson', '{"ssn":"1"}\n{"ssn":"2"}\n'],
  ]
  for (const [type, body] of cases) {
    const response = await fetch(`${edge.url}/in`, {
      method: 'POST',
      headers: { 'content-type': type, 'content-md5': 'x' },
      body,
    })
    assert.equal(response.status, 200, type)
    const got = origin.requests.at(-1)!
    assert.ok(!got.body.includes('078-05') && !got.body.includes('4111'), got.body)
    assert.equal(got.headers['content-length'], String(got.body.length))
    assert.equal(got.headers['content-md5'], undefined)
    assert.equal(await edge.open(got.body, type), body)
  }
  const visits = await edge.ended(cases.length)
  assert.equal(visits[0]!.fleStatus, 'Processed')
  assert.equal(visits[0]!.fleFields, 2)
  assert.match(edge.edge.metricsText(), /edgeward_fields_encrypted_total\{rule="ssn"\} 7\n/)
})

test('any method, coded bodies, and long bodies that wait in a file', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, { ...rules, memoryBytes: 1000 })
  const body = `{"ssn":"078-05-1120","rest":"${randomBytes(300_000).toString('base64')}"}`
  for (const method of ['PUT', 'PATCH', 'DELETE', 'POST']) {
    await fetch(edge.url, { method, headers: { 'content-type': 'application/json' }, body })
    const got = origin.requests.at(-1)!
    assert.equal(got.method, method)
    assert.ok(!got.body.includes('078-05'))
    assert.equal(await edge.open(got.body), body)
  }
  await fetch(edge.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' },
    body: gzipSync(body),
  })
  const got = origin.requests.at(-1)!
  assert.equal(got.headers['content-encoding'], undefined)
  assert.equal(await edge.open(got.body), body)
  assert.deepEqual(await readdir(join(edge.folder, '.edgeward/spool')), [])
})

test('what cannot be protected is refused, and nothing of it reaches the origin', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, {
    ...rules,
    maxFields: 3,
    maxFieldBytes: 100,
    maxBytes: 5000,
  })
  const post = (type: string | undefined, body: string | Buffer, headers: Record<string, string> = {}) =>
    fetch(edge.url, {
      method: 'POST',
      headers: { ...(type === undefined ? {} : { 'content-type': type }), ...headers },
      body,
    })
  const json = 'application/json'
  const cases: [expected: number, fle: string, answer: Promise<Response>][] = [
    [400, 'MalformedInputClientError', post(json, '{"ssn":"1"')],
    [400, 'MalformedInputClientError', post(json, '{"ssn":"1"}}')],
    [400, 'MalformedInputClientError', post('application/x-www-form-urlencoded', 'ssn=%q')],
    [400, 'MalformedInputClientError', post(json, 'not gzip', { 'content-encoding': 'gzip' })],
    [400, 'MalformedInputClientError', post(json, '{}', { 'content-encoding': 'zstd' })],
    [400, 'MalformedContentTypeClientError', post(`${json}; charset=utf-16`, '{"ssn":"1"}')],
    [400, 'MalformedContentTypeClientError', post('multipart/form-data', 'x')],
    [400, 'RejectedByContentType', post('text/plain', '{"ssn":"078-05-1120"}')],
    [400, 'RejectedByContentType', post('application/octet-stream', 'ssn')],
    [400, 'FieldNumberLimitClientError', post(json, '[{"ssn":1},{"ssn":2},{"ssn":3},{"ssn":4}]')],
    [400, 'FieldLengthLimitClientError', post(json, `{"ssn":"${'x'.repeat(100)}"}`)],
    [413, 'RequestLengthLimitClientError', post(json, `{"a":"${'x'.repeat(5000)}"}`)],
    [
      400,
      'MalformedInputClientError',
      post(json, gzipSync(`{"a":"${'x'.repeat(5000)}"}`), { 'content-encoding': 'gzip' }),
    ],
  ]
  let ended = 0
  for (const [expected, fle, answer] of cases) {
    assert.equal((await answer).status, expected, fle)
    const visits = await edge.ended(++ended)
    assert.ok(
      visits.some((visit) => visit.fleStatus === fle),
      fle,
    )
  }
  assert.deepEqual(origin.requests, [])
})

test('by policy, what is malformed or has no fields is forwarded as it came', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, {
    ...rules,
    malformed: 'forward',
    forwardContentTypes: ['image/*'],
  })
  await fetch(edge.url, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{"ssn":' })
  assert.equal(origin.requests.at(-1)!.body, '{"ssn":')
  await fetch(edge.url, { method: 'POST', headers: { 'content-type': 'image/png' }, body: 'png' })
  assert.equal(origin.requests.at(-1)!.body, 'png')
  assert.equal(
    (await fetch(edge.url, { method: 'POST', headers: { 'content-type': 'video/mp4' }, body: 'x' })).status,
    400,
  )
})

test('streaming: what is ready goes out, and a body that breaks its form breaks off at the origin', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, { ...rules, streaming: true })
  const viewer = await dial(edge.port)
  const { socket } = viewer
  const chunk = (text: string) => socket.write(`${text.length.toString(16)}\r\n${text}\r\n`)
  socket.write(
    'POST / HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n',
  )
  chunk('{"ssn":"078-')
  chunk('05-1120","rest":[1,2')
  chunk(',3]}')
  socket.write('0\r\n\r\n')
  await viewer.until(/^HTTP\/1\.1 200 [^]*~enc\(/)
  assert.equal(await edge.open(origin.requests[0]!.body), '{"ssn":"078-05-1120","rest":[1,2,3]}')
  socket.destroy()

  const broken = await fetch(edge.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"ssn":"078-05-1120"}}',
  })
  assert.ok(broken.status >= 400)
  assert.equal(origin.requests.length, 1)
})

test('query strings: keys, logs and visits hold what was encrypted, never what was sent', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, rules, { cachePolicy: { queryStringBehavior: 'all' } })
  await fetch(`${edge.url}/find?a=1&ssn=078-05-1120&b=2`)
  const got = origin.requests[0]!.url
  assert.match(got, /^\/find\?a=1&ssn=%7Eenc%28cards%21s%21[^&]*%29%7E&b=2$/)
  assert.equal(await edge.open(got.slice(6), 'application/x-www-form-urlencoded'), 'a=1&ssn=078-05-1120&b=2')
  const [visit] = await edge.ended(1)
  assert.ok(!JSON.stringify(visit!.cache).includes('078-05'))
  assert.ok(visit!.shownQuery!.includes('%7Eenc%28'))
  assert.equal((await fetch(`${edge.url}/find?ssn=%zz`)).status, 400)
  assert.equal(origin.requests.length, 1)
})

test('detectors look into values without a rule, and into plain text', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, {
    key: 'cards',
    detect: ['card', { pattern: 'EMP-\\d{4}', name: 'employee', key: 'people' }],
  })
  const text = 'call EMP-1234 about 4111 1111 1111 1111, not 4111 1111 1111 1112'
  await fetch(edge.url, { method: 'POST', headers: { 'content-type': 'text/plain' }, body: text })
  const got = origin.requests[0]!.body
  assert.match(got, /^call ~enc\(people!s!\S+ about ~enc\(cards!s!\S+, not 4111 1111 1111 1112$/)
  assert.equal(await edge.open(got, 'text/plain'), text)
  await fetch(edge.url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ text, n: 4111111111111111 }),
  })
  assert.equal(await edge.open(origin.requests[1]!.body), JSON.stringify({ text, n: 4111111111111111 }))
})

test('a rotated key encrypts from now on, the old one still decrypts, a retired one does not', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, rules)
  const post = async () => {
    await fetch(edge.url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"ssn":"1"}',
    })
    return origin.requests.at(-1)!.body
  }
  const before = await post()
  const keys = await edge.edge.seams.keys()
  await keys.create('cards.2')
  const refresh = edge.edge.adminRoutes().find(({ path }) => path === '/keys/refresh')!
  const run = () => refresh.handle({ parameters: {}, query: new URLSearchParams(), body: undefined })
  await run()
  const after = await post()
  assert.match(before, /~enc\(cards!/)
  assert.match(after, /~enc\(cards\.2!/)
  for (const text of [before, after]) assert.equal(await edge.open(text), '{"ssn":"1"}')
  await keys.setStatus('cards', 'disabled')
  assert.equal(await edge.open(before), before)
})

test('callers with a verified token and scope receive their fields opened, never to be stored; others what is stored', async () => {
  await using origin = await echoOrigin({ 'cache-control': 'max-age=60', etag: '"1"' })
  const { publicKey, privateKey } = await generateKeyPair('RS256')
  const { privateKey: stranger } = await generateKeyPair('RS256')
  const jwks = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: 'k', alg: 'RS256' }] })
  await using edge = await protectingEdge(
    origin.url,
    {
      ...rules,
      fields: [{ name: 'ssn' }, { name: 'phone', key: 'people' }],
      callers: [
        {
          issuer: 'https://id.example',
          jwks: './jwks.json',
          audience: 'app',
          scopes: { 'cards:read': ['cards'] },
        },
      ],
    },
    {},
    jwks,
  )
  const token = (
    claims: Record<string, unknown>,
    key = privateKey,
    more: { exp?: string; aud?: string; iss?: string } = {},
  ) =>
    new SignJWT(claims)
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .setIssuer(more.iss ?? 'https://id.example')
      .setAudience(more.aud ?? 'app')
      .setExpirationTime(more.exp ?? '1h')
      .sign(key)
  // The origin stores what it is sent, and gives it back.
  await fetch(`${edge.url}/me`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"ssn":"078-05","phone":"+1"}',
  })
  const stored = origin.requests[0]!.body
  const ask = async (authorization: string | undefined, headers: Record<string, string> = {}) => {
    const response = await fetch(`${edge.url}/me`, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(authorization === undefined ? {} : { authorization }),
        ...headers,
      },
      body: stored,
    })
    return { response, body: await response.text() }
  }
  const good = await ask(`Bearer ${await token({ scope: 'openid cards:read' })}`, { range: 'bytes=0-1' })
  const opened = JSON.parse(good.body) as { ssn: string; phone: string }
  assert.equal(opened.ssn, '078-05')
  assert.match(opened.phone, /^~enc\(people!/)
  assert.equal(good.response.headers.get('cache-control'), 'private, no-store')
  assert.equal(good.response.headers.get('etag'), null)
  const refused = [
    undefined,
    'Bearer nonsense',
    `Bearer ${await token({ scope: 'openid' })}`,
    `Bearer ${await token({ scope: 'cards:read' }, stranger)}`,
    `Bearer ${await token({ scope: 'cards:read' }, privateKey, { exp: '-1h' })}`,
    `Bearer ${await token({ scope: 'cards:read' }, privateKey, { aud: 'other' })}`,
    `Bearer ${await token({ scope: 'cards:read' }, privateKey, { iss: 'https://evil.example' })}`,
  ]
  for (const authorization of refused)
    assert.equal((await ask(authorization)).body, stored, String(authorization))
})

test('explain says which fields would be protected by which rule, and no values', async () => {
  await using origin = await echoOrigin()
  await using edge = await protectingEdge(origin.url, rules)
  const explained = await edge.edge.explain({
    url: `${edge.url}/x?ssn=078-05-1120`,
    method: 'POST',
    headers: [['Content-Type', 'application/json']],
  })
  const says = explained.stages.flatMap((stage) => stage.says)
  assert.ok(says.includes('field encryption: query parameter ssn with key cards'))
  assert.ok(says.includes('field encryption: card.number with key cards'))
})

test('a key that is not there keeps the edge from starting, and says what to do', async () => {
  await using origin = await echoOrigin()
  await assert.rejects(
    protectingEdge(origin.url, { key: 'missing', fields: [{ name: 'a' }] }),
    /field-encryption cannot start: there is no key "missing"; make it with: edgeward keys create missing/,
  )
})

test('configurations that protect nothing, have no key, or name what is not there are told at once', async () => {
  await using origin = await echoOrigin()
  const cases: [Record<string, unknown>, RegExp][] = [
    [{}, /protects nothing/],
    [{ fields: [{ name: 'a' }] }, /fields\[0\][^]*has no key/],
    [{ key: 'k', fields: [{ name: 'a', path: 'b' }] }, /either a name or a path/],
    [{ key: 'k', fields: [{ path: 'a..b' }] }, /is no path/],
    [{ key: 'k', detect: [{ pattern: '(', name: 'x' }] }, /no regular expression/],
    [{ key: 'k', fields: [{ name: 'a' }], prefix: 'abc' }, /base64 has not/],
    [
      { callers: [{ issuer: 'i', jwks: './none.json', audience: 'a', scopes: { s: ['k'] } }] },
      /there is no file/,
    ],
    [
      { callers: [{ issuer: 'i', jwks: 'http://id.example/jwks', audience: 'a', scopes: { s: ['k'] } }] },
      /plain http/,
    ],
  ]
  for (const [config, problem] of cases) await assert.rejects(protectingEdge(origin.url, config), problem)
})

test("CloudFront's own field-level encryption: ten fields of a form at most, as its API configures it", async () => {
  await using origin = await echoOrigin()
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const EncodedKey = pair.publicKey.export({ type: 'spki', format: 'pem' }).toString()
  const Items = [{ PublicKeyId: 'K', ProviderId: 'DocProvider', FieldPatterns: { Items: ['ssn', 'f*'] } }]
  await using edge = await protectingEdge(origin.url, {
    native: {
      config: {
        ContentTypeProfileConfig: {
          ForwardWhenContentTypeIsUnknown: false,
          ContentTypeProfiles: {
            Items: [
              { ContentType: 'application/x-www-form-urlencoded', Format: 'URLEncoded', ProfileId: 'P' },
            ],
          },
        },
      },
      profiles: [{ Id: 'P', FieldLevelEncryptionProfileConfig: { EncryptionEntities: { Items } } }],
      publicKeys: [{ Id: 'K', PublicKeyConfig: { Name: 'DocKey', EncodedKey } }],
    },
  })
  const post = (type: string, body: string) =>
    fetch(edge.url, { method: 'POST', headers: { 'content-type': type }, body })
  const form = 'application/x-www-form-urlencoded'
  await post(form, 'a=1&ssn=078-05-1120&b=x+y')
  const got = new URLSearchParams(origin.requests[0]!.body)
  assert.equal(got.get('b'), 'x y')
  const opened = decryptMessage(Buffer.from(got.get('ssn')!, 'base64'), () => pair.privateKey)
  assert.equal(opened.toString(), '078-05-1120')
  const eleven = Array.from({ length: 11 }, (_, i) => `f${i}=x`).join('&')
  assert.equal((await post(form, eleven)).status, 400)
  assert.equal((await post(form, `ssn=${'x'.repeat(16_385)}`)).status, 400)
  assert.equal((await post('application/json', '{}')).status, 400)
  assert.equal(origin.requests.length, 1)
  const statuses = (await edge.ended(4)).map((visit) => visit.fleStatus)
  assert.deepEqual(statuses, [
    'Processed',
    'FieldNumberLimitClientError',
    'FieldLengthLimitClientError',
    'RejectedByContentType',
  ])
})
