import { randomBytes, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import type { Edge } from '../edge.ts'
import type { ExplainQuestion } from '../explain.ts'
import { publicVisit } from '../log/recent-visits.ts'
import type { PlannedAdmin } from '../plan.ts'

/** A route of the control API. */
export interface AdminRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** `:name` stands for one segment. */
  readonly path: string
  /** Answered without a token. */
  readonly isOpen?: boolean
  handle(request: AdminRequest): Promise<AdminAnswer> | AdminAnswer
}

export interface AdminRequest {
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  /** The body as JSON; undefined when there was none. */
  readonly body: unknown
}

export interface AdminAnswer {
  readonly status?: number
  /** JSON, unless `type` says otherwise. */
  readonly body: unknown
  readonly type?: string
}

export interface AdminOptions {
  readonly planned: PlannedAdmin
  readonly edge: Edge
  /** Folder of the file `admin-token`, which the command line of the same user reads. */
  readonly dataFolder: string
  /** Reads the configuration again; gives the report of its problems, or undefined when it was taken. */
  readonly reload: () => Promise<string | undefined>
  /** Routes of modules. */
  readonly routes?: readonly AdminRoute[]
}

export interface Admin {
  readonly url: string
  close(): Promise<void>
}

const MAX_BODY_BYTES = 1 << 20
const LOOPBACK = new Set(['127.0.0.1', '::1', 'localhost'])

/** Opens the control API. Rejects when its port cannot be opened. */
export async function startAdmin(options: AdminOptions): Promise<Admin> {
  const { planned } = options
  const token = Buffer.from(planned.token?.reveal() ?? (await ownToken(options.dataFolder)))
  const routes = [...ownRoutes(options), ...(options.routes ?? [])]
  const isLoopback = LOOPBACK.has(planned.host)

  const server = createServer((request, response) => {
    answer(request)
      .catch((error: unknown) => failure(error))
      .then((result) => send(response, result))
      .catch(() => response.destroy())
  })
  server.headersTimeout = 10_000
  server.requestTimeout = 30_000

  async function answer(request: IncomingMessage): Promise<AdminAnswer> {
    const url = new URL(request.url ?? '/', 'http://admin')
    const matches = routes
      .map((route) => ({ route, parameters: match(route.path, url.pathname) }))
      .filter((each) => each.parameters !== undefined)
    const found = matches.find(({ route }) => route.method === request.method)
    if (found?.route.isOpen !== true) {
      // A page in a browser must not reach this API, neither across sites nor by a name that was pointed at loopback.
      if (request.headers.origin !== undefined)
        return refused(403, 'requests of web pages (Origin) are not taken')
      if (isLoopback && !LOOPBACK.has(hostname(request.headers.host)))
        return refused(403, 'the Host header does not name this machine')
      if (!isAuthorized(request.headers.authorization, token)) {
        return refused(
          401,
          `send "Authorization: Bearer TOKEN"; the token is in ${planned.token === undefined ? join(options.dataFolder, 'admin-token') : 'the configuration'}`,
        )
      }
    }
    if (found === undefined) {
      if (matches.length > 0)
        return refused(405, `${url.pathname} takes ${matches.map(({ route }) => route.method).join(', ')}`)
      return refused(
        404,
        `there is no ${url.pathname}; routes: ${routes.map((route) => `${route.method} ${route.path}`).join(', ')}`,
      )
    }
    const body = await readJson(request)
    return found.route.handle({ parameters: found.parameters!, query: url.searchParams, body })
  }

  server.listen(planned.port, planned.host)
  await once(server, 'listening').catch((error: NodeJS.ErrnoException) => {
    const why = error.code === 'EADDRINUSE' ? 'it is in use' : error.message
    throw new Error(
      `the admin port ${planned.host}:${planned.port} cannot be opened: ${why}. Set admin.port, or admin: false`,
      { cause: error },
    )
  })
  const { port } = server.address() as AddressInfo
  const host = planned.host.includes(':') ? `[${planned.host}]` : planned.host
  return {
    url: `http://${host}:${port}`,
    async close() {
      server.close()
      server.closeAllConnections()
      if (server.listening) await once(server, 'close')
    },
  }
}

function ownRoutes({ edge, reload }: AdminOptions): AdminRoute[] {
  return [
    { method: 'GET', path: '/healthz', isOpen: true, handle: () => ({ body: { status: 'ok' } }) },
    {
      method: 'GET',
      path: '/readyz',
      isOpen: true,
      handle: () =>
        edge.isDraining()
          ? { status: 503, body: { status: 'draining' } }
          : { body: { status: 'ready', plan: edge.plan.current.version } },
    },
    {
      method: 'GET',
      path: '/metrics',
      handle: () => ({ body: edge.metricsText(), type: 'text/plain; version=0.0.4; charset=utf-8' }),
    },
    {
      method: 'GET',
      path: '/visits',
      handle: ({ query }) => ({
        body: edge.log.visits.latest(Math.min(1000, Number(query.get('limit') ?? 50) || 50)).map(publicVisit),
      }),
    },
    {
      method: 'GET',
      path: '/visits/:id',
      handle: ({ parameters }) => {
        const visit = edge.log.visits.find(parameters['id']!)
        return visit === undefined
          ? refused(404, 'no visit of that request id is kept; log.keepVisits says how many are')
          : { body: publicVisit(visit) }
      },
    },
    { method: 'GET', path: '/plan', handle: () => ({ body: summary(edge) }) },
    {
      method: 'POST',
      path: '/reload',
      handle: async () => {
        const problems = await reload()
        return problems === undefined
          ? { body: { plan: edge.plan.current.version } }
          : { status: 422, body: { error: problems } }
      },
    },
    {
      method: 'POST',
      path: '/explain',
      handle: async ({ body }) => {
        const question = questionOf(body)
        return question === undefined
          ? refused(
              400,
              'send {"url": "http://…", "method": "GET", "headers": [["Name", "value"]], "clientAddress": "203.0.113.7"}',
            )
          : { body: await edge.explain(question) }
      },
    },
  ]
}

function questionOf(body: unknown): ExplainQuestion | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const { url, method = 'GET', headers = [], clientAddress } = body as Record<string, unknown>
  if (typeof url !== 'string' || typeof method !== 'string' || !Array.isArray(headers)) return undefined
  const pairs: [string, string][] = []
  for (const pair of headers as unknown[]) {
    if (!Array.isArray(pair) || typeof pair[0] !== 'string' || typeof pair[1] !== 'string') return undefined
    pairs.push([pair[0], pair[1]])
  }
  return { url, method, headers: pairs, ...(typeof clientAddress === 'string' ? { clientAddress } : {}) }
}

/** What runs, without anything secret. */
function summary(edge: Edge): unknown {
  const plan = edge.plan.current
  return {
    version: plan.version,
    listeners: edge.listeners.map((listener) => listener.url),
    distributions: plan.distributions.map((distribution) => ({
      name: distribution.name,
      id: distribution.id,
      domainName: distribution.domainName,
      aliases: distribution.aliases,
      origins: [...distribution.origins.values()].map(({ name, kind, domainName }) => ({
        name,
        kind,
        domainName,
      })),
      behaviors: distribution.behaviors.map(({ pattern, origins, cachePolicy }) => ({
        path: pattern,
        origins: origins.map(({ name }) => name),
        cachePolicy: cachePolicy.name,
      })),
    })),
  }
}

/** The token of this installation: made once, readable by its owner only. */
async function ownToken(folder: string): Promise<string> {
  const file = join(folder, 'admin-token')
  try {
    const known = (await readFile(file, 'utf8')).trim()
    if (known.length >= 16) return known
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
  }
  const token = randomBytes(24).toString('base64url')
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await writeFile(file, `${token}\n`, { mode: 0o600 })
  return token
}

function isAuthorized(header: string | undefined, token: Buffer): boolean {
  const given = Buffer.from(/^Bearer (.+)$/i.exec(header ?? '')?.[1] ?? '')
  return given.length === token.length && timingSafeEqual(given, token)
}

function match(pattern: string, path: string): Record<string, string> | undefined {
  const wanted = pattern.split('/')
  const given = path.split('/')
  if (wanted.length !== given.length) return undefined
  const parameters: Record<string, string> = {}
  for (const [index, segment] of wanted.entries()) {
    if (segment.startsWith(':')) parameters[segment.slice(1)] = decode(given[index]!)
    else if (segment !== given[index]) return undefined
  }
  return parameters
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function hostname(host: string | undefined): string {
  if (host === undefined) return ''
  return host.startsWith('[') ? host.slice(1, host.indexOf(']')) : host.replace(/:\d+$/, '')
}

async function readJson(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new AdminError(413, `a body is at most ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
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

class AdminError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

function failure(error: unknown): AdminAnswer {
  if (error instanceof AdminError) return refused(error.status, error.message)
  return refused(500, error instanceof Error ? error.message : String(error))
}

function refused(status: number, error: string): AdminAnswer {
  return { status, body: { error } }
}

function send(response: ServerResponse, { status = 200, body, type }: AdminAnswer): void {
  const text = type === undefined ? `${JSON.stringify(body, undefined, 2)}\n` : String(body)
  response.writeHead(status, {
    'content-type': type ?? 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(text),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(status === 401 ? { 'www-authenticate': 'Bearer' } : {}),
  })
  response.end(text)
}
