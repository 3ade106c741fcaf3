import {
  ChangeMessageVisibilityCommand,
  DeleteMessageCommand,
  ReceiveMessageCommand,
  SQSClient,
} from '@aws-sdk/client-sqs'
import type { Queue } from './queue.ts'

export interface SqsOptions {
  readonly url: string
  /** Region and credentials come from the environment unless given, as in every AWS SDK. */
  readonly region: string | undefined
  readonly endpoint: string | undefined
  readonly visibilitySeconds: number
}

/** Longest wait there is ("Amazon SQS short and long polling"). */
const WAIT_SECONDS = 20

/** A queue of Amazon SQS, or of a service with its API. */
export function openSqs({ url, region, endpoint, visibilitySeconds }: SqsOptions): Queue {
  const client = new SQSClient({
    ...(region !== undefined && { region }),
    ...(endpoint !== undefined && { endpoint }),
    // The address of the queue is the configured one, not what the service believes it to be.
    useQueueUrlAsEndpoint: endpoint === undefined,
  })
  return {
    async receive(max, signal) {
      const { Messages = [] } = await client.send(
        new ReceiveMessageCommand({
          QueueUrl: url,
          MaxNumberOfMessages: max,
          WaitTimeSeconds: WAIT_SECONDS,
          VisibilityTimeout: visibilitySeconds,
        }),
        { abortSignal: signal },
      )
      return Messages.flatMap(({ Body, ReceiptHandle }) =>
        ReceiptHandle === undefined ? [] : [{ body: Body ?? '', receipt: ReceiptHandle }],
      )
    },
    async remove(receipt) {
      await client.send(new DeleteMessageCommand({ QueueUrl: url, ReceiptHandle: receipt }))
    },
    async hide(receipt, seconds) {
      await client.send(
        new ChangeMessageVisibilityCommand({
          QueueUrl: url,
          ReceiptHandle: receipt,
          VisibilityTimeout: seconds,
        }),
      )
    },
    close: () => client.destroy(),
  }
}
