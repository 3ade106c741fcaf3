/**
 * A request for an image that cannot be served: the status, a code from a closed set that clients read, and one public
 * sentence. `cause` is for operators. A dialect turns it into a body of its own.
 */
export class ImageError extends Error {
  readonly status: number
  readonly code: string
  /** Seconds after which it is worth asking again; sent as `Retry-After`. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    status: number,
    code: string,
    message: string,
    options: { readonly cause?: unknown; readonly retryAfterSeconds?: number } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ImageError'
    this.status = status
    this.code = code
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** What crosses a process boundary of an ImageError. */
export interface PlainImageError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** For operators. */
  readonly detail: string | undefined
}
