import { configuredIpSets } from './acl/configured-ip-sets.ts'
import type { Fidelity, GroupNode, PlannedRule, PlannedWebAcl } from './plan.ts'

/** A web ACL for people: its rules in the order of evaluation, what each costs, and how true its groups are. */
export interface AclDescription {
  readonly name: string
  readonly arn: string
  readonly capacity: number
  readonly defaultAction: string
  readonly ipSets: readonly string[]
  readonly rules: readonly RuleDescription[]
}

export interface RuleDescription {
  readonly name: string
  readonly priority: number
  readonly capacity: number
  readonly action: string
  readonly labels: readonly string[]
  readonly fidelity?: Fidelity
  /** Of a group. */
  readonly rules?: readonly RuleDescription[]
}

export function describeAcl(acl: PlannedWebAcl): AclDescription {
  return {
    name: acl.name,
    arn: acl.arn,
    capacity: acl.capacity,
    defaultAction: acl.defaultAction.kind,
    ipSets: [...configuredIpSets(acl)].map((set) => set.name),
    rules: acl.rules.map((rule) => describeRule(rule)),
  }
}

function describeExternal(
  { name, action, fidelity }: { readonly name: string; readonly action: string; readonly fidelity: Fidelity },
  { overrides, excluded }: GroupNode,
): RuleDescription {
  const effective = excluded.has(name) ? 'count' : (overrides.get(name)?.kind ?? action)
  return { name, priority: 0, capacity: 0, action: effective, labels: [], fidelity }
}

function describeRule(
  rule: PlannedRule,
  overrides?: ReadonlyMap<string, { readonly kind: string }>,
): RuleDescription {
  const { name, priority, capacity, labels, statement, fidelity } = rule
  const described = { name, priority, capacity, labels, ...(fidelity === undefined ? {} : { fidelity }) }
  if (statement.kind !== 'group')
    return { ...described, action: overrides?.get(name)?.kind ?? rule.action.kind }
  return {
    ...described,
    action: rule.countsOnly ? 'count' : 'group',
    rules:
      statement.external?.rules?.map((inner) => describeExternal(inner, statement)) ??
      statement.group.rules.map((inner) => {
        const isExcluded = statement.excluded.has(inner.name)
        return describeRule(
          inner,
          isExcluded ? new Map([[inner.name, { kind: 'count' }]]) : statement.overrides,
        )
      }),
  }
}
