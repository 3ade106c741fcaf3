import type { AddressMatcher } from '../http/address.ts'
import { compileStatement, needsBody, type StatementParts } from './compile-statement.ts'
import type { RateCounter } from '../seams/state/state.ts'
import type {
  ActionKind,
  GroupNode,
  PlannedAction,
  PlannedIpSet,
  PlannedRule,
  PlannedWebAcl,
  RateNode,
} from './plan.ts'
import type { Matcher } from './statements/matcher.ts'
import { ValueTable } from './value-table.ts'

/** A rule ready to run. */
export interface CompiledRule {
  readonly planned: PlannedRule
  readonly matches: Matcher
  /** After overrides. */
  readonly action: PlannedAction
  /** The rule's own action where an override replaced it. */
  readonly overridden: ActionKind | undefined
  /** By the legacy ExcludedRules list. */
  readonly isExcluded: boolean
  readonly needsBody: boolean
  readonly group: CompiledGroup | undefined
}

export interface CompiledGroup {
  readonly node: GroupNode
  readonly scopeDown: Matcher | undefined
  readonly rules: readonly CompiledRule[]
}

export interface CompiledAcl {
  readonly planned: PlannedWebAcl
  readonly rules: readonly CompiledRule[]
  readonly values: ValueTable
  readonly needsBody: boolean
  /** Bytes of a body that are read, where a rule needs it: what AWS' rules inspect, or more for an external group. */
  readonly bodyLimitBytes: number
}

/** What a web ACL needs of the running edge. */
export interface AclParts {
  readonly ipSet: (set: PlannedIpSet) => { readonly current: AddressMatcher }
  /** The counter of one rule; `name` is the same for the same rule after a reload. */
  readonly counter: (name: string, node: RateNode) => RateCounter
}

/** Compiles a web ACL; everything that costs time is done here and not per request. */
export function compileAcl(planned: PlannedWebAcl, parts: AclParts): CompiledAcl {
  const values = new ValueTable()
  const rules = planned.rules.map((rule) =>
    compileRule(rule, planned, planned.name, undefined, values, parts),
  )
  const wanted = rules.map(({ group }) => group?.node.external?.requestBodyBytes ?? 0)
  return {
    planned,
    rules,
    values,
    needsBody: rules.some((rule) => rule.needsBody),
    bodyLimitBytes: Math.max(planned.bodyLimitBytes, ...wanted),
  }
}

function compileRule(
  planned: PlannedRule,
  acl: PlannedWebAcl,
  container: string,
  reference: GroupNode | undefined,
  values: ValueTable,
  parts: AclParts,
): CompiledRule {
  const name = `${container}/${planned.name}`
  const statementParts: StatementParts = {
    values,
    ipSet: parts.ipSet,
    counter: (node) => parts.counter(name, node),
    ipv6Networks: acl.ipv6Networks,
  }
  const { statement } = planned
  const override = reference?.overrides.get(planned.name)
  const isExcluded = reference?.excluded.has(planned.name) ?? false
  const action = isExcluded ? { ...planned.action, kind: 'count' as const } : (override ?? planned.action)
  const base = {
    planned,
    action,
    overridden: action === planned.action ? undefined : planned.action.kind,
    isExcluded,
  }
  if (statement.kind !== 'group') {
    return {
      ...base,
      matches: compileStatement(statement, statementParts),
      needsBody: needsBody(statement),
      group: undefined,
    }
  }
  const rules = statement.group.rules.map((rule) => compileRule(rule, acl, name, statement, values, parts))
  const { external, scopeDown } = statement
  const group: CompiledGroup = {
    node: statement,
    scopeDown: scopeDown && compileStatement(scopeDown, statementParts),
    rules,
  }
  const isBodyNeeded =
    rules.some((rule) => rule.needsBody) ||
    (scopeDown !== undefined && needsBody(scopeDown)) ||
    (external !== undefined && external.requestBodyBytes > 0)
  return { ...base, matches: () => false, needsBody: isBodyNeeded, group }
}
