import { Body } from '../http/body.ts'
import { evaluateConditions, rangeApplies } from '../http/conditional.ts'
import { HeaderList } from '../http/header-list.ts'
import { type ByteRange, resolveRange } from '../http/range.ts'
import type { PlannedBehavior } from '../plan.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import { asked } from './asked.ts'
import type { Entry } from './entry.ts'
import { within } from './parts.ts'
import type { Found } from './store/store.ts'

/** Takes out of stored fields what viewers of a behavior must not see. */
export type Trim = (behavior: PlannedBehavior, headers: HeaderList) => void

/** Fields that tell of a body and are left out where there is none of it (RFC 9110 section 15.4.5). */
const OF_BODY: ReadonlySet<string> = new Set([
  'content-length',
  'content-encoding',
  'content-language',
  'content-type',
  'content-range',
])

/**
 * Makes responses of stored entries. What an entry's fields are for a behavior is worked out once; a plain hit costs a
 * copy of them, its age, and nothing that waits.
 */
export function createServe(trim: Trim) {
  const ready = new WeakMap<Entry, { readonly behavior: PlannedBehavior; readonly fields: string[] }>()

  function fieldsFor(entry: Entry, behavior: PlannedBehavior): string[] {
    const known = ready.get(entry)
    if (known !== undefined && known.behavior === behavior) return known.fields
    const headers = new HeaderList([...entry.fields])
    trim(behavior, headers)
    const fields = headers.raw
    ready.set(entry, { behavior, fields })
    return fields
  }

  /** Answers a request with what was found; `bits` are those of the request. */
  return function serve(passage: Passage, found: Found, bits: number, now: number): EdgeResponse {
    const { entry } = found
    const raw = fieldsFor(entry, passage.behavior).slice()
    raw.push('Age', String(ageNow(entry, now)))
    const response: EdgeResponse = {
      status: entry.status,
      headers: new HeaderList(raw),
      body: NONE,
      isTrimmed: true,
    }
    // How long it will be is not known yet, so no part of it can be told.
    if (entry.bodyBytes < 0) bits &= ~asked.range
    if ((bits & (asked.conditional | asked.range)) !== 0 || entry.part !== undefined) {
      if (answersOtherwise(passage, found, bits, now, response)) return response
    }
    response.body = bodyOf(passage, found, 0, entry.bodyBytes - 1)
    if (entry.bodyBytes >= 0 && passage.request.method === 'GET') response.stored = entry
    return response
  }
}

/** Seconds since a response left its origin, as `Age` tells them. */
export function ageNow(entry: Entry, now: number): number {
  const age = Math.floor(entry.initialAgeSeconds + (now - entry.receivedAt) / 1000)
  return age > 0 ? age : 0
}

/** Conditions and ranges. True when they decided what is sent. */
function answersOtherwise(
  passage: Passage,
  found: Found,
  bits: number,
  now: number,
  response: EdgeResponse,
): boolean {
  const { entry } = found
  const { request, behavior } = passage
  const isRfc = behavior.cacheProfile === 'rfc'
  const { headers } = response
  // CloudFront does not honour them where cookies are forwarded (fact sheet 9.3).
  const mayDecide = (bits & asked.conditional) !== 0 && (isRfc || !behavior.forwarding.cookiesForwarded)
  if (mayDecide && (entry.status === 200 || entry.status === 206)) {
    // Without Last-Modified the date of the response stands for it (RFC 9111 section 4.3.2).
    const lastModified = entry.lastModified ?? (isRfc ? headers.get('date') : undefined)
    const condition = evaluateConditions(
      request.headers,
      request.method,
      { etag: entry.etag, lastModified },
      now,
    )
    if (condition === 'not-modified') {
      response.status = 304
      headers.deleteWhere((name) => OF_BODY.has(name))
      return true
    }
    if (condition === 'precondition-failed') {
      response.status = 412
      headers.deleteWhere((name) => OF_BODY.has(name))
      headers.append('Content-Length', '0')
      return true
    }
  }
  if ((bits & asked.range) === 0 || request.method !== 'GET') return entry.part !== undefined
  if (!rangeApplies(request.headers.get('if-range'), entry)) return false
  const range = request.headers.get('range')!
  if (entry.part !== undefined) {
    const wanted = within(entry.part, range)
    if (wanted !== undefined) sendRange(passage, found, wanted, response)
    return true
  }
  if (entry.status !== 200) return false
  const answer = resolveRange(range, entry.bodyBytes)
  switch (answer.kind) {
    case 'whole':
      return false
    case 'range':
      sendRange(passage, found, answer.range, response)
      return true
    case 'unsatisfiable':
      response.status = 416
      headers.deleteWhere((name) => OF_BODY.has(name))
      headers.append('Content-Range', `bytes */${entry.bodyBytes}`)
      headers.append('Content-Length', '0')
      return true
  }
}

function sendRange(passage: Passage, found: Found, range: ByteRange, response: EdgeResponse): void {
  const { entry } = found
  const { headers } = response
  const size = entry.part === undefined ? entry.bodyBytes : (entry.part.size ?? '*')
  const offset = entry.part?.first ?? 0
  response.status = 206
  headers.set('Content-Range', `bytes ${range.first}-${range.last}/${size}`)
  headers.set('Content-Length', String(range.last - range.first + 1))
  response.body = bodyOf(passage, found, range.first - offset, range.last - offset)
}

/** Bytes from `first` to `last` of a stored body. HEAD opens nothing: the fields tell the length. */
function bodyOf(passage: Passage, found: Found, first: number, last: number): Body {
  const { entry, bytes } = found
  if (entry.bodyBytes < 0) {
    if (passage.request.method === 'HEAD') return Body.none()
    return Body.stream(found.open(0, Number.MAX_SAFE_INTEGER))
  }
  if (last < first) return entry.status === 204 ? Body.none() : Body.bytes(EMPTY)
  if (bytes !== undefined) {
    return Body.bytes(first === 0 && last === bytes.length - 1 ? bytes : bytes.subarray(first, last + 1))
  }
  if (passage.request.method === 'HEAD') return Body.none()
  return Body.stream(found.open(first, last), last - first + 1)
}

const EMPTY = Buffer.alloc(0)
const NONE = Body.none()
