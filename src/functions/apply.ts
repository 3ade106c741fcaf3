import { Body } from '../http/body.ts'
import type { PlannedOrigin } from '../plan.ts'
import type { EdgeResponse, OriginRequest, Passage } from '../visit.ts'
import type { RequestChange, ResponseChange } from './attempt.ts'
import { deriveOrigin } from './lambda-edge/derive-origin.ts'
import type { ChosenOrigin } from './lambda-edge/origin.ts'

/** Lets a passage go on with the request as a viewer-request function left it. The behavior is not selected anew. */
export function applyToViewerRequest(passage: Passage, change: RequestChange): void {
  const { request } = passage
  if (change.body !== undefined) request.body.replace(change.body)
  if (change.route !== undefined) passage.route = change.route
  const isSame = change.uri === undefined && change.query === undefined && change.headers === request.headers
  if (isSame) return
  passage.request = {
    ...request,
    path: change.uri ?? request.path,
    query: change.query === undefined ? request.query : noneIfEmpty(change.query),
    headers: change.headers,
  }
}

/** The request to send after an origin-request function. */
export function applyToOriginRequest(request: OriginRequest, change: RequestChange): OriginRequest {
  if (change.body !== undefined) request.body.replace(change.body)
  return {
    ...request,
    path: change.uri ?? request.path,
    query: change.query === undefined ? request.query : noneIfEmpty(change.query),
    headers: change.headers,
    origin: change.origin === undefined ? request.origin : chosenOrigin(request.origin, change.origin),
  }
}

/** Changes a response as a function says. */
export function applyToResponse(response: EdgeResponse, change: ResponseChange): void {
  response.status = change.status
  response.headers = change.headers
  if (change.body === undefined) return
  response.body.discard()
  response.body = bodyFor(change.status, change.body)
  // What the origin said about its own body; the listener writes the length of this one.
  response.headers.deleteWhere((name) => name === 'content-length' || name === 'transfer-encoding')
}

/** A response that a function made. */
export function generated(change: ResponseChange): EdgeResponse {
  const body = bodyFor(change.status, change.body ?? EMPTY)
  return { status: change.status, headers: change.headers, body }
}

/** RFC 9110 sections 15.3.5 and 15.4.5: these statuses have no body. */
function bodyFor(status: number, bytes: Buffer): Body {
  return status === 204 || status === 304 ? Body.none() : Body.bytes(bytes)
}

const EMPTY = Buffer.alloc(0)
const MAX_REMEMBERED = 500
/** Origins that functions chose, by the origin they started from: what is sent to one again finds its connections. */
const remembered = new WeakMap<PlannedOrigin, Map<string, PlannedOrigin>>()

function chosenOrigin(base: PlannedOrigin, chosen: ChosenOrigin): PlannedOrigin {
  let known = remembered.get(base)
  if (known === undefined) remembered.set(base, (known = new Map()))
  const key = JSON.stringify(chosen)
  const found = known.get(key)
  if (found !== undefined) return found
  if (known.size >= MAX_REMEMBERED) known.clear()
  const derived = deriveOrigin(base, chosen)
  known.set(key, derived)
  return derived
}

function noneIfEmpty(query: string): string | undefined {
  return query === '' ? undefined : query
}
