import type { Clock } from '../base/clock.ts'

const REPORT_MS = 60_000

/** Passes on what is wrong at most once a minute; `tell` says it in that moment, with figures of that moment. */
export function createComplaint(
  clock: Clock,
  report: (problem: string) => void,
): (tell: () => string) => void {
  let reportedAt = Number.NEGATIVE_INFINITY
  return (tell) => {
    const now = clock.monotonic()
    if (now - reportedAt < REPORT_MS) return
    reportedAt = now
    report(tell())
  }
}
