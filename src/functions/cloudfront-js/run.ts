import { createHash, createHmac } from 'node:crypto'
import type { Awaitable } from '../../base/promise.ts'
import type { KeyValueSnapshot } from '../key-value-store/read.ts'
import { functionLimits } from './limits.ts'

/** What one run of a CloudFront Function is given. */
export interface RunInput {
  /** The event, as JSON. */
  readonly eventJson: string
  /** Milliseconds since the epoch: time stands still during a run. */
  readonly now: number
  /** The query string as it was sent; undefined when there was no `?`. */
  readonly rawQuery: string | undefined
  /** IATA code of the edge location; undefined where functions do not see it. */
  readonly edgeLocation: string | undefined
}

/** An origin that a function asked for by one of the helpers of `cf`. */
export interface OriginChange {
  readonly kind: 'updateRequestOrigin' | 'selectRequestOriginById' | 'createRequestOriginGroup'
  readonly value: unknown
}

/** Where in the source something happened; both from 1. */
export interface SourcePlace {
  readonly line: number
  readonly column: number
}

export type FunctionRun = {
  readonly logs: readonly string[]
  /** 0 to 100: how much of what a run may do it did. An estimate of CloudFront's figure. */
  readonly utilisation: number
} & (
  | {
      readonly kind: 'returned'
      /** JSON of what the handler returned; empty for undefined. */
      readonly resultJson: string
      readonly origin: OriginChange | undefined
      readonly logData: string | undefined
    }
  | {
      readonly kind: 'failed'
      /** `TypeError: …`, or why it was stopped. */
      readonly message: string
      readonly place: SourcePlace | undefined
    }
)

/** A loaded function. Runs do not overlap. */
export interface FunctionRunner {
  run(input: RunInput): Awaitable<FunctionRun>
  close(): void
}

/** The name that stack traces show for the user's source. */
export const SOURCE_NAME = 'edgeward-function.js'

/** The edge's side of a run: collects the console and answers hashes and keys. Used anew for every run. */
export class RunHost {
  logs: string[] = []
  #logBytes = 0
  readonly #source: { readonly current: KeyValueSnapshot } | undefined
  /** One run sees one state of the store. */
  #snapshot: KeyValueSnapshot | undefined

  constructor(store: { readonly current: KeyValueSnapshot } | undefined) {
    this.#source = store
  }

  begin(): void {
    this.logs = []
    this.#logBytes = 0
    this.#snapshot = this.#source?.current
  }

  /** Output behind the limit is cut (DG:edge-functions-logs). */
  readonly log = (json: string): void => {
    const left = functionLimits.logBytes - this.#logBytes
    if (left <= 0) return
    const text = textOf(json)
    const bytes = Buffer.byteLength(text)
    this.#logBytes += bytes
    this.logs.push(bytes <= left ? text : `${Buffer.from(text).subarray(0, left).toString()} [truncated]`)
  }

  readonly digest = (algorithm: string, data: string, key: string | undefined): string | undefined => {
    if (algorithm !== 'md5' && algorithm !== 'sha1' && algorithm !== 'sha256') return undefined
    const hash = key === undefined ? createHash(algorithm) : createHmac(algorithm, Buffer.from(key, 'hex'))
    return hash.update(Buffer.from(data, 'hex')).digest('hex')
  }

  readonly keyValue = (keyJson: string): string | undefined => {
    const value = this.#snapshot?.items.get(textOf(keyJson))
    return value === undefined ? undefined : JSON.stringify(value)
  }

  readonly keyValueMeta = (): string | undefined => {
    const snapshot = this.#snapshot
    if (snapshot === undefined) return undefined
    const { creationDateTime, lastUpdatedDateTime, items } = snapshot
    return JSON.stringify({ creationDateTime, lastUpdatedDateTime, keyCount: items.size })
  }
}

/** Text that a guest has written as JSON; as it is where it is none, for nothing here may throw. */
function textOf(json: string): string {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'string' ? value : json
  } catch {
    // A function that tampered with JSON gets back what it made.
    return json
  }
}

/** The text a guest is run on. */
export function writeInput({ eventJson, now, rawQuery, edgeLocation }: RunInput): string {
  const location =
    edgeLocation === undefined
      ? '{}'
      : JSON.stringify({ name: edgeLocation, serverIp: '127.0.0.1', region: 'local' })
  return `{"now":${now},"event":${eventJson},"rawQuery":${JSON.stringify(rawQuery ?? null)},"edgeLocation":${location}}`
}

/** Reads what a guest came to: `STEPS:LENGTH:META RESULT` or `STEPS:x:ERROR`. */
export function readOutcome(
  outcome: string | undefined,
  logs: readonly string[],
  placeOf: (line: number, column: number) => SourcePlace,
): FunctionRun {
  if (outcome === undefined) {
    return {
      kind: 'failed',
      logs,
      utilisation: 0,
      message: 'the promise of the handler was never settled',
      place: undefined,
    }
  }
  const first = outcome.indexOf(':')
  const second = outcome.indexOf(':', first + 1)
  const steps = Number(outcome.slice(0, first))
  const utilisation = utilisationOf(steps)
  const mark = outcome.slice(first + 1, second)
  const rest = outcome.slice(second + 1)
  // Whoever catches the error at the limit still has exceeded it.
  if (steps > functionLimits.steps) {
    const place = mark === 'x' ? placeOfError(rest, placeOf) : undefined
    return {
      kind: 'failed',
      logs,
      utilisation: 100,
      message: 'the function exceeded its compute utilisation',
      place,
    }
  }
  if (mark === 'x') {
    const { name, message } = errorOf(rest)
    return {
      kind: 'failed',
      logs,
      utilisation,
      message: message === '' ? name : `${name}: ${message}`,
      place: placeOfError(rest, placeOf),
    }
  }
  const metaLength = Number(mark)
  if (metaLength === 0)
    return { kind: 'returned', logs, utilisation, resultJson: rest, origin: undefined, logData: undefined }
  const { origin, logData } = metaOf(rest.slice(0, metaLength))
  return { kind: 'returned', logs, utilisation, resultJson: rest.slice(metaLength), origin, logData }
}

function utilisationOf(steps: number): number {
  return Math.min(100, Math.ceil((steps * 100) / functionLimits.steps))
}

/** The guest wrote it, but the user's code shares its world: nothing is taken for granted. */
function metaOf(json: string): {
  readonly origin: OriginChange | undefined
  readonly logData: string | undefined
} {
  const { origin, logData } = parseObject(json)
  const { kind, value } = (typeof origin === 'object' && origin !== null ? origin : {}) as Partial<
    Record<'kind' | 'value', unknown>
  >
  const isKnown =
    kind === 'updateRequestOrigin' ||
    kind === 'selectRequestOriginById' ||
    kind === 'createRequestOriginGroup'
  return {
    origin: isKnown ? { kind, value } : undefined,
    logData: typeof logData === 'string' ? logData.slice(0, functionLimits.logDataBytes) : undefined,
  }
}

function errorOf(json: string): { readonly name: string; readonly message: string; readonly stack: string } {
  const { name, message, stack } = parseObject(json)
  return { name: String(name), message: String(message), stack: String(stack) }
}

function parseObject(json: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(json)
    return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
  } catch {
    // A function that has broken the guest's JSON has said nothing that could be used.
    return {}
  }
}

function placeOfError(
  json: string,
  placeOf: (line: number, column: number) => SourcePlace,
): SourcePlace | undefined {
  return placeInStack(errorOf(json).stack, placeOf)
}

/** The innermost place of the user's source in a stack trace. */
export function placeInStack(
  stack: string,
  placeOf: (line: number, column: number) => SourcePlace,
): SourcePlace | undefined {
  const match = PLACE.exec(stack)
  return match === null ? undefined : placeOf(Number(match[1]), Number(match[2]))
}

const PLACE = /edgeward-function\.js:(\d+):(\d+)/
