/*
 * What edge and worker say to each other: lines of JSON over a pipe or a message port. Whatever comes from a worker may
 * have been written by the user's code, so the edge checks the shape and kills a worker that breaks it.
 */

/** What a worker must know before its first invocation. */
export interface WorkerSettings {
  /** Absolute path of the module. */
  readonly file: string
  /** Path inside the exports, for example `['handler']`. */
  readonly exportPath: readonly string[]
  readonly functionName: string
  readonly memoryMb: number
  /** One invocation at a time, as Lambda does; then `callbackWaitsForEmptyEventLoop` has its meaning. */
  readonly isSerial: boolean
  /** A result longer than this is not sent. */
  readonly maxResultBytes: number
}

/** From the edge: settings once, then invocations and pings. */
export type ToWorker =
  | { readonly c: WorkerSettings }
  | { readonly i: number; readonly t: number; readonly e: unknown }
  | { readonly p: number }

/** One line of a handler's console. */
export interface WorkerLog {
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly level: 'TRACE' | 'DEBUG' | 'INFO' | 'WARN' | 'ERROR'
  readonly text: string
}

/** An error of a handler, as Lambda reports it. */
export interface WorkerError {
  readonly errorType: string
  readonly errorMessage: string
  readonly trace: string
}

/**
 * From a worker. `i` names the invocation, which has ended when there is `r` or `x`; logs without `i` belong to no
 * invocation any more.
 */
export interface FromWorker {
  /** `ready` after the module has loaded, `broken` with `x` when it has not, `damaged` when it should be replaced. */
  readonly k?: 'ready' | 'broken' | 'damaged'
  readonly i?: number
  readonly r?: unknown
  readonly x?: WorkerError
  readonly l?: readonly WorkerLog[]
  readonly p?: number
}

/** Lambda's own words for failures that the host notices. */
export const errorTypes = {
  oversize: 'Function.ResponseSizeTooLarge',
  unhandledRejection: 'Runtime.UnhandledPromiseRejection',
  handlerNotFound: 'Runtime.HandlerNotFound',
  marshal: 'Runtime.MarshalError',
} as const

/** Cuts a stream of text into lines; `overflow` is called once when a line does not end within `maxLength`. */
export class LineReader {
  #rest = ''
  readonly #maxLength: number
  readonly #onLine: (line: string) => void
  readonly #overflow: () => void

  constructor(maxLength: number, onLine: (line: string) => void, overflow: () => void) {
    this.#maxLength = maxLength
    this.#onLine = onLine
    this.#overflow = overflow
  }

  read(text: string): void {
    let start = 0
    for (let end = text.indexOf('\n'); end !== -1; end = text.indexOf('\n', start)) {
      const line = text.slice(start, end)
      start = end + 1
      if (this.#rest === '') this.#onLine(line)
      else {
        const whole = this.#rest + line
        this.#rest = ''
        this.#onLine(whole)
      }
    }
    if (start < text.length) this.#rest += start === 0 ? text : text.slice(start)
    if (this.#rest.length > this.#maxLength) {
      this.#rest = ''
      this.#overflow()
    }
  }
}
