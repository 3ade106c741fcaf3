/** Who caused a fault. */
export type FaultSource = 'viewer' | 'origin' | 'function' | 'config' | 'internal'

/** One row of the fault table. */
export interface FaultRow {
  /** What the viewer receives. */
  readonly status: number
  readonly source: FaultSource
  /** `x-edge-detailed-result-type` in the access log (DG:standard-logs-reference). */
  readonly detail: string
  /** The result part of `X-Cache`. */
  readonly xCache: string
  /** Whether custom error pages may replace it (DG:GeneratingCustomErrorResponses). */
  readonly customPage: boolean
  /** Whether the connection is closed after it. */
  readonly closes: boolean
  /** One sentence for the viewer, on the generated error page. */
  readonly sentence: string
}

const viewer = { source: 'viewer', xCache: 'Error', customPage: true, closes: false } as const
const malformed = { ...viewer, customPage: false, closes: true } as const
const origin = { source: 'origin', xCache: 'Error', customPage: true, closes: false } as const

/**
 * Every way a request can fail, under CloudFront's word where it has one
 * (DG:HTTPStatusCodes, DG:standard-logs-reference). The reference page `docs/reference/faults.md` is kept equal by test.
 */
export const faults = {
  BadRequest: {
    ...malformed,
    status: 400,
    detail: 'InvalidRequest',
    sentence: 'Bad request. The request is not well-formed HTTP.',
  },
  InvalidHost: {
    ...malformed,
    status: 400,
    detail: 'InvalidRequestHeader',
    sentence: 'Bad request. The Host header is missing, repeated or not valid.',
  },
  RequestTimeout: {
    ...malformed,
    status: 408,
    detail: 'ClientHungUpRequest',
    sentence: 'The request did not arrive in time.',
  },
  UriTooLong: {
    ...malformed,
    status: 414,
    detail: 'InvalidRequest',
    sentence: 'The URL is longer than 8192 bytes.',
  },
  HeadersTooLarge: {
    ...malformed,
    status: 494,
    detail: 'InvalidRequestHeader',
    sentence: 'The request line and headers are larger than 32768 bytes.',
  },
  BodyTooLarge: {
    ...malformed,
    status: 413,
    detail: 'InvalidRequest',
    sentence: 'The request body is larger than this edge accepts.',
  },
  PlainOnTls: {
    ...malformed,
    status: 400,
    detail: 'InvalidRequest',
    sentence: 'Bad request. A plain HTTP request was sent to an HTTPS port.',
  },
  TooManyConnections: {
    ...malformed,
    status: 503,
    detail: 'CapacityExceeded',
    xCache: 'CapacityExceeded',
    sentence: 'The edge has as many connections as it accepts.',
  },
  UnknownHost: {
    ...viewer,
    customPage: false,
    status: 403,
    detail: 'Error',
    sentence: 'Bad request. No distribution answers to this host name.',
  },
  RequestLoop: {
    ...viewer,
    customPage: false,
    status: 403,
    detail: 'Error',
    sentence: 'The request came through this edge before: it is going round in a loop.',
  },
  InvalidDefaultRootObject: {
    ...viewer,
    status: 400,
    detail: 'InvalidDefaultRootObject',
    sentence: 'Bad request. The default root object is not a valid name.',
  },
  UnknownMethod: {
    ...viewer,
    customPage: false,
    status: 403,
    detail: 'InvalidRequestMethod',
    sentence:
      'This distribution is not configured to allow the HTTP request method that was used for this request.',
  },
  InvalidRequestMethod: {
    ...viewer,
    status: 403,
    detail: 'InvalidRequestMethod',
    sentence:
      'This distribution is not configured to allow the HTTP request method that was used for this request. The distribution supports only cachable requests.',
  },
  GetWithBody: {
    ...viewer,
    customPage: false,
    closes: true,
    status: 403,
    detail: 'InvalidRequest',
    sentence: 'Bad request. A GET request must not have a body.',
  },
  HttpsRequired: {
    ...viewer,
    status: 403,
    detail: 'InvalidRequest',
    sentence: 'This content is served over HTTPS only.',
  },
  ClientGeoBlocked: {
    ...viewer,
    status: 403,
    detail: 'ClientGeoBlocked',
    sentence: 'The distribution is configured to block access from your country.',
  },
  FieldEncryptionRejected: {
    ...viewer,
    status: 400,
    detail: 'InvalidRequest',
    sentence: 'The body or query string cannot be protected as this site requires.',
  },
  AccessDenied: { ...viewer, status: 403, detail: 'Error', sentence: 'Access denied.' },
  RequestBlocked: { ...viewer, status: 403, detail: 'InvalidRequestBlocked', sentence: 'Request blocked.' },
  ClientHungUp: {
    ...viewer,
    customPage: false,
    closes: true,
    status: 0,
    detail: 'ClientHungUpRequest',
    sentence: 'The viewer closed the connection before the response began.',
  },
  ClientCommError: {
    ...viewer,
    customPage: false,
    closes: true,
    status: 400,
    detail: 'ClientCommError',
    sentence: 'The request body did not arrive whole.',
  },
  OriginDnsError: {
    ...origin,
    status: 502,
    detail: 'OriginDnsError',
    sentence: 'The edge could not resolve the origin domain name.',
  },
  OriginConnectError: {
    ...origin,
    status: 502,
    detail: 'OriginConnectError',
    sentence: 'The edge could not connect to the origin.',
  },
  OriginTlsError: {
    ...origin,
    status: 502,
    detail: 'OriginConnectError',
    sentence: 'The edge could not establish a trusted TLS connection to the origin.',
  },
  OriginConnectTimeout: {
    ...origin,
    status: 504,
    detail: 'OriginCommError',
    sentence: 'The edge could not connect to the origin in time.',
  },
  OriginReadTimeout: {
    ...origin,
    status: 504,
    detail: 'OriginCommError',
    sentence: 'The origin did not answer in time.',
  },
  OriginCompletionTimeout: {
    ...origin,
    status: 504,
    detail: 'OriginCommError',
    sentence: 'The origin did not complete its response in time.',
  },
  OriginReadError: {
    ...origin,
    status: 502,
    detail: 'OriginReadError',
    sentence: 'The origin closed the connection before its response was complete.',
  },
  OriginWriteError: {
    ...origin,
    status: 502,
    detail: 'OriginWriteError',
    sentence: 'The request could not be sent to the origin.',
  },
  OriginInvalidResponse: {
    ...origin,
    status: 502,
    detail: 'OriginInvalidResponseError',
    sentence: 'The origin answered with something that is not an HTTP response.',
  },
  OriginHeaderTooBig: {
    ...origin,
    status: 502,
    detail: 'OriginHeaderTooBigError',
    sentence: 'The headers of the origin response are larger than 32768 bytes.',
  },
  OriginZeroSize: {
    ...origin,
    status: 502,
    detail: 'OriginZeroSizeObjectError',
    sentence: 'The origin closed the connection without an answer.',
  },
  OriginError: { ...origin, status: 502, detail: 'OriginError', sentence: 'The origin cannot be used.' },
  AbortedOrigin: {
    ...origin,
    customPage: false,
    closes: true,
    status: 0,
    detail: 'AbortedOrigin',
    sentence: 'The origin stopped in the middle of its response.',
  },
  LambdaValidationError: {
    source: 'function',
    xCache: 'LambdaValidationError',
    customPage: true,
    closes: false,
    status: 502,
    detail: 'LambdaValidationError',
    sentence: 'The Lambda function result failed validation.',
  },
  LambdaExecutionError: {
    source: 'function',
    xCache: 'LambdaExecutionError',
    customPage: true,
    closes: false,
    status: 503,
    detail: 'LambdaExecutionError',
    sentence: 'The Lambda function associated with the distribution is invalid or could not run.',
  },
  LambdaLimitExceeded: {
    source: 'function',
    xCache: 'LambdaLimitExceeded',
    customPage: false,
    closes: false,
    status: 503,
    detail: 'LambdaLimitExceeded',
    sentence: 'The Lambda function is over its limit of concurrent executions.',
  },
  FunctionValidationError: {
    source: 'function',
    xCache: 'FunctionValidationError',
    customPage: false,
    closes: false,
    status: 502,
    detail: 'FunctionValidationError',
    sentence: 'The CloudFront function returned an invalid value.',
  },
  FunctionExecutionError: {
    source: 'function',
    xCache: 'FunctionExecutionError',
    customPage: false,
    closes: false,
    status: 503,
    detail: 'FunctionExecutionError',
    sentence: 'The CloudFront function associated with the distribution is invalid or could not run.',
  },
  FunctionThrottledError: {
    source: 'function',
    xCache: 'FunctionThrottledError',
    customPage: false,
    closes: false,
    status: 503,
    detail: 'FunctionThrottledError',
    sentence: 'The CloudFront function is over its limit.',
  },
  ServiceDraining: {
    source: 'config',
    xCache: 'Error',
    customPage: false,
    closes: true,
    status: 503,
    detail: 'Error',
    sentence: 'This edge is shutting down.',
  },
  InternalError: {
    source: 'internal',
    xCache: 'Error',
    customPage: false,
    closes: false,
    status: 500,
    detail: 'Error',
    sentence: 'The edge failed on this request.',
  },
} as const satisfies Record<string, FaultRow>

export type FaultCode = keyof typeof faults

/**
 * Something that went wrong, as a row of the table and what was found. `message` is for operators and may name
 * addresses; the viewer sees only the row's sentence.
 */
export class Fault extends Error {
  readonly code: FaultCode
  readonly row: FaultRow

  constructor(code: FaultCode, message?: string, options?: { cause?: unknown }) {
    super(message ?? faults[code].sentence, options)
    this.name = 'Fault'
    this.code = code
    this.row = faults[code]
  }
}

/** The fault itself, or an InternalError around anything else that was thrown. */
export function asFault(error: unknown): Fault {
  if (error instanceof Fault) return error
  return new Fault('InternalError', error instanceof Error ? error.message : String(error), { cause: error })
}
