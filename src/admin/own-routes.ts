import { z } from 'zod'
import type { Edge } from '../edge.ts'
import { publicVisit } from '../log/public-visit.ts'
import { type AdminAnswer, type AdminRoute, refused } from '../admin-route.ts'
import { cacheRoutes } from './cache-routes.ts'

/** What of an edge the control API asks. */
export type AdminEdge = Pick<
  Edge,
  'plan' | 'isDraining' | 'metricsText' | 'explain' | 'invalidate' | 'warm' | 'cache'
> & {
  readonly listeners: readonly Pick<Edge['listeners'][number], 'url'>[]
  readonly log: Pick<Edge['log'], 'visits'>
}

const MAX_VISITS = 1000
const DEFAULT_VISITS = 50

const questionSchema = z.strictObject({
  url: z.string().max(16_384),
  method: z.string().max(32).default('GET'),
  headers: z
    .array(z.tuple([z.string(), z.string()]))
    .max(1000)
    .default([]),
  clientAddress: z.string().max(64).optional(),
})
const QUESTION =
  '{"url": "http://…", "method": "GET", "headers": [["Name", "value"]], "clientAddress": "203.0.113.7"}; only url is needed'

/** The routes of the edge itself. */
export function ownRoutes(edge: AdminEdge, reload: () => Promise<string | undefined>): AdminRoute[] {
  return [
    { method: 'GET', path: '/healthz', isOpen: true, handle: () => ({ body: { status: 'ok' } }) },
    { method: 'GET', path: '/readyz', isOpen: true, handle: ready },
    {
      method: 'GET',
      path: '/metrics',
      handle: () => ({ body: edge.metricsText(), type: 'text/plain; version=0.0.4; charset=utf-8' }),
    },
    { method: 'GET', path: '/visits', handle: ({ query }) => visits(query.get('limit')) },
    { method: 'GET', path: '/visits/:id', handle: ({ parameters }) => visit(parameters['id']!) },
    { method: 'GET', path: '/plan', handle: () => ({ body: summaryOf(edge) }) },
    { method: 'POST', path: '/reload', handle: reloaded },
    { method: 'POST', path: '/explain', handle: ({ body }) => explained(body) },
    ...cacheRoutes(edge),
  ]

  function ready(): AdminAnswer {
    if (edge.isDraining()) return { status: 503, body: { status: 'draining' } }
    return { body: { status: 'ready', plan: edge.plan.current.version } }
  }

  function visits(limit: string | null): AdminAnswer {
    if (limit !== null && !/^\d{1,6}$/.test(limit)) {
      return refused(400, `limit is a number from 0 to ${MAX_VISITS}`)
    }
    const count = limit === null ? DEFAULT_VISITS : Math.min(MAX_VISITS, Number(limit))
    return { body: edge.log.visits.latest(count).map(publicVisit) }
  }

  function visit(id: string): AdminAnswer {
    const found = edge.log.visits.find(id)
    if (found !== undefined) return { body: publicVisit(found) }
    return refused(404, 'no visit of that request id is kept; log.keepVisits says how many are')
  }

  async function reloaded(): Promise<AdminAnswer> {
    const problems = await reload()
    return problems === undefined
      ? { body: { plan: edge.plan.current.version } }
      : { status: 422, body: { error: problems } }
  }

  async function explained(body: unknown): Promise<AdminAnswer> {
    const question = questionSchema.safeParse(body)
    if (!question.success) return refused(400, `${z.prettifyError(question.error)}\nsend ${QUESTION}`)
    const { clientAddress, ...rest } = question.data
    return { body: await edge.explain(clientAddress === undefined ? rest : { ...rest, clientAddress }) }
  }
}

/** What runs, without anything secret. */
function summaryOf(edge: AdminEdge): unknown {
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
