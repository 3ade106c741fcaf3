import type { Awaitable } from './base/promise.ts'
import type { Fault } from './faults.ts'
import type { PlannedBehavior, PlannedOrigin } from './plan.ts'
import type { CacheFacts, EdgeResponse, OriginRequest, Outcome, Passage } from './visit.ts'

/** A refusal or an answer given before the request reaches cache or origin. */
export type Enforced =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refused'; readonly fault: Fault }
  | { readonly kind: 'answered'; readonly response: EdgeResponse }

export type WafVerdict =
  | { readonly kind: 'pass' }
  | { readonly kind: 'refused'; readonly fault: Fault }
  | { readonly kind: 'answered'; readonly response: EdgeResponse }

/** What a request-side function decided: go on (it may have changed the request), answer, or fail. */
export type FunctionResult =
  | { readonly kind: 'continue' }
  | { readonly kind: 'answered'; readonly response: EdgeResponse }
  | { readonly kind: 'failed'; readonly fault: Fault }

/** What a function before an origin decided. */
export type OriginFunctionResult =
  | { readonly kind: 'continue'; readonly request: OriginRequest }
  | { readonly kind: 'answered'; readonly response: EdgeResponse }
  | { readonly kind: 'failed'; readonly fault: Fault }

export type Lookup =
  /** `refresh` is a passage on which the entry is fetched anew while the stale one is served. */
  | {
      readonly kind: 'hit'
      readonly response: EdgeResponse
      readonly facts: CacheFacts
      readonly refresh: Passage | undefined
    }
  /** The origin failed a moment ago, or failed the request this one waited for. */
  | { readonly kind: 'fault'; readonly fault: Fault; readonly facts: CacheFacts }
  /** The origin is asked, on a passage that does not end with its viewer when others wait for the answer. */
  | { readonly kind: 'miss'; readonly facts: CacheFacts; readonly passage: Passage }
  | { readonly kind: 'bypass'; readonly facts: CacheFacts; readonly passage: Passage }

/** What an error becomes. */
export type Settlement =
  | { readonly kind: 'as-is'; readonly response: EdgeResponse }
  | { readonly kind: 'page'; readonly path: string; readonly status: number; readonly forStatus: number }

/** What modules do to a request, stage by stage, always after the user's function of that stage. */
export interface ModuleHooks {
  /** waf: after the web ACL passed the request. */
  readonly inspect?: (passage: Passage) => Awaitable<WafVerdict>
  /** viewer-request: may change `passage.request`, answer, or fail. */
  readonly viewerRequest?: (passage: Passage) => Awaitable<FunctionResult>
  /** lookup: a line `name value` that becomes a part of the cache key, without a line break; undefined for none. */
  readonly cacheKey?: (passage: Passage) => string | undefined
  /** send: around the origin. What it gives instead of a response of `next` takes the place of the origin's. */
  readonly send?: (passage: Passage, request: OriginRequest, next: Send) => Awaitable<EdgeResponse | Fault>
  /** shape: what leaves the cache on its way to this viewer, after ranges and policies. Never stored. */
  readonly shape?: (passage: Passage, response: EdgeResponse) => Awaitable<EdgeResponse>
  /** finish: the visit is complete. */
  readonly finish?: (passage: Passage) => void
}

/** Sends a request to its origin. */
export type Send = (passage: Passage, request: OriginRequest) => Awaitable<EdgeResponse | Fault>

/** A path that a module answers. */
export interface ModuleRoute {
  readonly methods: readonly string[]
  handle(passage: Passage): Awaitable<EdgeResponse>
}

/** The rooms the line runs through. `edge.ts` builds them; tests may give others. */
export interface Rooms {
  readonly distribution: {
    match(passage: Passage): Fault | undefined
    /** Selects the behavior for a path inside a passage whose distribution is known. */
    select(passage: Passage, path: string): void
    enforce(passage: Passage): Awaitable<Enforced>
  }
  readonly waf: {
    inspect(passage: Passage): Awaitable<WafVerdict>
    inspectResponse(passage: Passage, response: EdgeResponse): Awaitable<EdgeResponse>
  }
  readonly functions: {
    viewerRequest(passage: Passage): Awaitable<FunctionResult>
    originRequest(passage: Passage, request: OriginRequest): Awaitable<OriginFunctionResult>
    originResponse(
      passage: Passage,
      request: OriginRequest,
      response: EdgeResponse,
    ): Awaitable<EdgeResponse | Fault>
    viewerResponse(passage: Passage, response: EdgeResponse): Awaitable<EdgeResponse | Fault>
  }
  readonly cache: {
    lookup(passage: Passage): Awaitable<Lookup>
    /** Makes of a request to an origin the one that the cache wants answered: with its own conditions. */
    condition(passage: Passage, request: OriginRequest): OriginRequest
    /** What is made of the origins' answer: kept while it flows on, renewed by it, or something stale instead. */
    receive(passage: Passage, result: EdgeResponse | Fault): Awaitable<EdgeResponse | Fault>
    /** Writes Cache-Status for who asked for it. */
    tell(passage: Passage, response: EdgeResponse): void
  }
  readonly origin: {
    /** What would be sent to an origin, by the policies of the behavior. */
    prepare(passage: Passage, origin: PlannedOrigin): OriginRequest
    /** Resolves the origin's name, which happens before origin-request runs; undefined when it resolves. */
    resolve(passage: Passage, origin: PlannedOrigin): Awaitable<Fault | undefined>
    readonly send: Send
    /** Whether the next origin of the group is to be asked. */
    failsOver(passage: Passage, result: EdgeResponse | Fault): boolean
  }
  readonly response: {
    /** The page CloudFront generates for a fault. */
    errorPage(passage: Passage, fault: Fault): EdgeResponse
    settle(passage: Passage, response: EdgeResponse, fault: Fault | undefined): Settlement
    /** What is stored: compressed where the rules say so. */
    encode(passage: Passage, response: EdgeResponse): EdgeResponse
    shape(passage: Passage, response: EdgeResponse): EdgeResponse
    stamp(passage: Passage, response: EdgeResponse): EdgeResponse
  }
  /** What modules do: hooks of a behavior and paths of a distribution; undefined where there are none. */
  readonly modules: {
    hooksOf(behavior: PlannedBehavior): ModuleHooks | undefined
    routeOf(passage: Passage): ModuleRoute | undefined
  }
  readonly log: {
    finish(passage: Passage, outcome: Outcome): void
  }
  /** A passage for an internal fetch by the same plan. */
  readonly within: (passage: Passage, path: string) => Passage
}

/** The line: `serve` is the whole of it for one viewer request, `obtain` is lookup to store and needs no viewer. */
export interface Line {
  /** Never rejects and never throws: the worst answer is a generated 500. */
  serve(passage: Passage): Awaitable<EdgeResponse>
  /** A response out of cache or origin for a passage whose behavior is selected. */
  obtain(passage: Passage): Awaitable<EdgeResponse>
  /** The answer to a request that the listener cannot let in. */
  turnAway(passage: Passage, fault: Fault): EdgeResponse
  /** The listener calls this once, when the response has left or failed to. */
  finish(passage: Passage, outcome: Outcome): void
}
