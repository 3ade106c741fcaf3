/*
 * What the plan says about functions. Shapes only; `functions/config.ts` builds them.
 */

/** The four events of CloudFront at which a function may run (DG:lambda-cloudfront-trigger-events). */
export type FunctionEventName = 'viewer-request' | 'origin-request' | 'origin-response' | 'viewer-response'

/** The two kinds of edge function. */
export type FunctionKind = 'lambda-edge' | 'cloudfront'

/** A Lambda@Edge handler, compiled from configuration. */
export interface PlannedLambda {
  readonly kind: 'lambda-edge'
  readonly name: string
  /** Changes whenever code or settings do: a pool of workers lives as long as its identity is in the plan. */
  readonly identity: string
  /** Absolute path of the file, or of the folder that holds it. */
  readonly file: string
  /** As Lambda writes it: file without extension, a dot, name of the export; for example `index.handler`. */
  readonly handler: string
  readonly includeBody: boolean
  readonly memoryMb: number
  readonly timeoutMs: number
  /** `process` contains a handler that loops, crashes or leaks; `thread` is faster and contains none of it. */
  readonly isolation: 'process' | 'thread'
  /** Invocations one worker runs at the same time; 1 is what Lambda does. */
  readonly concurrency: number
  /** Workers at most; beyond them invocations wait. */
  readonly maxWorkers: number
  /** Invocations that may wait; beyond them the viewer gets LambdaLimitExceeded. */
  readonly maxWaiting: number
  /** Not portable to Lambda@Edge, which knows no environment variables. */
  readonly env: Readonly<Record<string, string>>
}

/** A CloudFront Function, compiled from configuration. */
export interface PlannedCloudFrontFunction {
  readonly kind: 'cloudfront'
  readonly name: string
  readonly identity: string
  /** For messages: where the source came from. */
  readonly file: string
  readonly source: string
  readonly runtime: '1.0' | '2.0'
  /** `sandbox` is QuickJS in WebAssembly; `inline` runs in this process and is for code one trusts. */
  readonly run: 'sandbox' | 'inline'
  /** Name of the store that `cf.kvs()` reads. */
  readonly keyValueStore: string | undefined
}

export type PlannedFunction = PlannedLambda | PlannedCloudFrontFunction

/** A second function that is tried on real requests. */
export interface PlannedCandidate {
  readonly function: PlannedFunction
  /** `shadow`: runs and is compared, never served. `weight`: serves a part of the clients. */
  readonly mode: 'shadow' | 'weight'
  /** Percentage of clients, 0 to 100; in shadow mode the percentage of requests that are tried. */
  readonly weight: number
  /** Share of failed runs, 0 to 1, beyond which the candidate is switched off. */
  readonly maxErrorRate: number
  /** Mean milliseconds of a run beyond which the candidate is switched off. */
  readonly maxMeanMs: number
  /** Runs to see before it is judged. */
  readonly minRuns: number
}

export interface PlannedEventFunction {
  readonly live: PlannedFunction
  readonly candidate: PlannedCandidate | undefined
}

/** What a behavior runs at each event. */
export interface PlannedFunctions {
  readonly viewerRequest: PlannedEventFunction | undefined
  readonly originRequest: PlannedEventFunction | undefined
  readonly originResponse: PlannedEventFunction | undefined
  readonly viewerResponse: PlannedEventFunction | undefined
}

/** A key-value store, compiled from configuration. */
export interface PlannedKeyValueStore {
  readonly name: string
  /** Absolute path of a file in AWS's import format with which the store begins. */
  readonly importFile: string | undefined
  /** Absolute path of the file that keeps changes; without it they live as long as the process. */
  readonly stateFile: string | undefined
}
