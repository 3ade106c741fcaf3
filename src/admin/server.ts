import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { PlannedAdmin } from '../plan.ts'
import { type AdminEdge, ownRoutes } from './own-routes.ts'
import { type AdminAnswer, type AdminRoute, matchRoute, refused } from '../admin-route.ts'
import { createTokenCheck, keepToken, TOKEN_FILE } from './token.ts'

export type { AdminAnswer, AdminRequest, AdminRoute } from '../admin-route.ts'

export interface AdminOptions {
  readonly planned: PlannedAdmin
  readonly edge: AdminEdge
  /** Folder of the file `admin-token`, which the command line of the same user reads. */
  readonly dataFolder: string
  /** Reads the configuration again; gives the report of its problems, or undefined when it was taken. */
  readonly reload: () => Promise<string | undefined>
  /** Routes of modules and rooms as they are now; a reload may bring more. */
  readonly routes?: () => readonly AdminRoute[]
  /** Told what fails inside a route. */
  readonly report?: (problem: string) => void
}

/** The control API while it runs. */
export interface Admin {
  readonly url: string
  close(): Promise<void>
}

const MAX_BODY_BYTES = 1 << 20
/** What is sent beyond the limit is read and thrown away up to here, so that the sender gets to read its refusal. */
const MAX_READ_BYTES = 1 << 24
const MAX_CONNECTIONS = 256

/** Opens the control API. Rejects with a sentence when its port or its token file cannot be opened. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { planned } = options
  const isAuthorized = createTokenCheck(planned.token?.reveal() ?? (await keepToken(options.dataFolder)))
  const tokenPlace =
    planned.token === undefined
      ? `in the file ${join(options.dataFolder, TOKEN_FILE)}`
      : 'the one of admin.token'
  const own = ownRoutes(options.edge, options.reload)
  const isLoopback = isLoopbackName(planned.host)

  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, (request, response) => {
    answer(request)
      .catch((error: unknown) => failure(error, request))
      .then((result) => send(request, response, result))
      .catch((error: unknown) => {
        options.report?.(
          `the admin answer to ${request.method} ${request.url} could not be sent: ${String(error)}`,
        )
        response.destroy()
      })
  })
  server.maxConnections = MAX_CONNECTIONS

  async function answer(request: IncomingMessage): Promise<AdminAnswer> {
    const target = request.url ?? '/'
    const mark = target.indexOf('?')
    const path = mark === -1 ? target : target.slice(0, mark)
    // HEAD is GET without its body (RFC 9110 section 9.3.2).
    const method = request.method === 'HEAD' ? 'GET' : request.method
    const routes = [...own, ...(options.routes?.() ?? [])]
    const fitting = routes.filter((route) => matchRoute(route.path, path) !== undefined)
    const route = fitting.find((each) => each.method === method)
    if (route?.isOpen !== true) {
      const refusal = refuseStranger(request)
      if (refusal !== undefined) return refusal
    }
    if (route === undefined) {
      if (fitting.length === 0) return refused(404, `there is no ${path}; routes: ${listed(routes)}`)
      const allowed = fitting.map((each) => each.method).join(', ')
      return refused(405, `${path} takes ${allowed}`, { allow: allowed })
    }
    const query = new URLSearchParams(mark === -1 ? '' : target.slice(mark + 1))
    return route.handle({ parameters: matchRoute(route.path, path)!, query, body: await readJson(request) })
  }

  /** A page in a browser must not reach this API, neither across sites nor by a name that was pointed at loopback. */
  function refuseStranger({ headers }: IncomingMessage): AdminAnswer | undefined {
    const site = headers['sec-fetch-site']
    if (headers.origin !== undefined || (site !== undefined && site !== 'none')) {
      return refused(403, 'requests of web pages (Origin, Sec-Fetch-Site) are not taken')
    }
    if (isLoopback && !isLoopbackName(hostname(headers.host))) {
      return refused(403, 'the Host header does not name this machine; ask for 127.0.0.1, [::1] or localhost')
    }
    if (isAuthorized(headers.authorization)) return undefined
    return refused(401, `send "Authorization: Bearer TOKEN"; the token is ${tokenPlace}`, {
      'www-authenticate': 'Bearer',
    })
  }

  function failure(error: unknown, request: IncomingMessage): AdminAnswer {
    if (error instanceof AdminError) return refused(error.status, error.message)
    const message = error instanceof Error ? error.message : String(error)
    options.report?.(`the admin route ${request.method} ${request.url} failed: ${message}`)
    return refused(500, message)
  }

  server.listen(planned.port, planned.host)
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EADDRINUSE' ? 'it is in use' : error.message
    throw new Error(
      `the admin port ${planned.host}:${planned.port} cannot be opened: ${why}. Set admin.port, or admin: false`,
      { cause: error },
    )
  })
  // A server that listens on TCP has an address of that form.
  const { port } = server.address() as AddressInfo
  const host = planned.host.includes(':') ? `[${planned.host}]` : planned.host
  return {
    url: `http://${host}:${port}`,
    async close() {
      if (!server.listening) return
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function listed(routes: readonly AdminRoute[]): string {
  return routes.map((route) => `${route.method} ${route.path}`).join(', ')
}

function hostname(host: string | undefined): string {
  if (host === undefined) return ''
  return host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d*$/, '')
}

function isLoopbackName(name: string): boolean {
  return /^(?:localhost|::1|127(?:\.\d{1,3}){3})$/i.test(name)
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_READ_BYTES) break
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk)
  }
  if (bytes > MAX_BODY_BYTES) throw new AdminError(413, `a body is at most ${MAX_BODY_BYTES} bytes`)
  if (bytes === 0) return undefined
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8'))
  } catch (error) {
    throw new AdminError(
      400,
      `the body is not JSON: ${error instanceof Error ? error.message : String(error)}`,
    )
  }
}

/** A request that cannot be taken, with the status that says so. */
class AdminError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

function send(request: IncomingMessage, response: ServerResponse, answer: AdminAnswer): void {
  const { status = 200, body, type, headers } = answer
  const text = type === undefined ? `${JSON.stringify(body, undefined, 2)}\n` : String(body)
  response.writeHead(status, {
    'content-type': type ?? 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // What is left of a body that nobody reads is not waited for.
    ...(request.complete ? {} : { connection: 'close' }),
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}
