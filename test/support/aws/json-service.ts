import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import { loadModel } from './model.ts'

/** An error that the service answers with. */
export class ServiceError extends Error {
  readonly status: number

  constructor(name: string, message: string, status = 400) {
    super(message)
    this.name = name
    this.status = status
  }
}

export type Input = Readonly<Record<string, unknown>>

export interface FakeService extends AsyncDisposable {
  readonly endpoint: string
  /** Operations in the order they came. */
  readonly calls: { readonly operation: string; readonly input: Input }[]
}

/**
 * A service of AWS that speaks JSON over a real socket: requests must be signed and fit AWS's own model; what they do
 * is `operations`, which throw ServiceErrors.
 */
export async function jsonService(
  modelFile: string,
  operations: Readonly<Record<string, (input: Input) => unknown>>,
): Promise<FakeService> {
  const model = loadModel(modelFile)
  const calls: { operation: string; input: Input }[] = []
  return await serve(calls, async (request, response) => {
    const [prefix, operation = ''] = String(request.headers['x-amz-target']).split('.')
    if (prefix !== model.targetPrefix) throw new ServiceError('UnknownOperationException', `target ${prefix}`)
    // Requests of these services are objects.
    const input = JSON.parse(await text(request)) as Input
    calls.push({ operation, input })
    const problem = model.problem(operation, input)
    if (problem !== undefined) throw new ServiceError('ValidationException', problem)
    const run = operations[operation]
    if (run === undefined) throw new ServiceError('UnknownOperationException', operation)
    response.setHeader('content-type', 'application/x-amz-json-1.1')
    response.end(JSON.stringify(run(input) ?? {}))
  })
}

/** A server on a free port that refuses what is not signed and answers ServiceErrors as JSON. */
export async function serve(
  calls: FakeService['calls'],
  handle: (request: IncomingMessage, response: ServerResponse) => Promise<void>,
  writeError: (error: ServiceError) => { readonly type: string; readonly body: string } = (error) => ({
    type: 'application/x-amz-json-1.1',
    body: JSON.stringify({ __type: error.name, Message: error.message, message: error.message }),
  }),
): Promise<FakeService> {
  const server = createServer((request, response) => {
    signed(request)
      .then(() => handle(request, response))
      .catch((error: unknown) => {
        const said =
          error instanceof ServiceError ? error : new ServiceError('InternalServiceError', String(error), 500)
        const { type, body } = writeError(said)
        response.writeHead(said.status, { 'content-type': type }).end(body)
      })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    calls,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

async function signed(request: IncomingMessage): Promise<void> {
  const authorization = request.headers.authorization ?? ''
  if (
    /^AWS4-HMAC-SHA256 Credential=\S+\/aws4_request, SignedHeaders=\S+, Signature=[0-9a-f]{64}$/.test(
      authorization,
    )
  )
    return await Promise.resolve()
  throw new ServiceError('MissingAuthenticationToken', 'the request is not signed', 403)
}
