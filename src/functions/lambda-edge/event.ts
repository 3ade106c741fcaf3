import { STATUS_CODES } from 'node:http'
import type { EdgeResponse, OriginRequest, Passage } from '../../visit.ts'
import type { FunctionEventName } from '../../planned-functions.ts'
import { type LambdaHeaders, lambdaHeadersOf } from './headers.ts'
import { shownBodyBytes } from './limits.ts'
import { lambdaOriginOf, type LambdaOrigin } from './origin.ts'

/** The `body` of a request event, there with `includeBody` (DG:lambda-include-body-access). */
export interface LambdaBody {
  readonly inputTruncated: boolean
  readonly action: 'read-only'
  readonly encoding: 'base64'
  readonly data: string
}

export interface LambdaRequest {
  readonly clientIp: string
  readonly headers: LambdaHeaders
  readonly method: string
  readonly querystring: string
  readonly uri: string
  readonly body?: LambdaBody
  readonly origin?: LambdaOrigin
}

export interface LambdaResponse {
  readonly headers: LambdaHeaders
  readonly status: string
  readonly statusDescription: string
}

/** What is inside `Records[0].cf` (DG:lambda-event-structure). */
export interface LambdaEvent {
  readonly config: {
    readonly distributionDomainName: string
    readonly distributionId: string
    readonly eventType: FunctionEventName
    readonly requestId: string
  }
  readonly request: LambdaRequest
  readonly response?: LambdaResponse
}

/** The whole event as a handler receives it. */
export function wrapLambdaEvent(cf: LambdaEvent): {
  readonly Records: readonly [{ readonly cf: LambdaEvent }]
} {
  return { Records: [{ cf }] }
}

/** The event of viewer-request. `body` is the beginning of the request body when the function asks for it. */
export function viewerRequestEvent(passage: Passage, body: Buffer | undefined): LambdaEvent {
  const request = viewerRequestOf(passage)
  if (body === undefined) return { config: configOf(passage, 'viewer-request'), request }
  return {
    config: configOf(passage, 'viewer-request'),
    request: { ...request, body: bodyOf(body, shownBodyBytes['viewer-request']) },
  }
}

/** The event of origin-request. */
export function originRequestEvent(
  passage: Passage,
  request: OriginRequest,
  body: Buffer | undefined,
): LambdaEvent {
  const shown = originRequestOf(passage, request)
  if (body === undefined) return { config: configOf(passage, 'origin-request'), request: shown }
  return {
    config: configOf(passage, 'origin-request'),
    request: { ...shown, body: bodyOf(body, shownBodyBytes['origin-request']) },
  }
}

/** The event of origin-response: the request as it went to the origin, and what came back. */
export function originResponseEvent(
  passage: Passage,
  request: OriginRequest,
  response: EdgeResponse,
): LambdaEvent {
  return {
    config: configOf(passage, 'origin-response'),
    request: originRequestOf(passage, request),
    response: responseOf(response),
  }
}

/** The event of viewer-response: the viewer's request as viewer-request left it, and what is about to be sent. */
export function viewerResponseEvent(passage: Passage, response: EdgeResponse): LambdaEvent {
  return {
    config: configOf(passage, 'viewer-response'),
    request: viewerRequestOf(passage),
    response: responseOf(response),
  }
}

function configOf(passage: Passage, eventType: FunctionEventName): LambdaEvent['config'] {
  return {
    distributionDomainName: passage.distribution.domainName,
    distributionId: passage.distribution.id,
    eventType,
    requestId: passage.request.id,
  }
}

function viewerRequestOf({ request }: Passage): LambdaRequest {
  return {
    clientIp: request.client.address,
    headers: lambdaHeadersOf(request.headers),
    method: request.method,
    querystring: request.query ?? '',
    uri: request.path,
  }
}

function originRequestOf(passage: Passage, request: OriginRequest): LambdaRequest {
  return {
    clientIp: passage.request.client.address,
    headers: lambdaHeadersOf(request.headers),
    method: request.method,
    origin: lambdaOriginOf(request.origin, passage.request.scheme),
    querystring: request.query ?? '',
    uri: request.path,
  }
}

function responseOf(response: EdgeResponse): LambdaResponse {
  return {
    headers: lambdaHeadersOf(response.headers),
    status: String(response.status),
    statusDescription: STATUS_CODES[response.status] ?? '',
  }
}

/** `seen` may be one byte longer than the limit, which says that there is more. */
function bodyOf(seen: Buffer, limit: number): LambdaBody {
  return {
    inputTruncated: seen.length > limit,
    action: 'read-only',
    encoding: 'base64',
    data: seen.subarray(0, limit).toString('base64'),
  }
}
