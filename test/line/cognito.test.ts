import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import {
  AuthenticationDetails,
  CognitoUser,
  CognitoUserAttribute,
  CognitoUserPool,
  type CognitoUserSession,
} from 'amazon-cognito-identity-js'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import {
  ADMINISTRATOR,
  call,
  CLIENT,
  CLIENT_SECRET,
  hashOf,
  openStand,
  PASSWORD,
  POOL,
  type Stand,
} from '../support/cognito/stand.ts'

const LAUNCHER = fileURLToPath(new URL('../../bin/edgeward.cjs', import.meta.url))

const done = <T>(
  run: (callback: (error: Error | null | undefined, result?: T) => void) => void,
): Promise<T> =>
  new Promise((resolve, reject) =>
    run((error, result) => (error === null || error === undefined ? resolve(result!) : reject(error))),
  )

function poolAt(endpoint: string): CognitoUserPool {
  return new CognitoUserPool({ UserPoolId: POOL, ClientId: CLIENT, endpoint })
}

function signIn(user: CognitoUser, password: string, flow?: string): Promise<CognitoUserSession> {
  if (flow !== undefined) user.setAuthenticationFlowType(flow)
  const details = new AuthenticationDetails({ Username: user.getUsername(), Password: password })
  return new Promise((onSuccess, onFailure) => user.authenticateUser(details, { onSuccess, onFailure }))
}

const named = (name: string) => (error: unknown) => {
  assert.ok(error instanceof Error)
  assert.equal('code' in error ? error.code : error.name, name, error.message)
  return true
}

/** Somebody who has signed up and confirmed, by calls of our own through the edge. */
async function signUp({ edge, codeOf }: Stand, Username: string): Promise<void> {
  const UserAttributes = [{ Name: 'email', Value: `${Username}@example.com` }]
  const made = await call(edge.url, 'SignUp', {
    ClientId: CLIENT,
    Username,
    Password: PASSWORD,
    UserAttributes,
  })
  assert.equal(made.status, 200, JSON.stringify(made.body))
  const ConfirmationCode = codeOf(Username)
  const confirmed = await call(edge.url, 'ConfirmSignUp', { ClientId: CLIENT, Username, ConfirmationCode })
  assert.equal(confirmed.status, 200, JSON.stringify(confirmed.body))
}

async function signInByPassword({ edge }: Stand, USERNAME: string) {
  const { body } = await call(edge.url, 'InitiateAuth', {
    ClientId: CLIENT,
    AuthFlow: 'USER_PASSWORD_AUTH',
    AuthParameters: { USERNAME, PASSWORD },
  })
  return body['AuthenticationResult'] as Record<string, string>
}

test('amazon-cognito-identity-js uses a confidential client through the edge, and is refused by the pool itself', async () => {
  await using stand = await openStand()
  const { edge, pool, codeOf } = stand
  const attributes = [new CognitoUserAttribute({ Name: 'email', Value: 'ann@example.com' })]
  const direct = poolAt(pool.url)
  await assert.rejects(
    done((back) => direct.signUp('ann', PASSWORD, attributes, [], back)),
    named('NotAuthorizedException'),
  )
  const through = poolAt(edge.url)
  await done((back) => through.signUp('ann', PASSWORD, attributes, [], back))
  const user = new CognitoUser({ Username: 'ann', Pool: through })
  await assert.rejects(signIn(user, PASSWORD), named('UserNotConfirmedException'))
  const first = codeOf('ann')
  await done((back) => user.resendConfirmationCode(back))
  if (codeOf('ann') !== first)
    await assert.rejects(
      done((back) => user.confirmRegistration(first, false, back)),
      named('CodeMismatchException'),
    )
  await done((back) => user.confirmRegistration(codeOf('ann'), false, back))

  await assert.rejects(
    signIn(new CognitoUser({ Username: 'ann', Pool: direct }), PASSWORD),
    named('NotAuthorizedException'),
  )
  await assert.rejects(signIn(user, 'Wrong-horse-1'), named('NotAuthorizedException'))
  await assert.rejects(
    signIn(new CognitoUser({ Username: 'nobody', Pool: through }), PASSWORD),
    named('NotAuthorizedException'),
  )
  const session = await signIn(user, PASSWORD)
  const keys = createRemoteJWKSet(new URL(`${pool.url}/${POOL}/.well-known/jwks.json`))
  const { payload } = await jwtVerify(session.getIdToken().getJwtToken(), keys, {
    issuer: `${pool.url}/${POOL}`,
    audience: CLIENT,
  })
  assert.equal(payload['cognito:username'], 'ann')
  assert.equal(payload['email_verified'], true)
  assert.equal(payload['token_use'], 'id')

  const again = await signIn(user, PASSWORD, 'USER_PASSWORD_AUTH')
  const renewed = await done<CognitoUserSession>((back) => user.refreshSession(again.getRefreshToken(), back))
  assert.notEqual(renewed.getAccessToken().getJwtToken(), again.getAccessToken().getJwtToken())

  await new Promise<void>((onSuccess, onFailure) =>
    user.forgotPassword({ onSuccess: () => onSuccess(), onFailure }),
  )
  await new Promise<void>((onSuccess, onFailure) =>
    user.confirmPassword(codeOf('ann'), 'Another-horse-2', { onSuccess: () => onSuccess(), onFailure }),
  )
  await assert.rejects(signIn(user, PASSWORD), named('NotAuthorizedException'))
  const last = await signIn(user, 'Another-horse-2')
  await new Promise<void>((onSuccess, onFailure) =>
    user.globalSignOut({ onSuccess: () => onSuccess(), onFailure }),
  )
  const AccessToken = last.getAccessToken().getJwtToken()
  assert.equal((await call(edge.url, 'GetUser', { AccessToken })).error, 'NotAuthorizedException')
})

test('the pool takes a SECRET_HASH that is right and no other', async () => {
  await using stand = await openStand()
  await signUp(stand, 'bob')
  const { pool } = stand
  const ask = (hash: string | undefined, ClientId = CLIENT) =>
    call(pool.url, 'InitiateAuth', {
      ClientId,
      AuthFlow: 'USER_PASSWORD_AUTH',
      AuthParameters: { USERNAME: 'bob', PASSWORD, ...(hash !== undefined && { SECRET_HASH: hash }) },
    })
  assert.equal((await ask(hashOf('bob'))).status, 200)
  const wrong = [
    { hash: undefined, says: /SECRET_HASH was not received/ },
    { hash: '', says: /Unable to verify/ },
    { hash: hashOf('ann'), says: /Unable to verify/ },
    { hash: hashOf('bob', 'open'), says: /Unable to verify/ },
    { hash: hashOf('bob', CLIENT, 'another-secret'), says: /Unable to verify/ },
    { hash: `${hashOf('bob')}=`, says: /Unable to verify/ },
    { hash: hashOf('bob').toLowerCase(), says: /Unable to verify/ },
  ]
  for (const { hash, says } of wrong) {
    const answer = await ask(hash)
    assert.equal(answer.error, 'NotAuthorizedException', String(hash))
    assert.match(String(answer.body['message']), says)
  }
  assert.equal((await ask(undefined, 'open')).status, 200)
  assert.equal((await ask(hashOf('bob'), 'open')).error, 'NotAuthorizedException')
  for (const operation of [
    'SignUp',
    'ConfirmSignUp',
    'ResendConfirmationCode',
    'ForgotPassword',
    'ConfirmForgotPassword',
  ]) {
    const input = { ClientId: CLIENT, Username: 'eve', Password: PASSWORD, ConfirmationCode: '123456' }
    for (const SecretHash of [undefined, 'forged', hashOf('bob')])
      assert.equal(
        (await call(pool.url, operation, { ...input, SecretHash })).error,
        'NotAuthorizedException',
        operation,
      )
  }
})

test('what callers put in the place of a proof is overwritten, and a client that is not listed is refused', async () => {
  await using stand = await openStand()
  await signUp(stand, 'cyd')
  const { edge } = stand
  const forged = await call(edge.url, 'InitiateAuth', {
    ClientId: CLIENT,
    AuthFlow: 'USER_PASSWORD_AUTH',
    AuthParameters: { USERNAME: 'cyd', PASSWORD, SECRET_HASH: 'forged' },
    SecretHash: 'forged',
  })
  assert.equal(forged.status, 200)
  const tokens = forged.body['AuthenticationResult'] as Record<string, string>
  for (const RefreshFlow of ['REFRESH_TOKEN_AUTH', 'REFRESH_TOKEN']) {
    const answer = await call(edge.url, 'InitiateAuth', {
      ClientId: CLIENT,
      AuthFlow: RefreshFlow,
      AuthParameters: { REFRESH_TOKEN: tokens['RefreshToken'], SECRET_HASH: 'forged' },
    })
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  }
  const refreshed = await call(edge.url, 'GetTokensFromRefreshToken', {
    ClientId: CLIENT,
    ClientSecret: 'forged',
    RefreshToken: tokens['RefreshToken'],
  })
  assert.equal(refreshed.status, 200)
  for (const ClientId of ['open', 'nobody', 'constructor', '__proto__']) {
    const answer = await call(edge.url, 'ForgotPassword', { ClientId, Username: 'cyd' })
    assert.equal(answer.error, 'ResourceNotFoundException', ClientId)
  }
  const revoked = await call(edge.url, 'RevokeToken', { ClientId: CLIENT, Token: tokens['RefreshToken'] })
  assert.equal(revoked.status, 200)
  const after = await call(edge.url, 'GetUser', { AccessToken: tokens['AccessToken'] })
  assert.equal(after.error, 'NotAuthorizedException')
})

test('calls that are none are answered in the form of the API and never reach the pool', async () => {
  await using stand = await openStand({ proxy: { maxBodyBytes: 2_048 } })
  const { edge, pool } = stand
  const before = [...pool.counts.values()].reduce((sum, each) => sum + each, 0)
  const cases: {
    operation: string
    body: unknown
    headers?: Record<string, string>
    error: string
    status?: number
  }[] = [
    { operation: 'SignUp', body: '{', error: 'SerializationException' },
    { operation: 'SignUp', body: '', error: 'SerializationException' },
    { operation: 'SignUp', body: '[]', error: 'SerializationException' },
    { operation: 'SignUp', body: 'null', error: 'SerializationException' },
    { operation: 'SignUp', body: {}, error: 'InvalidParameterException' },
    { operation: 'SignUp', body: { ClientId: CLIENT }, error: 'InvalidParameterException' },
    { operation: 'SignUp', body: { ClientId: CLIENT, Username: 7 }, error: 'InvalidParameterException' },
    {
      operation: 'SignUp',
      body: { ClientId: CLIENT, Username: 'x'.repeat(3_000) },
      error: 'RequestTooLargeException',
      status: 413,
    },
    {
      operation: 'InitiateAuth',
      body: { ClientId: CLIENT, AuthParameters: [] },
      error: 'InvalidParameterException',
    },
    {
      operation: 'InitiateAuth',
      body: { ClientId: CLIENT, AuthParameters: { USERNAME: {} } },
      error: 'InvalidParameterException',
    },
    { operation: 'GetUser', body: {}, error: 'InvalidParameterException' },
    { operation: 'GetUser', body: { AccessToken: 7 }, error: 'InvalidParameterException' },
    { operation: 'AdminInitiateAuth', body: {}, error: 'UnknownOperationException' },
    { operation: 'toString', body: {}, error: 'UnknownOperationException' },
    { operation: 'No-Such', body: {}, error: 'UnknownOperationException' },
    {
      operation: 'SignUp',
      body: {},
      headers: { 'content-type': 'application/json' },
      error: 'UnsupportedMediaTypeException',
      status: 415,
    },
    {
      operation: 'SignUp',
      body: {},
      headers: { 'content-encoding': 'gzip' },
      error: 'UnsupportedMediaTypeException',
      status: 415,
    },
    {
      operation: 'SignUp',
      body: {},
      headers: { 'x-amz-target': 'SomethingElse.SignUp' },
      error: 'UnknownOperationException',
    },
  ]
  for (const { operation, body, headers, error, status = 400 } of cases) {
    const answer = await call(edge.url, operation, body, headers)
    const told = `${operation} ${JSON.stringify(body).slice(0, 80)}`
    assert.equal(answer.error, error, told)
    assert.equal(answer.status, status, told)
    assert.equal(answer.headers.get('x-amzn-errortype'), `${error}:`)
    assert.equal(answer.headers.get('content-type'), 'application/x-amz-json-1.1')
    assert.equal(answer.headers.get('access-control-allow-origin'), '*')
  }
  const get = await fetch(edge.url)
  assert.equal(get.status, 405)
  assert.equal(get.headers.get('allow'), 'OPTIONS, POST')
  const after = [...pool.counts.values()].reduce((sum, each) => sum + each, 0)
  assert.equal(after, before)
})

test('a preflight is answered by the edge, for the origins that may call', async () => {
  await using stand = await openStand({ proxy: { cors: { allowOrigins: ['https://shop.test'] } } })
  const ask = (origin: string) =>
    fetch(stand.edge.url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
  const allowed = await ask('https://shop.test')
  assert.equal(allowed.status, 204)
  assert.equal(allowed.headers.get('access-control-allow-origin'), 'https://shop.test')
  assert.match(String(allowed.headers.get('access-control-allow-headers')), /x-amz-target/)
  assert.equal((await ask('https://other.test')).headers.get('access-control-allow-origin'), null)
  const answer = await call(stand.edge.url, 'GetUser', { AccessToken: 'x' }, { origin: 'https://shop.test' })
  assert.equal(answer.headers.get('access-control-allow-origin'), 'https://shop.test')
  assert.equal(stand.pool.counts.get('GetUser NotAuthorizedException'), 1)
})

test('the secret is in nothing but what the pool is sent', async () => {
  await using stand = await openStand({
    top: {
      log: { access: { folder: './logs', format: 'json' }, capture: { folder: './captures', sample: 1 } },
    },
  })
  await signUp(stand, 'dee')
  const tokens = await signInByPassword(stand, 'dee')
  await call(stand.edge.url, 'RevokeToken', { ClientId: CLIENT, Token: tokens['RefreshToken'] })
  const { edge } = stand
  const visits = await edge.ended(4)
  const explained = await edge.edge.explain({
    url: edge.url,
    method: 'POST',
    headers: [
      ['content-type', 'application/x-amz-json-1.1'],
      ['x-amz-target', 'AWSCognitoIdentityProviderService.RevokeToken'],
    ],
  })
  assert.match(JSON.stringify(explained), /gets ClientSecret, which is \[secret\]/)
  const seen = JSON.stringify([visits, explained, edge.said]) + edge.edge.metricsText()
  await edge.edge.log.close()
  let written = ''
  for (const folder of ['logs', 'captures'])
    for (const file of await readdir(join(edge.folder, folder)))
      written += await readFile(join(edge.folder, folder, file), 'utf8')
  assert.match(written, /RevokeToken/)
  for (const each of [CLIENT_SECRET, hashOf('dee'), PASSWORD])
    assert.ok(!seen.includes(each) && !written.includes(each))
  assert.deepEqual(
    visits.map(({ viewerRequestLogData }) => viewerRequestLogData),
    ['cognito SignUp', 'cognito ConfirmSignUp', 'cognito InitiateAuth', 'cognito RevokeToken'],
  )
})

test('SRP completes in advanced-security mode too, by signed Admin calls', async () => {
  const advancedSecurity = {
    userPoolId: POOL,
    region: 'us-east-1',
    accessKeyId: ADMINISTRATOR.id,
    secretAccessKey: 'pool-administrator',
  }
  await using stand = await openStand({ proxy: { advancedSecurity } })
  await signUp(stand, 'fay')
  const user = new CognitoUser({ Username: 'fay', Pool: poolAt(stand.edge.url) })
  const session = await signIn(user, PASSWORD)
  assert.equal(session.getAccessToken().payload['username'], 'fay')
  assert.equal(stand.pool.counts.get('AdminInitiateAuth ok'), 1)
  assert.equal(stand.pool.counts.get('AdminRespondToAuthChallenge ok'), 1)
  await assert.rejects(signIn(user, 'Wrong-horse-1'), named('NotAuthorizedException'))
})

test('edgeward user-pool runs a pool, and says what is wrong with its options', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-user-pool-'))
  const start = (...args: string[]) =>
    spawn(process.execPath, [LAUNCHER, 'user-pool', '-d', folder, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
    })
  try {
    const wrong = start('--pool', 'nope')
    let said = ''
    wrong.stderr.on('data', (chunk) => (said += String(chunk)))
    assert.deepEqual(await once(wrong, 'close'), [2, null])
    assert.match(said, /a pool id looks like local_users/)
    const child = start('-p', '0')
    const closed = once(child, 'close')
    const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string]
    const url = /^user-pool listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)![1]!
    const Username = 'gus'
    const made = await call(url, 'SignUp', { ClientId: 'public', Username, Password: PASSWORD })
    assert.equal(made.status, 200)
    assert.equal(
      (await call(url, 'SignUp', { ClientId: 'confidential', Username, Password: PASSWORD })).error,
      'NotAuthorizedException',
    )
    child.kill('SIGTERM')
    assert.deepEqual(await closed, [0, null])
  } finally {
    await rm(folder, { recursive: true })
  }
})
