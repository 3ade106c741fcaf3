const STATUSES = {
  InternalErrorException: 500,
  InvalidParameterException: 400,
  MethodNotAllowedException: 405,
  NotAuthorizedException: 400,
  RequestTooLargeException: 413,
  ResourceNotFoundException: 400,
  SerializationException: 400,
  ServiceUnavailableException: 503,
  UnknownOperationException: 400,
  UnsupportedMediaTypeException: 415,
} as const

/** A refusal in the form of the user pool API: `{ "__type", "message" }`. */
export class ProxyError extends Error {
  readonly code: keyof typeof STATUSES

  constructor(code: keyof typeof STATUSES, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'ProxyError'
    this.code = code
  }

  get status(): number {
    return STATUSES[this.code]
  }
}
