import type { Clock, Timer } from '../base/clock.ts'
import { asError } from './seam-error.ts'
import type { Report } from './seam-error.ts'

/** Work that is repeated until it is stopped. */
export interface Polling {
  /** Starts no more and waits for what runs. */
  stop(): Promise<void>
}

/**
 * Repeats `work`, each time `everyMs` after the last has ended. A failure is reported once per outage, not each time.
 */
export function startPolling(
  clock: Clock,
  everyMs: number,
  work: () => Promise<void>,
  report: Report,
): Polling {
  let timer: Timer | undefined
  let running: Promise<void> | undefined
  let isFailing = false
  let isStopped = false

  async function run(): Promise<void> {
    try {
      await work()
      isFailing = false
    } catch (error) {
      if (!isFailing) report(asError(error))
      isFailing = true
    }
    schedule()
  }

  function schedule(): void {
    if (isStopped) return
    timer = clock.after(everyMs, () => {
      running = run()
    })
  }

  schedule()
  return {
    async stop() {
      isStopped = true
      timer?.cancel()
      await running
    },
  }
}
