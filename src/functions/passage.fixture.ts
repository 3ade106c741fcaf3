import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Plan, PlannedBehavior, PlannedDistribution, UrlOrigin } from '../plan.ts'
import { type EdgeResponse, type OriginRequest, Passage, Visit, type ViewerRequest } from '../visit.ts'
import type { PlannedFunctions } from '../planned-functions.ts'

/** For the tests of this room: passages, origins and responses as the line would hand them over. */

export const REQUEST_ID = `${'a'.repeat(54)}==`

export const noFunctions: PlannedFunctions = {
  viewerRequest: undefined,
  originRequest: undefined,
  originResponse: undefined,
  viewerResponse: undefined,
}

export function passageOf(request: Partial<ViewerRequest> = {}, functions?: PlannedFunctions): Passage {
  const viewer: ViewerRequest = {
    id: REQUEST_ID,
    method: 'GET',
    path: '/index.html',
    query: undefined,
    httpVersion: '1.1',
    scheme: 'https',
    host: 'www.example.org',
    headers: new HeaderList(['Host', 'www.example.org', 'Accept', 'text/html']),
    body: Body.none(),
    connection: {
      id: 1,
      local: { address: '127.0.0.1', port: 8080 },
      remote: { address: '192.0.2.1', port: 50_000 },
      tls: undefined,
    },
    client: { address: '192.0.2.1', port: 50_000 },
    headBytes: 100,
    ...request,
  }
  // Functions read nothing of the plan itself.
  const passage = new Passage(
    { identity: { pop: 'EDG50-E1' } } as unknown as Plan,
    viewer,
    new Visit(viewer, 0, 0),
  )
  // Of behavior and distribution they read what stands here.
  passage.behavior = { functions, forwarding: { cloudFrontHeaders: [] } } as unknown as PlannedBehavior
  passage.distribution = {
    id: 'EDFDVBD6EXAMPLE',
    domainName: 'd111111abcdef8.cloudfront.net',
    origins: new Map([
      ['site', originOf()],
      ['spare', originOf({ name: 'spare', domainName: 'spare.example.org', hostname: 'spare.example.org' })],
    ]),
  } as unknown as PlannedDistribution
  return passage
}

export function originOf(parts: Partial<UrlOrigin> = {}): UrlOrigin {
  return {
    kind: 'url',
    name: 'site',
    modules: {},
    domainName: 'origin.example.org',
    originPath: '',
    connectionAttempts: 3,
    connectTimeoutMs: 10_000,
    readTimeoutMs: 30_000,
    responseCompletionTimeoutMs: undefined,
    keepaliveTimeoutMs: 5000,
    customHeaders: [],
    protocol: 'https',
    hostname: 'origin.example.org',
    httpPort: 80,
    httpsPort: 443,
    tls: { minVersion: 'TLSv1.2', caPem: undefined, certPem: undefined, keyPem: undefined, verify: true },
    ...parts,
  }
}

export function originRequestOf(passage: Passage, parts: Partial<OriginRequest> = {}): OriginRequest {
  return {
    method: passage.request.method,
    path: passage.request.path,
    query: passage.request.query,
    headers: new HeaderList([
      'Host',
      'origin.example.org',
      'User-Agent',
      'Amazon CloudFront',
      'Via',
      '2.0 x',
    ]),
    body: passage.request.body,
    origin: originOf(),
    isUpgrade: false,
    ...parts,
  }
}

export function responseOf(parts: Partial<EdgeResponse> = {}): EdgeResponse {
  return {
    status: 200,
    headers: new HeaderList(['Content-Type', 'text/html', 'Server', 'origin']),
    body: Body.bytes('hello'),
    ...parts,
  }
}
