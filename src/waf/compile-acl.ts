import type { AddressMatcher } from '../http/address.ts'
import { compileStatement, needsBody, type StatementParts } from './compile-statement.ts'
import type { RateCounter } from '../seams/state/state.ts'
import type { Inspection } from './inspection.ts'
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
  readonly external: ExternalGroup | undefined
}

/** One rule of an external group that matched. */
export interface ExternalHit {
  readonly rule: string
  /** Labels, fully qualified. */
  readonly labels: readonly string[]
  readonly action: ActionKind
  readonly evidence: Inspection['evidence']
}

/** A group that is not made of AWS rules, such as the Core Rule Set: it looks at a request by its own means. */
export interface ExternalGroup {
  readonly needsBody: boolean
  /** What matched, in order; a terminal action ends the list. */
  inspect(inspection: Inspection): readonly ExternalHit[]
}

export interface CompiledAcl {
  readonly planned: PlannedWebAcl
  readonly rules: readonly CompiledRule[]
  readonly values: ValueTable
  readonly needsBody: boolean
}

/** What a web ACL needs of the running edge. */
export interface AclParts {
  readonly ipSet: (set: PlannedIpSet) => { readonly current: AddressMatcher }
  /** The counter of one rule; `name` is the same for the same rule after a reload. */
  readonly counter: (name: string, node: RateNode) => RateCounter
  readonly external: (key: string, config: unknown) => ExternalGroup | undefined
  readonly ipv6Networks: boolean
}

/** Compiles a web ACL; everything that costs time is done here and not per request. */
export function compileAcl(planned: PlannedWebAcl, parts: AclParts): CompiledAcl {
  const values = new ValueTable()
  const rules = planned.rules.map((rule) => compileRule(rule, planned.name, undefined, values, parts))
  return { planned, rules, values, needsBody: rules.some((rule) => rule.needsBody) }
}

function compileRule(
  planned: PlannedRule,
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
    ipv6Networks: parts.ipv6Networks,
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
  const rules = statement.group.rules.map((rule) => compileRule(rule, name, statement, values, parts))
  const { external, scopeDown } = statement
  const group: CompiledGroup = {
    node: statement,
    scopeDown: scopeDown && compileStatement(scopeDown, statementParts),
    rules,
    external: external && parts.external(external.key, external.config),
  }
  const isBodyNeeded =
    rules.some((rule) => rule.needsBody) ||
    (scopeDown !== undefined && needsBody(scopeDown)) ||
    (group.external?.needsBody ?? false)
  return { ...base, matches: () => false, needsBody: isBodyNeeded, group }
}
