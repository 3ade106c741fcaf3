import { z } from 'zod'
import type {
  ActionKind,
  Fidelity,
  GroupNode,
  PlannedAction,
  PlannedRule,
  PlannedRuleGroup,
  PlannedVisibility,
  RateNode,
  StatementNode,
} from '../plan.ts'
import type { ExternalGroup } from '../external-group.ts'
import { capacityOf, labelCapacity } from './capacity.ts'
import { toApiForm } from './forms.ts'
import { limits, OPERATOR_LISTS } from './limits.ts'
import { isRecord, type JsonPath } from './problems.ts'
import { plainAction, readAction, readBodies, type ResponseBodies } from './read-action.ts'
import { oneStatement, readRate, readStatement, type StatementContext } from './read-statement.ts'
import { type AclRegistry, resolveReference } from './registry.ts'
import { managedRuleGroupSchema, ruleGroupReferenceSchema } from './statement-schema.ts'

/** A managed rule group in the form of the API, and how near each of its rules is to what AWS runs. */
export interface ManagedGroup {
  /** Labels begin with `awswaf:managed:<vendor>:<labelSet>:`. */
  readonly labelSet: string
  readonly capacity: number
  /** Rules as in the API; patterns of sets may stand inline as lists. */
  readonly rules: readonly unknown[]
  readonly fidelity: Readonly<Record<string, Fidelity>>
}

export interface ManagedGroups {
  /** The group, one that is not made of AWS rules, or undefined when it is not known here. */
  find(
    vendor: string,
    name: string,
    configs: readonly Readonly<Record<string, unknown>>[],
  ): ManagedGroup | ExternalGroup | undefined
}

/** What rules are read in. */
export interface RuleContext extends StatementContext {
  readonly managed: ManagedGroups
  readonly bodies: ResponseBodies
  /** Rule groups hold no groups. */
  readonly isGroup: boolean
  readonly accountId: string
  readonly fidelity: Readonly<Record<string, Fidelity>> | undefined
}

const ALL_ACTIONS: readonly ActionKind[] = ['allow', 'block', 'count', 'captcha', 'challenge', 'monetize']
const RATE_ACTIONS: readonly ActionKind[] = ['block', 'count', 'captcha', 'challenge', 'monetize']
const RESERVED_LABELS = new Set([
  'awswaf',
  'aws',
  'waf',
  'rulegroup',
  'webacl',
  'regexpatternset',
  'ipset',
  'managed',
])

export const nameSchema = z.string().regex(/^[\w-]{1,128}$/, 'must be 1 to 128 letters, digits, _ and -')
export const visibilitySchema = z.strictObject({
  SampledRequestsEnabled: z.boolean(),
  CloudWatchMetricsEnabled: z.boolean(),
  MetricName: z.string().regex(/^[\w#:./-]{1,255}$/, 'must be 1 to 255 letters, digits and # : . / - _'),
})
export const immunitySchema = (min: number) =>
  z.strictObject({
    ImmunityTimeProperty: z.strictObject({ ImmunityTime: z.number().int().min(min).max(259_200) }).optional(),
  })

const label = z
  .string()
  .max(1024)
  .regex(/^[0-9A-Za-z_\-:]+$/, 'a label is made of letters, digits, _, - and :')
  .superRefine((text, context) => {
    const parts = text.split(':')
    if (parts.length > 6)
      context.addIssue({ code: 'custom', message: 'a label has at most five namespaces before its name' })
    if (parts.some((part) => part === '' || part.length > 128))
      context.addIssue({ code: 'custom', message: 'each part of a label has 1 to 128 characters' })
    const reserved = parts.find((part) => RESERVED_LABELS.has(part))
    if (reserved !== undefined)
      context.addIssue({ code: 'custom', message: `"${reserved}" is reserved and cannot be part of a label` })
  })

const ruleSchema = z.strictObject({
  Name: nameSchema,
  Priority: z.number().int().min(0),
  Statement: z.unknown().optional(),
  Action: z.unknown().optional(),
  OverrideAction: z.unknown().optional(),
  RuleLabels: z
    .array(z.strictObject({ Name: label }))
    .max(100)
    .optional(),
  VisibilityConfig: visibilitySchema.optional(),
  CaptchaConfig: immunitySchema(60).optional(),
  ChallengeConfig: immunitySchema(300).optional(),
})

/** Reads a list of rules; the good ones come back in the order of evaluation. */
export function readRules(value: unknown, path: JsonPath, context: RuleContext): PlannedRule[] {
  const { findings } = context
  if (value === undefined) return []
  if (!Array.isArray(value)) {
    findings.problem(path, 'must be a list of rules')
    return []
  }
  const names = new Map<unknown, number>()
  const priorities = new Map<unknown, number>()
  const rules: PlannedRule[] = []
  value.forEach((raw: unknown, i) => {
    if (isRecord(raw)) {
      noteTwice(names, raw['Name'], i, [...path, i, 'Name'], context)
      noteTwice(priorities, raw['Priority'], i, [...path, i, 'Priority'], context)
    }
    const rule = readRule(raw, [...path, i], context)
    if (rule !== undefined) rules.push(rule)
  })
  const rateRules = rules.filter(({ statement }) => statement.kind === 'rate').length
  const maxRate = context.isGroup ? limits.rateRulesPerGroup : limits.rateRulesPerAcl
  if (rateRules > maxRate) findings.problem(path, `has ${rateRules} rate-based rules; at most ${maxRate} fit`)
  return rules.toSorted((a, b) => a.priority - b.priority)
}

function noteTwice(
  seen: Map<unknown, number>,
  value: unknown,
  index: number,
  path: JsonPath,
  context: RuleContext,
): void {
  const before = seen.get(value)
  if (before === undefined) seen.set(value, index)
  else if (value !== undefined) context.findings.problem(path, `${String(value)} is taken by rule ${before}`)
}

function readRule(raw: unknown, path: JsonPath, context: RuleContext): PlannedRule | undefined {
  const { findings } = context
  const before = findings.problems.length
  const rule = findings.parse(ruleSchema, raw, path)
  const members = isRecord(raw) ? raw : {}
  const at = [...path, 'Statement']
  const statement =
    members['Statement'] === undefined ? undefined : readTopStatement(members['Statement'], at, context)
  if (members['Statement'] === undefined && isRecord(raw)) findings.problem(at, 'is missing')
  const isGroupRule =
    isRecord(members['Statement']) &&
    ('RuleGroupReferenceStatement' in members['Statement'] ||
      'ManagedRuleGroupStatement' in members['Statement'])
  const isRate = isRecord(members['Statement']) && 'RateBasedStatement' in members['Statement']
  const action = isGroupRule ? plainAction('count') : readRuleAction(members, isRate, path, context)
  const countsOnly = isGroupRule && readOverride(members, path, context)
  if (isGroupRule && members['RuleLabels'] !== undefined)
    findings.problem([...path, 'RuleLabels'], 'a rule that refers to a group has no labels of its own')
  if (
    rule === undefined ||
    statement === undefined ||
    action === undefined ||
    findings.problems.length > before
  )
    return undefined
  if (rule.VisibilityConfig === undefined) findings.note(path, 'has no VisibilityConfig, which AWS asks for')
  const labels = (rule.RuleLabels ?? []).map(({ Name }) => context.labelNamespace + Name)
  const immunitySeconds =
    action.kind === 'captcha'
      ? rule.CaptchaConfig?.ImmunityTimeProperty?.ImmunityTime
      : rule.ChallengeConfig?.ImmunityTimeProperty?.ImmunityTime
  return {
    name: rule.Name,
    priority: rule.Priority,
    labels,
    statement,
    action: immunitySeconds === undefined ? action : { ...action, immunitySeconds },
    countsOnly,
    visibility: planVisibility(rule.VisibilityConfig, rule.Name),
    capacity: capacityOf(statement) + labelCapacity(labels.length),
    fidelity: context.fidelity?.[rule.Name],
  }
}

export function planVisibility(
  config: z.infer<typeof visibilitySchema> | undefined,
  name: string,
): PlannedVisibility {
  return {
    metricName: config?.MetricName ?? name,
    isSampled: config?.SampledRequestsEnabled ?? true,
    hasMetrics: config?.CloudWatchMetricsEnabled ?? true,
  }
}

function readRuleAction(
  members: Readonly<Record<string, unknown>>,
  isRate: boolean,
  path: JsonPath,
  context: RuleContext,
): PlannedAction | undefined {
  const { findings } = context
  if (members['OverrideAction'] !== undefined) {
    findings.problem(
      [...path, 'OverrideAction'],
      'stands only in a rule that refers to a group; write Action',
    )
  }
  if (members['Action'] === undefined) {
    findings.problem([...path, 'Action'], 'is missing')
    return undefined
  }
  return readAction(
    members['Action'],
    isRate ? RATE_ACTIONS : ALL_ACTIONS,
    context.bodies,
    [...path, 'Action'],
    findings,
  )
}

/** True for Count. */
function readOverride(
  members: Readonly<Record<string, unknown>>,
  path: JsonPath,
  context: RuleContext,
): boolean {
  const { findings } = context
  const value = members['OverrideAction']
  if (members['Action'] !== undefined)
    findings.problem(
      [...path, 'Action'],
      'cannot stand in a rule that refers to a group; write OverrideAction',
    )
  const keys = isRecord(value) ? Object.keys(value) : []
  if (keys.length === 1 && (keys[0] === 'None' || keys[0] === 'Count')) return keys[0] === 'Count'
  findings.problem([...path, 'OverrideAction'], 'exactly one of None, Count is expected')
  return false
}

function readTopStatement(
  value: unknown,
  path: JsonPath,
  context: RuleContext,
): StatementNode | RateNode | GroupNode | undefined {
  const keys = isRecord(value) ? Object.keys(value) : []
  const [name] = keys
  const isTop =
    name === 'RateBasedStatement' ||
    name === 'RuleGroupReferenceStatement' ||
    name === 'ManagedRuleGroupStatement'
  if (!isTop || keys.length > 1) return readStatement(value, path, context)
  const one = oneStatement(value, path, context.findings)
  if (one === undefined) return undefined
  const at = [...path, name]
  if (name === 'RateBasedStatement') return readRate(one[1], at, context)
  if (context.isGroup) {
    context.findings.problem(at, 'a rule group cannot refer to another group')
    return undefined
  }
  return name === 'RuleGroupReferenceStatement'
    ? readGroupReference(one[1], at, context)
    : readManagedGroup(one[1], at, context)
}

function readGroupReference(raw: unknown, path: JsonPath, context: RuleContext): GroupNode | undefined {
  const { findings } = context
  const reference = findings.parse(ruleGroupReferenceSchema, raw, path)
  if (reference === undefined) return undefined
  const found = resolveReference(
    'rulegroup',
    reference.ARN,
    context.registry,
    context.resources,
    [...path, 'ARN'],
    findings,
  )
  if (found === undefined) return undefined
  context.references.add(`rulegroup/${found.name}`)
  const group = readRuleGroup(found.name, found.arn, found.document, [...path, 'ARN'], context)
  const overrides = readOverrides(reference.RuleActionOverrides, path, context)
  const excluded = new Set((reference.ExcludedRules ?? []).map(({ Name }) => Name))
  if (group === undefined || overrides === undefined) return undefined
  const names = new Set(group.rules.map(({ name }) => name))
  for (const name of [...overrides.keys(), ...excluded]) {
    if (!names.has(name))
      findings.problem(
        [...path, 'RuleActionOverrides'],
        `the rule group ${group.name} has no rule named ${name}`,
      )
  }
  return {
    kind: 'group',
    group,
    isManaged: false,
    scopeDown: undefined,
    overrides,
    excluded,
    external: undefined,
  }
}

function readManagedGroup(raw: unknown, path: JsonPath, context: RuleContext): GroupNode | undefined {
  const { findings } = context
  const scope = isRecord(raw) ? raw['ScopeDownStatement'] : undefined
  const scopeDown =
    scope === undefined ? undefined : readStatement(scope, [...path, 'ScopeDownStatement'], context)
  const reference = findings.parse(managedRuleGroupSchema, raw, path)
  if (reference === undefined || (scope !== undefined && scopeDown === undefined)) return undefined
  const { VendorName: vendor, Name: name } = reference
  const configs = reference.ManagedRuleGroupConfigs ?? []
  const found = context.managed.find(vendor, name, configs)
  if (found === undefined) {
    findings.problem(
      [...path, 'Name'],
      `there is no equivalent of the managed rule group ${vendor} ${name} here; take it out or override it with OverrideAction Count on AWS only`,
    )
    return undefined
  }
  const overrides = readOverrides(reference.RuleActionOverrides, path, context)
  if (overrides === undefined) return undefined
  const excluded = new Set((reference.ExcludedRules ?? []).map((each) => each.Name))
  if ('open' in found) {
    if (found.rules !== undefined)
      noteFidelity(
        found.rules.map(({ fidelity }) => fidelity),
        name,
        path,
        context,
      )
    if (vendor !== 'AWS')
      findings.note(path, `${vendor} ${name} runs here only; AWS WAF has no such managed rule group`)
    noteUnknownRules([...overrides.keys(), ...excluded], name, (each) => found.hasRule(each), path, context)
    const { labelNamespace, capacity } = found
    const group = { id: `${vendor}#${name}`, name, vendor, labelNamespace, capacity, rules: [] }
    return { kind: 'group', group, isManaged: true, scopeDown, overrides, excluded, external: found }
  }
  const labelNamespace = `awswaf:managed:${vendor.toLowerCase()}:${found.labelSet}:`
  noteFidelity(Object.values(found.fidelity), name, path, context)
  const rules = readRules(found.rules, [...path, 'Name'], {
    ...context,
    registry: withOperatorLists(found.rules, path, context),
    // What AWS keeps for itself does not count against the quota.
    references: new Set(),
    labelNamespace,
    bodies: new Map(),
    isGroup: true,
    fidelity: found.fidelity,
  })
  const group: PlannedRuleGroup = {
    id: `${vendor}#${name}`,
    name,
    vendor,
    labelNamespace,
    capacity: found.capacity,
    rules,
  }
  const names = new Set(rules.map((rule) => rule.name))
  noteUnknownRules([...overrides.keys(), ...excluded], name, (each) => names.has(each), path, context)
  return { kind: 'group', group, isManaged: true, scopeDown, overrides, excluded, external: undefined }
}

/** `3 exact, 12 documented, 1 approximated`. */
function noteFidelity(
  marks: readonly Fidelity[],
  name: string,
  path: JsonPath,
  { findings }: RuleContext,
): void {
  const counts = (['exact', 'documented', 'approximated'] as const).flatMap((mark) => {
    const count = marks.filter((each) => each === mark).length
    return count === 0 ? [] : [`${count} ${mark}`]
  })
  findings.note(
    path,
    `an open equivalent of ${name} runs here; of its rules are ${counts.join(', ')} (edgeward waf rules lists them)`,
  )
}

/** The lists of AWS that its rules refer to: the operator's of the same name, or empty ones, which is worth a word. */
function withOperatorLists(
  rules: readonly unknown[],
  path: JsonPath,
  { registry, findings }: RuleContext,
): AclRegistry {
  const ipSets = new Map(registry.ipSets)
  const text = JSON.stringify(rules)
  for (const list of OPERATOR_LISTS) {
    if (!text.includes(`"ARN":"${list}"`) || ipSets.has(list)) continue
    ipSets.set(list, [])
    findings.note(path, `there is no IP set named ${list} in ipSets, so the rule ${list} matches nothing`)
  }
  return { ...registry, ipSets }
}

/** AWS ignores names it does not know in managed groups, so this is only worth a word. */
function noteUnknownRules(
  wanted: readonly string[],
  group: string,
  isKnown: (name: string) => boolean,
  path: JsonPath,
  { findings }: RuleContext,
): void {
  for (const each of wanted) {
    if (isKnown(each)) continue
    findings.note(
      [...path, 'RuleActionOverrides'],
      `${group} has no rule named ${each} here; the override does nothing`,
    )
  }
}

function readOverrides(
  list: readonly { readonly Name: string; readonly ActionToUse?: unknown }[] | undefined,
  path: JsonPath,
  context: RuleContext,
): ReadonlyMap<string, PlannedAction> | undefined {
  const overrides = new Map<string, PlannedAction>()
  let isGood = true
  ;(list ?? []).forEach(({ Name, ActionToUse }, i) => {
    const action = readAction(
      ActionToUse,
      ALL_ACTIONS,
      context.bodies,
      [...path, 'RuleActionOverrides', i, 'ActionToUse'],
      context.findings,
    )
    if (action === undefined) isGood = false
    else overrides.set(Name, action)
  })
  return isGood ? overrides : undefined
}

const groupSchema = z.looseObject({ Capacity: z.number().int().min(1).max(limits.groupCapacity).optional() })

/** Reads a rule group: its rules, in the namespace of its own labels. */
export function readRuleGroup(
  name: string,
  arn: string | undefined,
  document: unknown,
  path: JsonPath,
  context: RuleContext,
): PlannedRuleGroup | undefined {
  const { findings } = context
  const form = toApiForm(document, 'RuleGroup', findings, path)
  if (form === undefined || !isRecord(form.value)) return undefined
  const before = findings.problems.length
  const head = findings.parse(groupSchema, form.value, form.path)
  const bodies = readBodies(
    form.value['CustomResponseBodies'],
    [...form.path, 'CustomResponseBodies'],
    findings,
  )
  const labelNamespace = `awswaf:${context.accountId}:rulegroup:${name}:`
  const references = new Set<string>()
  const rules = readRules(form.value['Rules'], [...form.path, 'Rules'], {
    ...context,
    labelNamespace,
    bodies,
    references,
    isGroup: true,
    fidelity: undefined,
  })
  if (references.size > limits.references)
    findings.problem(form.path, `refers to ${references.size} sets; at most ${limits.references} fit`)
  if (head === undefined || findings.problems.length > before) return undefined
  const used = rules.reduce((sum, rule) => sum + rule.capacity, 0)
  const capacity = head.Capacity ?? used
  if (used > capacity) {
    findings.problem(
      [...form.path, 'Capacity'],
      `the rules of ${name} need ${used} capacity units; Capacity is ${capacity}`,
    )
    return undefined
  }
  const id = arn ?? `arn:aws:wafv2:us-east-1:${context.accountId}:global/rulegroup/${name}/${name}`
  return { id, name, vendor: undefined, labelNamespace, capacity, rules }
}
