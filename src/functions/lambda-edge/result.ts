import { HeaderList } from '../../http/header-list.ts'
import { decodeBase64 } from '../base64.ts'
import { pages, type Problems } from '../problems.ts'
import { checkQuery, checkTargetLength, checkUri, encodeTarget, shorten, typeName } from '../target.ts'
import type { LambdaRequest, LambdaResponse } from './event.ts'
import { applyLambdaHeaders, headerBytes, type LambdaHeaders } from './headers.ts'
import { returnedLimits } from './limits.ts'
import { type ChosenOrigin, readLambdaOrigin } from './origin.ts'

/** A request as a function left it; what it did not touch is undefined, and `headers` is the given list then. */
export interface ChangedRequest {
  readonly kind: 'request'
  readonly uri: string | undefined
  readonly query: string | undefined
  readonly headers: HeaderList
  /** Bytes to send instead of the viewer's body. */
  readonly body: Buffer | undefined
  readonly origin: ChosenOrigin | undefined
}

/** A response that a function made or changed. */
export interface ChangedResponse {
  readonly kind: 'response'
  readonly status: number
  readonly headers: HeaderList
  /** Undefined where the body stays as it is (for a generated response: where it is empty). */
  readonly body: Buffer | undefined
}

const NO_HEADERS: LambdaHeaders = {}
const isStatusText = /^[0-9]{3}$/

/** Reads what a viewer-request or origin-request function returned. Broken rules are noted in `problems`. */
export function readRequestResult(
  returned: unknown,
  shown: LambdaRequest,
  original: HeaderList,
  problems: Problems,
): ChangedRequest | ChangedResponse {
  const result = objectOf(returned, 'the result', problems)
  if (result.status !== undefined) return readGenerated(result, problems)
  if (result.headers === undefined && result.uri === undefined && result.method === undefined) {
    problems.invalid('the result', 'must be a request or a response with a status', pages.lambdaEvent)
    return {
      kind: 'request',
      uri: undefined,
      query: undefined,
      headers: original,
      body: undefined,
      origin: undefined,
    }
  }
  keepReadOnly(result, shown, problems)
  const uri = result.uri === shown.uri ? undefined : result.uri
  const query = result.querystring === shown.querystring ? undefined : result.querystring
  const hasUri = uri !== undefined && checkUri(uri, 'request.uri', problems)
  const hasQuery = query !== undefined && checkQuery(query, 'request.querystring', problems)
  if (uri === undefined && result.uri === undefined && shown.uri !== undefined) {
    problems.invalid('request.uri', 'is missing', pages.lambdaEvent)
  }
  if (hasUri || hasQuery) {
    checkTargetLength(hasUri ? uri : shown.uri, hasQuery ? query : shown.querystring, 'request.uri', problems)
  }
  const headers =
    result.headers === undefined && shown.headers === undefined
      ? original
      : applyLambdaHeaders(
          original,
          shown.headers ?? NO_HEADERS,
          result.headers ?? {},
          'request.headers',
          problems,
        )
  return {
    kind: 'request',
    uri: hasUri ? encodeTarget(uri) : undefined,
    query: hasQuery ? encodeTarget(query) : undefined,
    headers,
    body: readRequestBody(result.body, problems),
    origin: readOrigin(result, shown, problems),
  }
}

/** Reads what an origin-response or viewer-response function returned. Broken rules are noted in `problems`. */
export function readResponseResult(
  returned: unknown,
  shown: LambdaResponse,
  original: HeaderList,
  problems: Problems,
): ChangedResponse {
  const result = objectOf(returned, 'the result', problems)
  const status = readStatus(result.status, problems)
  if (
    problems.event === 'viewer-response' &&
    status !== undefined &&
    String(status) !== String(shown.status)
  ) {
    problems.invalid(
      'response.status',
      `cannot be changed (from ${shown.status} to ${status})`,
      pages.lambdaRestrictions,
    )
  }
  const headers = applyLambdaHeaders(
    original,
    shown.headers ?? NO_HEADERS,
    result.headers ?? {},
    'response.headers',
    problems,
  )
  // A viewer-response function has no body to give: it is not documented, and what is there is left alone.
  const body = problems.event === 'viewer-response' ? undefined : readResponseBody(result, problems)
  if (body !== undefined) checkWhole(result, headers, problems)
  return { kind: 'response', status: status ?? Number(shown.status), headers, body }
}

function readGenerated(result: Readonly<Record<string, unknown>>, problems: Problems): ChangedResponse {
  const status = readStatus(result.status, problems)
  // Nothing was there before: whatever stands in a list of restricted headers counts as added.
  const headers = applyLambdaHeaders(
    new HeaderList(),
    NO_HEADERS,
    result.headers ?? {},
    'response.headers',
    problems,
  )
  const body = readResponseBody(result, problems)
  checkWhole(result, headers, problems)
  if (problems.event === 'viewer-request' && status === 204 && body !== undefined && body.length > 0) {
    problems.invalid('response.body', 'must be left out with status 204', pages.lambdaResponse)
  }
  return { kind: 'response', status: status ?? 500, headers, body: body ?? EMPTY }
}

const EMPTY = Buffer.alloc(0)

function readOrigin(
  result: Readonly<Record<string, unknown>>,
  shown: LambdaRequest,
  problems: Problems,
): ChosenOrigin | undefined {
  // Only origin-request chooses an origin; without a shown origin there is nothing to keep.
  if (problems.event !== 'origin-request' || result.origin === undefined) return undefined
  if (shown.origin !== undefined && isSameJson(shown.origin, result.origin)) return undefined
  const headers = typeof result.headers === 'object' && result.headers !== null ? result.headers : {}
  return readLambdaOrigin(result.origin, shown.origin, headers as Readonly<Record<string, unknown>>, problems)
}

function keepReadOnly(
  result: Readonly<Record<string, unknown>>,
  shown: LambdaRequest,
  problems: Problems,
): void {
  for (const field of ['method', 'clientIp'] as const) {
    if (result[field] !== undefined && result[field] !== shown[field]) {
      problems.invalid(`request.${field}`, 'is read-only: the function tried to change it', pages.lambdaEvent)
    }
  }
}

/** Statuses a function may give: 200 to 599, as a number or as its three digits (DG:lambda-generating-http-responses). */
function readStatus(status: unknown, problems: Problems): number | undefined {
  const value = typeof status === 'string' && isStatusText.test(status) ? Number(status) : status
  if (typeof value === 'number' && Number.isInteger(value) && value >= 200 && value <= 599) return value
  const said =
    typeof status === 'string'
      ? `"${shorten(status)}"`
      : typeof status === 'number'
        ? String(status)
        : typeName(status)
  problems.invalid(
    'response.status',
    `must be a number from 200 to 599, and is ${said}`,
    pages.lambdaResponse,
  )
  return undefined
}

function readRequestBody(body: unknown, problems: Problems): Buffer | undefined {
  if (body === undefined || body === null) return undefined
  const { action, encoding, data } = objectOf(body, 'request.body', problems)
  if (action === 'read-only' || action === undefined) return undefined
  if (action !== 'replace') {
    problems.invalid('request.body.action', 'must be "read-only" or "replace"', pages.lambdaBody)
    return undefined
  }
  return readEncoded(
    data,
    encoding ?? 'base64',
    'request.body.data',
    'request.body.encoding',
    pages.lambdaBody,
    problems,
  )
}

function readResponseBody(result: Readonly<Record<string, unknown>>, problems: Problems): Buffer | undefined {
  const { body, bodyEncoding } = result
  if (body === undefined || body === null) return undefined
  return readEncoded(
    body,
    bodyEncoding ?? 'text',
    'response.body',
    'response.bodyEncoding',
    pages.lambdaResponse,
    problems,
  )
}

function readEncoded(
  data: unknown,
  encoding: unknown,
  field: string,
  encodingField: string,
  page: string,
  problems: Problems,
): Buffer | undefined {
  if (typeof data !== 'string') {
    problems.invalid(field, `must be a string, and is ${typeName(data)}`, page)
    return undefined
  }
  if (encoding !== 'text' && encoding !== 'base64') {
    problems.invalid(encodingField, 'must be "text" or "base64"', page)
    return undefined
  }
  const limit = returnedLimits[problems.event][encoding]
  const bytes = encoding === 'text' ? Buffer.byteLength(data) : data.length
  if (bytes > limit) {
    problems.invalid(field, `must be at most ${limit} bytes of ${encoding}, and is ${bytes}`, pages.limits)
    return undefined
  }
  if (encoding === 'text') return Buffer.from(data)
  const decoded = decodeBase64(data)
  if (decoded === undefined) problems.invalid(field, 'is not valid base64', page)
  return decoded
}

/** Body and headers of a response together stay within the limit of the event. */
function checkWhole(
  result: Readonly<Record<string, unknown>>,
  headers: HeaderList,
  problems: Problems,
): void {
  const { body, bodyEncoding } = result
  if (typeof body !== 'string') return
  const isBase64 = bodyEncoding === 'base64'
  const limit = returnedLimits[problems.event][isBase64 ? 'base64' : 'text']
  const bodyBytes = isBase64 ? body.length : Buffer.byteLength(body)
  const bytes = bodyBytes + headerBytes(headers)
  if (bodyBytes > limit || bytes <= limit) return
  problems.invalid(
    'the response',
    `must be at most ${limit} bytes with its headers, and is ${bytes}`,
    pages.limits,
  )
}

function objectOf(value: unknown, field: string, problems: Problems): Readonly<Record<string, unknown>> {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
    return value as Readonly<Record<string, unknown>>
  }
  problems.invalid(field, `must be an object, and is ${typeName(value)}`, pages.lambdaEvent)
  // A stand-in that draws no further complaints.
  return field === 'the result' ? STAND_IN : {}
}

const STAND_IN = { status: '200', headers: {} } as const

/** Whether two plain values are the same, in whatever order their keys stand. */
function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const ours = Object.entries(a)
  const theirs = b as Readonly<Record<string, unknown>>
  if (ours.length !== Object.keys(theirs).length) return false
  return ours.every(([key, value]) => isSameJson(value, theirs[key]))
}
