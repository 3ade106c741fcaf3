import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Secret } from '../../src/base/secret.ts'
import { checkConfig } from '../../src/config/check.ts'
import { signedHeaders } from '../../src/modules/cognito-proxy/as-admin.ts'
import { cognitoWebAcl, IP_SETS } from '../../src/modules/cognito-proxy/web-acl.ts'
import { malformedCall } from '../support/cognito/malformed.ts'
import {
  ADMINISTRATOR,
  call,
  CLIENT,
  CLIENT_SECRET,
  hashOf,
  openStand,
  PASSWORD,
  POOL,
} from '../support/cognito/stand.ts'
import { ManualClock } from '../support/manual-clock.ts'
import { runEdge, talk } from '../support/running-edge.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))
const advancedSecurity = {
  userPoolId: POOL,
  region: 'us-east-1',
  accessKeyId: ADMINISTRATOR.id,
  secretAccessKey: 'pool-administrator',
}

interface Heard {
  readonly headers: IncomingHttpHeaders
  readonly body: string
}

/** An origin that keeps what it is sent and answers `{}`. */
async function listen() {
  const heard: Heard[] = []
  const server = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk) => (body += String(chunk)))
    request.on('end', () => {
      heard.push({ headers: request.headers, body })
      response.setHeader('access-control-allow-origin', 'https://theirs.test')
      response.end('{}')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // A TCP server that listens has one.
  return {
    url: `http://127.0.0.1:${port}`,
    heard,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function before(
  url: string,
  proxy: object = {},
  top: Record<string, unknown> = {},
  distribution: object = {},
) {
  const edge = await runEdge(
    {
      origins: { pool: { url } },
      defaultBehavior: {
        origin: 'pool',
        allowedMethods: 'all',
        cachePolicy: 'CachingDisabled',
        cognitoProxy: { clients: { [CLIENT]: { secret: 'pool-client' } }, ...proxy },
      },
      ...distribution,
    },
    { top },
  )
  const secrets = await edge.edge.seams.secrets()
  await secrets.put('pool-client', new Secret(CLIENT_SECRET))
  await secrets.put('pool-administrator', new Secret(ADMINISTRATOR.key))
  return edge
}

test('each operation gets its proof where it takes it, and nothing else of the request changes', async () => {
  await using origin = await listen()
  await using edge = await before(origin.url)
  const SecretHash = hashOf('ann')
  const named = { ClientId: CLIENT, Username: 'ann', Extra: { deep: [1, 'two'] } }
  const inMap = (map: string, more = {}) => ({
    ClientId: CLIENT,
    [map]: { USERNAME: 'ann', X: 'y' },
    ...more,
  })
  const cases: [operation: string, given: object, becomes: object, target?: string][] = [
    ...['SignUp', 'ConfirmSignUp', 'ResendConfirmationCode', 'ForgotPassword', 'ConfirmForgotPassword'].map(
      (operation): [string, object, object] => [
        operation,
        { ...named, SecretHash: 'forged' },
        { ...named, SecretHash },
      ],
    ),
    [
      'InitiateAuth',
      inMap('AuthParameters', { AuthFlow: 'USER_SRP_AUTH' }),
      {
        ClientId: CLIENT,
        AuthParameters: { USERNAME: 'ann', X: 'y', SECRET_HASH: SecretHash },
        AuthFlow: 'USER_SRP_AUTH',
      },
    ],
    [
      'RespondToAuthChallenge',
      inMap('ChallengeResponses', { Session: 's' }),
      {
        ClientId: CLIENT,
        ChallengeResponses: { USERNAME: 'ann', X: 'y', SECRET_HASH: SecretHash },
        Session: 's',
      },
    ],
    [
      'InitiateAuth',
      {
        ClientId: CLIENT,
        AuthFlow: 'REFRESH_TOKEN_AUTH',
        AuthParameters: { REFRESH_TOKEN: 'r', DEVICE_KEY: 'd', SECRET_HASH: 'forged' },
        ClientMetadata: { a: 'b' },
      },
      {
        ClientId: CLIENT,
        ClientSecret: CLIENT_SECRET,
        RefreshToken: 'r',
        DeviceKey: 'd',
        ClientMetadata: { a: 'b' },
      },
      'GetTokensFromRefreshToken',
    ],
    [
      'GetTokensFromRefreshToken',
      { ClientId: CLIENT, RefreshToken: 'r', ClientSecret: 'forged' },
      { ClientId: CLIENT, RefreshToken: 'r', ClientSecret: CLIENT_SECRET },
    ],
    [
      'RevokeToken',
      { ClientId: CLIENT, Token: 'r' },
      { ClientId: CLIENT, Token: 'r', ClientSecret: CLIENT_SECRET },
    ],
  ]
  for (const [operation, given, becomes, target = operation] of cases) {
    const answer = await call(edge.url, operation, given, { cookie: 'mine=1', authorization: 'Bearer mine' })
    assert.equal(answer.status, 200, operation)
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
    const { headers, body } = origin.heard.pop()!
    assert.deepEqual(JSON.parse(body), becomes, operation)
    assert.equal(headers['x-amz-target'], `AWSCognitoIdentityProviderService.${target}`)
    assert.equal(headers['content-type'], 'application/x-amz-json-1.1')
    assert.equal(headers.cookie, undefined)
    assert.equal(headers.authorization, undefined)
  }
  const untouched = '{ "AccessToken":"a",\t"x" : 1e2 }'
  await call(edge.url, 'GetUser', untouched)
  assert.equal(origin.heard.pop()!.body, untouched)
})

test('the address of the viewer is what the edge says it is', async () => {
  await using origin = await listen()
  await using silent = await before(origin.url)
  await using telling = await before(origin.url, { viewerAddress: true })
  const input = {
    ClientId: CLIENT,
    Username: 'ann',
    UserContextData: { IpAddress: '203.0.113.9', EncodedData: 'e' },
  }
  await call(silent.url, 'SignUp', input)
  assert.deepEqual(JSON.parse(origin.heard.pop()!.body).UserContextData, { EncodedData: 'e' })
  await call(telling.url, 'SignUp', input)
  assert.deepEqual(JSON.parse(origin.heard.pop()!.body).UserContextData, {
    EncodedData: 'e',
    IpAddress: '127.0.0.1',
  })
})

test('in advanced-security mode sign-ins are Admin calls, signed, with the address and device data of the viewer', async () => {
  await using origin = await listen()
  await using edge = await before(origin.url, { advancedSecurity })
  const AuthParameters = { USERNAME: 'ann', PASSWORD }
  const UserContextData = { EncodedData: 'device', IpAddress: '203.0.113.9' }
  const input = { ClientId: CLIENT, AuthFlow: 'USER_PASSWORD_AUTH', AuthParameters, UserContextData }
  await call(edge.url, 'InitiateAuth', input, { 'user-agent': 'browser/1' })
  const { headers, body } = origin.heard.pop()!
  assert.equal(headers['x-amz-target'], 'AWSCognitoIdentityProviderService.AdminInitiateAuth')
  const sent = JSON.parse(body)
  assert.equal(sent.AuthFlow, 'ADMIN_USER_PASSWORD_AUTH')
  assert.equal(sent.UserPoolId, POOL)
  assert.equal(sent.UserContextData, undefined)
  assert.equal(sent.ContextData.IpAddress, '127.0.0.1')
  assert.equal(sent.ContextData.EncodedData, 'device')
  assert.deepEqual(sent.ContextData.HttpHeaders[0], { headerName: 'user-agent', headerValue: 'browser/1' })
  assert.match(String(headers.authorization), /SignedHeaders=content-type;host;x-amz-date;x-amz-target, /)
  assert.ok(!JSON.stringify(headers).includes(ADMINISTRATOR.key))

  // Our pool checks the signature.
  await using stand = await openStand({ proxy: { advancedSecurity } })
  const attributes = [{ Name: 'email', Value: 'ann@example.com' }]
  await call(stand.edge.url, 'SignUp', {
    ClientId: CLIENT,
    Username: 'ann',
    Password: PASSWORD,
    UserAttributes: attributes,
  })
  await call(stand.edge.url, 'ConfirmSignUp', {
    ClientId: CLIENT,
    Username: 'ann',
    ConfirmationCode: stand.codeOf('ann'),
  })
  const answer = await call(stand.edge.url, 'InitiateAuth', input)
  assert.equal(answer.status, 200, JSON.stringify(answer.body))
  assert.equal(stand.pool.counts.get('AdminInitiateAuth ok'), 1)
})

test('malformed bodies never reach the pool', async () => {
  await using stand = await openStand()
  await fc.assert(
    fc.asyncProperty(malformedCall, async ({ operation, body }) => {
      const response = await fetch(stand.edge.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/x-amz-json-1.1',
          'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
        },
        body: new Uint8Array(body),
      })
      assert.match(await response.text(), /^\{"__type":"\w+Exception"/)
      assert.equal(stand.pool.counts.size, 0)
    }),
    { numRuns: 200 },
  )
})

test('a pool that does not answer, and a secret that is not there, are told in the form of the API', async () => {
  await using edge = await before('http://127.0.0.1:9')
  const input = { ClientId: CLIENT, Username: 'ann' }
  const away = await call(edge.url, 'ForgotPassword', input)
  assert.deepEqual([away.status, away.error], [503, 'ServiceUnavailableException'])
  await (await edge.edge.seams.secrets()).delete('pool-client')
  const bare = await call(edge.url, 'ForgotPassword', input)
  assert.deepEqual([bare.status, bare.error], [500, 'InternalErrorException'])
  assert.ok(edge.said.some((line) => line.includes('there is no secret "pool-client"')))
})

test('operations of administrators pass as they are when the configuration says so, with the signature of the caller', async () => {
  await using stand = await openStand({ proxy: { otherOperations: 'pass' } })
  const body = Buffer.from(`{ "UserPoolId" : "${POOL}" }`)
  const ask = async (key: string) => {
    const host = new URL(stand.pool.url).host
    const headers = signedHeaders(
      { host, contentType: 'application/x-amz-json-1.1', name: 'ListUsers', body },
      { ...advancedSecurity },
      { secretAccessKey: new Secret(key), sessionToken: undefined },
      Date.now(),
    )
    return call(
      stand.edge.url,
      'ListUsers',
      body.toString(),
      Object.fromEntries(headers.filter(([name]) => name !== 'host')),
    )
  }
  const listed = await ask(ADMINISTRATOR.key)
  assert.deepEqual([listed.status, listed.body], [200, { Users: [] }])
  assert.equal((await ask('another')).error, 'InvalidSignatureException')
})

test('a body that is cut short never reaches the pool', async () => {
  await using stand = await openStand()
  const head = [
    'POST / HTTP/1.1',
    'Host: shop.test',
    'Content-Type: application/x-amz-json-1.1',
    'X-Amz-Target: AWSCognitoIdentityProviderService.ForgotPassword',
    'Content-Length: 500',
  ].join('\r\n')
  const body = JSON.stringify({ ClientId: CLIENT, Username: 'ann' })
  await talk(stand.edge.port, `${head}\r\n\r\n${body}`, { halfClose: true })
  await stand.edge.ended(1)
  assert.equal(stand.pool.counts.size, 0)
})

test('calls near a quota are told of at 50, 70 and 90 percent, in the log, the metrics and on the admin port', async () => {
  const clock = new ManualClock()
  await using stand = await openStand({ clock, proxy: { quotas: { UserRead: 10 } } })
  const { edge } = stand
  const warnings = () => edge.said.filter((line) => line.includes('cognito-proxy'))
  const told = []
  for (let calls = 1; calls <= 10; calls++) {
    await call(edge.url, 'GetUser', { AccessToken: 'x' })
    told.push(warnings().length)
  }
  assert.deepEqual(told, [0, 0, 0, 0, 1, 1, 2, 2, 3, 3])
  assert.match(warnings().at(-1)!, /9 UserRead calls in a second are over 90 % of the quota of 10/)
  assert.match(
    edge.edge.metricsText(),
    /edgeward_cognito_quota_ratio\{endpoint="[^"]+",category="UserRead"\} 1$/m,
  )
  const route = edge.edge.adminRoutes().find(({ path }) => path === '/cognito-proxy')!
  const { body } = await route.handle({ parameters: {}, query: new URLSearchParams(), body: undefined })
  const [pool] = body as { quotas: { category: string; level: number; peak: number }[] }[]
  const read = pool!.quotas.find(({ category }) => category === 'UserRead')!
  assert.deepEqual([read.level, read.peak], [90, 10])
  clock.advance(61_000)
  assert.match(edge.edge.metricsText(), /category="UserRead"\} 0$/m)
})

test('the ready web ACL lets in, keeps out and limits, in this order, by sets that change while it runs', async () => {
  await using origin = await listen()
  const ipSets = Object.fromEntries(IP_SETS.map((name) => [name, []]))
  await using edge = await before(origin.url, {}, { ipSets }, { webAcl: cognitoWebAcl(100) })
  const ask = async () => (await fetch(edge.url, { method: 'OPTIONS' })).status
  assert.equal(await ask(), 204)
  const route = edge.edge
    .adminRoutes()
    .find((each) => each.method === 'PUT' && each.path === '/ip-sets/:name')!
  const put = async (name: string, addresses: string[]) =>
    void (await route.handle({ parameters: { name }, query: new URLSearchParams(), body: { addresses } }))
  await put('cognito-deny-v4', ['127.0.0.0/8'])
  assert.equal(await ask(), 403)
  await put('cognito-allow-v4', ['127.0.0.1/32'])
  for (let i = 0; i < 120; i++) assert.equal(await ask(), 204)
  await put('cognito-allow-v4', [])
  await put('cognito-deny-v4', [])
  let asked = 0
  while ((await ask()) === 204) assert.ok(asked++ < 150, 'RateLimit never came')
  assert.deepEqual(
    (cognitoWebAcl(100) as { Rules: { Name: string }[] }).Rules.map(({ Name }) => Name),
    ['AllowList', 'DenyList', 'RateLimit'],
  )
})

test('what is wrong with a configuration is told with its place', async () => {
  const behavior = { origin: 'pool', allowedMethods: 'all', cachePolicy: 'CachingDisabled' }
  const clients = { [CLIENT]: { secret: 's' } }
  const pools = (ids: string[]) => Object.fromEntries(ids.map((id) => [id, { clients: { same: {} } }]))
  const cases: { defaultBehavior: object; origin?: object; top?: object; says: RegExp }[] = [
    {
      defaultBehavior: { ...behavior, allowedMethods: ['GET', 'HEAD'], cognitoProxy: { clients } },
      says: /defaultBehavior\.allowedMethods: calls of the user pool API are POST/,
    },
    {
      defaultBehavior: { ...behavior, cognitoProxy: { clients: {} } },
      says: /cognitoProxy\.clients: without a client/,
    },
    {
      defaultBehavior: { ...behavior, cognitoProxy: { clients } },
      origin: { folder: '.' },
      says: /defaultBehavior\.origin: the origin pool is no user pool/,
    },
    {
      defaultBehavior: { ...behavior, cognitoProxy: { clients } },
      origin: { url: 'http://pool.test' },
      says: /client secrets travel to pool in clear/,
    },
    {
      defaultBehavior: { ...behavior, cognitoProxy: { clients, quotas: { Nope: 1 } } },
      says: /cognitoProxy\.quotas/,
    },
    {
      defaultBehavior: behavior,
      top: { userPool: { pools: pools(['a_one', 'a_two']) } },
      says: /userPool\.pools\.a_two\.clients\.same: the pool a_one has a client of this id too/,
    },
    {
      defaultBehavior: behavior,
      top: { userPool: { pools: pools(['nounderscore']) } },
      says: /userPool\.pools.*a pool id looks like/,
    },
    {
      defaultBehavior: behavior,
      top: { userPool: { pools: {}, codes: { smtp: 'smtp://mail.test', from: 'me@test', user: 'me' } } },
      says: /userPool\.codes\.passwordSecret: a user at the mail server needs a password/,
    },
    {
      defaultBehavior: behavior,
      top: { userPool: { pools: {}, host: '0.0.0.0' } },
      says: /userPool\.publicUrl: tokens will name/,
    },
  ]
  for (const { defaultBehavior, origin = { url: 'https://pool.test' }, top = {}, says } of cases) {
    const config = {
      admin: false,
      distributions: { shop: { origins: { pool: origin }, defaultBehavior } },
      ...top,
    }
    const { problems } = await checkConfig(config, tmpdir())
    assert.match(problems.map(({ path, message }) => `${path}: ${message}`).join('\n'), says)
  }
})

async function edgeward(folder: string, ...args: string[]) {
  const child = spawn(process.execPath, [LAUNCHER, 'cognito-proxy', ...args], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let out = ''
  let error = ''
  child.stdout.on('data', (chunk) => (out += String(chunk)))
  child.stderr.on('data', (chunk) => (error += String(chunk)))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, error }
}

test('two questions are answered from the access log: who calls most, and whose calls fail', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-cognito-log-'))
  try {
    const line = (client: string, note: string, at: number, status = 200) =>
      `${JSON.stringify({ 'c-ip': client, 'sc-status': String(status), 'timestamp(ms)': String(at), 'viewer-request-log-data': note })}\n`
    await writeFile(
      join(folder, 'a.log'),
      [
        ...Array.from({ length: 30 }, (_, i) => line('192.0.2.1', 'cognito InitiateAuth', 60_000 + i)),
        ...Array.from({ length: 20 }, (_, i) =>
          line('192.0.2.2', 'tier gold cognito InitiateAuth NotAuthorizedException', 60_000 * i, 400),
        ),
        line('192.0.2.3', '-', 0),
        '{"half',
      ].join(''),
    )
    const rates = await edgeward(folder, 'rates', '--folder', '.')
    assert.equal(rates.code, 0, rates.error)
    assert.match(
      rates.out,
      /^client +operation +calls +peak\/min +errors +error rate\n192\.0\.2\.1 +InitiateAuth +30 +30 +0 +0 %\n192\.0\.2\.2 +InitiateAuth +20 +1 +20 +100 %\n$/,
    )
    const errors = await edgeward(folder, 'errors', '--folder', '.', '--json')
    assert.deepEqual(
      (JSON.parse(errors.out) as { client: string }[]).map(({ client }) => client),
      ['192.0.2.2'],
    )
    const wrong = await edgeward(folder, 'web-acl', '--rate-limit', '99')
    assert.equal(wrong.code, 2)
    assert.match(wrong.error, /from 100 to 20000000, not 99/)
    const acl = await edgeward(folder, 'web-acl', '--rate-limit', '20000000')
    assert.deepEqual(JSON.parse(acl.out), cognitoWebAcl(20_000_000))
  } finally {
    await rm(folder, { recursive: true })
  }
})
