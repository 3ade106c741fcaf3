import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { randomUUID } from 'node:crypto'
import type { Clock } from '../../base/clock.ts'
import type { Secret } from '../../base/secret.ts'
import { checkSignature } from './check-signature.ts'
import type { Input } from './input.ts'
import { type Category, operations } from './operations.ts'
import type { Pools } from './pool.ts'
import { PoolError } from './pool-error.ts'

const PREFIX = 'AWSCognitoIdentityProviderService.'
const JSON_TYPE = 'application/x-amz-json-1.1'
const MAX_BODY_BYTES = 131_072
const KEY_SET = /^\/([^/]+)\/\.well-known\/(jwks\.json|openid-configuration)$/

export interface PoolServer extends AsyncDisposable {
  readonly port: number
  /** Calls since the start by operation and answer (`ok`, or the name of the error). */
  readonly counts: ReadonlyMap<string, number>
}

export interface PoolServerOptions {
  readonly pools: Pools
  readonly clock: Clock
  readonly host: string
  readonly port: number
  readonly region: string
  readonly requestsPerSecond: number
  secretOf(accessKeyId: string): Secret | undefined
  report(problem: string): void
}

/** Serves the JSON protocol of the user pool API and the key sets of the pools. */
export async function startPoolServer(options: PoolServerOptions): Promise<PoolServer> {
  const { pools, clock } = options
  const counts = new Map<string, number>()
  const isWithin = createLimit(clock, options.requestsPerSecond)
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, (request, response) => {
    answer(request, response).catch((error: unknown) => {
      options.report(`user-pool: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
      response.destroy()
    })
  })
  server.listen(options.port, options.host)
  await once(server, 'listening')

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    response.setHeader('access-control-allow-origin', '*')
    if (request.method === 'OPTIONS') {
      response.setHeader('access-control-allow-methods', 'POST, GET')
      response.setHeader('access-control-allow-headers', '*, authorization, content-type, x-amz-target')
      response.setHeader('access-control-max-age', '172800')
      response.writeHead(200).end()
      return
    }
    if (request.method === 'GET') return document(request, response)
    response.setHeader(
      'access-control-expose-headers',
      'x-amzn-requestid, x-amzn-errortype, x-amzn-errormessage',
    )
    response.setHeader('x-amzn-requestid', randomUUID())
    response.setHeader('content-type', JSON_TYPE)
    const target = String(request.headers['x-amz-target'])
    const name = target.startsWith(PREFIX) ? target.slice(PREFIX.length) : undefined
    const known = name !== undefined && Object.hasOwn(operations, name) ? name : undefined
    try {
      const body = await readBody(request)
      const result = await call(known, { headers: request.headers, body })
      count(known, 'ok')
      response.end(JSON.stringify(result))
    } catch (error) {
      if (request.destroyed && !request.complete) return
      const told = error instanceof PoolError ? error : internal(error)
      count(known, told.code)
      response.setHeader('x-amzn-errortype', `${told.code}:`)
      response.setHeader('x-amzn-errormessage', headerText(told.message))
      if (!request.complete) response.setHeader('connection', 'close')
      response.writeHead(told.status).end(JSON.stringify({ __type: told.code, message: told.message }))
    }
  }

  async function call(
    name: string | undefined,
    request: { readonly headers: IncomingMessage['headers']; readonly body: Buffer },
  ): Promise<object> {
    if (name === undefined) throw new PoolError('UnknownOperationException', 'Unknown operation.')
    const operation = operations[name]!
    if (operation.isAdmin === true)
      checkSignature(request, {
        nowMs: clock.now(),
        region: options.region,
        secretOf: (id) => options.secretOf(id),
      })
    if (!isWithin(operation.category)) throw new PoolError('TooManyRequestsException', 'Rate exceeded')
    return operation.run(pools, parse(request.body))
  }

  function count(name: string | undefined, outcome: string): void {
    const key = `${name ?? 'unknown'} ${outcome}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }

  function internal(error: unknown): PoolError {
    options.report(`user-pool: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`)
    return new PoolError('InternalErrorException', 'Something went wrong')
  }

  function document(request: IncomingMessage, response: ServerResponse): void {
    const [, poolId = '', name] = KEY_SET.exec((request.url ?? '').split('?')[0]!) ?? []
    response.setHeader('content-type', 'application/json')
    if (!Object.hasOwn(pools.pools, poolId)) {
      response.writeHead(404).end(JSON.stringify({ message: 'There is no such document.' }))
      return
    }
    response.setHeader('cache-control', 'public, max-age=300')
    const issuer = pools.tokens.issuerOf(poolId)
    const body =
      name === 'jwks.json'
        ? pools.tokens.jwks(poolId)
        : {
            issuer,
            jwks_uri: `${issuer}/.well-known/jwks.json`,
            id_token_signing_alg_values_supported: ['RS256'],
            subject_types_supported: ['public'],
          }
    response.end(JSON.stringify(body))
  }

  return {
    port: (server.address() as AddressInfo).port, // A TCP server that listens has one.
    counts,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of request as AsyncIterable<Buffer>) {
    length += piece.length
    if (length > MAX_BODY_BYTES) throw new PoolError('SerializationException', 'The request is too large.')
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function parse(body: Buffer): Input {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch (error) {
    throw new PoolError('SerializationException', 'The body is not JSON.', { cause: error })
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw new PoolError('SerializationException', 'The body is not an object.')
  return value as Input // Just found to be an object.
}

/** Calls of one category in one second of the clock. */
function createLimit(clock: Clock, perSecond: number): (category: Category) => boolean {
  let second = 0
  const used = new Map<Category, number>()
  return (category) => {
    const now = Math.floor(clock.now() / 1000)
    if (now !== second) {
      second = now
      used.clear()
    }
    const count = (used.get(category) ?? 0) + 1
    used.set(category, count)
    return count <= perSecond
  }
}

/** A message may quote what the caller sent. */
function headerText(message: string): string {
  return message.replace(/[^\x20-\x7e]/g, '?').slice(0, 512)
}
