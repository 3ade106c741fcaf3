import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import { Fault } from '../../faults.ts'
import { Body, BodyTooLargeError } from '../../http/body.ts'
import { HeaderList } from '../../http/header-list.ts'
import type { PlannedOrigin } from '../../plan.ts'
import type { FunctionResult } from '../../rooms.ts'
import type { EdgeResponse, OriginRequest, Passage, ViewerRequest } from '../../visit.ts'
import type { Hooks } from '../module.ts'
import { asAdmin, signedHeaders } from './as-admin.ts'
import type { CognitoProxyConfig } from './config.ts'
import { createCors } from './cors.ts'
import { operations, TARGET_PREFIX } from './operations.ts'
import { ProxyError } from './proxy-error.ts'
import type { Quotas } from './quotas.ts'
import { readInput, type Supplied, supply } from './supply.ts'

const JSON_TYPE = 'application/x-amz-json-1.1'
/** Of a viewer's headers, what a pool may know. */
const PASSED = ['user-agent', 'x-amz-user-agent', 'accept-language'] as const
/** What the edge tells threat protection of a browser. */
const TOLD = ['user-agent', 'accept-language'] as const
/** What a call with credentials of AWS consists of. */
const SIGNED = [
  'content-type',
  'x-amz-target',
  'x-amz-date',
  'x-amz-security-token',
  'x-amz-content-sha256',
  'authorization',
] as const
const NAME = /^[A-Za-z]{1,64}$/

/** What the hooks of a behavior work with. */
export interface ProxyNeeds {
  readonly config: CognitoProxyConfig
  readonly clock: Clock
  readonly quotas: Quotas
  valueOf(secret: string): Secret | undefined
  /** For operators. */
  warn(message: string): void
}

/** The hooks of a behavior before a user pool. */
export function createProxyHooks(needs: ProxyNeeds): Hooks {
  const { config } = needs
  const cors = createCors(config.cors)

  function refuse(passage: Passage, error: ProxyError): EdgeResponse {
    note(passage, error.code)
    passage.visit.cause = `cognito-proxy: ${error.message}`
    const headers = HeaderList.of({
      'Content-Type': JSON_TYPE,
      'Cache-Control': 'no-store',
      'x-amzn-errortype': `${error.code}:`,
      'x-amzn-requestid': randomUUID(),
    })
    cors.apply(headers, passage.request.headers.get('origin'))
    if (error.status === 405) headers.append('Allow', 'OPTIONS, POST')
    const body = Body.bytes(JSON.stringify({ __type: error.code, message: error.message }))
    return { status: error.status, headers, body }
  }

  function viewerRequest(passage: Passage): FunctionResult {
    const { request } = passage
    if (request.method === 'OPTIONS') {
      request.body.discard()
      const headers = cors.preflight(request.headers.get('origin'))
      return { kind: 'answered', response: { status: 204, headers, body: Body.none() } }
    }
    try {
      const name = targetOf(request)
      note(passage, name)
      if (!Object.hasOwn(operations, name) && config.otherOperations === 'refuse')
        throw new ProxyError('UnknownOperationException', `The operation ${name} is not available here.`)
      return { kind: 'continue' }
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      request.body.discard()
      return { kind: 'answered', response: refuse(passage, error) }
    }
  }

  async function send(
    passage: Passage,
    request: OriginRequest,
    next: (passage: Passage, request: OriginRequest) => EdgeResponse | Fault | Promise<EdgeResponse | Fault>,
  ): Promise<EdgeResponse | Fault> {
    let response: EdgeResponse | Fault
    try {
      response = await next(passage, await prepare(passage, request))
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error
      return refuse(passage, error)
    }
    if (response instanceof Fault) {
      // With a second origin the edge goes on to that.
      if (passage.behavior.origins.length > 1) return response
      needs.warn(`cognito-proxy: the user pool does not answer: ${response.message}`)
      return refuse(passage, new ProxyError('ServiceUnavailableException', 'The user pool does not answer.'))
    }
    const problem = response.headers.get('x-amzn-errortype')
    if (problem !== undefined) note(passage, problem.replace(/[^A-Za-z].*$/s, '').slice(0, 64))
    cors.apply(response.headers, passage.request.headers.get('origin'))
    return response
  }

  /** The call as the pool is sent it. Throws a ProxyError. */
  async function prepare(passage: Passage, request: OriginRequest): Promise<OriginRequest> {
    const name = targetOf(passage.request)
    const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
    if (operation === undefined) return asItIs(passage, request)
    const bytes = await read(request.body)
    const { address } = passage.request.client
    const supplied = supply(name, operation, readInput(bytes), {
      secretOf: (clientId) => {
        const client = Object.hasOwn(config.clients, clientId) ? config.clients[clientId] : undefined
        return client && valueOf(client.secret)
      },
      viewerAddress: config.viewerAddress || config.advancedSecurity !== undefined ? address : undefined,
    })
    needs.quotas.count(supplied.operation.category)
    const { admin } = supplied.operation
    if (config.advancedSecurity !== undefined && admin !== undefined && supplied.body !== undefined)
      return signed(passage, request, supplied.body, admin, config.advancedSecurity)
    const headers = HeaderList.of({
      Host: hostOf(request.origin),
      'Content-Type': JSON_TYPE,
      'X-Amz-Target': TARGET_PREFIX + supplied.name,
    })
    // Where a token is the proof, the bytes go as they came.
    const body = supplied.body === undefined ? bytes : Buffer.from(JSON.stringify(supplied.body))
    return call(passage, request, headers, body)
  }

  /** What a caller has signed itself is for the host of the pool. */
  function asItIs(passage: Passage, request: OriginRequest): OriginRequest {
    const headers = new HeaderList(['Host', hostOf(request.origin)])
    for (const name of SIGNED) {
      const value = passage.request.headers.get(name)
      if (value !== undefined) headers.append(name, value)
    }
    return { ...request, path: '/', query: undefined, headers }
  }

  function signed(
    passage: Passage,
    request: OriginRequest,
    input: NonNullable<Supplied['body']>,
    name: string,
    security: NonNullable<CognitoProxyConfig['advancedSecurity']>,
  ): OriginRequest {
    const viewer = passage.request
    const admin = asAdmin(input, security, {
      address: viewer.client.address,
      host: viewer.host,
      path: viewer.path,
      headers: TOLD.flatMap((each) => {
        const value = viewer.headers.get(each)
        return value === undefined ? [] : [[each, value] as const]
      }),
    })
    const body = Buffer.from(JSON.stringify(admin))
    const host = hostOf(request.origin)
    const credentials = {
      secretAccessKey: valueOf(security.secretAccessKey),
      sessionToken: security.sessionToken === undefined ? undefined : valueOf(security.sessionToken),
    }
    const headers = signedHeaders(
      { host, contentType: JSON_TYPE, name, body },
      security,
      credentials,
      needs.clock.now(),
    )
    return call(passage, request, new HeaderList(headers.flat()), body)
  }

  function call(passage: Passage, request: OriginRequest, headers: HeaderList, body: Buffer): OriginRequest {
    for (const name of PASSED) {
      const value = passage.request.headers.get(name)
      if (value !== undefined) headers.append(name, value)
    }
    return { ...request, method: 'POST', path: '/', query: undefined, headers, body: Body.bytes(body) }
  }

  async function read(body: Body): Promise<Buffer> {
    try {
      return await body.collect(config.maxBodyBytes)
    } catch (error) {
      if (error instanceof BodyTooLargeError)
        throw new ProxyError(
          'RequestTooLargeException',
          `The body is larger than ${config.maxBodyBytes} bytes.`,
        )
      throw new ProxyError('SerializationException', 'The body ended before it was complete.', {
        cause: error,
      })
    }
  }

  function valueOf(secret: string): Secret {
    const value = needs.valueOf(secret)
    if (value !== undefined) return value
    needs.warn(`cognito-proxy: there is no secret "${secret}"; set it with "edgeward secrets set ${secret}"`)
    throw new ProxyError('InternalErrorException', 'The proxy is not set up completely.')
  }

  return {
    viewerRequest,
    send,
    explain: ({ request }) => {
      try {
        const name = targetOf(request)
        const operation = Object.hasOwn(operations, name) ? operations[name] : undefined
        return [{ stage: 'send', says: `cognito-proxy: ${name}: ${describe(operation?.proof.kind, config)}` }]
      } catch (error) {
        if (!(error instanceof ProxyError)) throw error
        return [{ stage: 'viewer-request', says: `cognito-proxy: refused: ${error.message}` }]
      }
    },
  }
}

/** The operation of a call, whatever it is. Throws a ProxyError for what is no call. */
function targetOf(request: ViewerRequest): string {
  if (request.method !== 'POST')
    throw new ProxyError('MethodNotAllowedException', 'Calls of the user pool API are POST.')
  if (request.headers.count('x-amz-target') !== 1 || request.headers.count('content-type') !== 1)
    throw new ProxyError('UnknownOperationException', 'A call has one X-Amz-Target and one Content-Type.')
  const type = request.headers.get('content-type')!.split(';', 1)[0]!.trim().toLowerCase()
  if (type !== JSON_TYPE)
    throw new ProxyError('UnsupportedMediaTypeException', `The content type of a call is ${JSON_TYPE}.`)
  if ((request.headers.get('content-encoding') ?? 'identity') !== 'identity')
    throw new ProxyError('UnsupportedMediaTypeException', 'The body of a call is not encoded.')
  const target = request.headers.get('x-amz-target')!
  const name = target.startsWith(TARGET_PREFIX) ? target.slice(TARGET_PREFIX.length) : ''
  if (!NAME.test(name))
    throw new ProxyError('UnknownOperationException', `X-Amz-Target begins with ${TARGET_PREFIX}.`)
  return name
}

/** Operation and outcome in the log, behind what a function of the user wrote. */
function note(passage: Passage, word: string): void {
  const { visit } = passage
  const before = visit.viewerRequestLogData
  if (before === undefined) visit.viewerRequestLogData = `cognito ${word}`
  else
    visit.viewerRequestLogData = /(?:^| )cognito \w+$/.test(before)
      ? `${before} ${word}`
      : `${before} cognito ${word}`
}

function describe(
  kind: string | undefined,
  { otherOperations, advancedSecurity }: CognitoProxyConfig,
): string {
  if (kind === undefined)
    return otherOperations === 'refuse' ? 'refused, it is not for app clients' : 'passes as it is'
  if (kind === 'token') return 'passes as it is, its token is the proof'
  return kind === 'client-secret'
    ? 'gets ClientSecret, which is [secret]'
    : `gets SECRET_HASH${advancedSecurity === undefined ? '' : ', sign-ins as a signed Admin call'}`
}

function hostOf(origin: PlannedOrigin): string {
  if (origin.kind !== 'url') return origin.domainName
  const [port, usual] = origin.protocol === 'http' ? [origin.httpPort, 80] : [origin.httpsPort, 443]
  return port === usual ? origin.domainName : `${origin.domainName}:${port}`
}
