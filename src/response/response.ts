import type { Clock } from '../base/clock.ts'
import type { Rooms } from '../rooms.ts'
import { compressResponse } from './compress.ts'
import { createErrorPage, settleResponse } from './errors.ts'
import { createHeadersPolicy } from './headers-policy.ts'
import { createHttpDate } from './http-date.ts'
import { shapeResponse } from './shape.ts'
import { createStamp } from './stamp.ts'

export interface ResponseOptions {
  readonly clock: Clock
  /** From 0 up to 1, without 1: decides which responses are sampled for Server-Timing. */
  readonly random: () => number
}

/** The response room: error pages and what becomes of errors, compression, the headers policy, and the stamp. */
export function createResponse({ clock, random }: ResponseOptions): Rooms['response'] {
  const httpDate = createHttpDate(clock)
  const applyHeadersPolicy = createHeadersPolicy({ clock, random })
  return {
    errorPage: createErrorPage(httpDate),
    settle: settleResponse,
    encode: compressResponse,
    shape(passage, response) {
      const shaped = shapeResponse(passage, response)
      applyHeadersPolicy(passage, shaped)
      return shaped
    },
    stamp: createStamp(httpDate),
  }
}
