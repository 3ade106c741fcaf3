import { parseCacheControl } from '../http/cache-control.ts'
import { HeaderList } from '../http/header-list.ts'
import { HOP_BY_HOP } from '../http/hop-by-hop.ts'
import { formatHttpDate } from '../http/http-date.ts'
import type { EdgeResponse, Passage } from '../visit.ts'
import type { StoreDecision, Times } from './decide-store.ts'
import type { Entry } from './entry.ts'
import { partKey } from './parts.ts'
import { tagsOf } from './tags.ts'
import { variantKey } from './variants.ts'

/** Fields of one connection, which no cache keeps (RFC 9111 section 3.1). Age is told anew each time. */
const NOT_KEPT: ReadonlySet<string> = new Set([...HOP_BY_HOP, 'upgrade', 'age'])

/** Where an entry belongs. */
export interface Place {
  readonly baseKey: string
  /** Path and query as in the key. */
  readonly path: string
  readonly vary: Entry['vary']
  readonly part: Entry['part']
}

/**
 * The entry that a response becomes. `bodyBytes` may be unknown (-1) while the body still arrives; `finishEntry` sets
 * it. Keeps no reference to the response.
 */
export function buildEntry(
  passage: Passage,
  response: EdgeResponse,
  place: Place,
  decision: Extract<StoreDecision, { kind: 'keep' }>,
  times: Times,
): Entry {
  const { headers } = response
  return {
    key:
      place.part === undefined
        ? variantKey(place.baseKey, place.vary)
        : partKey(variantKey(place.baseKey, place.vary), place.part),
    baseKey: place.baseKey,
    distributionId: passage.distribution.id,
    path: place.path,
    status: response.status,
    fields: withDate(keptFields(headers), times.receivedAt),
    bodyBytes: response.body.length ?? -1,
    requestedAt: times.requestedAt,
    receivedAt: times.receivedAt,
    initialAgeSeconds: decision.initialAgeSeconds,
    freshUntil: decision.freshUntil,
    staleWhileRevalidateUntil: decision.staleWhileRevalidateUntil,
    staleIfErrorUntil: decision.staleIfErrorUntil,
    mustRevalidate: decision.mustRevalidate,
    etag: headers.get('etag'),
    lastModified: headers.get('last-modified'),
    tags: tagsOf(headers, passage.plan.cache.tagHeaders, passage.tags),
    vary: place.vary,
    part: place.part,
    revision: 1,
  }
}

/** A response without a date is dated when it is received (RFC 9110 section 6.6.1), or each hit would bear another. */
function withDate(fields: string[], receivedAt: number): string[] {
  if (!new HeaderList(fields).has('date')) fields.push('Date', formatHttpDate(receivedAt))
  return fields
}

/** The entry of a body that has arrived whole: its length is known now. */
export function finishEntry(entry: Entry, bodyBytes: number): Entry {
  const headers = new HeaderList([...entry.fields])
  // 204 has none at all (RFC 9110 section 8.6).
  if (entry.status !== 204) headers.set('Content-Length', String(bodyBytes))
  return { ...entry, fields: headers.raw, bodyBytes }
}

/** Fields that may be kept: none of the connection, and none that no-cache names (RFC 9111 section 5.2.2.4). */
export function keptFields(headers: HeaderList): string[] {
  let left: Set<string> | undefined
  const name = (list: string) => {
    left ??= new Set(NOT_KEPT)
    for (const each of list.split(',')) left.add(each.trim().toLowerCase())
  }
  const connection = headers.getJoined('connection')
  if (connection !== undefined) name(connection)
  const noCache = parseCacheControl(headers.getJoined('cache-control')).get('no-cache')
  if (noCache !== undefined) name(noCache)
  const out = left ?? NOT_KEPT
  const kept: string[] = []
  for (const [field, value] of headers) if (!out.has(field.toLowerCase())) kept.push(field, value)
  return kept
}
