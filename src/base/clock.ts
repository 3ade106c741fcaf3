/** Time, as an argument: everything that decides by time takes a Clock, so that tests can hold it still. */
export interface Clock {
  /** Wall-clock time in milliseconds since the Unix epoch. */
  now(): number
  /** Monotonic time in milliseconds, for durations. */
  monotonic(): number
  /** Runs `action` once after `delayMs`; a pending timer does not keep the process alive. */
  after(delayMs: number, action: () => void): Timer
}

/** A pending `Clock.after`; `cancel` is idempotent. */
export interface Timer {
  cancel(): void
}

/** Resolves after `delayMs`; rejects with the reason of `signal` when that comes first. */
export function waitFor(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    // An abort has an error as its reason unless somebody gave another.
    const stop = (): void => {
      timer.cancel()
      reject(signal?.reason as Error)
    }
    const timer = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop)
      resolve()
    })
    if (signal?.aborted === true) stop()
    else signal?.addEventListener('abort', stop, { once: true })
  })
}

/** The real clock of this process. */
export const systemClock: Clock = {
  now: Date.now,
  monotonic: () => performance.now(),
  after(delayMs, action) {
    const timer = setTimeout(action, delayMs)
    timer.unref()
    return { cancel: () => clearTimeout(timer) }
  },
}
