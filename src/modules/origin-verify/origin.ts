import type { IncomingMessage, ServerResponse } from 'node:http'
import type { OriginVerifier } from './verifier.ts'

export { createOriginVerifier } from './verifier.ts'
export type { OriginVerifier, VerifierOptions, VerifierSource } from './verifier.ts'
export type { Accepted } from './accepted.ts'

/** What who came around the edge is told. */
const REFUSAL = 'Forbidden: this origin answers only what comes through its edge.\n'
const REFUSAL_HEADERS = {
  'content-type': 'text/plain; charset=utf-8',
  // Should a cache stand between, it must not keep this for those who come the right way.
  'cache-control': 'no-store',
}

/** Settings of every middleware. */
export interface CheckOptions {
  /** Paths, without query, that are answered without the header: the health check of a load balancer, for example. */
  readonly exempt?: readonly string[]
}

/**
 * A handler of `node:http` that is reached only by requests with the secret header; the others get 403.
 * The header is taken out of the request, so that no log of the application shows it.
 *
 * @example
 * ```ts
 * import { createServer } from 'node:http'
 * import { createOriginVerifier, nodeOriginVerify } from 'edgeward/origin-verify'
 *
 * const verifier = createOriginVerifier({ file: '/run/edgeward/accepted.json' })
 * createServer(nodeOriginVerify(verifier, (request, response) => response.end('hello'))).listen(9001)
 * ```
 */
export function nodeOriginVerify(
  verifier: OriginVerifier,
  handler: (request: IncomingMessage, response: ServerResponse) => void,
  options: CheckOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  const passes = createCheck(verifier, options)
  return (request, response) => {
    if (passes(request)) handler(request, response)
    else refuse(response)
  }
}

/**
 * Middleware for Express (and Connect): `app.use(expressOriginVerify(verifier))`, before everything else.
 */
export function expressOriginVerify(
  verifier: OriginVerifier,
  options: CheckOptions = {},
): (request: IncomingMessage, response: ServerResponse, next: () => void) => void {
  const passes = createCheck(verifier, options)
  return (request, response, next) => {
    if (passes(request)) next()
    else refuse(response)
  }
}

/** What of a Fastify reply is used here. */
interface FastifyReplyLike {
  code(status: number): FastifyReplyLike
  headers(values: Record<string, string>): FastifyReplyLike
  send(payload: string): unknown
}

/**
 * A hook for Fastify: `app.addHook('onRequest', fastifyOriginVerify(verifier))`. Also for routes that do not exist.
 */
export function fastifyOriginVerify(
  verifier: OriginVerifier,
  options: CheckOptions = {},
): (request: { readonly raw: IncomingMessage }, reply: FastifyReplyLike, done: () => void) => void {
  const passes = createCheck(verifier, options)
  return (request, reply, done) => {
    if (passes(request.raw)) done()
    else reply.code(403).headers(REFUSAL_HEADERS).send(REFUSAL)
  }
}

/** What of a Hono context is used here. */
interface HonoContextLike {
  readonly req: {
    readonly raw: { readonly url: string; readonly headers: { delete(name: string): void } }
    header(name: string): string | undefined
  }
}

/** Middleware for Hono: `app.use(honoOriginVerify(verifier))`. */
export function honoOriginVerify(
  verifier: OriginVerifier,
  options: CheckOptions = {},
): (context: HonoContextLike, next: () => Promise<void>) => Promise<Response | void> {
  const exempt = new Set(options.exempt ?? [])
  return async (context, next) => {
    const { header } = verifier
    // Hono's own `path` is decoded.
    const target = context.req.raw.url.replace(/^[a-z]+:\/\/[^/?#]*/, '')
    if (!exempt.has(pathOf(target)) && !verifier.verify(context.req.header(header))) {
      return new Response(REFUSAL, { status: 403, headers: REFUSAL_HEADERS })
    }
    context.req.raw.headers.delete(header)
    await next()
  }
}

/** Decides on a request of `node:http`, and takes the header out of it. */
function createCheck(
  verifier: OriginVerifier,
  { exempt = [] }: CheckOptions,
): (request: IncomingMessage) => boolean {
  const open = new Set(exempt)
  return (request) => {
    const { header } = verifier
    const value = request.headers[header]
    const passes =
      open.has(pathOf(request.url ?? '/')) || verifier.verify(typeof value === 'string' ? value : undefined)
    hide(request, header)
    return passes
  }
}

function pathOf(target: string): string {
  const mark = target.indexOf('?')
  return mark === -1 ? target : target.slice(0, mark)
}

/** Removes a header from both views that `node:http` gives of it. */
function hide(request: IncomingMessage, header: string): void {
  const { headers, rawHeaders } = request
  if (headers[header] === undefined) return
  delete headers[header]
  for (let i = rawHeaders.length - 2; i >= 0; i -= 2) {
    if (rawHeaders[i]!.toLowerCase() === header) rawHeaders.splice(i, 2)
  }
}

function refuse(response: ServerResponse): void {
  response.writeHead(403, { ...REFUSAL_HEADERS, 'content-length': Buffer.byteLength(REFUSAL) })
  response.end(REFUSAL)
}
