import { randomInt } from 'node:crypto'
import { attributeList, attributesOf, EMAIL, type Input, optionalText, textOf } from './input.ts'
import { invalid, notAuthorized, PoolError } from './pool-error.ts'
import {
  callerOf,
  checkPasswordPolicy,
  createUser,
  findUser,
  poolOf,
  type Pools,
  save,
  setPassword,
} from './pool.ts'
import { initiateAuth, respondToAuthChallenge } from './sign-in.ts'
import { checkEmail } from './sign-up.ts'
import type { User } from './store.ts'

function userIn(pools: Pools, input: Input): User {
  const { poolId } = poolOf(pools, input)
  const user = findUser(pools, poolId, textOf(input, 'Username', 128))
  if (user === undefined) throw new PoolError('UserNotFoundException', 'User does not exist.')
  return user
}

/** A client must be one of the pool that an administrator names. */
function checkPool(pools: Pools, input: Input): void {
  const { poolId } = poolOf(pools, input)
  const caller = callerOf(pools, input)
  if (caller.poolId !== poolId)
    throw new PoolError('ResourceNotFoundException', `User pool client ${caller.clientId} does not exist.`)
}

/** Members that AWS requires of ContextData (API Reference, ContextDataType). */
function checkContext(input: Input): void {
  const context = input['ContextData']
  if (context === undefined || context === null) return
  if (typeof context !== 'object' || Array.isArray(context))
    throw invalid("Value at 'ContextData' must be a structure")
  const members = context as Input // Just found to be an object.
  textOf(members, 'IpAddress', 64)
  textOf(members, 'ServerName', 512)
  textOf(members, 'ServerPath', 2_048)
  if (!Array.isArray(members['HttpHeaders']))
    throw invalid("Value at 'contextData.httpHeaders' must not be null")
}

export function adminInitiateAuth(pools: Pools, input: Input): Promise<object> | object {
  checkPool(pools, input)
  checkContext(input)
  return initiateAuth(pools, input, true)
}

export function adminRespondToAuthChallenge(pools: Pools, input: Input): Promise<object> {
  checkPool(pools, input)
  checkContext(input)
  return respondToAuthChallenge(pools, input)
}

export async function adminCreateUser(pools: Pools, input: Input): Promise<object> {
  const place = poolOf(pools, input)
  const name = textOf(input, 'Username', 128)
  const attributes = attributesOf(input, 'UserAttributes')
  if (place.pool.usernames === 'email') {
    if (!EMAIL.test(name)) throw invalid('Username should be an email.')
    attributes['email'] = name
  }
  checkEmail(attributes['email'])
  const given = optionalText(input, 'TemporaryPassword', 256)
  if (given !== undefined) checkPasswordPolicy(place.pool.passwordPolicy, given)
  const password = given ?? temporaryPassword(place.pool.passwordPolicy.minimumLength)
  const user = createUser(pools, place, name, { password, attributes, status: 'FORCE_CHANGE_PASSWORD' })
  if (given === undefined) await pools.tellPassword(user, password)
  return { User: described(user, 'Attributes') }
}

/** A word that every policy takes. */
function temporaryPassword(length: number): string {
  const pick = (from: string): string => from[randomInt(from.length)]!
  const letters = 'abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789'
  let word =
    pick('abcdefghijkmnpqrstuvwxyz') + pick('ABCDEFGHJKLMNPQRSTUVWXYZ') + pick('23456789') + pick('!#%+=?')
  while (word.length < Math.max(14, length)) word += pick(letters)
  return word
}

export function adminConfirmSignUp(pools: Pools, input: Input): object {
  const user = userIn(pools, input)
  if (user.status !== 'UNCONFIRMED')
    throw notAuthorized(`User cannot be confirmed. Current status is ${user.status}`)
  user.status = 'CONFIRMED'
  save(pools, user)
  return {}
}

export function adminGetUser(pools: Pools, input: Input): object {
  return described(userIn(pools, input), 'UserAttributes')
}

export function adminSetUserPassword(pools: Pools, input: Input): object {
  const user = userIn(pools, input)
  const password = textOf(input, 'Password', 256)
  checkPasswordPolicy(pools.pools[user.poolId]!.passwordPolicy, password)
  user.status = input['Permanent'] === true ? 'CONFIRMED' : 'FORCE_CHANGE_PASSWORD'
  setPassword(pools, user, password)
  return {}
}

export async function adminResetUserPassword(pools: Pools, input: Input): Promise<object> {
  const user = userIn(pools, input)
  user.status = 'RESET_REQUIRED'
  save(pools, user)
  await pools.codes.send(user, 'reset')
  return {}
}

export function adminUserGlobalSignOut(pools: Pools, input: Input): object {
  const user = userIn(pools, input)
  pools.store.endSessions(user.poolId, user.username)
  return {}
}

export function adminSetEnabled(pools: Pools, input: Input, isEnabled: boolean): object {
  const user = userIn(pools, input)
  user.enabled = isEnabled
  save(pools, user)
  if (!isEnabled) pools.store.endSessions(user.poolId, user.username)
  return {}
}

export function adminDeleteUser(pools: Pools, input: Input): object {
  const user = userIn(pools, input)
  pools.store.deleteUser(user.poolId, user.username)
  return {}
}

export function adminUpdateUserAttributes(pools: Pools, input: Input): object {
  const user = userIn(pools, input)
  const changed = attributesOf(input, 'UserAttributes')
  checkEmail(changed['email'])
  user.attributes = { ...user.attributes, ...changed }
  save(pools, user)
  return {}
}

/** Users in the order of their names; PaginationToken is the last name of the page before. */
export function listUsers(pools: Pools, input: Input): object {
  const { poolId } = poolOf(pools, input)
  const limit = input['Limit'] ?? 60
  if (typeof limit !== 'number' || !Number.isInteger(limit) || limit < 1 || limit > 60)
    throw invalid("Value at 'limit' must be from 1 to 60")
  const token = optionalText(input, 'PaginationToken', 512)
  const after = token === undefined ? '' : Buffer.from(token, 'base64url').toString()
  const users = pools.store.listUsers(poolId, after, limit + 1)
  const page = users.slice(0, limit)
  return {
    Users: page.map((user) => described(user, 'Attributes')),
    ...(users.length > limit && {
      PaginationToken: Buffer.from(page.at(-1)!.username).toString('base64url'),
    }),
  }
}

function described(user: User, attributes: 'Attributes' | 'UserAttributes'): object {
  return {
    Username: user.username,
    [attributes]: attributeList(user.attributes),
    UserCreateDate: user.createdAt / 1000,
    UserLastModifiedDate: user.modifiedAt / 1000,
    Enabled: user.enabled,
    UserStatus: user.status,
  }
}
