import { createHash, timingSafeEqual } from 'node:crypto'
import type { Secret } from '../../../base/secret.ts'
import { SnsRefusal } from '../../../aws/sns.ts'
import { Body, BodyTooLargeError } from '../../../http/body.ts'
import { HeaderList } from '../../../http/header-list.ts'
import { isSeamError } from '../../../seams/seam-error.ts'
import type { EdgeResponse, Passage } from '../../../visit.ts'
import type { PublicRoute } from '../../module.ts'
import { type ChangedObject, readEvents } from './events.ts'

/** As large as what SNS sends. */
const MAX_BODY_BYTES = 512 * 1024

export interface EventRouteOptions {
  readonly path: string
  /** Values of the shared secret that count now, none while none is known; undefined when no secret is configured. */
  readonly keys: (() => readonly Secret[]) | undefined
  /** The route of a subscription of SNS, for what comes without the secret. */
  readonly sns: PublicRoute | undefined
  /** Keeps what must be done; resolves when that is safe. */
  readonly changed: (objects: readonly ChangedObject[]) => Promise<void>
  readonly onRefused: (message: string) => void
}

/**
 * Takes events by POST: with the shared secret any that `readEvents` knows, without it signed messages of SNS. 202 when they
 * are written down, 400 for what is no event, 403 for strangers, 503 when they should come again: senders give up at 4xx, so
 * also while the secret cannot be read.
 */
export function createEventRoute({ path, keys, sns, changed, onRefused }: EventRouteOptions): PublicRoute {
  async function take(passage: Passage): Promise<number> {
    const text = (await passage.request.body.collect(MAX_BODY_BYTES)).toString('utf8')
    const heard = readEvents(text)
    if (heard.kind === 'unknown') {
      onRefused(heard.why)
      return 400
    }
    if (heard.kind === 'changed') await changed(heard.objects)
    return 202
  }

  return {
    path,
    methods: ['POST'],
    async handle(passage) {
      const { headers } = passage.request
      const given = headers.get('x-api-key') ?? bearerOf(headers.get('authorization'))
      if (given === undefined && sns !== undefined) return sns.handle(passage)
      const known = keys?.()
      if (given === undefined || known === undefined || !isOneOf(known, given)) {
        passage.request.body.discard()
        const isUnknown = given !== undefined && known?.length === 0
        onRefused(isUnknown ? 'the secret has no value yet' : 'the secret is missing or wrong')
        return answer(isUnknown ? 503 : 403)
      }
      try {
        return answer(await take(passage))
      } catch (error) {
        if (error instanceof BodyTooLargeError) return answer(413)
        if (isSeamError(error, 'limit', 'unavailable')) return answer(503)
        throw error
      }
    },
  }
}

/** What a notification of SNS says; one that is no event of S3 is not for us. */
export function readNotification(message: string): readonly ChangedObject[] {
  const heard = readEvents(message)
  if (heard.kind === 'unknown') throw new SnsRefusal(heard.why)
  return heard.kind === 'changed' ? heard.objects : []
}

function bearerOf(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1]
}

/** Every value is compared, as digests, so that time tells nothing. */
function isOneOf(keys: readonly Secret[], given: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  const asked = digest(given)
  let isFound = false
  for (const key of keys) if (timingSafeEqual(digest(key.reveal()), asked)) isFound = true
  return isFound
}

function answer(status: number): EdgeResponse {
  return { status, headers: new HeaderList(['Cache-Control', 'no-store']), body: Body.none() }
}
