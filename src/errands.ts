import type { Clock } from './base/clock.ts'
import { newRequestId } from './base/ids.ts'
import type { Fault } from './faults.ts'
import { Body } from './http/body.ts'
import { HeaderList } from './http/header-list.ts'
import type { OriginFetch } from './modules/module.ts'
import type { Handle, Plan, PlannedBehavior, PlannedDistribution, PlannedOrigin } from './plan.ts'
import type { Rooms, Send } from './rooms.ts'
import { type EdgeResponse, Passage, Visit, type ViewerRequest } from './visit.ts'

/** Requests that the edge makes itself, on passages of their own. */
export interface Errands {
  /** A passage for a custom error page: its own request and visit, under the same plan and distribution. */
  readonly within: Rooms['within']
  /** A request of a module to an origin: it belongs to no viewer and to no behavior. */
  fetchFrom(asked: OriginFetch): Promise<EdgeResponse | Fault>
}

export interface ErrandOptions {
  readonly clock: Clock
  readonly plan: Handle<Plan>
  readonly resolve: Rooms['origin']['resolve']
  readonly send: Send
}

const NOBODY = { address: '127.0.0.1', port: 0 }

export function createErrands({ clock, plan, resolve, send }: ErrandOptions): Errands {
  function begin(under: Plan, request: ViewerRequest): Passage {
    return new Passage(under, request, new Visit(request, clock.now(), clock.monotonic()), true)
  }

  return {
    within(passage, path) {
      const { request } = passage
      const mark = path.indexOf('?')
      const errand = begin(passage.plan, {
        ...request,
        method: request.method === 'HEAD' ? 'HEAD' : 'GET',
        path: mark === -1 ? path : path.slice(0, mark),
        query: mark === -1 ? undefined : path.slice(mark + 1),
        body: Body.none(),
      })
      errand.distribution = passage.distribution
      errand.errorUri = request.path
      errand.errorArgs = request.query
      return errand
    },

    async fetchFrom(asked) {
      const { distribution, origin, method = 'GET', path, query, signal } = asked
      const { headers = new HeaderList(), body = Body.none() } = asked
      const passage = begin(plan.current, {
        id: newRequestId(),
        method,
        path,
        query,
        httpVersion: '1.1',
        scheme: 'https',
        host: origin.domainName,
        headers,
        body,
        connection: { id: 0, local: NOBODY, remote: NOBODY, tls: undefined },
        client: NOBODY,
        headBytes: 0,
      })
      passage.distribution = distribution
      passage.behavior = withoutRewrite(distribution)
      passage.normalisedPath = path
      const leave = (): void => passage.depart()
      if (signal?.aborted === true) leave()
      signal?.addEventListener('abort', leave, { once: true })
      try {
        const unresolved = await resolve(passage, origin)
        if (unresolved !== undefined) return unresolved
        if (!headers.has('host')) headers.set('Host', authorityOf(origin))
        return await send(passage, { method, path, query, headers, body, origin, isUpgrade: false })
      } finally {
        signal?.removeEventListener('abort', leave)
      }
    },
  }
}

const plain = new WeakMap<PlannedDistribution, PlannedBehavior>()

/** The default behavior without the rewriting of paths and the functions that belong to viewers' requests. */
function withoutRewrite(distribution: PlannedDistribution): PlannedBehavior {
  let behavior = plain.get(distribution)
  if (behavior === undefined) {
    // Every distribution has a default behavior, which is its last.
    behavior = { ...distribution.behaviors.at(-1)!, rewrite: undefined, functions: undefined }
    plain.set(distribution, behavior)
  }
  return behavior
}

function authorityOf(origin: PlannedOrigin): string {
  if (origin.kind !== 'url') return origin.domainName
  const [port, usual] = origin.protocol === 'http' ? [origin.httpPort, 80] : [origin.httpsPort, 443]
  return port === usual ? origin.domainName : `${origin.domainName}:${port}`
}
