import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Plan, PlannedAccessLog, PlannedDistribution, PlannedLog } from '../plan.ts'
import { planOf } from '../plan.fixture.ts'
import { Passage, Visit, type ViewerRequest } from '../visit.ts'

/** For the tests of this room and of the admin port: visits, passages and a plan with little in it. */

export const NOON = Date.UTC(2026, 10, 24, 12, 0, 0)
export const REQUEST_ID = `${'a'.repeat(54)}==`

export interface VisitParts {
  readonly request?: Partial<ViewerRequest>
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly responseHeaders?: Readonly<Record<string, string | readonly string[]>>
  /** Fields of the visit that the test says. */
  readonly visit?: Partial<Omit<Visit, 'request' | 'responseHeaders'>>
}

/** A visit that has ended well after 250 ms, with what the test says instead of the defaults. */
export function visitOf(parts: VisitParts = {}): Visit {
  const request: ViewerRequest = {
    id: REQUEST_ID,
    method: 'GET',
    path: '/hotels/rooms',
    query: undefined,
    httpVersion: '1.1',
    scheme: 'http',
    host: 'www.example.org',
    headers: HeaderList.of(parts.headers ?? {}),
    body: Body.none(),
    connection: {
      id: 1,
      local: { address: '127.0.0.1', port: 8080 },
      remote: { address: '192.0.2.7', port: 50_000 },
      tls: undefined,
    },
    client: { address: '192.0.2.7', port: 50_000 },
    headBytes: 120,
    ...parts.request,
  }
  const visit = new Visit(request, NOON, 1000)
  visit.distribution = 'travel'
  visit.distributionId = 'E1234567890ABC'
  visit.distributionDomain = 'd1234567890abc.cloudfront.net'
  visit.behavior = '/hotels/*'
  visit.status = 200
  visit.headerBytes = 300
  visit.bodyBytes = 1700
  visit.firstByteAt = 1120
  visit.finishedAt = 1250
  visit.responseHeaders = HeaderList.of(parts.responseHeaders ?? { 'Content-Type': 'text/html' })
  return Object.assign(visit, parts.visit)
}

/** Visits with ids of their own, `prefix-0`, `prefix-1`, and so on, which are also their paths. */
export function visitsOf(count: number, prefix = 'visit'): Visit[] {
  return Array.from({ length: count }, (_, index) =>
    visitOf({ request: { id: `${prefix}-${index}`, path: `/${prefix}-${index}` } }),
  )
}

export function plannedAccess(folder: string, parts: Partial<PlannedAccessLog> = {}): PlannedAccessLog {
  return {
    folder,
    format: 'standard',
    prefix: '',
    gzip: false,
    rotateBytes: 1 << 20,
    rotateMs: 3_600_000,
    maxPendingLines: 10_000,
    ...parts,
  }
}

/** A plan for the log room. */
export function planFor(
  log: Partial<PlannedLog> = {},
  distributions: readonly PlannedDistribution[] = [],
): Plan {
  return planOf({
    version: 3,
    distributions,
    log: { access: undefined, capture: undefined, keepVisits: 10, console: false, ...log },
  })
}

/** A passage that ends with this visit. */
export function passageOf(plan: Plan, visit: Visit): Passage {
  return new Passage(plan, visit.request, visit)
}
