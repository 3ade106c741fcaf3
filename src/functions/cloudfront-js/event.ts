import { STATUS_CODES } from 'node:http'
import { parseCookies } from '../../http/cookies.ts'
import type { HeaderList } from '../../http/header-list.ts'
import { parameterName, parameterValue, splitQuery } from '../../http/query.ts'
import type { EdgeResponse, Passage } from '../../visit.ts'
import { textOf } from '../header-text.ts'
import { isDisallowed } from '../restricted-headers.ts'

/** A header, cookie or query parameter; `multiValue` is there when the name repeats (DG:functions-event-structure). */
export interface FunctionValue {
  readonly value: string
  readonly attributes?: string
  multiValue?: { readonly value: string; readonly attributes?: string }[]
}

export type FunctionValues = Record<string, FunctionValue>

export interface FunctionRequest {
  readonly method: string
  readonly uri: string
  readonly querystring: FunctionValues
  readonly headers: FunctionValues
  readonly cookies: FunctionValues
}

export interface FunctionResponse {
  readonly statusCode: number
  readonly statusDescription: string
  readonly headers: FunctionValues
  readonly cookies: FunctionValues
}

/** The event of a CloudFront Function, version 1.0. */
export interface FunctionEvent {
  readonly version: '1.0'
  readonly context: {
    readonly distributionDomainName: string
    readonly distributionId: string
    readonly eventType: 'viewer-request' | 'viewer-response'
    readonly requestId: string
  }
  readonly viewer: { readonly ip: string }
  readonly request: FunctionRequest
  readonly response?: FunctionResponse
}

/** Gives the value of a `CloudFront-*` header by lower-case name, or undefined when it is not known. */
export type ViewerHeader = (passage: Passage, lowerName: string) => string | undefined

/** The event of viewer-request, with the `CloudFront-*` headers that the policies of the behavior ask for. */
export function functionRequestEvent(passage: Passage, viewerHeader: ViewerHeader): FunctionEvent {
  return {
    version: '1.0',
    context: contextOf(passage, 'viewer-request'),
    viewer: viewerOf(passage),
    request: requestOf(passage, viewerHeader),
  }
}

/** The event of viewer-response: the request as viewer-request left it, and the response about to be sent. */
export function functionResponseEvent(
  passage: Passage,
  response: EdgeResponse,
  viewerHeader: ViewerHeader,
): FunctionEvent {
  return {
    version: '1.0',
    context: contextOf(passage, 'viewer-response'),
    viewer: viewerOf(passage),
    request: requestOf(passage, viewerHeader),
    response: {
      statusCode: response.status,
      statusDescription: STATUS_CODES[response.status] ?? '',
      headers: valuesOf(response.headers, 'set-cookie'),
      cookies: setCookiesOf(response.headers),
    },
  }
}

function contextOf(
  passage: Passage,
  eventType: 'viewer-request' | 'viewer-response',
): FunctionEvent['context'] {
  const { domainName, id } = passage.distribution
  return { distributionDomainName: domainName, distributionId: id, eventType, requestId: passage.request.id }
}

function viewerOf(passage: Passage): FunctionEvent['viewer'] {
  return { ip: passage.request.client.address }
}

function requestOf(passage: Passage, viewerHeader: ViewerHeader): FunctionRequest {
  const { request } = passage
  const headers = valuesOf(request.headers, 'cookie')
  for (const name of passage.behavior.forwarding.cloudFrontHeaders) {
    // The certificate itself is never shown to functions (DG:adding-cloudfront-headers).
    const value = name === 'cloudfront-viewer-cert-pem' ? undefined : viewerHeader(passage, name)
    if (value !== undefined) headers[name] = { value }
  }
  return {
    method: request.method,
    uri: request.path,
    querystring: queryOf(request.query),
    headers,
    cookies: cookiesOf(request.headers),
  }
}

/** A query string by name, everything as it was sent. */
export function queryOf(query: string | undefined): FunctionValues {
  const values = noValues()
  if (query === undefined || query === '') return values
  for (const parameter of splitQuery(query)) {
    if (parameter !== '') add(values, parameterName(parameter), { value: parameterValue(parameter) })
  }
  return values
}

/** The cookies of a request; none where the field is malformed. */
export function cookiesOf(headers: HeaderList): FunctionValues {
  const values = noValues()
  for (const field of headers.getAll('cookie')) {
    for (const { name, value } of parseCookies(field) ?? []) add(values, name, { value: textOf(value) })
  }
  return values
}

/** The cookies that a response sets; attributes are the text behind the first semicolon. */
export function setCookiesOf(headers: HeaderList): FunctionValues {
  const values = noValues()
  for (const field of headers.getAll('set-cookie')) {
    const text = textOf(field)
    const end = text.indexOf(';')
    const pair = end === -1 ? text : text.slice(0, end)
    const equals = pair.indexOf('=')
    if (equals <= 0) continue
    const value = pair.slice(equals + 1).trim()
    const attributes = end === -1 ? '' : text.slice(end + 1).trim()
    add(values, pair.slice(0, equals).trim(), attributes === '' ? { value } : { value, attributes })
  }
  return values
}

function valuesOf(list: HeaderList, cookieField: string): FunctionValues {
  const values = noValues()
  const { raw } = list
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase()
    if (name !== cookieField && !isDisallowed(name)) add(values, name, { value: textOf(raw[i + 1]!) })
  }
  return values
}

/** Without a prototype, because viewers choose the names. */
function noValues(): FunctionValues {
  return Object.create(null) as FunctionValues
}

function add(
  values: FunctionValues,
  name: string,
  entry: { readonly value: string; readonly attributes?: string },
): void {
  const known = values[name]
  if (known === undefined) values[name] = entry
  else if (known.multiValue !== undefined) known.multiValue.push(entry)
  else {
    const { value, attributes } = known
    known.multiValue = [attributes === undefined ? { value } : { value, attributes }, entry]
  }
}
