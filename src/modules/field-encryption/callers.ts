import { readFile } from 'node:fs/promises'
import { resolve } from 'node:path'
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  errors,
  type JWTPayload,
  type JWTVerifyGetKey,
  jwtVerify,
} from 'jose'
import type { Clock } from '../../base/clock.ts'
import type { CallersConfig } from './config.ts'

/** What a caller may open: names of keys. */
export type Scope = ReadonlySet<string>

export interface CallersOptions {
  readonly callers: readonly CallersConfig[]
  /** Files are relative to it. */
  readonly baseFolder: string
  readonly clock: Clock
  /** Told when the keys of an issuer cannot be had. */
  readonly report: (problem: string) => void
}

/** Tells who asks, by the token of a request. */
export interface Callers {
  /** The keys that the bearer may use, and how many values; undefined for a stranger or a token without a listed scope. */
  verify(
    authorization: string | undefined,
  ): Promise<{ readonly keys: Scope; readonly maxFields: number } | undefined>
}

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512', 'ES256', 'ES384', 'ES512', 'EdDSA']
const MAX_TOKEN_LENGTH = 16_384

/** Verifies JSON Web Tokens (RFC 7519, RFC 8725): signature, issuer, audience, time; symmetric algorithms are not taken. */
export function createCallers({ callers, baseFolder, clock, report }: CallersOptions): Callers {
  const issuers = callers.map((caller) => ({ caller, keys: keysOf(caller.jwks, baseFolder) }))

  return {
    async verify(authorization) {
      if (authorization === undefined) return undefined
      const token = /^Bearer +([A-Za-z0-9._~+/=-]+)$/i.exec(authorization)?.[1]
      if (token === undefined || token.length > MAX_TOKEN_LENGTH) return undefined
      for (const { caller, keys } of issuers) {
        try {
          const { payload } = await jwtVerify(token, keys, {
            issuer: caller.issuer,
            algorithms: ALGORITHMS,
            requiredClaims: ['exp'],
            currentDate: new Date(clock.now()),
          })
          if (!isFor(payload, caller.audience)) continue
          const names = scopesOf(payload[caller.claim]).flatMap((scope) =>
            Object.hasOwn(caller.scopes, scope) ? caller.scopes[scope]! : [],
          )
          if (names.length > 0) return { keys: new Set(names), maxFields: caller.maxFields }
        } catch (error) {
          // Strangers are no failure; that the keys of an issuer cannot be had is.
          if (error instanceof errors.JOSEError && !(error instanceof errors.JWKSTimeout)) continue
          report(
            `the keys of ${caller.issuer} cannot be had: ${error instanceof Error ? error.message : String(error)}`,
          )
        }
      }
      return undefined
    },
  }
}

/** Access tokens of Cognito have `client_id` in the place of `aud`. */
function isFor(payload: JWTPayload, audience: string): boolean {
  const { aud } = payload
  if (aud === undefined) return payload['client_id'] === audience
  return Array.isArray(aud) ? aud.includes(audience) : aud === audience
}

function scopesOf(claim: unknown): string[] {
  if (typeof claim === 'string') return claim.split(' ').filter((word) => word !== '')
  return Array.isArray(claim) ? claim.filter((word): word is string => typeof word === 'string') : []
}

/** The keys of an issuer, fetched when they are needed and again when a token names one that is not among them. */
function keysOf(jwks: string, baseFolder: string): JWTVerifyGetKey {
  if (/^https?:\/\//.test(jwks)) return createRemoteJWKSet(new URL(jwks))
  let local: Promise<JWTVerifyGetKey> | undefined
  const read = async (): Promise<JWTVerifyGetKey> =>
    // `createLocalJWKSet` checks the shape itself.
    createLocalJWKSet(JSON.parse(await readFile(resolve(baseFolder, jwks), 'utf8')) as { keys: [] })
  return async (header, token) => {
    local ??= read()
    try {
      return await (
        await local
      )(header, token)
    } catch (error) {
      // The file may have been rotated: it is read again for the next token.
      local = undefined
      throw error
    }
  }
}
