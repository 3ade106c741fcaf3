import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  randomBytes,
  randomUUID,
} from 'node:crypto'
import { jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../../base/clock.ts'
import { notAuthorized } from './pool-error.ts'
import type { ClientConfig } from './config.ts'
import type { PoolStore, RefreshRow, User } from './store.ts'

/** How long a refresh token still works after its successor was given out, when they rotate. */
export const ROTATION_GRACE_MS = 60_000
const SCOPE = 'aws.cognito.signin.user.admin'

/** `AuthenticationResult` of the API. */
export interface AuthenticationResult {
  readonly AccessToken: string
  readonly IdToken: string
  readonly RefreshToken?: string
  readonly ExpiresIn: number
  readonly TokenType: 'Bearer'
}

/** For whom tokens are made. */
export interface Audience {
  readonly poolId: string
  readonly clientId: string
  readonly client: ClientConfig
}

/** The tokens of one pool server: RS256, one key per pool, kept in its file. */
export interface Tokens {
  issuerOf(poolId: string): string
  /** The key set of a pool (RFC 7517). */
  jwks(poolId: string): { readonly keys: readonly object[] }
  /** After a sign-in. */
  issue(to: Audience, user: User): Promise<AuthenticationResult>
  /** After a refresh; a new refresh token only when they rotate. */
  renew(to: Audience, user: User, row: RefreshRow): Promise<AuthenticationResult>
  /** The row of a refresh token that works for this client. Throws NotAuthorizedException. */
  readRefresh(to: Audience, token: string): RefreshRow
  /** The row of any refresh token that we made, or undefined. */
  findRefresh(token: string): RefreshRow | undefined
  /** Whose access token it is. Throws NotAuthorizedException. */
  readAccess(
    token: string,
  ): Promise<{ readonly poolId: string; readonly clientId: string; readonly username: string }>
}

export function createTokens(options: {
  readonly store: PoolStore
  readonly clock: Clock
  readonly poolIds: readonly string[]
  readonly baseUrl: () => string
}): Tokens {
  const { store, clock } = options
  const keys = new Map(options.poolIds.map((poolId) => [poolId, keyOf(store, poolId)]))
  const issuerOf = (poolId: string): string => `${options.baseUrl()}/${poolId}`

  async function sign(poolId: string, claims: Readonly<Record<string, unknown>>): Promise<string> {
    const { privateKey, kid } = keys.get(poolId)!
    return new SignJWT(claims).setProtectedHeader({ kid, alg: 'RS256' }).sign(privateKey)
  }

  async function make(
    to: Audience,
    user: User,
    origin: { jti: string; authTime: number },
    refreshToken?: string,
  ) {
    const now = Math.floor(clock.now() / 1000)
    const common = {
      sub: user.sub,
      iss: issuerOf(to.poolId),
      origin_jti: origin.jti,
      event_id: randomUUID(),
      auth_time: origin.authTime,
      iat: now,
    }
    const AccessToken = await sign(to.poolId, {
      ...common,
      token_use: 'access',
      client_id: to.clientId,
      scope: SCOPE,
      exp: now + to.client.accessTokenMinutes * 60,
      jti: randomUUID(),
      username: user.username,
    })
    const IdToken = await sign(to.poolId, {
      ...claimsOf(user),
      ...common,
      token_use: 'id',
      aud: to.clientId,
      'cognito:username': user.username,
      exp: now + to.client.idTokenMinutes * 60,
      jti: randomUUID(),
    })
    return {
      AccessToken,
      IdToken,
      ...(refreshToken !== undefined && { RefreshToken: refreshToken }),
      ExpiresIn: to.client.accessTokenMinutes * 60,
      TokenType: 'Bearer',
    } as const
  }

  function addRefresh(
    to: Audience,
    user: User,
    origin: { jti: string; authTime: number },
    expiresAt: number,
  ): string {
    const token = randomBytes(64).toString('base64url')
    store.addRefresh({
      hash: hashOf(token),
      poolId: to.poolId,
      clientId: to.clientId,
      username: user.username,
      originJti: origin.jti,
      authTime: origin.authTime,
      expiresAt,
      graceUntil: null,
    })
    return token
  }

  return {
    issuerOf,
    jwks: (poolId) => ({ keys: [keys.get(poolId)!.jwk] }),
    issue(to, user) {
      const origin = { jti: randomUUID(), authTime: Math.floor(clock.now() / 1000) }
      const expiresAt = clock.now() + to.client.refreshTokenMinutes * 60_000
      return make(to, user, origin, addRefresh(to, user, origin, expiresAt))
    },
    renew(to, user, row) {
      const origin = { jti: row.originJti, authTime: row.authTime }
      if (!to.client.rotateRefreshTokens) return make(to, user, origin)
      if (row.graceUntil === null) store.setGrace(row.hash, clock.now() + ROTATION_GRACE_MS)
      // The whole chain ends when the first of it would have.
      return make(to, user, origin, addRefresh(to, user, origin, row.expiresAt))
    },
    readRefresh(to, token) {
      const row = store.findRefresh(hashOf(token))
      if (row === undefined || row.poolId !== to.poolId || row.clientId !== to.clientId)
        throw notAuthorized('Invalid Refresh Token')
      if (row.expiresAt <= clock.now() || (row.graceUntil !== null && row.graceUntil <= clock.now()))
        throw notAuthorized('Refresh Token has expired')
      return row
    },
    findRefresh: (token) => store.findRefresh(hashOf(token)),
    async readAccess(token) {
      const { payload, poolId } = await verify(token)
      const { origin_jti: originJti, username, client_id: clientId } = payload
      if (payload['token_use'] !== 'access' || typeof username !== 'string' || typeof clientId !== 'string')
        throw notAuthorized('Invalid Access Token')
      if (typeof originJti !== 'string' || !store.isSession(originJti))
        throw notAuthorized('Access Token has been revoked')
      return { poolId, clientId, username }
    },
  }

  async function verify(token: string) {
    for (const [poolId, { publicKey }] of keys) {
      try {
        const { payload } = await jwtVerify(token, publicKey, {
          issuer: issuerOf(poolId),
          algorithms: ['RS256'],
          currentDate: new Date(clock.now()),
        })
        return { payload, poolId }
      } catch (error) {
        if (error instanceof Error && 'code' in error && error.code === 'ERR_JWT_EXPIRED')
          throw notAuthorized('Access Token has expired')
      }
    }
    throw notAuthorized('Invalid Access Token')
  }
}

/** Standard and custom attributes as claims; what is a truth there is a truth here. */
function claimsOf(user: User): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(user.attributes).map(([name, value]) => [
      name,
      name === 'email_verified' || name === 'phone_number_verified' ? value === 'true' : value,
    ]),
  )
}

function keyOf(store: PoolStore, poolId: string) {
  const pem = store.keep(`key ${poolId}`, () =>
    generateKeyPairSync('rsa', { modulusLength: 2048 })
      .privateKey.export({ type: 'pkcs8', format: 'pem' })
      .toString(),
  )
  const privateKey = createPrivateKey(pem)
  const publicKey = createPublicKey(privateKey)
  const jwk = publicKey.export({ format: 'jwk' })
  const kid = createHash('sha256').update(String(jwk.n)).digest('base64')
  return {
    privateKey,
    publicKey,
    kid,
    jwk: { alg: 'RS256', e: jwk.e, kid, kty: jwk.kty, n: jwk.n, use: 'sig' },
  }
}

/** A refresh token has 512 random bits; what is stored does not give it away. */
function hashOf(token: string): string {
  return createHash('sha256').update(token).digest('hex')
}
