import { type Clock, type Timer, waitFor } from '../../../base/clock.ts'
import { asError } from '../../../seams/seam-error.ts'
import { type ChangedObject, readEvents } from './events.ts'
import { LaneClosed } from './lane.ts'

/** What a consumer needs of a queue. */
export interface Queue {
  /** Waits a while for messages, at most `max` (1 to 10), which nobody else sees for the time being. */
  receive(max: number, signal: AbortSignal): Promise<readonly QueueMessage[]>
  remove(receipt: string): Promise<void>
  /** Keeps a message from others for so long from now; 0 gives it back. */
  hide(receipt: string, seconds: number): Promise<void>
  close(): void
}

export interface QueueMessage {
  readonly body: string
  readonly receipt: string
}

export interface ConsumerOptions {
  readonly clock: Clock
  readonly openQueue: () => Promise<Queue>
  readonly visibilitySeconds: number
  /** Resolves when there is something to do for another message. */
  readonly room: () => Promise<void>
  /** Resolves when a picture is done, gone, rejected or failed for good; rejects with LaneClosed. */
  readonly take: (object: ChangedObject) => Promise<unknown>
  readonly report: { warn(message: string): void }
}

export interface Consumer {
  /** Messages that were not understood; they stay in the queue, for its dead-letter queue. */
  readonly unknown: number
  /** Messages whose pictures are not done yet. */
  readonly held: number
  /** Gives back what is not done. The lane must be closed already. */
  close(): Promise<void>
}

/** Messages of one receive, and how many may be held at a time with pictures that wait for another try. */
const BATCH = 10
const MAX_HELD = 200
const FIRST_PAUSE_MS = 1_000
const MAX_PAUSE_MS = 30_000

/**
 * Does what the messages of a queue ask for. A message is removed when its derivatives stand, or when it is known that they
 * never will; until then it is hidden from others, and comes back by itself when this process is gone.
 */
export function consume(options: ConsumerOptions): Consumer {
  const { clock, openQueue, visibilitySeconds, room, take, report } = options
  const stop = new AbortController()
  const held = new Set<Promise<void>>()
  let unknown = 0
  let queue: Queue | undefined

  async function run(): Promise<void> {
    let pause = 0
    while (!stop.signal.aborted) {
      try {
        queue ??= await openQueue()
        while (held.size > MAX_HELD - BATCH) await Promise.race(held)
        await room()
        if (stop.signal.aborted) return
        const messages = await queue.receive(BATCH, stop.signal)
        pause = 0
        for (const message of messages) {
          const work = handle(queue, message).finally(() => held.delete(work))
          held.add(work)
        }
      } catch (error) {
        if (stop.signal.aborted) return
        if (pause === 0) report.warn(`the queue cannot be read: ${asError(error).message}`)
        pause = Math.min(MAX_PAUSE_MS, Math.max(FIRST_PAUSE_MS, pause * 2))
        await waitFor(clock, pause, stop.signal).catch(() => {})
      }
    }
  }

  async function handle(from: Queue, { body, receipt }: QueueMessage): Promise<void> {
    const heard = readEvents(body)
    if (heard.kind === 'unknown') {
      if (unknown++ === 0)
        report.warn(`a message of the queue was not understood, and stays there: ${heard.why}`)
      return
    }
    let timer: Timer | undefined
    const prolong = (): void => {
      timer = clock.after((visibilitySeconds * 1000) / 2, () => {
        // When it fails the message may come twice, and the second time there is nothing to do.
        from.hide(receipt, visibilitySeconds).catch(() => {})
        prolong()
      })
    }
    prolong()
    try {
      if (heard.kind === 'changed') await Promise.all(heard.objects.map((object) => take(object)))
      await from.remove(receipt)
    } catch (error) {
      if (!(error instanceof LaneClosed)) {
        report.warn(`a message of the queue stays there: ${asError(error).message}`)
        return
      }
      await from.hide(receipt, 0).catch(() => {})
    } finally {
      timer?.cancel()
    }
  }

  const running = run()
  return {
    get unknown() {
      return unknown
    },
    get held() {
      return held.size
    },
    async close() {
      stop.abort()
      await running
      await Promise.all(held)
      queue?.close()
    },
  }
}
