import { type Clock, waitFor } from '../../base/clock.ts'

export interface PollOptions {
  readonly clock: Clock
  readonly everyMs: number
  /** How long every look must have been right. */
  readonly stableMs: number
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

/**
 * Looks again and again until all is right, and has been for `stableMs`. `look` gives what is wrong, or undefined.
 * Rejects with what was wrong last when the time is over.
 */
export async function pollUntilStable(
  look: () => Promise<string | undefined>,
  { clock, everyMs, stableMs, timeoutMs, signal }: PollOptions,
): Promise<void> {
  const startedAt = clock.monotonic()
  let rightSince: number | undefined
  for (;;) {
    const askedAt = clock.monotonic()
    const wrong = await look()
    const now = clock.monotonic()
    if (wrong === undefined) {
      rightSince ??= askedAt
      if (now - rightSince >= stableMs) return
    } else {
      rightSince = undefined
      if (now - startedAt >= timeoutMs) throw new Error(wrong)
    }
    await waitFor(clock, everyMs, signal)
  }
}
