import { attributesOf, EMAIL, type Input, optionalText, refuseReserved, textOf } from './input.ts'
import { invalid, notAuthorized } from './pool-error.ts'
import {
  callerOf,
  type Caller,
  checkPasswordPolicy,
  checkSecretHash,
  createUser,
  findUser,
  type Pools,
  save,
  setPassword,
} from './pool.ts'
import { type DeliveryDetails, mask, wrongCode } from './codes.ts'
import type { User } from './store.ts'

const USERNAME = /^[\p{L}\p{M}\p{S}\p{N}\p{P}]+$/u

/** Client, name and the proof of the client secret: what all of these calls begin with. */
function begin(pools: Pools, input: Input): { caller: Caller; name: string } {
  const caller = callerOf(pools, input)
  const name = textOf(input, 'Username', 128)
  checkSecretHash(pools, caller, [name], optionalText(input, 'SecretHash', 128))
  return { caller, name }
}

export async function signUp(pools: Pools, input: Input): Promise<object> {
  const { caller, name } = begin(pools, input)
  const { pool } = caller
  if (!pool.allowSignUp) throw notAuthorized('SignUp is not permitted for this user pool')
  if (!USERNAME.test(name))
    throw invalid('Username must be made of letters, symbols, digits and punctuation.')
  const attributes = attributesOf(input, 'UserAttributes')
  refuseReserved(attributes)
  if (pool.usernames === 'email') {
    if (!EMAIL.test(name)) throw invalid('Username should be an email.')
    attributes['email'] = name
  }
  checkEmail(attributes['email'])
  const password = textOf(input, 'Password', 256)
  checkPasswordPolicy(pool.passwordPolicy, password)
  const user = createUser(pools, caller, name, {
    password,
    attributes,
    status: pool.autoConfirm ? 'CONFIRMED' : 'UNCONFIRMED',
  })
  const delivered = pool.autoConfirm ? undefined : await pools.codes.send(user, 'sign-up')
  return {
    UserConfirmed: pool.autoConfirm,
    UserSub: user.sub,
    ...(delivered !== undefined && { CodeDeliveryDetails: delivered }),
  }
}

export function confirmSignUp(pools: Pools, input: Input): object {
  const { caller, name } = begin(pools, input)
  const code = textOf(input, 'ConfirmationCode')
  const user = findUser(pools, caller.poolId, name)
  // The same as for a code that is wrong, so that names cannot be found out.
  if (user === undefined) throw wrongCode()
  if (user.status === 'CONFIRMED')
    throw notAuthorized('User cannot be confirmed. Current status is CONFIRMED')
  pools.codes.use(user, 'sign-up', code)
  confirm(pools, user)
  return {}
}

/** A user who has shown a code is confirmed, and so is the address it was sent to. */
export function confirm(pools: Pools, user: User): void {
  user.status = 'CONFIRMED'
  if (user.attributes['email'] !== undefined) user.attributes = { ...user.attributes, email_verified: 'true' }
  save(pools, user)
}

export async function resendConfirmationCode(pools: Pools, input: Input): Promise<object> {
  const { caller, name } = begin(pools, input)
  const user = findUser(pools, caller.poolId, name)
  if (user === undefined) return { CodeDeliveryDetails: pretended(name) }
  if (user.status === 'CONFIRMED') throw invalid('User is already confirmed.')
  return { CodeDeliveryDetails: await pools.codes.send(user, 'sign-up') }
}

export async function forgotPassword(pools: Pools, input: Input): Promise<object> {
  const { caller, name } = begin(pools, input)
  const user = findUser(pools, caller.poolId, name)
  if (user === undefined || user.status === 'UNCONFIRMED') return { CodeDeliveryDetails: pretended(name) }
  if (!user.enabled) throw notAuthorized('User is disabled.')
  if (user.status === 'FORCE_CHANGE_PASSWORD')
    throw notAuthorized('User password cannot be reset in the current state.')
  return { CodeDeliveryDetails: await pools.codes.send(user, 'reset') }
}

export function confirmForgotPassword(pools: Pools, input: Input): object {
  const { caller, name } = begin(pools, input)
  const code = textOf(input, 'ConfirmationCode')
  const password = textOf(input, 'Password', 256)
  checkPasswordPolicy(caller.pool.passwordPolicy, password)
  const user = findUser(pools, caller.poolId, name)
  if (user === undefined) throw wrongCode()
  pools.codes.use(user, 'reset', code)
  setPassword(pools, user, password)
  confirm(pools, user)
  // Whoever knew the old password is out.
  pools.store.endSessions(user.poolId, user.username)
  return {}
}

/** What a name that nobody has is told: where a code would have gone. */
function pretended(name: string): DeliveryDetails {
  const email = EMAIL.test(name) ? name : `${name}@example.com`
  return { Destination: mask(email), DeliveryMedium: 'EMAIL', AttributeName: 'email' }
}

export function checkEmail(email: string | undefined): void {
  if (email !== undefined && !EMAIL.test(email)) throw invalid('Invalid email address format.')
}
