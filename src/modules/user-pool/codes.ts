import { createHash, randomInt, timingSafeEqual } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import { PoolError } from './pool-error.ts'
import type { CodePurpose, PoolStore, User } from './store.ts'

const LIFE_MS: Readonly<Record<'sign-up' | 'reset' | 'verify', number>> = {
  'sign-up': 24 * 3_600_000,
  reset: 3_600_000,
  verify: 24 * 3_600_000,
}
/** Wrong tries for one code; then a new one must be asked for. */
const MAX_TRIES = 5
/** Codes for one user and purpose in an hour. */
const MAX_SENT = 5
const HOUR_MS = 3_600_000

/** Where a code goes. */
export interface Delivery {
  /** Sends it, or rejects. */
  send(code: {
    readonly poolId: string
    readonly username: string
    readonly email: string | undefined
    readonly purpose: CodePurpose
    readonly code: string
  }): Promise<void>
  /** How it is called in answers. */
  readonly medium: 'EMAIL'
}

/** `CodeDeliveryDetails` of the API. */
export interface DeliveryDetails {
  readonly Destination: string
  readonly DeliveryMedium: 'EMAIL'
  readonly AttributeName: 'email'
}

export interface Codes {
  /** Makes a code, keeps its hash and sends it. */
  send(user: User, purpose: CodePurpose): Promise<DeliveryDetails>
  /** Throws CodeMismatchException, ExpiredCodeException or LimitExceededException. A right code works once. */
  use(user: User, purpose: CodePurpose, code: string): void
}

export function createCodes(options: {
  readonly store: PoolStore
  readonly clock: Clock
  readonly delivery: Delivery
  /** A number from 0 below the limit. */
  readonly randomInt?: (limit: number) => number
}): Codes {
  const { store, clock, delivery } = options
  const random = options.randomInt ?? ((limit: number) => randomInt(limit))
  const sent = new Map<string, number[]>()

  function countSent(user: User, purpose: CodePurpose): void {
    const key = `${user.poolId}\n${user.username}\n${purpose}`
    const now = clock.now()
    const recent = (sent.get(key) ?? []).filter((at) => at > now - HOUR_MS)
    if (recent.length >= MAX_SENT)
      throw new PoolError('LimitExceededException', 'Attempt limit exceeded, please try after some time.')
    if (sent.size >= 10_000 && !sent.has(key)) sent.delete(sent.keys().next().value!)
    sent.set(key, [...recent, now])
  }

  return {
    async send(user, purpose) {
      countSent(user, purpose)
      const code = String(random(1_000_000)).padStart(6, '0')
      const kind = purpose === 'sign-up' || purpose === 'reset' ? purpose : 'verify'
      store.saveCode(
        user.poolId,
        user.username,
        purpose,
        hashOf(user, purpose, code),
        clock.now() + LIFE_MS[kind],
      )
      const email = user.attributes['email']
      try {
        await delivery.send({ poolId: user.poolId, username: user.username, email, purpose, code })
      } catch (error) {
        throw new PoolError('CodeDeliveryFailureException', 'The verification code could not be sent.', {
          cause: error,
        })
      }
      return { Destination: mask(email), DeliveryMedium: delivery.medium, AttributeName: 'email' }
    },
    use(user, purpose, code) {
      const row = store.tryCode(user.poolId, user.username, purpose)
      if (row === undefined) throw wrongCode()
      if (row.tries > MAX_TRIES)
        throw new PoolError('LimitExceededException', 'Attempt limit exceeded, please try after some time.')
      const given = Buffer.from(hashOf(user, purpose, code))
      if (!timingSafeEqual(given, Buffer.from(row.hash))) throw wrongCode()
      if (row.expiresAt <= clock.now())
        throw new PoolError('ExpiredCodeException', 'Invalid code provided, please request a code again.')
      store.dropCode(user.poolId, user.username, purpose)
    },
  }
}

/** What whoever has a wrong code is told, and whoever has a name that nobody has. */
export function wrongCode(): PoolError {
  return new PoolError('CodeMismatchException', 'Invalid verification code provided, please try again.')
}

/** `a***@e***`, as the API shows addresses. */
export function mask(email: string | undefined): string {
  const [name = '', domain = ''] = (email ?? '').split('@')
  return email === undefined ? '' : `${name.slice(0, 1)}***@${domain.slice(0, 1)}***`
}

function hashOf(user: User, purpose: CodePurpose, code: string): string {
  return createHash('sha256').update(`${user.sub}\n${purpose}\n${code}`).digest('hex')
}
