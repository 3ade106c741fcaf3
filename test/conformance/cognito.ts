/**
 * Client libraries of others, unmodified, use a confidential app client through the edge: `amazon-cognito-identity-js`,
 * `aws-amplify` and the AWS SDK, against our user pool, and what it has also against `cognito-local`. Then ten thousand
 * malformed bodies, of which none may reach the pool, and the CPU time that the proxy adds to a call.
 *
 *   npm run conformance -- cognito
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Secret } from '../../src/base/secret.ts'
import fc from 'fast-check'
import { malformedCall } from '../support/cognito/malformed.ts'
import { measureProxy } from '../support/cognito/measure.ts'
import { ADMINISTRATOR, CLIENT, openStand, PASSWORD, POOL } from '../support/cognito/stand.ts'
import { runEdge } from '../support/running-edge.ts'
import {
  amplify,
  type Client,
  identityJs,
  installClients,
  loadSdk,
  sdk,
  type Where,
} from './support/cognito-clients.ts'
import { freePort } from '../support/free-port.ts'

const folder = await installClients()
// Amplify warns at every configuration that its endpoint is not the one of AWS.
console.warn = () => {}
const MALFORMED = 10_000
let passed = 0
let total = 0

async function step(name: string, run: () => Promise<unknown>): Promise<void> {
  total++
  try {
    await run()
    passed++
  } catch (error) {
    console.log(`  ! ${name}: ${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}`)
  }
}

async function refused(
  name: string,
  run: () => Promise<unknown>,
  code = 'NotAuthorizedException',
): Promise<void> {
  await step(`${name} is refused`, async () => {
    const told = await run().then(
      () => 'nothing',
      (error: unknown) =>
        error instanceof Error && 'code' in error ? String(error.code) : (error as Error).name,
    )
    if (told !== code) throw new Error(`it told ${told}, not ${code}`)
  })
}

type Made = Omit<Client, 'signInWithSrp'> & Partial<Pick<Client, 'signInWithSrp'>>

/** The whole life of a user by one client library. */
async function wholeLife(
  client: Made,
  direct: () => Made,
  codeOf: (username: string) => string,
): Promise<void> {
  const name = `user-${client.name.replace(/\W/g, '')}`
  const before = passed
  const tag = (what: string): string => `${client.name}: ${what}`
  await refused(tag('sign-up without the edge'), () => direct().signUp(name, PASSWORD, `${name}@example.com`))
  await step(tag('sign up'), () => client.signUp(name, PASSWORD, `${name}@example.com`))
  await refused(
    tag('a name twice'),
    () => client.signUp(name, PASSWORD, `${name}@example.com`),
    'UsernameExistsException',
  )
  await step(tag('resend'), () => client.resend(name))
  await refused(tag('resend without the edge'), () => direct().resend(name))
  await refused(
    tag('a wrong code'),
    () => client.confirm(name, codeOf(name) === '000000' ? '000001' : '000000'),
    'CodeMismatchException',
  )
  await step(tag('confirm'), () => client.confirm(name, codeOf(name)))
  const signIns = [
    ['SRP', (each: Made) => each.signInWithSrp],
    ['a password', (each: Made) => each.signInWithPassword],
  ] as const
  for (const [how, of] of signIns) {
    const signIn = of(client)
    if (signIn === undefined) continue
    await refused(tag(`sign-in with ${how} without the edge`), () => of(direct())!(name, PASSWORD))
    await refused(tag(`sign-in with ${how} and a wrong password`), () => signIn(name, 'Wrong-horse-1'))
    await step(tag(`sign in with ${how}`), () => signIn(name, PASSWORD))
    await step(tag('who am I'), async () => {
      const told = await client.whoAmI()
      if (told !== name) throw new Error(`${told} is not ${name}`)
    })
    await step(tag('refresh'), () => client.refresh())
    await step(tag('sign out here'), () => client.revoke())
  }
  await step(tag('forgot'), () => client.forgot(name))
  await refused(tag('forgot without the edge'), () => direct().forgot(name))
  await step(tag('choose a new password'), () => client.confirmForgot(name, codeOf(name), 'Another-horse-2'))
  await refused(tag('the old password'), () => client.signInWithPassword(name, PASSWORD))
  await step(tag('the new password'), () => client.signInWithPassword(name, 'Another-horse-2'))
  await step(tag('sign out everywhere'), () => client.signOutEverywhere())
  console.log(`${client.name.padEnd(44)}${String(passed - before).padStart(4)} steps`)
}

/** Admin calls and NEW_PASSWORD_REQUIRED by the SDK, signed, against the pool itself. */
async function administrators(poolUrl: string, where: Where): Promise<void> {
  const aws = loadSdk(folder)
  const before = passed
  const admin = aws.open(poolUrl, { accessKeyId: ADMINISTRATOR.id, secretAccessKey: ADMINISTRATOR.key })
  const forger = aws.open(poolUrl, { accessKeyId: ADMINISTRATOR.id, secretAccessKey: 'another-key' })
  const run = (operation: string, input: object) =>
    admin.send(aws.command(operation, { UserPoolId: POOL, ...input }))
  const Username = 'made-by-admin'
  await refused(
    'a forged signature',
    () => forger.send(aws.command('ListUsers', { UserPoolId: POOL })),
    'InvalidSignatureException',
  )
  await step('AdminCreateUser', () => run('AdminCreateUser', { Username, TemporaryPassword: 'Temporary-1' }))
  const library = await import('amazon-cognito-identity-js')
  await step('NEW_PASSWORD_REQUIRED by amazon-cognito-identity-js', async () => {
    const Pool = new library.CognitoUserPool({ UserPoolId: POOL, ClientId: CLIENT, endpoint: where.endpoint })
    const user = new library.CognitoUser({ Username, Pool })
    await new Promise<void>((resolve, reject) =>
      user.authenticateUser(new library.AuthenticationDetails({ Username, Password: 'Temporary-1' }), {
        onSuccess: () => reject(new Error('no new password was asked for')),
        onFailure: reject,
        newPasswordRequired: () =>
          user.completeNewPasswordChallenge(
            'Permanent-horse-1',
            {},
            { onSuccess: () => resolve(), onFailure: reject },
          ),
      }),
    )
  })
  const calls: [operation: string, input: object][] = [
    ['AdminGetUser', { Username }],
    [
      'AdminUpdateUserAttributes',
      { Username, UserAttributes: [{ Name: 'email', Value: 'made@example.com' }] },
    ],
    ['AdminUserGlobalSignOut', { Username }],
    ['AdminSetUserPassword', { Username, Password: 'Set-horse-1', Permanent: true }],
    ['AdminDisableUser', { Username }],
    ['AdminEnableUser', { Username }],
    ['AdminResetUserPassword', { Username }],
    ['ListUsers', {}],
    ['AdminDeleteUser', { Username }],
  ]
  for (const [operation, input] of calls) await step(operation, () => run(operation, input))
  await refused('AdminGetUser of nobody', () => run('AdminGetUser', { Username }), 'UserNotFoundException')
  console.log(`${'administrators'.padEnd(44)}${String(passed - before).padStart(4)} steps`)
}

/** cognito-local through the edge: it never checks SECRET_HASH, but RevokeToken it does. */
async function againstCognitoLocal(): Promise<void> {
  const home = await mkdtemp(join(tmpdir(), 'edgeward-cognito-local-'))
  const port = await freePort()
  await mkdir(join(home, '.cognito'))
  await writeFile(
    join(home, '.cognito', 'config.json'),
    JSON.stringify({
      UserPoolDefaults: { UsernameAttributes: [] },
      TokenConfig: { IssuerDomain: `http://127.0.0.1:${port}` },
    }),
  )
  const child = spawn(process.execPath, [join(folder, 'node_modules/cognito-local/lib/bin/start.js')], {
    cwd: home,
    env: { ...process.env, PORT: String(port), HOST: '127.0.0.1', CODE: '123456' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const closed = once(child, 'close')
  const before = passed
  try {
    await new Promise<void>((resolve, reject) => {
      let said = ''
      const hear = (chunk: Buffer): void => {
        said += chunk.toString()
        if (/running on/i.test(said)) resolve()
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      closed.then(() => reject(new Error(`cognito-local did not start: ${said}`)), reject)
    })
    const aws = loadSdk(folder)
    const admin = aws.open(`http://127.0.0.1:${port}`)
    const { UserPool } = (await admin.send(aws.command('CreateUserPool', { PoolName: 'shop' }))) as {
      UserPool: { Id: string }
    }
    const { UserPoolClient } = (await admin.send(
      aws.command('CreateUserPoolClient', {
        UserPoolId: UserPool.Id,
        ClientName: 'shop',
        GenerateSecret: true,
      }),
    )) as { UserPoolClient: { ClientId: string; ClientSecret: string } }
    await using edge = await runEdge({
      origins: { pool: { url: `http://127.0.0.1:${port}` } },
      defaultBehavior: {
        origin: 'pool',
        allowedMethods: 'all',
        cachePolicy: 'CachingDisabled',
        cognitoProxy: { clients: { [UserPoolClient.ClientId]: { secret: 'local' } } },
      },
    })
    await (await edge.edge.seams.secrets()).put('local', new Secret(UserPoolClient.ClientSecret))
    const where = { endpoint: edge.url, poolId: UserPool.Id, clientId: UserPoolClient.ClientId }
    for (const make of [identityJs, sdk, amplify]) {
      const client = make(folder, where)
      const name = `local-${client.name.replace(/\W/g, '')}`
      const tag = (what: string): string => `cognito-local, ${client.name}: ${what}`
      await step(tag('sign up'), () => client.signUp(name, PASSWORD, `${name}@example.com`))
      await step(tag('confirm'), () => client.confirm(name, '123456'))
      await step(tag('sign in'), () => client.signInWithPassword(name, PASSWORD))
      await step(tag('who am I'), () => client.whoAmI())
      await step(tag('revoke'), () => client.revoke())
      await step(tag('forgot'), () => client.forgot(name))
      await step(tag('choose'), () => client.confirmForgot(name, '123456', 'Another-horse-2'))
      await step(tag('sign in again'), () => client.signInWithPassword(name, 'Another-horse-2'))
    }
    console.log(`${'cognito-local, all three'.padEnd(44)}${String(passed - before).padStart(4)} steps`)
  } finally {
    child.kill()
    await closed
    await rm(home, { recursive: true, force: true })
  }
}

/** Sends malformed calls; gives how many reached the pool and how many answers were not in the form of the API. */
async function sendMalformed(url: string, reached: () => number, count: number) {
  const before = reached()
  let odd = 0
  const calls = fc.sample(malformedCall, { numRuns: count, seed: 20_261_126 })
  for (let i = 0; i < calls.length; i += 16) {
    await Promise.all(
      calls.slice(i, i + 16).map(async ({ operation, body }) => {
        const response = await fetch(url, {
          method: 'POST',
          headers: {
            'content-type': 'application/x-amz-json-1.1',
            'x-amz-target': `AWSCognitoIdentityProviderService.${operation}`,
          },
          body: new Uint8Array(body),
        })
        const text = await response.text()
        if (response.status < 400 || response.status > 499 || !/^\{"__type":"\w+Exception"/.test(text)) odd++
      }),
    )
  }
  return { reached: reached() - before, odd }
}

const stand = await openStand()
const { edge, pool, codeOf } = stand
const through = { endpoint: edge.url, poolId: POOL, clientId: CLIENT }
const around = { ...through, endpoint: pool.url }
for (const make of [identityJs, amplify, sdk])
  await wholeLife(make(folder, through), () => make(folder, around), codeOf)
await administrators(pool.url, through)
const reached = (): number => [...pool.counts.values()].reduce((sum, each) => sum + each, 0)
const malformed = await sendMalformed(edge.url, reached, MALFORMED)
console.log(
  `${MALFORMED} malformed bodies: ${malformed.reached} reached the pool, ${malformed.odd} odd answers`,
)
await stand[Symbol.asyncDispose]()
await againstCognitoLocal()
const cpu = await measureProxy()
console.log(
  `CPU that the proxy adds to a call: ${cpu.signInMicroseconds} us for a sign-in, ${cpu.tokenMicroseconds} us for a call with a token`,
)
if (passed < total || malformed.reached > 0 || malformed.odd > 0) process.exitCode = 1
console.log(
  `RESULT name=cognito passed=${passed} total=${total} malformed=${MALFORMED} malformed_reached=${malformed.reached} cpu_us_sign_in=${cpu.signInMicroseconds} cpu_us_token=${cpu.tokenMicroseconds}`,
)
