import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { notAuthorized } from './pool-error.ts'

/** Time for the answer to a challenge (CreateUserPoolClient, AuthSessionValidity: three minutes unless set). */
const LIFE_MS = 3 * 60_000
const MAX_USED = 20_000

/** What a challenge has to remember. It travels with the caller, sealed, so that open challenges take no memory here. */
export type ChallengeState =
  | {
      readonly kind: 'srp'
      readonly poolId: string
      readonly clientId: string
      readonly username: string
      /** Hexadecimal. */
      readonly b: string
      readonly A: string
    }
  | {
      readonly kind: 'new-password'
      readonly poolId: string
      readonly clientId: string
      readonly username: string
      /** The verifier of that moment: another password in between ends the challenge. */
      readonly verifier: string
    }

export interface Sealing {
  /** Text in base64. */
  seal(state: ChallengeState): string
  /** Gives the state once. Throws NotAuthorizedException when it is not ours, too old, or was used. */
  open<Kind extends ChallengeState['kind']>(
    sealed: string,
    kind: Kind,
  ): Extract<ChallengeState, { kind: Kind }>
}

/** Seals with a key of this process: a restart ends open challenges. */
export function createSealing(clock: Clock): Sealing {
  const key = randomBytes(32)
  /** By the moment they expire, oldest first. */
  const used = new Map<string, number>()

  function use(id: string, expiresAt: number): boolean {
    const now = clock.now()
    for (const [each, until] of used) {
      if (until > now && used.size < MAX_USED) break
      used.delete(each)
    }
    if (used.has(id)) return false
    used.set(id, expiresAt)
    return true
  }

  return {
    seal(state) {
      const nonce = randomBytes(12)
      const cipher = createCipheriv('aes-256-gcm', key, nonce)
      const text = JSON.stringify({ expiresAt: clock.now() + LIFE_MS, state })
      const body = Buffer.concat([cipher.update(text, 'utf8'), cipher.final()])
      return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
    },
    open(sealed, kind) {
      const bytes = Buffer.from(sealed, 'base64')
      const { expiresAt, state } = unseal(key, bytes)
      if (state.kind !== kind) throw notAuthorized('Invalid session for the user.')
      if (expiresAt <= clock.now()) throw notAuthorized('Invalid session for the user, session is expired.')
      if (!use(bytes.subarray(0, 28).toString('base64'), expiresAt))
        throw notAuthorized('Invalid session for the user, session can only be used once.')
      // The kind was compared above.
      return state as Extract<ChallengeState, { kind: typeof kind }>
    },
  }
}

function unseal(key: Buffer, bytes: Buffer): { expiresAt: number; state: ChallengeState } {
  try {
    const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, 12), { authTagLength: 16 })
    decipher.setAuthTag(bytes.subarray(12, 28))
    const text = Buffer.concat([decipher.update(bytes.subarray(28)), decipher.final()]).toString('utf8')
    // Only `seal` above has the key.
    return JSON.parse(text) as { expiresAt: number; state: ChallengeState }
  } catch {
    throw notAuthorized('Invalid session for the user.')
  }
}
