import { randomBytes } from 'node:crypto'
import type { AdminRoute } from './admin-route.ts'
import type { Clock } from './base/clock.ts'
import type { Fault } from './faults.ts'
import type { Geo } from './distribution/geo.ts'
import type { Labels, MetricsPage } from './log/metrics-page.ts'
import { createRedaction } from './log/redact.ts'
import { gzipFile } from './log/gzip-file.ts'
import { RotatingFile } from './log/rotating-file.ts'
import type { Handle, Plan } from './plan.ts'
import { SeamError } from './seams/seam-error.ts'
import { LocalRateCounters } from './seams/state/rate-counters.ts'
import type { IpSet, RateCounters, State } from './seams/state/state.ts'
import type { EdgeResponse, Passage } from './visit.ts'
import { wafRoutes } from './waf/admin-routes.ts'
import type { PlannedWafLog, PlannedWebAcl } from './waf/plan.ts'
import type { WafRecords } from './waf/records.ts'
import { createTokenDesk } from './waf/token/token-desk.ts'
import { createWaf, type Waf } from './waf/waf.ts'
import { WafLog } from './waf/waf-log.ts'

/** Labels that a scrape shows: names of countries and regions are many. */
const MAX_LABELS_SHOWN = 1_000
const ROTATE_BYTES = 64 << 20
const ROTATE_MS = 60 * 60 * 1000

export interface EdgeWafOptions {
  readonly clock: Clock
  readonly geo: Pick<Geo, 'lookup'>
  /** The state of the installation; opened when a plan first has a web ACL. */
  readonly openState: () => Promise<State>
  readonly errorPage: (passage: Passage, fault: Fault) => EdgeResponse
  readonly report: (problem: string) => void
}

/** The WAF with what it needs of the edge: state, log, tokens. */
export interface EdgeWaf {
  readonly room: Waf
  /** The state of this installation, once a plan has needed it. */
  readonly state: State | undefined
  readonly log: WafLog
  /** Opens what a plan needs; call it before the plan is in force. */
  prepare(plan: Plan): Promise<void>
  tellMetrics(page: MetricsPage): void
  adminRoutes(plan: Handle<Plan>): readonly AdminRoute[]
  close(): Promise<void>
}

/** The web ACLs of a plan, each once. */
export function webAclsOf(plan: Plan): readonly PlannedWebAcl[] {
  // The compiled configuration puts nothing else there; the shared plan shows only a summary of it.
  const acls = plan.distributions.map(({ webAcl }) => webAcl as PlannedWebAcl | undefined)
  return [...new Set(acls.filter((acl) => acl !== undefined))]
}

const TOKEN_KEY = 'waf/token-key'

/** The key that signs tokens: made once per installation, the same on every node. */
async function keepTokenKey(state: State): Promise<Buffer<ArrayBuffer>> {
  const known = state.values.get(TOKEN_KEY)
  if (known !== undefined) return Buffer.from(known.value, 'base64url')
  try {
    const made = await state.values.put(TOKEN_KEY, randomBytes(32).toString('base64url'), { ifAbsent: true })
    return Buffer.from(made.value, 'base64url')
  } catch (error) {
    // Another node was first.
    if (!(error instanceof SeamError) || error.code !== 'conflict') throw error
    await state.refresh()
    return keepTokenKey(state)
  }
}

function countsOf(records: WafRecords): [Labels, number][] {
  return [...records.counts]
    .filter(([rule]) => records.hasMetrics(rule))
    .flatMap(([rule, counts]) =>
      Object.entries(counts)
        .filter(([, count]) => count > 0)
        .map(([metric, count]): [Labels, number] => [{ web_acl: records.webAcl, rule, metric }, count]),
    )
}

/** Builds the WAF room for a running edge. State is opened when a plan first has a web ACL. */
export function createEdgeWaf(options: EdgeWafOptions): EdgeWaf {
  const { clock, geo, report } = options
  let state: State | undefined
  // Replaced by the one of the installation before a plan that needs it is in force.
  let tokenKey = randomBytes(32)
  const handles = new Map<string, Handle<IpSet | undefined>>()
  // Before the state is open, and in explain without a running edge, counts are this process's own.
  const counters = new LocalRateCounters({ clock, node: 'local', report: (error) => report(error.message) })
  const log = new WafLog({
    clock,
    report,
    openFile: (planned: PlannedWafLog, name) =>
      new RotatingFile({
        clock,
        folder: planned.folder,
        name: `aws-waf-logs-${name}`,
        extension: '.log',
        head: '',
        rotateBytes: ROTATE_BYTES,
        rotateMs: ROTATE_MS,
        ended: (path) => {
          if (planned.gzip)
            gzipFile(path).catch((error: unknown) => report(`${path} was not compressed: ${String(error)}`))
        },
        report,
      }),
  })

  function handleOf(name: string): Handle<IpSet | undefined> {
    let handle = handles.get(name)
    if (handle === undefined) {
      let opened: Handle<IpSet | undefined> | undefined
      handle = {
        get current() {
          opened ??= state?.ipSets.handle(name)
          return opened?.current
        },
      }
      handles.set(name, handle)
    }
    return handle
  }

  const room = createWaf({
    clock,
    lookup: geo.lookup,
    counters: { open: (spec) => (state?.counters ?? (counters as RateCounters)).open(spec) },
    ipSet: handleOf,
    tokens: createTokenDesk({ clock, key: () => tokenKey }),
    errorPage: options.errorPage,
    onEvaluated: (passage, acl, evaluation) => {
      const { visit } = passage
      const { request } = visit
      visit.waf = {
        webAcl: acl.name,
        action: evaluation.action,
        rule: evaluation.hit?.rule ?? evaluation.terminating?.name,
        labels: evaluation.labels,
      }
      if (acl.log === undefined) return
      const country = geo.lookup(request.client.address).country
      log.add(acl, evaluation, request, { atMs: clock.now(), sourceId: passage.distribution.id, country })
    },
  })

  async function prepare(plan: Plan): Promise<void> {
    const acls = webAclsOf(plan)
    if (acls.length === 0) return
    state ??= await options.openState()
    if (acls.some(({ usesTokens }) => usesTokens)) tokenKey = await keepTokenKey(state)
    room.prepare(acls)
  }

  return {
    room,
    log,
    get state() {
      return state
    },
    prepare,
    adminRoutes: (plan) =>
      wafRoutes({
        clock,
        room,
        acls: () => webAclsOf(plan.current),
        state: () => state,
        hide: createRedaction(),
      }),
    tellMetrics(page) {
      const each = [...room.allRecords().values()]
      if (each.length === 0) return
      page.counter(
        'edgeward_waf_requests_total',
        'Requests by web ACL, rule and what became of them, under the names of AWS WAF metrics.',
        each.flatMap((records) => countsOf(records)),
      )
      page.counter(
        'edgeward_waf_labels_total',
        'Requests by web ACL and label.',
        each.flatMap((records) =>
          [...records.labels]
            .slice(0, MAX_LABELS_SHOWN)
            .map(([label, count]): [Labels, number] => [{ web_acl: records.webAcl, label }, count]),
        ),
      )
      page.counter('edgeward_waf_log_lines_dropped_total', 'Lines of WAF logs that were not written.', [
        [{}, log.dropped],
      ])
    },
    close: () => log.close(),
  }
}
