import { SnsRefusal, type SnsVerifier } from '../aws/sns.ts'
import { Body, BodyTooLargeError } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Awaitable } from '../base/promise.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import type { PublicRoute } from './module.ts'

/** A message of SNS has 256 KB at most, and its JSON some more. */
const MAX_BODY_BYTES = 512 * 1024

export interface SnsRouteOptions {
  readonly path: string
  readonly verifier: SnsVerifier
  /** Asks the URL that confirms the subscription. */
  readonly confirm: (url: string) => Promise<void>
  /** Takes the text of a notification; throws SnsRefusal for one that is not for it. SNS waits 15 seconds. */
  readonly notified: (message: string) => Awaitable<void>
  readonly onRefused: (message: string) => void
}

/** The https endpoint of a subscription of Amazon SNS. Who is not SNS learns nothing but 403. */
export function createSnsRoute({
  path,
  verifier,
  confirm,
  notified,
  onRefused,
}: SnsRouteOptions): PublicRoute {
  async function take(body: string): Promise<number> {
    const { message, forget } = await verifier.verify(body)
    try {
      if (message.Type === 'SubscriptionConfirmation') await confirm(message.SubscribeURL)
      else if (message.Type === 'Notification') await notified(message.Message)
      return 200
    } catch (error) {
      // SNS sends it again, and then it is not a replay.
      if (!(error instanceof SnsRefusal)) await forget()
      throw error
    }
  }

  return {
    path,
    methods: ['POST'],
    async handle(passage: Passage) {
      try {
        return answer(await take((await passage.request.body.collect(MAX_BODY_BYTES)).toString('utf8')))
      } catch (error) {
        onRefused(error instanceof Error ? error.message : String(error))
        if (error instanceof BodyTooLargeError) return answer(413)
        // SNS does not repeat what is answered by 403, and repeats what is answered by 503.
        return answer(error instanceof SnsRefusal ? 403 : 503)
      }
    },
  }
}

function answer(status: number): EdgeResponse {
  return { status, headers: new HeaderList(['Cache-Control', 'no-store']), body: Body.none() }
}
