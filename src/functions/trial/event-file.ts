import { HeaderList } from '../../http/header-list.ts'
import type { FunctionEventName, FunctionKind } from '../../planned-functions.ts'
import type { FunctionEvent, FunctionValues } from '../cloudfront-js/event.ts'
import { plainList } from '../cloudfront-js/values.ts'
import { capitalised, wireOf } from '../header-text.ts'
import type { LambdaEvent, LambdaRequest } from '../lambda-edge/event.ts'
import type { LambdaHeaders } from '../lambda-edge/headers.ts'
import type { Question } from '../question.ts'

/** An event that cannot be read; the message says what was expected and what to do. */
export class EventError extends Error {
  constructor(message: string) {
    super(message)
    this.name = 'EventError'
  }
}

/** A question made of an event, and what was filled in to make it whole. */
export interface ReadEvent {
  readonly question: Question
  readonly notes: readonly string[]
}

type Fields = Readonly<Record<string, unknown>>

const EVENTS: readonly string[] = ['viewer-request', 'origin-request', 'origin-response', 'viewer-response']

/**
 * Reads an event as people keep it in files: that of the function's kind, whole or with parts left out, or one of API
 * Gateway, as `sam init` writes it. `at` says which of the four events it is, where the file does not or should not.
 */
export function readEvent(kind: FunctionKind, json: unknown, at?: FunctionEventName): ReadEvent {
  const root = objectOf(json)
  if (root === undefined) throw new EventError('the event must be a JSON object')
  const records = root['Records']
  const isLambda = Array.isArray(records) && objectOf(objectOf(records[0])?.['cf']) !== undefined
  const isCloudFront = objectOf(root['request']) !== undefined && records === undefined
  if (kind === 'cloudfront') {
    if (isCloudFront) return readCloudFrontEvent(root, at)
    throw new EventError(
      `the event is not one of CloudFront Functions: expected { version, context, viewer, request }${isLambda ? '; this is an event of Lambda@Edge' : ''}`,
    )
  }
  if (isLambda) return readLambdaEvent(objectOf(objectOf(records[0])?.['cf'])!, at, [])
  if (typeof root['httpMethod'] === 'string') return readGatewayEvent(root, at)
  throw new EventError(
    `the event is not one of Lambda@Edge: expected { Records: [{ cf: { config, request } }] }${isCloudFront ? '; this is an event of CloudFront Functions' : ''}`,
  )
}

function readLambdaEvent(cf: Fields, at: FunctionEventName | undefined, notes: string[]): ReadEvent {
  const config = objectOf(cf['config']) ?? {}
  const request = objectOf(cf['request'])
  const response = objectOf(cf['response'])
  const guessed =
    response !== undefined
      ? 'origin-response'
      : request?.['origin'] === undefined
        ? 'viewer-request'
        : 'origin-request'
  const event = eventOf(config['eventType'], at, guessed, 'config.eventType', notes)
  const isResponse = event.endsWith('-response')
  if (request === undefined) notes.push('request is missing: taken as GET /')
  if (isResponse && response === undefined) notes.push('response is missing: taken as 200 without headers')
  const shownRequest: LambdaRequest = {
    clientIp: '203.0.113.178',
    method: 'GET',
    querystring: '',
    uri: '/',
    // Whatever else the event has goes to the function as it is.
    ...(request as Partial<LambdaRequest> | undefined),
    headers: lambdaHeaders(request?.['headers'], 'request.headers'),
  }
  const shown: LambdaEvent = {
    config: {
      distributionDomainName: 'd111111abcdef8.cloudfront.net',
      distributionId: 'EDFDVBD6EXAMPLE',
      requestId: '4TyzHTaYWb1GX1qTfsHhEqV6HUDd_BzoBZnwfnvQc_1oF26ClkoUSEQ==',
      ...config,
      eventType: event,
    },
    request: shownRequest,
    ...(isResponse
      ? {
          response: {
            status: '200',
            statusDescription: 'OK',
            ...response,
            headers: lambdaHeaders(response?.['headers'], 'response.headers'),
          },
        }
      : {}),
  }
  const headers = headersOfLambda(isResponse ? shown.response!.headers : shownRequest.headers)
  const question: Question = {
    kind: 'lambda-edge',
    event,
    passage: undefined,
    shown,
    json: JSON.stringify({ Records: [{ cf: shown }] }),
    headers,
  }
  return { question, notes }
}

/** What an API Gateway would have been sent, as CloudFront would have been sent it. */
function readGatewayEvent(root: Fields, at: FunctionEventName | undefined): ReadEvent {
  const headers: Record<string, { key: string; value: string }[]> = {}
  for (const [key, value] of Object.entries(objectOf(root['headers']) ?? {})) {
    const name = key.toLowerCase()
    // An edge function never sees these.
    if (name === 'x-forwarded-proto' || name === 'x-amz-cf-id') continue
    headers[name] = [{ key, value: String(value) }]
  }
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(objectOf(root['queryStringParameters']) ?? {}))
    query.append(name, String(value))
  const identity = objectOf(objectOf(root['requestContext'])?.['identity'])
  const request: Fields = {
    clientIp: typeof identity?.['sourceIp'] === 'string' ? identity['sourceIp'] : '203.0.113.178',
    headers,
    method: root['httpMethod'],
    querystring: query.toString(),
    uri: typeof root['path'] === 'string' ? root['path'] : '/',
  }
  return readLambdaEvent({ request }, at, ['an event of API Gateway, translated'])
}

function readCloudFrontEvent(root: Fields, at: FunctionEventName | undefined): ReadEvent {
  const notes: string[] = []
  const context = objectOf(root['context']) ?? {}
  const request = objectOf(root['request'])!
  const response = objectOf(root['response'])
  const guessed = response === undefined ? 'viewer-request' : 'viewer-response'
  const event = eventOf(context['eventType'], at, guessed, 'context.eventType', notes)
  if (event !== 'viewer-request' && event !== 'viewer-response')
    throw new EventError(
      `a CloudFront Function cannot run at ${event}; it runs at viewer-request and viewer-response`,
    )
  if (event === 'viewer-response' && response === undefined)
    notes.push('response is missing: taken as 200 without headers')
  const querystring = (objectOf(request['querystring']) ?? {}) as FunctionValues
  const shown: FunctionEvent = {
    version: '1.0',
    context: {
      distributionDomainName: 'd111111abcdef8.cloudfront.net',
      distributionId: 'EDFDVBD6EXAMPLE',
      requestId: 'EXAMPLEntjQpEXAMPLE_SG5Z-EXAMPLEPmPfEXAMPLEu3EqEXAMPLE==',
      ...context,
      eventType: event,
    },
    viewer: { ip: '203.0.113.178', ...objectOf(root['viewer']) },
    request: {
      method: 'GET',
      uri: '/',
      ...request,
      querystring,
      headers: values(request['headers'], 'request.headers'),
      cookies: values(request['cookies'], 'request.cookies'),
    },
    ...(event === 'viewer-response'
      ? {
          response: {
            statusCode: 200,
            statusDescription: 'OK',
            ...response,
            headers: values(response?.['headers'], 'response.headers'),
            cookies: values(response?.['cookies'], 'response.cookies'),
          },
        }
      : {}),
  }
  const question: Question = {
    kind: 'cloudfront',
    event,
    passage: undefined,
    shown,
    json: JSON.stringify(shown),
    headers: headersOfValues(shown),
    rawQuery: queryOf(querystring),
  }
  return { question, notes }
}

function eventOf(
  given: unknown,
  at: FunctionEventName | undefined,
  guessed: FunctionEventName,
  field: string,
  notes: string[],
): FunctionEventName {
  if (at !== undefined) {
    if (given !== undefined && given !== at) notes.push(`run at ${at}, although ${field} is ${String(given)}`)
    return at
  }
  if (given === undefined) {
    notes.push(`${field} is missing: taken as ${guessed}`)
    return guessed
  }
  if (typeof given === 'string' && EVENTS.includes(given)) return given as FunctionEventName
  throw new EventError(`${field} is ${JSON.stringify(given)}; expected ${EVENTS.join(', ')}`)
}

function lambdaHeaders(value: unknown, field: string): LambdaHeaders {
  const fields = value === undefined ? {} : objectOf(value)
  if (fields === undefined) throw new EventError(`${field} must be an object of header names`)
  for (const [name, lines] of Object.entries(fields)) {
    const isRight =
      Array.isArray(lines) && lines.every((line) => typeof objectOf(line)?.['value'] === 'string')
    if (!isRight) throw new EventError(`${field}.${name} must be an array of { key, value }`)
  }
  return fields as LambdaHeaders
}

function headersOfLambda(headers: LambdaHeaders): HeaderList {
  const list = new HeaderList()
  for (const [name, lines] of Object.entries(headers))
    for (const { key, value } of lines) list.append(key ?? capitalised(name), wireOf(value))
  return list
}

function values(value: unknown, field: string): FunctionValues {
  const fields = value === undefined ? {} : objectOf(value)
  if (fields === undefined) throw new EventError(`${field} must be an object of names`)
  for (const [name, each] of Object.entries(fields)) {
    if (typeof objectOf(each)?.['value'] !== 'string')
      throw new EventError(`${field}.${name} must be an object with a "value"`)
  }
  return fields as FunctionValues
}

function headersOfValues({ request, response }: FunctionEvent): HeaderList {
  const list = new HeaderList()
  const { headers, cookies } = response ?? request
  for (const [name, value] of Object.entries(headers))
    for (const each of plainList(value)) list.append(capitalised(name), wireOf(each.value))
  const pairs = Object.entries(cookies).flatMap(([name, value]) =>
    plainList(value).map(({ value: text, attributes }) =>
      attributes === undefined ? `${name}=${text}` : `${name}=${text}; ${attributes}`,
    ),
  )
  if (response === undefined) {
    if (pairs.length > 0) list.append('Cookie', wireOf(pairs.join('; ')))
  } else for (const pair of pairs) list.append('Set-Cookie', wireOf(pair))
  return list
}

function queryOf(querystring: FunctionValues): string | undefined {
  const parts = Object.entries(querystring).flatMap(([name, value]) =>
    plainList(value).map((each) => `${name}=${each.value}`),
  )
  return parts.length === 0 ? undefined : parts.join('&')
}

function objectOf(value: unknown): Fields | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : undefined
}
