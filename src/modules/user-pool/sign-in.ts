import { randomBytes, timingSafeEqual } from 'node:crypto'
import { addAttribute, type Input, optionalText, refuseReserved, textOf, textsOf } from './input.ts'
import { invalid, notAuthorized, PoolError, wrongPassword } from './pool-error.ts'
import {
  callerOf,
  type Caller,
  checkClientSecret,
  checkLock,
  checkPasswordPolicy,
  checkSecretHash,
  countAttempt,
  decoyOf,
  findUser,
  isPassword,
  poolNameOf,
  type Pools,
  setPassword,
} from './pool.ts'
import {
  challengeKey,
  claimSignature,
  cognitoForm,
  isAcceptablePublic,
  serverPublic,
  serverSecret,
  toBigInt,
} from './srp.ts'
import type { User } from './store.ts'

/** Flows by who may use them: clients that say so in their configuration, and administrators. */
const FLOWS: Readonly<Record<string, 'USER_SRP_AUTH' | 'USER_PASSWORD_AUTH' | 'REFRESH_TOKEN_AUTH'>> = {
  USER_SRP_AUTH: 'USER_SRP_AUTH',
  USER_PASSWORD_AUTH: 'USER_PASSWORD_AUTH',
  REFRESH_TOKEN_AUTH: 'REFRESH_TOKEN_AUTH',
  REFRESH_TOKEN: 'REFRESH_TOKEN_AUTH',
}
const HEX = /^[0-9a-f]{1,768}$/i

/** InitiateAuth, and AdminInitiateAuth, which has a password flow of its own and needs no permission for SRP. */
export function initiateAuth(pools: Pools, input: Input, isAdmin: boolean): Promise<object> | object {
  const caller = callerOf(pools, input)
  const asked = textOf(input, 'AuthFlow', 64)
  const isAdminPassword = isAdmin && (asked === 'ADMIN_USER_PASSWORD_AUTH' || asked === 'ADMIN_NO_SRP_AUTH')
  const flow = isAdminPassword ? 'USER_PASSWORD_AUTH' : FLOWS[asked]
  if (flow === undefined || (isAdmin && asked === 'USER_PASSWORD_AUTH'))
    throw invalid(`Unsupported AuthFlow: ${asked}`)
  if (!isAdmin && !caller.client.flows.includes(flow))
    throw invalid(`${asked} flow not enabled for this client`)
  const parameters = textsOf(input, 'AuthParameters')
  if (flow === 'REFRESH_TOKEN_AUTH') return refreshAuth(pools, caller, parameters)
  const name = textOf(parameters, 'USERNAME', 128)
  checkSecretHash(pools, caller, [name], parameters['SECRET_HASH'])
  return flow === 'USER_SRP_AUTH'
    ? startSrp(pools, caller, name, parameters)
    : passwordAuth(pools, caller, name, parameters)
}

async function passwordAuth(pools: Pools, caller: Caller, name: string, parameters: Input): Promise<object> {
  const password = textOf(parameters, 'PASSWORD', 256)
  const user = findUser(pools, caller.poolId, name)
  checkLock(pools, user)
  const isRight = isPassword(pools, caller.poolId, name, user, password)
  countAttempt(pools, user, isRight)
  if (!isRight || user === undefined) throw wrongPassword()
  return afterPassword(pools, caller, user)
}

function startSrp(pools: Pools, caller: Caller, name: string, parameters: Input): object {
  const hex = textOf(parameters, 'SRP_A', 4_096)
  const A = HEX.test(hex) ? BigInt(`0x${hex}`) : 0n
  if (!isAcceptablePublic(cognitoForm, A)) throw invalid('SRP_A is not acceptable.')
  const user = findUser(pools, caller.poolId, name)
  checkLock(pools, user)
  const { salt, verifier } = user ?? decoyOf(pools, caller.poolId, name)
  const b = toBigInt(randomBytes(32))
  const B = serverPublic(cognitoForm, BigInt(`0x${verifier}`), b)
  const username = user?.username ?? name
  return {
    ChallengeName: 'PASSWORD_VERIFIER',
    ChallengeParameters: {
      SALT: salt,
      SRP_B: B.toString(16),
      SECRET_BLOCK: pools.sealing.seal({
        kind: 'srp',
        poolId: caller.poolId,
        clientId: caller.clientId,
        username,
        b: b.toString(16),
        A: A.toString(16),
      }),
      USERNAME: username,
      USER_ID_FOR_SRP: username,
    },
  }
}

/** RespondToAuthChallenge and AdminRespondToAuthChallenge. */
export function respondToAuthChallenge(pools: Pools, input: Input): Promise<object> {
  const caller = callerOf(pools, input)
  const challenge = textOf(input, 'ChallengeName', 64)
  const responses = textsOf(input, 'ChallengeResponses')
  const name = textOf(responses, 'USERNAME', 128)
  checkSecretHash(pools, caller, [name], responses['SECRET_HASH'])
  if (challenge === 'PASSWORD_VERIFIER') return verifyPassword(pools, caller, name, responses)
  if (challenge === 'NEW_PASSWORD_REQUIRED')
    return newPassword(pools, caller, name, responses, textOf(input, 'Session', 2_048))
  throw invalid(`Unsupported ChallengeName: ${challenge}`)
}

async function verifyPassword(pools: Pools, caller: Caller, name: string, responses: Input): Promise<object> {
  const secretBlock = textOf(responses, 'PASSWORD_CLAIM_SECRET_BLOCK', 4_096)
  const timestamp = textOf(responses, 'TIMESTAMP', 64)
  const given = Buffer.from(textOf(responses, 'PASSWORD_CLAIM_SIGNATURE', 128))
  const state = pools.sealing.open(secretBlock, 'srp')
  if (state.poolId !== caller.poolId || state.clientId !== caller.clientId)
    throw notAuthorized('Invalid session for the user.')
  const user = findUser(pools, caller.poolId, state.username)
  // Some clients answer with the name that was typed, others with USER_ID_FOR_SRP.
  if (name !== state.username && findUser(pools, caller.poolId, name) !== user) throw wrongPassword()
  checkLock(pools, user)
  const { verifier } = user ?? decoyOf(pools, caller.poolId, state.username)
  const [A, b, v] = [BigInt(`0x${state.A}`), BigInt(`0x${state.b}`), BigInt(`0x${verifier}`)]
  const B = serverPublic(cognitoForm, v, b)
  const key = challengeKey(A, B, serverSecret(cognitoForm, A, B, v, b))
  const claim = { poolName: poolNameOf(caller.poolId), userId: state.username, secretBlock, timestamp }
  const right = Buffer.from(claimSignature(key, claim))
  const isRight = given.length === right.length && timingSafeEqual(given, right) && user !== undefined
  countAttempt(pools, user, isRight)
  if (!isRight || user === undefined) throw wrongPassword()
  return afterPassword(pools, caller, user)
}

/** What becomes of somebody whose password was right. */
async function afterPassword(pools: Pools, caller: Caller, user: User): Promise<object> {
  if (!user.enabled) throw notAuthorized('User is disabled.')
  switch (user.status) {
    case 'UNCONFIRMED':
      throw new PoolError('UserNotConfirmedException', 'User is not confirmed.')
    case 'RESET_REQUIRED':
      throw new PoolError('PasswordResetRequiredException', 'Password reset required for the user')
    case 'FORCE_CHANGE_PASSWORD': {
      const { sub: _sub, ...attributes } = user.attributes
      return {
        ChallengeName: 'NEW_PASSWORD_REQUIRED',
        Session: pools.sealing.seal({
          kind: 'new-password',
          poolId: caller.poolId,
          clientId: caller.clientId,
          username: user.username,
          verifier: user.verifier.slice(0, 64),
        }),
        ChallengeParameters: {
          USER_ID_FOR_SRP: user.username,
          requiredAttributes: '[]',
          userAttributes: JSON.stringify(attributes),
        },
      }
    }
    case 'CONFIRMED':
      return { AuthenticationResult: await pools.tokens.issue(caller, user), ChallengeParameters: {} }
  }
}

async function newPassword(
  pools: Pools,
  caller: Caller,
  name: string,
  responses: Input,
  session: string,
): Promise<object> {
  const password = textOf(responses, 'NEW_PASSWORD', 256)
  checkPasswordPolicy(caller.pool.passwordPolicy, password)
  const added: Record<string, string> = {}
  for (const key of Object.keys(responses)) {
    if (key.startsWith('userAttributes.')) addAttribute(added, key.slice(15), textOf(responses, key))
  }
  refuseReserved(added)
  const state = pools.sealing.open(session, 'new-password')
  const user = findUser(pools, caller.poolId, name)
  const isSame =
    user !== undefined &&
    state.poolId === caller.poolId &&
    state.clientId === caller.clientId &&
    state.username === user.username &&
    state.verifier === user.verifier.slice(0, 64)
  if (!isSame) throw notAuthorized('Invalid session for the user.')
  if (user.status !== 'FORCE_CHANGE_PASSWORD' || !user.enabled)
    throw notAuthorized('Invalid session for the user.')
  user.attributes = { ...user.attributes, ...added }
  user.status = 'CONFIRMED'
  setPassword(pools, user, password)
  return afterPassword(pools, caller, user)
}

/** REFRESH_TOKEN_AUTH: SECRET_HASH is over the name of a user whom only the token names. */
async function refreshAuth(pools: Pools, caller: Caller, parameters: Input): Promise<object> {
  if (caller.client.rotateRefreshTokens)
    throw invalid('Refresh token rotation is enabled for this client; use GetTokensFromRefreshToken.')
  const row = pools.tokens.readRefresh(caller, textOf(parameters, 'REFRESH_TOKEN', 8_192))
  const user = pools.store.findUser(row.poolId, row.username)
  const names = user === undefined ? [row.username] : [user.username, user.sub]
  checkSecretHash(pools, caller, names, optionalText(parameters, 'SECRET_HASH'))
  const result = await pools.tokens.renew(caller, usable(user), row)
  return { AuthenticationResult: result, ChallengeParameters: {} }
}

export async function getTokensFromRefreshToken(pools: Pools, input: Input): Promise<object> {
  const caller = callerOf(pools, input)
  checkClientSecret(pools, caller, input)
  const row = pools.tokens.readRefresh(caller, textOf(input, 'RefreshToken', 8_192))
  const user = usable(pools.store.findUser(row.poolId, row.username))
  return { AuthenticationResult: await pools.tokens.renew(caller, user, row) }
}

function usable(user: User | undefined): User {
  if (user === undefined) throw notAuthorized('Invalid Refresh Token')
  if (!user.enabled) throw notAuthorized('User is disabled.')
  return user
}

/** Ends all tokens that came of the same sign-in. A token that nobody knows is no error (RFC 7009 section 2.2). */
export function revokeToken(pools: Pools, input: Input): object {
  const caller = callerOf(pools, input)
  checkClientSecret(pools, caller, input)
  const row = pools.tokens.findRefresh(textOf(input, 'Token', 8_192))
  if (row === undefined) return {}
  if (row.clientId !== caller.clientId || row.poolId !== caller.poolId)
    throw notAuthorized('The token was not issued to this client.')
  pools.store.endSession(row.originJti)
  return {}
}
