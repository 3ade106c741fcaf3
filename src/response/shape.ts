import { Body } from '../http/body.ts'
import type { HeaderList } from '../http/header-list.ts'
import { HOP_BY_HOP } from '../http/hop-by-hop.ts'
import type { PlannedBehavior } from '../plan.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import { filterVary } from './vary.ts'

/**
 * Makes of a response what this viewer may see of it: no fields of the connection to the origin, no cookies and no
 * Vary that the policies do not know, and no body where there must be none. Changes the given response; the
 * headers policy comes after it.
 */
export function shapeResponse(passage: Passage, response: EdgeResponse): EdgeResponse {
  if (response.isTrimmed !== true) {
    removeHopByHop(response.headers, response.tunnel !== undefined)
    if (isFromOrigin(passage)) trimForBehavior(passage.behavior, response.headers)
  }
  fitBody(passage, response)
  return response
}

/** Takes out the cookies and the names in Vary that the policies of a behavior do not know. */
export function trimForBehavior(behavior: PlannedBehavior, headers: HeaderList): void {
  // A cache that follows the RFC goes by Vary, and so may the caches behind it.
  if (behavior.cacheProfile === 'cloudfront') filterVary(headers, behavior)
  // Where no cookie is forwarded the response is everybody's, and so would its cookies be (fact sheet 11).
  if (!behavior.forwarding.cookiesForwarded) headers.delete('set-cookie')
}

function removeHopByHop(headers: HeaderList, isTunnel: boolean): void {
  const connection = headers.getJoined('connection')
  if (connection !== undefined && !isPlain(connection)) removeNamed(headers, connection, isTunnel)
  for (const name of HOP_BY_HOP) headers.delete(name)
  if (!isTunnel) headers.delete('upgrade')
}

function isPlain(connection: string): boolean {
  const lower = connection.toLowerCase()
  return lower === 'keep-alive' || lower === 'close'
}

/** One pass, however many names an origin lists. */
function removeNamed(headers: HeaderList, connection: string, isTunnel: boolean): void {
  const named = new Set(connection.split(',').map((option) => option.trim().toLowerCase()))
  if (isTunnel) named.delete('upgrade')
  headers.deleteWhere((name) => named.has(name))
}

/** False for what WAF, behavior or a viewer-request function answered itself: its cookies are its own. */
function isFromOrigin({ visit }: Passage): boolean {
  if (visit.errorPageFor !== undefined) return true
  return visit.exit !== 'waf' && visit.exit !== 'behavior' && visit.exit !== 'viewer-request'
}

/** HEAD keeps the Content-Length of what GET would give (RFC 9110 section 9.3.2); 204 and 304 have no body at all. */
function fitBody(passage: Passage, response: EdgeResponse): void {
  const { status, body, headers } = response
  const isHead = passage.request.method === 'HEAD'
  const isBodyless = status === 204 || status === 304
  // A Content-Length on 204 is forbidden (RFC 9110 section 8.6).
  if (status === 204) headers.delete('content-length')
  if ((!isHead && !isBodyless) || body.kind === 'none') return
  if (isHead && !isBodyless && body.length !== undefined && !headers.has('content-length')) {
    headers.append('Content-Length', String(body.length))
  }
  body.discard()
  response.body = Body.none()
}
