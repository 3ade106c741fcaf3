import type { Clock } from '../base/clock.ts'

/** Gives the time of now as an HTTP date (RFC 9110 section 5.6.7). It is formatted once a second, not once a request. */
export function createHttpDate(clock: Clock): () => string {
  let second = Number.NaN
  let text = ''
  return () => {
    const now = Math.floor(clock.now() / 1000)
    if (now !== second) {
      second = now
      text = new Date(now * 1000).toUTCString()
    }
    return text
  }
}
