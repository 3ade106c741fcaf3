import { createHmac, randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import type { ClientConfig, PasswordPolicy, PoolConfig } from './config.ts'
import type { Codes } from './codes.ts'
import { type Input, optionalText, textOf } from './input.ts'
import { invalid, notAuthorized, PoolError } from './pool-error.ts'
import { cognitoForm, privateKeyOf, saltBytes, toBigInt, verifierOf } from './srp.ts'
import type { Sealing } from './sealing.ts'
import type { PoolStore, User } from './store.ts'
import type { Audience, Tokens } from './tokens.ts'

/** Wrong passwords before there is a wait, which doubles up to a quarter of an hour. */
const FREE_FAILURES = 5
const MAX_LOCK_MS = 15 * 60_000

/** What the operations work with. */
export interface Pools {
  readonly clock: Clock
  readonly store: PoolStore
  readonly tokens: Tokens
  readonly codes: Codes
  readonly sealing: Sealing
  readonly pools: Readonly<Record<string, PoolConfig>>
  /** Values that are accepted as the secret of a client; empty while there is none. */
  secretsOf(client: ClientConfig): readonly Secret[]
  /** Sends the temporary password that an administrator had made. */
  tellPassword(user: User, password: string): Promise<void>
  /** For what must be the same for a name that does not exist. */
  readonly decoyKey: Buffer
}

/** A client that called, and its pool. */
export interface Caller extends Audience {
  readonly pool: PoolConfig
}

/** The client that a call names. Throws ResourceNotFoundException. */
export function callerOf(pools: Pools, input: Input): Caller {
  const clientId = textOf(input, 'ClientId', 128)
  for (const [poolId, pool] of Object.entries(pools.pools)) {
    if (Object.hasOwn(pool.clients, clientId))
      return { poolId, pool, clientId, client: pool.clients[clientId]! }
  }
  throw new PoolError('ResourceNotFoundException', `User pool client ${clientId} does not exist.`)
}

/** The pool that an Admin operation names. */
export function poolOf(pools: Pools, input: Input): { poolId: string; pool: PoolConfig } {
  const poolId = textOf(input, 'UserPoolId', 131)
  if (!Object.hasOwn(pools.pools, poolId))
    throw new PoolError('ResourceNotFoundException', `User pool ${poolId} does not exist.`)
  return { poolId, pool: pools.pools[poolId]! }
}

/**
 * Checks SECRET_HASH: base64(HMAC-SHA256(client secret, user name + client id)) (DG:signing-up-users-in-your-app,
 * "Computing secret hash values"). The name is the one in the same call; a refresh has none, and any of `names` will do.
 */
export function checkSecretHash(
  pools: Pools,
  { clientId, client }: Caller,
  names: readonly string[],
  given: string | undefined,
): void {
  if (client.secret === undefined) {
    if (given !== undefined)
      throw notAuthorized(`Client ${clientId} is not configured for secret but secret was received`)
    return
  }
  if (given === undefined)
    throw notAuthorized(`Client ${clientId} is configured with secret but SECRET_HASH was not received`)
  const bytes = Buffer.from(given)
  let isRight = false
  for (const secret of pools.secretsOf(client)) {
    for (const name of names) {
      const right = Buffer.from(secretHash(secret.reveal(), name, clientId))
      isRight = (bytes.length === right.length && timingSafeEqual(bytes, right)) || isRight
    }
  }
  if (!isRight) throw notAuthorized(`Unable to verify secret hash for client ${clientId}`)
}

/** Checks the member ClientSecret of token operations. */
export function checkClientSecret(pools: Pools, { clientId, client }: Caller, input: Input): void {
  const given = optionalText(input, 'ClientSecret', 64)
  if (client.secret === undefined) {
    if (given !== undefined)
      throw notAuthorized(`Client ${clientId} is not configured for secret but secret was received`)
    return
  }
  if (given === undefined)
    throw notAuthorized(`Client ${clientId} is configured with secret but client secret was not received`)
  // Of equal length whatever was given.
  const digest = (value: string): Buffer => createHmac('sha256', pools.decoyKey).update(value).digest()
  let isRight = false
  for (const secret of pools.secretsOf(client))
    isRight = timingSafeEqual(digest(given), digest(secret.reveal())) || isRight
  if (!isRight) throw notAuthorized(`Unable to verify secret for client ${clientId}`)
}

function secretHash(secret: string, username: string, clientId: string): string {
  return createHmac('sha256', secret)
    .update(username + clientId)
    .digest('base64')
}

/** The user whom a name means: a user name, or the address in pools where people sign in with it. */
export function findUser(pools: Pools, poolId: string, name: string): User | undefined {
  const user = pools.store.findUser(poolId, name)
  if (user !== undefined || pools.pools[poolId]?.usernames !== 'email') return user
  return pools.store.findByEmail(poolId, name)
}

/** The part of a pool's id that goes into SRP. */
export function poolNameOf(poolId: string): string {
  return poolId.slice(poolId.indexOf('_') + 1)
}

/** Salt and verifier of a password, in hexadecimal. */
export function hashPassword(poolId: string, username: string, password: string) {
  const salt = toBigInt(randomBytes(16))
  return { salt: salt.toString(16), verifier: verifierFor(poolId, username, password, salt).toString(16) }
}

function verifierFor(poolId: string, username: string, password: string, salt: bigint): bigint {
  const x = privateKeyOf(cognitoForm, saltBytes(salt), poolNameOf(poolId) + username, password)
  return verifierOf(cognitoForm, x)
}

/**
 * Salt and verifier for a name that nobody has: the same every time, as those of a real user are, and made without big
 * numbers, so that it takes no longer than to read those.
 */
export function decoyOf(pools: Pools, poolId: string, name: string): { salt: string; verifier: string } {
  const digest = (what: string): Buffer =>
    createHmac('sha256', pools.decoyKey).update(`${what}\n${poolId}\n${name}`).digest()
  const verifier = Buffer.concat(DECOY_PARTS.map(digest))
  return {
    salt: toBigInt(digest('salt').subarray(0, 16)).toString(16),
    verifier: (toBigInt(verifier) % cognitoForm.N).toString(16),
  }
}

/** Twelve digests are as long as the prime. */
const DECOY_PARTS = Array.from({ length: 12 }, (_, part) => `verifier ${part}`)

/** Whether a password is right. A name that does not exist takes the same work. */
export function isPassword(
  pools: Pools,
  poolId: string,
  name: string,
  user: User | undefined,
  password: string,
): boolean {
  const { salt, verifier } = user ?? decoyOf(pools, poolId, name)
  const made = verifierFor(poolId, user?.username ?? name, password, BigInt(`0x${salt}`)).toString(16)
  const right = made.length === verifier.length && timingSafeEqual(Buffer.from(made), Buffer.from(verifier))
  return right && user !== undefined
}

/** Throws NotAuthorizedException while a user has to wait after wrong passwords. */
export function checkLock(pools: Pools, user: User | undefined): void {
  if (user !== undefined && user.lockedUntil > pools.clock.now())
    throw notAuthorized('Password attempts exceeded')
}

/** Counts a wrong password, or forgets the wrong ones after a right one. */
export function countAttempt(pools: Pools, user: User | undefined, isRight: boolean): void {
  if (user === undefined || (isRight && user.failures === 0)) return
  user.failures = isRight ? 0 : user.failures + 1
  const over = user.failures - FREE_FAILURES
  user.lockedUntil = over < 0 ? 0 : pools.clock.now() + Math.min(MAX_LOCK_MS, 1_000 * 2 ** Math.min(over, 20))
  pools.store.saveUser(user)
}

/** Throws InvalidPasswordException with the first rule that is broken. */
export function checkPasswordPolicy(policy: PasswordPolicy, password: string): void {
  const broken = (why: string): PoolError =>
    new PoolError('InvalidPasswordException', `Password did not conform with policy: ${why}`)
  if (password.length < policy.minimumLength) throw broken('Password not long enough')
  if (password.length > 256) throw invalid('Password is too long')
  if (policy.requireLowercase && !/[a-z]/.test(password))
    throw broken('Password must have lowercase characters')
  if (policy.requireUppercase && !/[A-Z]/.test(password))
    throw broken('Password must have uppercase characters')
  if (policy.requireNumbers && !/\d/.test(password)) throw broken('Password must have numeric characters')
  if (policy.requireSymbols && !/[\^$*.[\]{}()?"!@#%&/\\,><':;|_~`=+\- ]/.test(password))
    throw broken('Password must have symbol characters')
}

/** Gives a user a new password; what was open under the old one stays, as with AWS, unless the caller ends it. */
export function setPassword(pools: Pools, user: User, password: string): void {
  Object.assign(user, hashPassword(user.poolId, user.username, password))
  user.failures = 0
  user.lockedUntil = 0
  save(pools, user)
}

export function save(pools: Pools, user: User): void {
  user.modifiedAt = pools.clock.now()
  pools.store.saveUser(user)
}

/** A user who does not exist yet. Throws UsernameExistsException. */
export function createUser(
  pools: Pools,
  { poolId, pool }: { poolId: string; pool: PoolConfig },
  name: string,
  options: { password: string; attributes: Record<string, string>; status: User['status'] },
): User {
  const sub = randomUUID()
  const username = pool.usernames === 'email' ? sub : name
  const now = pools.clock.now()
  const user: User = {
    poolId,
    username,
    sub,
    status: options.status,
    enabled: true,
    attributes: { sub, ...options.attributes },
    ...hashPassword(poolId, username, options.password),
    createdAt: now,
    modifiedAt: now,
    failures: 0,
    lockedUntil: 0,
  }
  const isTaken = pool.usernames === 'email' && pools.store.findByEmail(poolId, name) !== undefined
  if (isTaken || !pools.store.addUser(user))
    throw new PoolError(
      'UsernameExistsException',
      pool.usernames === 'email' ? 'An account with the given email already exists.' : 'User already exists',
    )
  return user
}
