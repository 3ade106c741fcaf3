import type { Clock } from '../base/clock.ts'
import { Body } from '../http/body.ts'
import { HeaderList } from '../http/header-list.ts'
import type { Plan } from '../plan.ts'
import type { WafVerdict } from '../rooms.ts'
import { LocalRateCounters } from '../seams/state/rate-counters.ts'
import type { IpSet, RateCounter } from '../seams/state/state.ts'
import { type EdgeResponse, Passage, type TlsFacts, Visit, type ViewerRequest } from '../visit.ts'
import { formatPath } from './acl/problems.ts'
import { readWebAcl, type WebAclOptions } from './config.ts'
import type { Evaluation } from './evaluation.ts'
import type { WafPlace } from './inspection.ts'
import type { PlannedWebAcl } from './plan.ts'
import { createWaf, type Waf, type WafOptions } from './waf.ts'

/** A request for tests: every part has a default. */
export interface RequestParts {
  readonly method?: string
  /** Path, and perhaps a query string. */
  readonly target?: string
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly body?: string | Buffer
  readonly from?: string
  readonly ja3?: string
  readonly ja4?: string
}

export function viewerRequest(parts: RequestParts = {}): ViewerRequest {
  const { method = 'GET', target = '/', headers = { Host: 'example.com' }, body, from = '192.0.2.1' } = parts
  const mark = target.indexOf('?')
  const tls: TlsFacts = {
    version: 'TLSv1.3',
    cipher: 'TLS_AES_128_GCM_SHA256',
    resumed: false,
    sni: 'example.com',
    ja3: parts.ja3,
    ja4: parts.ja4,
  }
  return {
    id: 'test-request',
    method,
    path: mark === -1 ? target : target.slice(0, mark),
    query: mark === -1 ? undefined : target.slice(mark + 1),
    httpVersion: '1.1',
    scheme: 'https',
    host: 'example.com',
    headers: HeaderList.of(headers),
    body: body === undefined ? Body.none() : Body.bytes(typeof body === 'string' ? Buffer.from(body) : body),
    connection: {
      id: 1,
      local: { address: '127.0.0.1', port: 443 },
      remote: { address: from, port: 50_000 },
      tls,
    },
    client: { address: from, port: 50_000 },
    headBytes: 100,
  }
}

const PLACES: Readonly<Record<string, WafPlace>> = {
  '192.0.2.1': { country: 'US', region: 'CA', asn: 64_496 },
  '192.0.2.2': { country: 'DE', asn: 64_497 },
  '198.51.100.7': { country: 'FR', region: 'IDF', asn: 64_498 },
}

/** A WAF room around one web ACL, with a clock that stands still and places of a few documentation addresses. */
export interface TestWaf {
  readonly waf: Waf
  readonly acl: PlannedWebAcl
  /** Sends a request through and gives the verdict, what was decided, and the request as it goes on. */
  send(parts?: RequestParts): Promise<Sent>
  explain(parts?: RequestParts): Promise<Evaluation>
  /** Keys that each rate counter holds. */
  counterSizes(): number[]
  /** Sends a request through and then its response; the evaluation is the last one. */
  respond(
    parts: RequestParts,
    response: EdgeResponse,
  ): Promise<{ readonly response: EdgeResponse; readonly evaluation: Evaluation }>
}

export interface Sent {
  readonly verdict: WafVerdict
  readonly evaluation: Evaluation
  readonly request: ViewerRequest
}

export interface TestWafOptions extends WebAclOptions {
  readonly clock?: Clock
  readonly sets?: Readonly<Record<string, { current: IpSet | undefined }>>
  readonly room?: Partial<WafOptions>
}

/** Throws with every problem when the web ACL is not valid. */
export function testWaf(document: unknown, options: TestWafOptions = {}): TestWaf {
  const { acl, problems } = readWebAcl(document, options)
  if (acl === undefined)
    throw new Error(problems.map(({ path, message }) => `${formatPath(path)}: ${message}`).join('\n'))
  const clock = options.clock ?? STILL
  let last: Evaluation | undefined
  const opened: RateCounter[] = []
  const counters = new LocalRateCounters({
    clock,
    node: 'test',
    report: (error) => {
      throw error
    },
  })
  const waf = createWaf({
    clock,
    aclOf: () => acl,
    lookup: (address) => PLACES[address] ?? {},
    counters: {
      open: (spec) => {
        const counter = counters.open(spec)
        opened.push(counter)
        return counter
      },
    },
    ipSet: (name) => options.sets?.[name],
    errorPage: () => {
      throw new Error('no page is asked for here')
    },
    onEvaluated: (_passage, _acl, evaluation) => void (last = evaluation),
    ...options.room,
  })
  const open = (parts: RequestParts | undefined): Passage => {
    const request = viewerRequest(parts)
    return new Passage(NO_PLAN, request, new Visit(request, clock.now(), clock.monotonic()))
  }
  return {
    waf,
    acl,
    async send(parts) {
      const passage = open(parts)
      const verdict = await waf.inspect(passage)
      return { verdict, evaluation: last!, request: passage.request }
    },
    async respond(parts, response) {
      const passage = open(parts)
      await waf.inspect(passage)
      const sent = await waf.inspectResponse(passage, response)
      return { response: sent, evaluation: last! }
    },
    counterSizes: () => opened.map((counter) => counter.size),
    async explain(parts) {
      return (await waf.explain(open(parts)))!
    },
  }
}

// The WAF reads nothing of the plan: the web ACL is given by `aclOf`.
const NO_PLAN = {} as Plan

const STILL: Clock = {
  now: () => Date.UTC(2026, 10, 24),
  monotonic: () => 1_000,
  after: () => ({ cancel: () => undefined }),
}

/** A rule around a statement, with what AWS asks for. */
export function rule(
  name: string,
  priority: number,
  statement: unknown,
  action: unknown = { Block: {} },
  more: object = {},
): object {
  return {
    Name: name,
    Priority: priority,
    Statement: statement,
    Action: action,
    VisibilityConfig: visibility(name),
    ...more,
  }
}

/** A web ACL around rules. */
export function webAcl(rules: readonly unknown[], more: object = {}): object {
  return {
    Name: 'test',
    Scope: 'CLOUDFRONT',
    DefaultAction: { Allow: {} },
    Rules: rules,
    VisibilityConfig: visibility('test'),
    ...more,
  }
}

export function visibility(name: string): object {
  return { SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: name }
}

/** A ByteMatchStatement. */
export function bytes(field: object, search: string, position = 'CONTAINS', ...types: string[]): object {
  return {
    ByteMatchStatement: {
      SearchString: search,
      FieldToMatch: field,
      PositionalConstraint: position,
      TextTransformations: steps(types),
    },
  }
}

export function steps(types: readonly string[]): object[] {
  return (types.length === 0 ? ['NONE'] : types).map((Type, Priority) => ({ Priority, Type }))
}
