import { type Awaitable, isPromise } from '../base/promise.ts'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { parseCacheControl } from '../http/cache-control.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Lookup } from '../rooms.ts'
import {
  type CacheFacts,
  type CacheReason,
  type CacheStatus,
  newCacheFacts,
  Passage,
  Visit,
} from '../visit.ts'
import { asked, scan } from './asked.ts'
import type { CacheContext } from './context.ts'
import type { Entry } from './entry.ts'
import { Flight } from './flight.ts'
import { judge } from './judge.ts'
import { cacheKey } from './key.ts'
import { partOf, within } from './parts.ts'
import { ageNow } from './serve.ts'
import type { Found } from './store/store.ts'
import { matchesVariant, variantKey, varyValues } from './variants.ts'

/** Looks requests up. What is in memory is answered at once, without a promise. */
export class Lookups {
  readonly #context: CacheContext

  constructor(context: CacheContext) {
    this.#context = context
  }

  lookup(passage: Passage): Awaitable<Lookup> {
    const { request, behavior } = passage
    const bits = scan(request.headers)
    if (behavior.cachePolicy.isDisabled) return bypass(passage, bits, 'caching-disabled')
    if (!behavior.cachedMethods.has(request.method)) return bypass(passage, bits, 'method-not-cached')
    if ((bits & asked.upgrade) !== 0 && this.#context.isUpgrade(passage))
      return bypass(passage, bits, 'upgrade')
    const key = cacheKey(passage, this.#context.viewerHeader)
    const found = this.#find(passage, key, bits)
    return isPromise(found)
      ? found.then((entry) => this.#answer(passage, key, bits, entry))
      : this.#answer(passage, key, bits, found)
  }

  /** What a request would find, in sentences for people. Counts nothing, fetches nothing. */
  async peek(passage: Passage): Promise<readonly string[]> {
    const { store, clock, flights, troubles } = this.#context
    const bits = scan(passage.request.headers)
    const key = cacheKey(passage, this.#context.viewerHeader)
    const now = clock.now()
    const found = (await store.peek(key)) ?? (await this.#findOther(passage, key, bits, 'peek'))
    const says: string[] = []
    if (found === undefined) {
      const facts = factsOf(passage, bits, 'miss', 'never-stored', key)
      this.#explainMiss(passage, facts, key, bits)
      says.push(
        `miss: ${MISSES[facts.why] ?? facts.why}${facts.detail === undefined ? '' : `: ${facts.detail}`}`,
      )
    } else {
      const { entry } = found
      const verdict = judge(entry, passage, bits, now)
      const left = Math.ceil((entry.freshUntil - now) / 1000)
      says.push(
        verdict === 'fresh'
          ? `hit: status ${entry.status}, ${entry.bodyBytes} bytes, ${ageNow(entry, now)} s old, fresh for ${left} s more`
          : verdict === 'expired' && now < entry.staleWhileRevalidateUntil
            ? `stale hit: expired ${-left} s ago, served while it is refreshed`
            : `${verdict}: stored ${ageNow(entry, now)} s ago, ${left > 0 ? `fresh for ${left} s more` : `expired ${-left} s ago`}; ${entry.etag ?? entry.lastModified ?? 'no validator'} is validated at the origin`,
      )
      if (entry.tags.length > 0) says.push(`tags: ${entry.tags.join(' ')}`)
    }
    if (flights.shared(key) !== undefined)
      says.push('another request is fetching it: this one would wait for that')
    if (troubles.find(key, now) !== undefined)
      says.push('the origin failed a moment ago and is not asked again yet')
    return says
  }

  /** Begins a fetch that nobody else waits for: for those who waited in vain. */
  fetchAlone(passage: Passage, key: string, bits: number, facts: CacheFacts): Lookup {
    return this.#begin(passage, key, bits, undefined, facts, false)
  }

  #find(passage: Passage, key: string, bits: number): Awaitable<Found | undefined> {
    const found = this.#context.store.get(key)
    if (isPromise(found)) return found.then((entry) => entry ?? this.#findOther(passage, key, bits))
    return found ?? this.#findOther(passage, key, bits)
  }

  /** A variant by Vary, or a part that holds the range. */
  #findOther(
    passage: Passage,
    key: string,
    bits: number,
    how: 'get' | 'peek' = 'get',
  ): Awaitable<Found | undefined> {
    const isRfc = passage.behavior.cacheProfile === 'rfc'
    const { headers, method } = passage.request
    const range = (bits & asked.range) !== 0 && method === 'GET' ? headers.get('range') : undefined
    if (!isRfc && range === undefined) return undefined
    const { store } = this.#context
    for (const each of store.keysOf(key)) {
      if (isRfc && matchesVariant(each, key, headers)) return store[how](each)
      if (range === undefined) continue
      const part = partOf(each, key)
      if (part !== undefined && within(part, range) !== undefined) return store[how](each)
    }
    return undefined
  }

  #answer(passage: Passage, key: string, bits: number, found: Found | undefined): Awaitable<Lookup> {
    if (found === undefined) return this.#miss(passage, key, bits, undefined, undefined)
    const { clock } = this.#context
    const now = clock.now()
    const { entry } = found
    const verdict = judge(entry, passage, bits, now)
    if (verdict === 'fresh') return this.#hit(passage, key, bits, found, now, 'hit', 'fresh')
    if (verdict === 'stale-by-request')
      return this.#hit(passage, key, bits, found, now, 'stale', 'stale-by-request')
    // A part is fetched anew, and so is an error: neither is worth a validation.
    if (entry.part !== undefined || entry.status >= 400)
      return this.#miss(passage, key, bits, undefined, verdict)
    if (verdict === 'expired') {
      if (now < entry.staleWhileRevalidateUntil) return this.#refreshing(passage, key, bits, found, now)
      if (now < entry.staleIfErrorUntil && this.#context.troubles.find(key, now) !== undefined)
        return this.#hit(passage, key, bits, found, now, 'stale', 'stale-on-error')
    }
    return this.#miss(passage, key, bits, found, verdict)
  }

  #hit(
    passage: Passage,
    key: string,
    bits: number,
    found: Found,
    now: number,
    status: CacheStatus,
    why: CacheReason,
    refresh?: Passage,
  ): Lookup {
    const { entry } = found
    const facts = factsOf(passage, bits, status, why, key)
    facts.ageSeconds = ageNow(entry, now)
    facts.ttlSeconds = Math.ceil((entry.freshUntil - now) / 1000)
    return { kind: 'hit', response: this.#context.serve(passage, found, bits, now), facts, refresh }
  }

  /** Stale while one request fetches it anew (RFC 5861 section 3). */
  #refreshing(passage: Passage, key: string, bits: number, found: Found, now: number): Lookup {
    const { flights, troubles } = this.#context
    let refresh: Passage | undefined
    // After a failure the origin is left alone for a while.
    if (flights.refreshing(key) === undefined && troubles.find(key, now) === undefined) {
      refresh = fork(passage, new Visit(passage.request, now, this.#context.clock.monotonic()))
      flights.begin(
        new Flight({
          key,
          passage: refresh,
          facts: factsOf(passage, bits, 'miss', 'expired', key),
          bits: 0,
          stale: found,
          part: undefined,
          requestedAt: now,
          isShared: !passage.behavior.forwarding.cookiesForwarded,
          isRefresh: true,
          hasViewer: false,
        }),
      )
    }
    return this.#hit(passage, key, bits, found, now, 'stale', 'stale-while-revalidate', refresh)
  }

  #miss(
    passage: Passage,
    key: string,
    bits: number,
    stale: Found | undefined,
    why: Exclude<ReturnType<typeof judge>, 'fresh' | 'stale-by-request'> | undefined,
  ): Awaitable<Lookup> {
    const { flights, troubles, clock } = this.#context
    const now = clock.now()
    const facts = factsOf(passage, bits, 'miss', why ?? 'never-stored', key)
    if (why === undefined) this.#explainMiss(passage, facts, key, bits)
    if (passage.behavior.cacheProfile === 'rfc' && asksCacheOnly(passage, bits)) {
      return { kind: 'hit', response: gatewayTimeout(), facts, refresh: undefined }
    }
    if (stale === undefined) {
      const trouble = troubles.find(key, now)
      if (trouble instanceof Fault) {
        facts.why = 'error-cached'
        facts.status = 'hit'
        return { kind: 'fault', fault: trouble, facts }
      }
    }
    const { method } = passage.request
    const isPlain = stale !== undefined || (bits & (asked.conditional | asked.range)) === 0
    const mayWait = isPlain && (method === 'GET' || method === 'HEAD') && mayCollapse(passage, bits)
    const flight = mayWait ? flights.shared(key) : undefined
    if (flight !== undefined) {
      const { arriving } = flight
      if (arriving === undefined) return flight.wait(passage, facts, bits)
      if (arriving.isReadable && now < arriving.entry.freshUntil && answers(arriving.entry, key, passage))
        return this.#hit(passage, key, bits, arriving, now, 'hit', 'collapsed')
    }
    const isShared =
      mayWait && method === 'GET' && flight === undefined && this.#context.loners.find(key, now) === undefined
    return this.#begin(passage, key, bits, stale, facts, isShared)
  }

  #begin(
    passage: Passage,
    key: string,
    bits: number,
    stale: Found | undefined,
    facts: CacheFacts,
    isShared: boolean,
  ): Lookup {
    const { flights, clock } = this.#context
    const fetching = isShared ? fork(passage, passage.visit) : passage
    const flight = new Flight({
      key,
      passage: fetching,
      facts,
      bits,
      stale,
      part: undefined,
      requestedAt: clock.now(),
      isShared,
      isRefresh: false,
      hasViewer: !passage.plan.cache.finishAbandoned,
    })
    flights.begin(flight)
    if (isShared) {
      fetching.viewer = passage
      passage.onDepart(() => flight.leave())
    }
    return { kind: 'miss', facts, passage: fetching }
  }

  #explainMiss(passage: Passage, facts: CacheFacts, key: string, bits: number): void {
    const { store, neighbours } = this.#context
    const absence = store.absence(key)
    if (absence !== 'never-stored') {
      facts.why = absence
      return
    }
    const others = store.keysOf(key)
    if (others.length > 0) {
      facts.why = (bits & asked.range) !== 0 ? 'range-not-stored' : 'vary-differs'
      return
    }
    const difference = neighbours.difference(key)
    if (difference === undefined) return
    facts.why = 'key-differs'
    facts.detail = difference
  }
}

/** Reasons of misses as sentences. */
const MISSES: Partial<Record<CacheReason, string>> = {
  'never-stored': 'nothing of this path was ever stored',
  'key-differs': 'this path is stored under a key that differs in',
  'vary-differs': 'stored, but for other values of the fields it varies by',
  'range-not-stored': 'parts of it are stored, but not these bytes',
  evicted: 'it was stored, and gave way to others',
  invalidated: 'it was stored, and has been invalidated',
  expired: 'it was stored, and has expired',
  corrupted: 'it was stored, and could not be read any more',
}

/** A passage that goes on when the viewer of the first has left. */
function fork(passage: Passage, visit: Visit): Passage {
  const { request } = passage
  const alone = new Passage(passage.plan, { ...request, body: Body.none() }, visit, passage.isInternal)
  alone.distribution = passage.distribution
  alone.behavior = passage.behavior
  alone.normalisedPath = passage.normalisedPath
  alone.route = passage.route
  alone.moduleKey = passage.moduleKey
  alone.errorUri = passage.errorUri
  alone.errorArgs = passage.errorArgs
  return alone
}

/** Whether a request may share an answer with others (fact sheet 9.5). */
function mayCollapse(passage: Passage, bits: number): boolean {
  const { behavior } = passage
  if (behavior.forwarding.cookiesForwarded) return false
  if (behavior.cacheProfile === 'cloudfront' || (bits & asked.directives) === 0) return true
  // What was asked for before this request does not answer one that wants a new answer.
  const { headers } = passage.request
  const directives = parseCacheControl(headers.getJoined('cache-control'))
  return !directives.has('no-cache') && !directives.has('no-store') && !headers.has('pragma')
}

/** Whether an answer that is arriving is the one that a request would be given. */
export function answers(entry: Entry, key: string, passage: Passage): boolean {
  if (entry.part !== undefined) return false
  if (entry.vary.length === 0) return true
  const values = varyValues(
    entry.vary.map(([name]) => name),
    passage.request.headers,
  )
  return variantKey(key, values) === entry.key
}

function asksCacheOnly(passage: Passage, bits: number): boolean {
  if ((bits & asked.directives) === 0) return false
  return parseCacheControl(passage.request.headers.getJoined('cache-control')).has('only-if-cached')
}

/** For only-if-cached, when nothing usable is there (RFC 9111 section 5.2.1.7). */
function gatewayTimeout() {
  return { status: 504, headers: new HeaderList(['Content-Length', '0']), body: Body.bytes('') }
}

function bypass(
  passage: Passage,
  bits: number,
  why: 'caching-disabled' | 'method-not-cached' | 'upgrade',
): Lookup {
  return { kind: 'bypass', facts: factsOf(passage, bits, 'bypass', why, undefined), passage }
}

function factsOf(
  passage: Passage,
  bits: number,
  status: CacheStatus,
  why: CacheReason,
  key: string | undefined,
): CacheFacts {
  const { cacheStatus } = passage.plan.cache
  const isTold = cacheStatus === 'on-request' ? (bits & asked.told) !== 0 : cacheStatus === 'always'
  return newCacheFacts(status, why, key, isTold)
}
