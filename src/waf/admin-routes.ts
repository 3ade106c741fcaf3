import { z } from 'zod'
import { type AdminAnswer, type AdminRoute, refused } from '../admin-route.ts'
import type { Clock } from '../base/clock.ts'
import type { HeaderList } from '../http/header-list.ts'
import { SeamError } from '../seams/seam-error.ts'
import type { IpSet, State } from '../seams/state/state.ts'
import { describeAcl } from './describe-acl.ts'
import { protectedHeaders, protectedQuery } from './log-record.ts'
import type { PlannedWebAcl } from './plan.ts'
import { configuredIpSets } from './acl/configured-ip-sets.ts'
import type { Waf } from './waf.ts'

/** What these routes ask. */
export interface WafRoutesOptions {
  readonly clock: Clock
  readonly room: Pick<Waf, 'records' | 'limited'>
  /** The web ACLs in force. */
  readonly acls: () => readonly PlannedWebAcl[]
  readonly state: () => State | undefined
  /** Takes secrets out of what is shown. */
  readonly hide: {
    query(query: string): string
    headers(headers: HeaderList): [name: string, value: string][]
  }
}

const changeSchema = z.union([
  z.strictObject({ addresses: z.array(z.string()) }),
  z
    .strictObject({ add: z.array(z.string()).default([]), remove: z.array(z.string()).default([]) })
    .refine(({ add, remove }) => add.length + remove.length > 0),
])
const CHANGE = '{"add": ["192.0.2.7/32"], "remove": ["198.51.100.0/24"]} or {"addresses": ["192.0.2.0/24"]}'
const MAX_SAMPLES = 500
const MAX_LIMITED = 10_000
/** How often a change is tried again when somebody else changes the same set. */
const MAX_TRIES = 5

/** An IP set as it is in force. */
interface IpSetView {
  readonly name: string
  /** `running` when it was changed while running, which then counts instead of the configuration. */
  readonly source: 'configuration' | 'running'
  readonly addresses: readonly string[]
  readonly version?: number
}

/** Routes that show what the WAF does and change IP sets while the edge runs. */
export function wafRoutes({ clock, room, acls, state: stateOf, hide }: WafRoutesOptions): AdminRoute[] {
  return [
    { method: 'GET', path: '/waf', handle: () => ({ body: acls().map(describeAcl) }) },
    {
      method: 'GET',
      path: '/waf/:acl/samples',
      handle: ({ parameters, query }) => samples(parameters['acl']!, query),
    },
    { method: 'GET', path: '/waf/:acl/counts', handle: ({ parameters }) => counts(parameters['acl']!) },
    { method: 'GET', path: '/waf/:acl/limited', handle: ({ parameters }) => limited(parameters['acl']!) },
    { method: 'GET', path: '/ip-sets', handle: () => ({ body: allSets() }) },
    { method: 'GET', path: '/ip-sets/:name', handle: ({ parameters }) => oneSet(parameters['name']!) },
    {
      method: 'PUT',
      path: '/ip-sets/:name',
      handle: ({ parameters, body }) => changed(parameters['name']!, body),
    },
    { method: 'DELETE', path: '/ip-sets/:name', handle: ({ parameters }) => reset(parameters['name']!) },
  ]

  function withAcl(name: string, answer: (acl: PlannedWebAcl) => AdminAnswer): AdminAnswer {
    const acl = acls().find((each) => each.name === name)
    if (acl !== undefined) return answer(acl)
    const names = acls()
      .map((each) => each.name)
      .join(', ')
    return refused(
      404,
      names === '' ? 'there is no web ACL' : `there is no web ACL named ${name}; there are ${names}`,
    )
  }

  function samples(name: string, query: URLSearchParams): AdminAnswer {
    return withAcl(name, (acl) => {
      const records = room.records(acl.arn)
      const rule = query.get('rule') ?? 'Default_Action'
      const max = Math.min(MAX_SAMPLES, Number(query.get('limit') ?? 100) || 100)
      const found = records?.sampled(rule, 0, clock.now(), max)
      return {
        body: {
          rule,
          population: found?.population ?? 0,
          rules: [...(records?.counts.keys() ?? [])],
          samples: (found?.samples ?? []).map(({ headers, query: args, ...sample }) => {
            const { dataProtection } = acl
            const shown = protectedHeaders(hide.headers(headers), dataProtection)
            return {
              ...sample,
              ...(args === undefined ? {} : { query: hide.query(protectedQuery(args, dataProtection)) }),
              headers: shown,
            }
          }),
        },
      }
    })
  }

  function counts(name: string): AdminAnswer {
    return withAcl(name, (acl) => {
      const records = room.records(acl.arn)
      return {
        body: {
          rules: Object.fromEntries(records?.counts ?? []),
          labels: Object.fromEntries(records?.labels ?? []),
        },
      }
    })
  }

  function limited(name: string): AdminAnswer {
    return withAcl(name, (acl) => ({ body: room.limited(acl, MAX_LIMITED) }))
  }

  function allSets(): IpSetView[] {
    const state = stateOf()
    const views = new Map<string, IpSetView>()
    for (const acl of acls()) {
      for (const set of configuredIpSets(acl))
        views.set(set.name, { name: set.name, source: 'configuration', addresses: set.addresses })
    }
    for (const set of state?.ipSets.list() ?? []) views.set(set.name, viewOf(set))
    return [...views.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1))
  }

  function oneSet(name: string): AdminAnswer {
    const found = allSets().find((set) => set.name === name)
    return found === undefined ? noSet(name) : { body: found }
  }

  async function changed(name: string, body: unknown): Promise<AdminAnswer> {
    const change = changeSchema.safeParse(body)
    if (!change.success) return refused(400, `send ${CHANGE}`)
    const state = stateOf()
    if (state === undefined) return refused(409, 'no distribution has a web ACL, so there are no IP sets')
    if (!allSets().some((set) => set.name === name)) return noSet(name)
    try {
      const set = await changeSet(state, name, configured(name), change.data)
      return { body: viewOf(set) }
    } catch (error) {
      return seamRefusal(error)
    }
  }

  async function reset(name: string): Promise<AdminAnswer> {
    const state = stateOf()
    const set = state?.ipSets.list().find((each) => each.name === name)
    if (state === undefined || set === undefined)
      return refused(404, `the IP set ${name} was not changed while running; what is configured is in force`)
    try {
      await state.ipSets.delete(name, set.lockToken)
      return oneSet(name)
    } catch (error) {
      return seamRefusal(error)
    }
  }

  function configured(name: string): readonly string[] {
    const sets = acls().flatMap((acl) => [...configuredIpSets(acl)])
    return sets.find((set) => set.name === name)?.addresses ?? []
  }

  function noSet(name: string): AdminAnswer {
    const names = allSets().map((set) => set.name)
    return refused(
      404,
      `there is no IP set named ${name}; ${names.length === 0 ? 'there are none' : `there are ${names.join(', ')}`}`,
    )
  }
}

export type IpSetChange = z.output<typeof changeSchema>

/** Changes a set of the state; the first change starts from what is configured. */
export async function changeSet(
  state: State,
  name: string,
  configured: readonly string[],
  change: IpSetChange,
): Promise<IpSet> {
  for (let tries = 1; ; tries++) {
    const before = state.ipSets.list().find((set) => set.name === name)
    const addresses = apply(before?.addresses ?? configured, change)
    try {
      return before === undefined
        ? await state.ipSets.create(name, { family: 'any', addresses })
        : await state.ipSets.update(name, before.lockToken, addresses)
    } catch (error) {
      const isRace = error instanceof SeamError && (error.code === 'conflict' || error.code === 'exists')
      if (!isRace || tries >= MAX_TRIES) throw error
      await state.refresh()
    }
  }
}

function apply(before: readonly string[], change: IpSetChange): string[] {
  if ('addresses' in change) return change.addresses
  const removed = new Set(change.remove)
  return [...new Set([...before.filter((address) => !removed.has(address)), ...change.add])]
}

function viewOf(set: IpSet): IpSetView {
  return { name: set.name, source: 'running', addresses: set.addresses, version: set.version }
}

function seamRefusal(error: unknown): AdminAnswer {
  if (!(error instanceof SeamError)) throw error
  const status =
    error.code === 'invalid' || error.code === 'limit' ? 400 : error.code === 'conflict' ? 409 : 503
  return refused(status, error.message)
}
