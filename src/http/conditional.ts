import type { HeaderList } from './header-list.ts'
import { parseHttpDate } from './http-date.ts'

/** The validators of a representation. */
export interface Validators {
  readonly etag: string | undefined
  readonly lastModified: string | undefined
}

/** What the conditions of a request make of a response (RFC 9110 section 13.2.2). */
export type Condition = 'send' | 'not-modified' | 'precondition-failed'

/** Evaluates If-Match, If-Unmodified-Since, If-None-Match and If-Modified-Since in the order of precedence. */
export function evaluateConditions(
  request: HeaderList,
  method: string,
  validators: Validators,
  nowMs: number,
): Condition {
  const ifMatch = request.getJoined('if-match')
  if (ifMatch !== undefined) {
    if (!matchesAny(ifMatch, validators.etag, true)) return 'precondition-failed'
  } else {
    const unmodifiedSince = request.get('if-unmodified-since')
    if (unmodifiedSince !== undefined && isNewer(validators.lastModified, unmodifiedSince, nowMs) === true)
      return 'precondition-failed'
  }
  const ifNoneMatch = request.getJoined('if-none-match')
  if (ifNoneMatch !== undefined) {
    if (!matchesAny(ifNoneMatch, validators.etag, false)) return 'send'
    return method === 'GET' || method === 'HEAD' ? 'not-modified' : 'precondition-failed'
  }
  const modifiedSince = request.get('if-modified-since')
  if (
    modifiedSince !== undefined &&
    (method === 'GET' || method === 'HEAD') &&
    isNewer(validators.lastModified, modifiedSince, nowMs) === false
  ) {
    return 'not-modified'
  }
  return 'send'
}

/** Whether If-Range lets a Range count (RFC 9110 section 13.1.5): strong comparison, dates to the letter. */
export function rangeApplies(ifRange: string | undefined, validators: Validators): boolean {
  if (ifRange === undefined) return true
  if (ifRange.startsWith('"')) return ifRange === validators.etag
  if (ifRange.startsWith('W/')) return false
  return ifRange === validators.lastModified
}

/** A list of entity tags, or `*`, against one tag (RFC 9110 section 8.8.3.2). */
function matchesAny(list: string, etag: string | undefined, isStrong: boolean): boolean {
  if (list.trim() === '*') return true
  if (etag === undefined) return false
  const wanted = etag.startsWith('W/') ? etag.slice(2) : etag
  if (isStrong && etag.startsWith('W/')) return false
  for (const [tag] of list.matchAll(/(?:W\/)?"[^"]*"/g)) {
    if (tag.startsWith('W/')) {
      if (!isStrong && tag.slice(2) === wanted) return true
    } else if (tag === wanted) return true
  }
  return false
}

/** Undefined when one of the dates is none. */
function isNewer(lastModified: string | undefined, since: string, nowMs: number): boolean | undefined {
  if (lastModified === undefined) return undefined
  const modified = parseHttpDate(lastModified, nowMs)
  const moment = parseHttpDate(since, nowMs)
  return modified === undefined || moment === undefined ? undefined : modified > moment
}
