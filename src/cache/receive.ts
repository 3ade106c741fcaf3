import { rm } from 'node:fs/promises'
import { type Awaitable, isPromise } from '../base/promise.ts'
import { Fault } from '../faults.ts'
import { Body } from '../http/body.ts'
import { parseContentRange } from '../http/range.ts'
import { isAnySelected } from '../http/name-selector.ts'
import type { CacheFacts, EdgeResponse, OriginRequest, Passage } from '../visit.ts'
import { asked } from './asked.ts'
import { buildEntry, finishEntry } from './build-entry.ts'
import type { CacheContext } from './context.ts'
import { decideStore, errorSeconds, faultSeconds, type StoreDecision, type Times } from './decide-store.ts'
import type { Entry } from './entry.ts'
import { Fill } from './fill.ts'
import { Arriving, type Flight, type Waiter } from './flight.ts'
import { pathInKey } from './key.ts'
import { answers, type Lookups } from './lookup.ts'
import { renewedFields } from './renew.ts'
import { ageNow } from './serve.ts'
import type { FinishedBody, Found } from './store/store.ts'
import { tagsOf } from './tags.ts'
import { varyNames, varyValues } from './variants.ts'

/** Bodies up to this many bytes stay in memory while they arrive. */
const FILL_MEMORY_BYTES = 1 << 20
/** How long it is remembered that a key's responses are not kept, so that requests do not wait for each other. */
const LONER_MS = 10_000

/** Decides what is made of the answers of origins, for those who asked and those who wait. */
export class Receipts {
  readonly #context: CacheContext
  readonly #lookups: Lookups

  constructor(context: CacheContext, lookups: Lookups) {
    this.#context = context
    this.#lookups = lookups
  }

  /** The conditions of the cache take the place of the viewer's where a stored response is validated. */
  condition(passage: Passage, request: OriginRequest): OriginRequest {
    const stale = this.#context.flights.of(passage)?.stale
    if (stale === undefined) return request
    const { headers } = request
    headers.deleteWhere((name) => name.startsWith('if-') || name === 'range')
    const { etag, lastModified } = stale.entry
    if (etag !== undefined) headers.append('If-None-Match', etag)
    if (lastModified !== undefined) headers.append('If-Modified-Since', lastModified)
    return request
  }

  receive(passage: Passage, result: EdgeResponse | Fault): Awaitable<EdgeResponse | Fault> {
    const flight = this.#context.flights.of(passage)
    if (flight === undefined) return result
    flight.isAnswered = true
    if (result instanceof Fault) return this.#failed(flight, result)
    const { clock, troubles } = this.#context
    const now = clock.now()
    flight.facts.originStatus = result.status
    if (result.status === 304 && flight.stale !== undefined)
      return this.#renewed(flight, flight.stale, result)
    if (result.status >= 500 && flight.stale !== undefined && now < flight.stale.entry.staleIfErrorUntil) {
      result.body.discard()
      const seconds =
        flight.passage.behavior.cacheProfile === 'rfc' ? 0 : errorSeconds(passage, result.status)
      if (seconds > 0) troubles.note(flight.key, result.status, now + seconds * 1000)
      return this.#instead(flight, flight.stale, now)
    }
    troubles.forget(flight.key)
    return this.#answered(flight, result, { requestedAt: flight.requestedAt, receivedAt: now })
  }

  /** No origin gave an answer. */
  #failed(flight: Flight, fault: Fault): EdgeResponse | Fault {
    const { clock, troubles, flights } = this.#context
    const { passage, stale } = flight
    const now = clock.now()
    const seconds = faultSeconds(passage, fault)
    if (seconds > 0) troubles.note(flight.key, fault, now + seconds * 1000)
    if (stale !== undefined && fault.row.source === 'origin' && mayBridge(passage, stale.entry, now))
      return this.#instead(flight, stale, now)
    flights.end(flight)
    for (const waiter of flight.takeWaiters())
      waiter.settle({ kind: 'fault', fault, facts: collapsed(waiter.facts, 'hit') })
    return fault
  }

  /** What is stale is better than the origin's failure. */
  #instead(flight: Flight, stale: Found, now: number): EdgeResponse {
    this.#context.flights.end(flight)
    describe(flight.facts, stale.entry, now, 'stale', 'stale-on-error')
    for (const waiter of flight.takeWaiters()) {
      describe(waiter.facts, stale.entry, now, 'stale', 'stale-on-error')
      this.#give(waiter, stale, now)
    }
    return this.#context.serve(flight.passage, stale, flight.bits, now)
  }

  /** The stored response is still the one to use (RFC 9111 section 4.3.4). */
  #renewed(flight: Flight, stale: Found, update: EdgeResponse): EdgeResponse {
    const { clock, store, flights, troubles } = this.#context
    const { passage } = flight
    update.body.discard()
    const now = clock.now()
    const times: Times = { requestedAt: flight.requestedAt, receivedAt: now }
    const headers = renewedFields(stale.entry, update.headers)
    // How old the answer itself was counts, not what the stored one came with.
    const age = update.headers.get('age')
    if (age !== undefined) headers.set('Age', age)
    const decision = decideStore(passage, stale.entry.status, headers, times, passage.plan.cache)
    headers.delete('age')
    const entry: Entry = {
      ...stale.entry,
      ...times,
      fields: headers.raw,
      initialAgeSeconds: 0,
      lastModified: headers.get('last-modified'),
      tags: tagsOf(headers, passage.plan.cache.tagHeaders, passage.tags),
      revision: stale.entry.revision + 1,
      ...(decision.kind === 'keep' ? lifetimeOf(decision) : { freshUntil: now }),
    }
    const found: Found = {
      entry,
      bytes: stale.bytes,
      open: (first, last) => stale.open(first, last),
    }
    troubles.forget(flight.key)
    flight.facts.stored = decision.kind === 'keep' ? 'stored' : decision.why
    if (!flight.isDead) {
      if (decision.kind === 'keep') this.#track(store.replaceHead(entry))
      else this.#track(store.delete(entry.key, 'expired'))
    }
    flights.end(flight)
    describe(flight.facts, entry, now, 'refresh-hit', 'revalidated')
    for (const waiter of flight.takeWaiters()) {
      describe(waiter.facts, entry, now, 'hit', 'collapsed')
      this.#give(waiter, found, now)
    }
    return this.#context.serve(passage, found, flight.bits, now)
  }

  /** A new answer: kept while it flows on, or not. */
  #answered(flight: Flight, response: EdgeResponse, times: Times): EdgeResponse {
    const { passage } = flight
    const decision = this.#decide(flight, response, times)
    if (decision.kind === 'never') {
      flight.facts.stored = decision.why
      this.#release(flight, times.receivedAt)
      return response
    }
    const isRfc = passage.behavior.cacheProfile === 'rfc'
    const names = isRfc ? varyNames(response.headers)! : []
    const entry = buildEntry(
      passage,
      response,
      {
        baseKey: flight.key,
        path: pathInKey(flight.key),
        vary: varyValues(names, passage.request.headers),
        part: response.status === 206 ? parseContentRange(response.headers.get('content-range')) : undefined,
      },
      decision,
      times,
    )
    if (flight.invalidatedTags?.some((tags) => isAnySelected(tags, entry.tags)) === true) flight.isDead = true
    flight.facts.stored = flight.isDead ? 'invalidated' : 'stored'
    const arriving = this.#takeIn(flight, entry, response)
    for (const waiter of flight.takeWaiters()) {
      if (!answers(entry, flight.key, waiter.passage)) {
        this.#sendAway(waiter, flight, 'vary-not-collapsed')
        continue
      }
      describe(waiter.facts, entry, times.receivedAt, 'hit', 'collapsed')
      this.#give(waiter, arriving, times.receivedAt)
    }
    return response
  }

  #decide(flight: Flight, response: EdgeResponse, times: Times): StoreDecision {
    const { passage } = flight
    const { headers, status } = response
    if (passage.request.method === 'HEAD' || response.tunnel !== undefined)
      return { kind: 'never', why: 'method-not-cached' }
    const decision = decideStore(passage, status, headers, times, passage.plan.cache)
    if (decision.kind === 'never' || status !== 206) return decision
    // A part is kept when it was asked for, is one piece, and is as long as it says (RFC 9110 section 15.3.7).
    const part = parseContentRange(headers.get('content-range'))
    const isWhole = part !== undefined && response.body.length === part.last - part.first + 1
    if (!isWhole || (flight.bits & asked.range) === 0) return { kind: 'never', why: 'partial' }
    if (passage.behavior.cacheProfile === 'rfc' && headers.has('vary'))
      return { kind: 'never', why: 'partial' }
    return decision
  }

  /** Takes the body over: whoever reads it from now on reads what is kept. */
  #takeIn(flight: Flight, entry: Entry, response: EdgeResponse): Arriving {
    const { spoolFolder, report } = this.#context
    const bytes = response.body.buffered
    if (bytes !== undefined) {
      const whole = finishEntry(entry, bytes.length)
      const arriving = new Arriving(whole, bytes)
      flight.arriving = arriving
      this.#keep(flight, whole, { kind: 'bytes', bytes })
      return arriving
    }
    const { length } = response.body
    const source = response.body.take()
    if (Buffer.isBuffer(source)) throw new Error('a stream gave bytes')
    const fill = new Fill(source, length, {
      memoryBytes: FILL_MEMORY_BYTES,
      spoolFolder,
      report,
      finishesAlone: flight.isRefresh || flight.passage.plan.cache.finishAbandoned,
    })
    const arriving = new Arriving(entry, fill)
    flight.arriving = arriving
    // A refresh has nobody who reads.
    response.body = flight.isRefresh ? Body.none() : Body.stream(fill.read(0, undefined), length)
    void fill.whenDone.then((body) => {
      if (body === undefined) this.#context.flights.end(flight)
      else this.#keep(flight, finishEntry(entry, fill.bytes), body)
    })
    return arriving
  }

  #keep(flight: Flight, entry: Entry, body: FinishedBody): void {
    const { store, flights, neighbours } = this.#context
    if (flight.isDead) {
      flights.end(flight)
      if (body.kind === 'file') this.#track(rm(body.path, { force: true }))
      return
    }
    neighbours.note(flight.key)
    if (entry.part === undefined) this.#dropOthers(entry)
    const kept = store.put(entry, body)
    const end = (isKept: boolean) => {
      if (!isKept) flight.facts.stored = 'refused-by-store'
      flights.end(flight)
    }
    if (!isPromise(kept)) {
      end(kept)
      return
    }
    void kept.then(end, (error: unknown) => {
      flights.end(flight)
      this.#context.report(`a response could not be stored: ${String(error)}`)
    })
  }

  /** The newest response counts (RFC 9111 section 4): what varies replaces what did not, and the other way round. */
  #dropOthers(entry: Entry): void {
    const { store } = this.#context
    if (entry.vary.length > 0) {
      if (store.has(entry.baseKey)) this.#track(store.delete(entry.baseKey, 'expired'))
      return
    }
    for (const key of store.keysOf(entry.baseKey))
      if (key !== entry.key) this.#track(store.delete(key, 'expired'))
  }

  /** The answer is for one viewer only: those who waited ask by themselves. */
  #release(flight: Flight, now: number): void {
    const { flights, loners } = this.#context
    flights.end(flight)
    if (!flight.isShared) return
    loners.note(flight.key, true, now + LONER_MS)
    for (const waiter of flight.takeWaiters()) this.#sendAway(waiter, flight, 'released')
  }

  #sendAway(waiter: Waiter, flight: Flight, why: 'released' | 'vary-not-collapsed'): void {
    waiter.facts.detail = why
    waiter.settle(this.#lookups.fetchAlone(waiter.passage, flight.key, waiter.bits, waiter.facts))
  }

  #give(waiter: Waiter, found: Found, now: number): void {
    const response = this.#context.serve(waiter.passage, found, waiter.bits, now)
    waiter.settle({ kind: 'hit', response, facts: waiter.facts, refresh: undefined })
  }

  /** Work of the store that nobody waits for. */
  #track(work: Awaitable<unknown>): void {
    if (isPromise(work))
      work.catch((error: unknown) => this.#context.report(`the cache store: ${String(error)}`))
  }
}

/** Whether a stale response bridges the absence of its origin (fact sheet 9.4; RFC 9111 section 4.2.4). */
function mayBridge(passage: Passage, entry: Entry, now: number): boolean {
  if (passage.behavior.cacheProfile === 'rfc') return !entry.mustRevalidate
  return now < entry.staleIfErrorUntil
}

function lifetimeOf(decision: Extract<StoreDecision, { kind: 'keep' }>): Partial<Entry> {
  const { kind: _kind, ...lifetime } = decision
  return lifetime
}

function describe(
  facts: CacheFacts,
  entry: Entry,
  now: number,
  status: CacheFacts['status'],
  why: CacheFacts['why'],
): void {
  facts.status = status
  facts.why = why
  facts.ageSeconds = ageNow(entry, now)
  facts.ttlSeconds = Math.ceil((entry.freshUntil - now) / 1000)
}

function collapsed(facts: CacheFacts, status: CacheFacts['status']): CacheFacts {
  facts.status = status
  facts.why = 'collapsed'
  return facts
}
