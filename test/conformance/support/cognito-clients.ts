import type * as AmazonCognitoIdentity from 'amazon-cognito-identity-js'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** What is run, unmodified. Exact versions: the figures are theirs. */
export const packages = {
  'amazon-cognito-identity-js': '6.3.21',
  'aws-amplify': '6.22.1',
  '@aws-sdk/client-cognito-identity-provider': '3.1169.0',
  'cognito-local': '5.3.0',
} as const

/** Installs the clients outside of the tree, once: together they are 300 packages. Gives the folder. */
export async function installClients(): Promise<string> {
  const home = join(tmpdir(), `edgeward-conformance-${process.getuid?.() ?? 0}`, 'cognito-clients')
  if (existsSync(join(home, 'installed'))) return home
  await mkdir(home, { recursive: true })
  await writeFile(join(home, 'package.json'), '{ "private": true }\n')
  const wanted = Object.entries(packages).map(([name, version]) => `${name}@${version}`)
  const child = spawn(
    'npm',
    ['install', '--ignore-scripts', '--no-audit', '--no-fund', '--save-exact', ...wanted],
    { cwd: home, stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()))
  const [code] = (await once(child, 'close')) as [number | null]
  if (code !== 0) throw new Error(`the client libraries cannot be installed into ${home}: ${said.trim()}`)
  await writeFile(join(home, 'installed'), '')
  return home
}

/** One client library, as an application uses it. */
export interface Client {
  readonly name: string
  signUp(username: string, password: string, email: string): Promise<void>
  confirm(username: string, code: string): Promise<void>
  resend(username: string): Promise<void>
  /** Leaves the user signed in. */
  signInWithSrp(username: string, password: string): Promise<void>
  signInWithPassword(username: string, password: string): Promise<void>
  /** Rejects unless there is a new access token. */
  refresh(): Promise<void>
  /** The name of whoever is signed in, as the pool says. */
  whoAmI(): Promise<string>
  revoke(): Promise<void>
  signOutEverywhere(): Promise<void>
  forgot(username: string): Promise<void>
  confirmForgot(username: string, code: string, password: string): Promise<void>
}

export interface Where {
  readonly endpoint: string
  readonly poolId: string
  readonly clientId: string
}

type Back<T> = (error: Error | null | undefined, result?: T) => void

const done = <T>(run: (back: Back<T>) => void): Promise<T> =>
  new Promise((resolve, reject) =>
    run((error, result) => (error === null || error === undefined ? resolve(result!) : reject(error))),
  )

type IdentityJs = typeof AmazonCognitoIdentity

/** amazon-cognito-identity-js. */
export function identityJs(folder: string, { endpoint, poolId, clientId }: Where): Client {
  const library = requireFrom(folder)('amazon-cognito-identity-js') as IdentityJs
  const Pool = new library.CognitoUserPool({ UserPoolId: poolId, ClientId: clientId, endpoint })
  let user: InstanceType<IdentityJs['CognitoUser']> | undefined
  const of = (Username: string) => new library.CognitoUser({ Username, Pool })
  const signIn = async (Username: string, Password: string, flow?: string): Promise<void> => {
    const next = of(Username)
    if (flow !== undefined) next.setAuthenticationFlowType(flow)
    const details = new library.AuthenticationDetails({ Username, Password })
    await new Promise((onSuccess, onFailure) => next.authenticateUser(details, { onSuccess, onFailure }))
    user = next
  }
  const told = (run: (callbacks: { onSuccess: () => void; onFailure: (error: Error) => void }) => void) =>
    new Promise<void>((resolve, reject) => run({ onSuccess: () => resolve(), onFailure: reject }))
  return {
    name: 'amazon-cognito-identity-js',
    async signUp(username, password, email) {
      const attributes = [new library.CognitoUserAttribute({ Name: 'email', Value: email })]
      await done((back) => Pool.signUp(username, password, attributes, [], back))
    },
    async confirm(username, code) {
      await done((back) => of(username).confirmRegistration(code, false, back))
    },
    async resend(username) {
      await done((back) => of(username).resendConfirmationCode(back))
    },
    signInWithSrp: (username, password) => signIn(username, password),
    signInWithPassword: (username, password) => signIn(username, password, 'USER_PASSWORD_AUTH'),
    async refresh() {
      const session = user!.getSignInUserSession()!
      const before = session.getAccessToken().getJwtToken()
      await done((back) => user!.refreshSession(session.getRefreshToken(), back))
      if (user!.getSignInUserSession()!.getAccessToken().getJwtToken() === before)
        throw new Error('the access token is the old one')
    },
    async whoAmI() {
      const data = await done<{ Username: string } | undefined>((back) =>
        user!.getUserData(back, { bypassCache: true }),
      )
      return data!.Username
    },
    revoke: () =>
      new Promise((resolve, reject) => user!.signOut((error?: Error) => (error ? reject(error) : resolve()))),
    signOutEverywhere: () => told((callbacks) => user!.globalSignOut(callbacks)),
    forgot: (username) => told((callbacks) => of(username).forgotPassword(callbacks)),
    confirmForgot: (username, code, password) =>
      told((callbacks) => of(username).confirmPassword(code, password, callbacks)),
  }
}

/** What of Amplify is used; its types are those of the folder it lies in. */
interface Amplify {
  readonly Amplify: { configure(config: object): void }
}
interface AmplifyAuth {
  signUp(input: object): Promise<unknown>
  confirmSignUp(input: object): Promise<unknown>
  resendSignUpCode(input: object): Promise<unknown>
  signIn(input: object): Promise<{ isSignedIn: boolean; nextStep: { signInStep: string } }>
  signOut(input?: object): Promise<void>
  fetchAuthSession(input?: object): Promise<{ tokens?: { accessToken: { toString(): string } } }>
  fetchUserAttributes(): Promise<Record<string, string>>
  getCurrentUser(): Promise<{ username: string }>
  resetPassword(input: object): Promise<unknown>
  confirmResetPassword(input: object): Promise<unknown>
}

/** aws-amplify 6. It holds its configuration globally, so one place after the other. */
export function amplify(folder: string, { endpoint, poolId, clientId }: Where): Client {
  const load = requireFrom(folder)
  const library = load('aws-amplify') as Amplify
  const auth = load('aws-amplify/auth') as AmplifyAuth
  const use = (): AmplifyAuth => {
    library.Amplify.configure({
      Auth: { Cognito: { userPoolId: poolId, userPoolClientId: clientId, userPoolEndpoint: endpoint } },
    })
    return auth
  }
  const signIn = async (input: object): Promise<void> => {
    await use().signOut()
    const { isSignedIn, nextStep } = await auth.signIn(input)
    if (!isSignedIn) throw new Error(`the next step is ${nextStep.signInStep}`)
  }
  return {
    name: 'aws-amplify',
    async signUp(username, password, email) {
      await use().signUp({ username, password, options: { userAttributes: { email } } })
    },
    async confirm(username, confirmationCode) {
      await use().confirmSignUp({ username, confirmationCode })
    },
    async resend(username) {
      await use().resendSignUpCode({ username })
    },
    signInWithSrp: (username, password) => signIn({ username, password }),
    signInWithPassword: (username, password) =>
      signIn({ username, password, options: { authFlowType: 'USER_PASSWORD_AUTH' } }),
    async refresh() {
      const before = (await use().fetchAuthSession()).tokens!.accessToken.toString()
      const after = await auth.fetchAuthSession({ forceRefresh: true })
      if (after.tokens === undefined || after.tokens.accessToken.toString() === before)
        throw new Error('the access token is the old one')
    },
    async whoAmI() {
      // Asks the pool, which `getCurrentUser` does not.
      await use().fetchUserAttributes()
      return (await auth.getCurrentUser()).username
    },
    revoke: () => use().signOut(),
    signOutEverywhere: () => use().signOut({ global: true }),
    async forgot(username) {
      await use().resetPassword({ username })
    },
    async confirmForgot(username, confirmationCode, newPassword) {
      await use().confirmResetPassword({ username, confirmationCode, newPassword })
    },
  }
}

/** What of the AWS SDK is used. */
export interface SdkClient {
  send(command: object): Promise<Readonly<Record<string, unknown>>>
  destroy(): void
}
export interface Sdk {
  open(endpoint: string, credentials?: { accessKeyId: string; secretAccessKey: string }): SdkClient
  /** A command by the name of its operation. */
  command(operation: string, input: object): object
}

export function loadSdk(folder: string): Sdk {
  // Its classes are looked up by name here.
  const library = requireFrom(folder)('@aws-sdk/client-cognito-identity-provider') as Readonly<
    Record<string, new (input: object) => object>
  >
  return {
    open: (endpoint, credentials = { accessKeyId: 'NOBODY', secretAccessKey: 'nothing' }) =>
      new library['CognitoIdentityProviderClient']!({
        endpoint,
        region: 'us-east-1',
        credentials,
        maxAttempts: 1,
      }) as SdkClient,
    command: (operation, input) => new library[`${operation}Command`]!(input),
  }
}

/** The AWS SDK for JavaScript 3. SRP is left to the libraries above: it brings none. */
export function sdk(folder: string, { endpoint, clientId: ClientId }: Where): Omit<Client, 'signInWithSrp'> {
  const library = loadSdk(folder)
  const client = library.open(endpoint)
  const run = (operation: string, input: object) => client.send(library.command(operation, input))
  let tokens: Record<string, string> = {}
  const keep = (answer: Readonly<Record<string, unknown>>): void => {
    tokens = { ...tokens, ...(answer['AuthenticationResult'] as Record<string, string>) }
  }
  const nothing = async (work: Promise<unknown>): Promise<void> => void (await work)
  return {
    name: '@aws-sdk/client-cognito-identity-provider',
    signUp: (Username, Password, email) =>
      nothing(
        run('SignUp', { ClientId, Username, Password, UserAttributes: [{ Name: 'email', Value: email }] }),
      ),
    confirm: (Username, ConfirmationCode) =>
      nothing(run('ConfirmSignUp', { ClientId, Username, ConfirmationCode })),
    resend: (Username) => nothing(run('ResendConfirmationCode', { ClientId, Username })),
    async signInWithPassword(USERNAME, PASSWORD) {
      const AuthFlow = 'USER_PASSWORD_AUTH'
      keep(await run('InitiateAuth', { ClientId, AuthFlow, AuthParameters: { USERNAME, PASSWORD } }))
    },
    async refresh() {
      const before = tokens['AccessToken']
      const AuthParameters = { REFRESH_TOKEN: tokens['RefreshToken'] }
      keep(await run('InitiateAuth', { ClientId, AuthFlow: 'REFRESH_TOKEN_AUTH', AuthParameters }))
      const between = tokens['AccessToken']
      keep(await run('GetTokensFromRefreshToken', { ClientId, RefreshToken: tokens['RefreshToken'] }))
      if (before === between || between === tokens['AccessToken'])
        throw new Error('the access token is the old one')
    },
    whoAmI: async () => String((await run('GetUser', { AccessToken: tokens['AccessToken'] }))['Username']),
    revoke: () => nothing(run('RevokeToken', { ClientId, Token: tokens['RefreshToken'] })),
    signOutEverywhere: () => nothing(run('GlobalSignOut', { AccessToken: tokens['AccessToken'] })),
    forgot: (Username) => nothing(run('ForgotPassword', { ClientId, Username })),
    confirmForgot: (Username, ConfirmationCode, Password) =>
      nothing(run('ConfirmForgotPassword', { ClientId, Username, ConfirmationCode, Password })),
  }
}

function requireFrom(folder: string): (name: string) => unknown {
  return createRequire(join(folder, 'package.json'))
}
