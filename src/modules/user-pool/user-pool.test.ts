import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { decodeJwt } from 'jose'
import { Secret } from '../../base/secret.ts'
import { openEmbeddedSecrets } from '../../seams/secrets/embedded.ts'
import { ManualClock } from '../../../test/support/manual-clock.ts'
import { userPoolSchema } from './config.ts'
import { runUserPool } from './run.ts'

const POOL = 'local_pool1'
const PASSWORD = 'Correct-horse-1'
type Json = Readonly<Record<string, unknown>>

interface Answer {
  readonly error: string | undefined
  readonly message: string
  readonly body: Json
}

/** A pool with a client `web` that has no secret and `shop` that has one. */
async function open(
  options: {
    pool?: Json
    client?: Json
    server?: Json
    folder?: string
    mail?: boolean
    clock?: ManualClock
  } = {},
) {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'edgeward-user-pool-')))
  const clock = options.clock ?? new ManualClock()
  const secrets = await openEmbeddedSecrets({ file: join(folder, 'secrets'), clock })
  const config = userPoolSchema.parse({
    port: 0,
    pools: { [POOL]: { clients: { web: { ...options.client }, shop: { secret: 'shop' } }, ...options.pool } },
    ...options.server,
  })
  const codes: { username: string; code: string }[] = []
  const said: string[] = []
  const running = await runUserPool(
    { ...config, file: join(folder, 'user-pool.sqlite') },
    {
      clock,
      secrets,
      report: { info: (line) => void said.push(line), error: (line) => void said.push(line) },
      ...(options.mail !== true && { onCode: (code) => void codes.push(code) }),
    },
  )
  async function ask(operation: string, input: object): Promise<Answer> {
    const response = await fetch(running.url, {
      method: 'POST',
      headers: { 'x-amz-target': `AWSCognitoIdentityProviderService.${operation}` },
      body: JSON.stringify({ ClientId: 'web', ...input }),
    })
    const body = (await response.json()) as Json
    const type = body['__type']
    return { error: typeof type === 'string' ? type : undefined, message: String(body['message']), body }
  }
  return {
    ...running,
    clock,
    secrets,
    folder,
    said,
    ask,
    code: () => codes.at(-1)!.code,
    async signUp(Username: string, more: object = {}) {
      const UserAttributes = [{ Name: 'email', Value: 'ann@example.com' }]
      const made = await ask('SignUp', { Username, Password: PASSWORD, UserAttributes, ...more })
      assert.equal(made.error, undefined, made.message)
      await ask('ConfirmSignUp', { Username, ConfirmationCode: codes.at(-1)!.code })
    },
    signIn: (USERNAME: string, password = PASSWORD) =>
      ask('InitiateAuth', {
        AuthFlow: 'USER_PASSWORD_AUTH',
        AuthParameters: { USERNAME, PASSWORD: password },
      }),
    async [Symbol.asyncDispose]() {
      await running.close()
      await secrets.close()
      if (options.folder === undefined) await rm(folder, { recursive: true })
    },
  }
}

const tokensOf = ({ body }: Answer) => body['AuthenticationResult'] as Record<string, string>

test('after five wrong passwords even the right one has to wait, twice as long each time', async () => {
  await using pool = await open()
  await pool.signUp('ann')
  for (let i = 0; i < 4; i++)
    assert.equal((await pool.signIn('ann', 'x')).message, 'Incorrect username or password.')
  assert.equal((await pool.signIn('ann')).error, undefined)
  for (let i = 0; i < 5; i++) await pool.signIn('ann', 'x')
  assert.equal((await pool.signIn('ann')).message, 'Password attempts exceeded')
  pool.clock.advance(1_001)
  assert.equal((await pool.signIn('ann', 'x')).message, 'Incorrect username or password.')
  pool.clock.advance(1_001)
  assert.equal((await pool.signIn('ann')).message, 'Password attempts exceeded')
  pool.clock.advance(1_000)
  assert.equal((await pool.signIn('ann')).error, undefined)
})

test('a code can be tried five times, works once, and ends', async () => {
  await using pool = await open()
  await pool.ask('SignUp', {
    Username: 'ann',
    Password: PASSWORD,
    UserAttributes: [{ Name: 'email', Value: 'a@b.c' }],
  })
  const right = pool.code()
  const wrong = right === '111111' ? '222222' : '111111'
  const confirm = (ConfirmationCode: string) =>
    pool.ask('ConfirmSignUp', { Username: 'ann', ConfirmationCode })
  for (let i = 0; i < 5; i++) assert.equal((await confirm(wrong)).error, 'CodeMismatchException')
  assert.equal((await confirm(right)).error, 'LimitExceededException')
  await pool.ask('ResendConfirmationCode', { Username: 'ann' })
  pool.clock.advance(24 * 3_600_000 + 1)
  assert.equal((await confirm(pool.code())).error, 'ExpiredCodeException')
  await pool.ask('ResendConfirmationCode', { Username: 'ann' })
  assert.equal((await confirm(pool.code())).error, undefined)
  assert.equal((await confirm(pool.code())).error, 'NotAuthorizedException')
  for (let i = 0; i < 5; i++)
    assert.equal((await pool.ask('ForgotPassword', { Username: 'ann' })).error, undefined)
  assert.equal((await pool.ask('ForgotPassword', { Username: 'ann' })).error, 'LimitExceededException')
})

test('names that do not exist are answered as those that do', async () => {
  await using pool = await open()
  await pool.signUp('ann')
  assert.deepEqual((await pool.signIn('nobody')).body, (await pool.signIn('ann', 'x')).body)
  const forgot = await pool.ask('ForgotPassword', { Username: 'nobody' })
  assert.equal(forgot.error, undefined)
  assert.deepEqual(Object.keys(forgot.body['CodeDeliveryDetails'] as object).sort(), [
    'AttributeName',
    'DeliveryMedium',
    'Destination',
  ])
  const start = async (USERNAME: string) => {
    const { body } = await pool.ask('InitiateAuth', {
      AuthFlow: 'USER_SRP_AUTH',
      AuthParameters: { USERNAME, SRP_A: 'abc' },
    })
    return body['ChallengeParameters'] as Record<string, string>
  }
  const [first, second] = [await start('nobody'), await start('nobody')]
  assert.equal(first['SALT'], second['SALT'])
  assert.notEqual(first['SRP_B'], second['SRP_B'])
  assert.notEqual(first['SALT'], (await start('somebody'))['SALT'])
})

test('an SRP value that would give the secret away, and a challenge of another, are refused', async () => {
  await using pool = await open()
  const start = (SRP_A: string) =>
    pool.ask('InitiateAuth', { AuthFlow: 'USER_SRP_AUTH', AuthParameters: { USERNAME: 'ann', SRP_A } })
  for (const A of ['0', '00', 'not hex', '-1', '0x10'])
    assert.equal((await start(A)).error, 'InvalidParameterException', A)
  const parameters = (await start('abc')).body['ChallengeParameters'] as Record<string, string>
  const answer = (block: string) =>
    pool.ask('RespondToAuthChallenge', {
      ChallengeName: 'PASSWORD_VERIFIER',
      ChallengeResponses: {
        USERNAME: 'ann',
        PASSWORD_CLAIM_SECRET_BLOCK: block,
        PASSWORD_CLAIM_SIGNATURE: 'x',
        TIMESTAMP: 'Thu Nov 26 12:00:00 UTC 2026',
      },
    })
  const block = parameters['SECRET_BLOCK']!
  assert.equal((await answer('AAAA')).message, 'Invalid session for the user.')
  assert.equal((await answer(block)).message, 'Incorrect username or password.')
  assert.match((await answer(block)).message, /can only be used once/)
  const late = (await start('abc')).body['ChallengeParameters'] as Record<string, string>
  pool.clock.advance(180_001)
  assert.match((await answer(late['SECRET_BLOCK']!)).message, /session is expired/)
})

test('refresh tokens that rotate leave the old one a minute, and end with what they came of', async () => {
  await using pool = await open({ client: { rotateRefreshTokens: true } })
  await pool.signUp('ann')
  const first = tokensOf(await pool.signIn('ann'))
  const refresh = (RefreshToken: string | undefined) =>
    pool.ask('GetTokensFromRefreshToken', { RefreshToken })
  const second = tokensOf(await refresh(first['RefreshToken']))
  assert.notEqual(second['RefreshToken'], first['RefreshToken'])
  assert.equal(
    decodeJwt(second['AccessToken']!)['origin_jti'],
    decodeJwt(first['AccessToken']!)['origin_jti'],
  )
  pool.clock.advance(59_000)
  assert.equal((await refresh(first['RefreshToken'])).error, undefined)
  pool.clock.advance(2_000)
  assert.equal((await refresh(first['RefreshToken'])).error, 'NotAuthorizedException')
  const old = await pool.ask('InitiateAuth', {
    AuthFlow: 'REFRESH_TOKEN_AUTH',
    AuthParameters: { REFRESH_TOKEN: second['RefreshToken'] },
  })
  assert.equal(old.error, 'InvalidParameterException')
  await pool.ask('RevokeToken', { Token: second['RefreshToken'] })
  assert.equal((await refresh(second['RefreshToken'])).error, 'NotAuthorizedException')
  assert.match((await pool.ask('GetUser', { AccessToken: second['AccessToken'] })).message, /revoked/)
})

test('tokens end when their time is over, and those of another are none', async () => {
  await using pool = await open()
  await using other = await open()
  await pool.signUp('ann')
  await other.signUp('ann')
  const tokens = tokensOf(await pool.signIn('ann'))
  const whoIs = (AccessToken: string | undefined) => pool.ask('GetUser', { AccessToken })
  assert.equal((await whoIs(tokens['AccessToken'])).body['Username'], 'ann')
  assert.equal((await whoIs(tokens['IdToken'])).message, 'Invalid Access Token')
  assert.equal(
    (await whoIs(tokensOf(await other.signIn('ann'))['AccessToken'])).message,
    'Invalid Access Token',
  )
  pool.clock.advance(3_600_001)
  assert.equal((await whoIs(tokens['AccessToken'])).message, 'Access Token has expired')
  const claims = decodeJwt(tokens['IdToken']!)
  assert.equal(claims.iss, `${pool.url}/${POOL}`)
  assert.equal(claims.aud, 'web')
  assert.equal(claims.exp! - claims.iat!, 3_600)
})

test('passwords must be as the policy says', async () => {
  await using pool = await open()
  const cases = [
    ['Aa1!', /not long enough/],
    ['AAAAAA11!', /lowercase/],
    ['aaaaaa11!', /uppercase/],
    ['AAAAaaaa!', /numeric/],
    ['AAAAaaaa1', /symbol/],
  ] as const
  for (const [Password, says] of cases) {
    const answer = await pool.ask('SignUp', { Username: 'ann', Password })
    assert.equal(answer.error, 'InvalidPasswordException')
    assert.match(answer.message, says)
  }
})

test('people of a pool of addresses sign in with theirs, and nobody takes it twice', async () => {
  await using pool = await open({ pool: { usernames: 'email' } })
  await pool.signUp('ann@example.com')
  const { body } = await pool.ask('GetUser', {
    AccessToken: tokensOf(await pool.signIn('ANN@example.com'))['AccessToken'],
  })
  assert.match(String(body['Username']), /^[0-9a-f-]{36}$/)
  const twice = await pool.ask('SignUp', { Username: 'Ann@Example.com', Password: PASSWORD })
  assert.equal(twice.error, 'UsernameExistsException')
  assert.equal(
    (await pool.ask('SignUp', { Username: 'ann', Password: PASSWORD })).error,
    'InvalidParameterException',
  )
})

test('users and keys survive a restart in a file that only its owner can read, without their passwords', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'edgeward-user-pool-'))
  const clock = new ManualClock()
  try {
    let tokens: Record<string, string>
    {
      await using pool = await open({ folder, clock, server: { publicUrl: 'https://id.example.com' } })
      await pool.signUp('ann')
      tokens = tokensOf(await pool.signIn('ann'))
    }
    const file = join(folder, 'user-pool.sqlite')
    assert.equal((await stat(file)).mode & 0o777, 0o600)
    const bytes = await readFile(file, 'latin1')
    for (const secret of [PASSWORD, tokens['RefreshToken']!]) assert.ok(!bytes.includes(secret))
    await using pool = await open({ folder, clock, server: { publicUrl: 'https://id.example.com' } })
    assert.equal((await pool.ask('GetUser', { AccessToken: tokens['AccessToken'] })).body['Username'], 'ann')
    assert.equal((await pool.signIn('ann')).error, undefined)
    assert.equal(decodeJwt(tokens['AccessToken']!).iss, `https://id.example.com/${POOL}`)
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('while a client secret rotates, the value before it is still taken', async () => {
  await using pool = await open()
  const first = pool.secrets.handle('shop').current!.value
  assert.match(first.reveal(), /^[a-z0-9]{52}$/)
  const ask = (secret: Secret) =>
    pool.ask('ForgotPassword', {
      ClientId: 'shop',
      Username: 'nobody',
      SecretHash: createHmac('sha256', secret.reveal()).update('nobodyshop').digest('base64'),
    })
  const [second, third] = [new Secret('second-value'), new Secret('third-value')]
  assert.equal((await ask(first)).error, undefined)
  await pool.secrets.put('shop', second)
  for (const each of [first, second]) assert.equal((await ask(each)).error, undefined)
  await pool.secrets.put('shop', third)
  assert.equal((await ask(first)).error, 'NotAuthorizedException')
})

test('calls beyond the rate of a category are refused until the next second', async () => {
  await using pool = await open({ server: { requestsPerSecond: 2 } })
  const ask = async () => (await pool.ask('GetUser', { AccessToken: 'x' })).error
  assert.deepEqual(
    [await ask(), await ask(), await ask()],
    ['NotAuthorizedException', 'NotAuthorizedException', 'TooManyRequestsException'],
  )
  assert.equal((await pool.ask('RevokeToken', { Token: 'x' })).error, undefined)
  pool.clock.advance(1_000)
  assert.equal(await ask(), 'NotAuthorizedException')
})

test('administrators are asked for a signature', async () => {
  await using pool = await open()
  assert.equal(
    (await pool.ask('AdminCreateUser', { UserPoolId: POOL })).error,
    'MissingAuthenticationTokenException',
  )
})

/** A mail server that takes everything. */
async function mailServer() {
  const mails: string[] = []
  const server = createServer((socket) => {
    let isData = false
    let text = ''
    socket.write('220 mail.test\r\n')
    socket.on('error', () => socket.destroy())
    socket.on('data', (chunk) => {
      text += chunk.toString()
      for (;;) {
        const end = text.indexOf(isData ? '\r\n.\r\n' : '\r\n')
        if (end === -1) return
        const line = text.slice(0, end)
        text = text.slice(end + (isData ? 5 : 2))
        if (isData) mails.push(line)
        const isStart = !isData && line === 'DATA'
        isData = isStart
        socket.write(isStart ? '354 go on\r\n' : line === 'QUIT' ? '221 bye\r\n' : '250 ok\r\n')
      }
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // A TCP server that listens has one.
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    async [Symbol.asyncDispose]() {
      server.close()
      await once(server, 'close')
    },
  }
}

test('codes are sent by mail, and a mail server that is away is told of', async () => {
  let url = ''
  {
    await using mail = await mailServer()
    ;({ url } = mail)
    await using pool = await open({ mail: true, server: { codes: { smtp: url, from: 'pool@example.com' } } })
    const UserAttributes = [{ Name: 'email', Value: 'ann@example.com' }]
    await pool.ask('SignUp', { Username: 'ann', Password: PASSWORD, UserAttributes })
    assert.match(mail.mails[0]!, /^To: ann@example\.com\r$/m)
    const code = /is (\d{6})/.exec(mail.mails[0]!)![1]
    assert.equal(
      (await pool.ask('ConfirmSignUp', { Username: 'ann', ConfirmationCode: code })).error,
      undefined,
    )
  }
  await using pool = await open({ mail: true, server: { codes: { smtp: url, from: 'pool@example.com' } } })
  const UserAttributes = [{ Name: 'email', Value: 'ann@example.com' }]
  const answer = await pool.ask('SignUp', { Username: 'ann', Password: PASSWORD, UserAttributes })
  assert.equal(answer.error, 'CodeDeliveryFailureException')
  assert.match(pool.said[0]!, /a mail was not taken by 127\.0\.0\.1:\d+: .*ECONNREFUSED/)
})

test('a code is told in the log where there is no mail server', async () => {
  await using pool = await open({ mail: true })
  await pool.ask('SignUp', { Username: 'ann', Password: PASSWORD })
  assert.match(pool.said[0]!, /^user-pool: the code of "ann" to confirm the sign-up is \d{6}$/)
})
