import { attributeList, attributesOf, type Input, refuseReserved, textOf } from './input.ts'
import { notAuthorized, PoolError, wrongPassword } from './pool-error.ts'
import {
  checkLock,
  checkPasswordPolicy,
  countAttempt,
  isPassword,
  type Pools,
  save,
  setPassword,
} from './pool.ts'
import { checkEmail } from './sign-up.ts'
import type { User } from './store.ts'

/** Whoever an access token belongs to. Throws NotAuthorizedException. */
async function ownerOf(pools: Pools, input: Input): Promise<User> {
  const { poolId, username } = await pools.tokens.readAccess(textOf(input, 'AccessToken', 16_384))
  const user = pools.store.findUser(poolId, username)
  if (user === undefined) throw new PoolError('UserNotFoundException', 'User does not exist.')
  if (!user.enabled) throw notAuthorized('User is disabled.')
  return user
}

export async function getUser(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  return { Username: user.username, UserAttributes: attributeList(user.attributes) }
}

export async function globalSignOut(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  pools.store.endSessions(user.poolId, user.username)
  return {}
}

export async function changePassword(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  const proposed = textOf(input, 'ProposedPassword', 256)
  checkPasswordPolicy(pools.pools[user.poolId]!.passwordPolicy, proposed)
  checkLock(pools, user)
  const isRight = isPassword(pools, user.poolId, user.username, user, textOf(input, 'PreviousPassword', 256))
  countAttempt(pools, user, isRight)
  if (!isRight) throw wrongPassword()
  setPassword(pools, user, proposed)
  return {}
}

export async function updateUserAttributes(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  const changed = attributesOf(input, 'UserAttributes')
  refuseReserved(changed)
  return { CodeDeliveryDetailsList: await changeAttributes(pools, user, changed) }
}

/** A new address is one that nobody has shown to be theirs yet. */
async function changeAttributes(
  pools: Pools,
  user: User,
  changed: Record<string, string>,
): Promise<object[]> {
  checkEmail(changed['email'])
  const isNewEmail = changed['email'] !== undefined && changed['email'] !== user.attributes['email']
  if (isNewEmail && pools.pools[user.poolId]!.usernames === 'email') {
    const other = pools.store.findByEmail(user.poolId, changed['email']!)
    if (other !== undefined && other.username !== user.username)
      throw new PoolError('AliasExistsException', 'An account with the given email already exists.')
  }
  user.attributes = { ...user.attributes, ...changed, ...(isNewEmail && { email_verified: 'false' }) }
  save(pools, user)
  return isNewEmail ? [await pools.codes.send(user, 'verify email')] : []
}

export async function getUserAttributeVerificationCode(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  mustBeEmail(user, textOf(input, 'AttributeName', 32))
  return { CodeDeliveryDetails: await pools.codes.send(user, 'verify email') }
}

export async function verifyUserAttribute(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  mustBeEmail(user, textOf(input, 'AttributeName', 32))
  pools.codes.use(user, 'verify email', textOf(input, 'Code'))
  user.attributes = { ...user.attributes, email_verified: 'true' }
  save(pools, user)
  return {}
}

function mustBeEmail(user: User, name: string): void {
  if (name !== 'email' || user.attributes['email'] === undefined)
    throw new PoolError('InvalidParameterException', `The attribute ${name} cannot be verified.`)
}

export async function deleteUser(pools: Pools, input: Input): Promise<object> {
  const user = await ownerOf(pools, input)
  pools.store.deleteUser(user.poolId, user.username)
  return {}
}
