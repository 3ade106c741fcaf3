import type { CompiledAcl, CompiledGroup, CompiledRule } from './compile-acl.ts'
import type { Evaluation, GroupOutcome, ResponseRun, RuleHit, TokenState, TraceEntry } from './evaluation.ts'
import type { ExternalGroup, ExternalHit } from './external-group.ts'
import type { Evidence, Inspection, RateHit } from './inspection.ts'
import type { ActionKind, GroupNode, PlannedAction, PlannedRule } from './plan.ts'

/** Asks whether the request brings a valid token for the action; asked only when a rule wants one. */
export type CheckToken = (action: PlannedAction, inspection: Inspection) => TokenState

const NO_EVIDENCE: readonly Evidence[] = []
const NONE: readonly never[] = []

/**
 * One run of a web ACL over one request (DG:web-acl-processing): rules by priority, groups in the place of their
 * reference, labels when a rule is over, until an action ends it or the default action does.
 */
export class Evaluator {
  readonly #acl: CompiledAcl
  readonly #inspection: Inspection
  readonly #checkToken: CheckToken
  readonly #trace: TraceEntry[] | undefined
  #counted: RuleHit[] | undefined = undefined
  #groups: GroupOutcome[] | undefined = undefined
  #rates: { rule: PlannedRule; hit: RateHit }[] | undefined = undefined
  #responseRuns: ResponseRun[] | undefined = undefined
  #inserted: Map<string, { readonly name: string; readonly value: string }> | undefined = undefined
  #next = 0

  constructor(acl: CompiledAcl, inspection: Inspection, checkToken: CheckToken, traces: boolean) {
    this.#acl = acl
    this.#inspection = inspection
    this.#checkToken = checkToken
    this.#trace = traces ? [] : undefined
  }

  /**
   * Runs until the web ACL has decided, or until the next rule needs the body: then undefined, and it goes on from
   * there when it is called again with the body in the inspection.
   */
  run(): Evaluation | undefined {
    const { rules } = this.#acl
    for (; this.#next < rules.length; this.#next++) {
      const rule = rules[this.#next]!
      if (rule.needsBody && !this.#inspection.isBodyRead) return undefined
      const decided =
        rule.group === undefined ? this.#runRule(rule, undefined) : this.#runGroup(rule, rule.group)
      if (decided !== undefined) return this.#finish(rule.planned, decided.hit, decided.action)
    }
    return this.#finish(undefined, undefined, this.#acl.planned.defaultAction)
  }

  /** What ended the evaluation, or undefined when it goes on. */
  #runRule(rule: CompiledRule, outcome: GroupOutcome | undefined): Decided | undefined {
    const inspection = this.#inspection
    const { planned } = rule
    inspection.evidence.length = 0
    const isMatch = rule.matches(inspection)
    if (!isMatch) {
      inspection.settleLabels()
      this.#noteTrace(planned, outcome, 'no match', NO_EVIDENCE)
      return undefined
    }
    if (inspection.rateHit !== undefined) {
      ;(this.#rates ??= []).push({ rule: planned, hit: inspection.rateHit })
      inspection.rateHit = undefined
    }
    const evidence = inspection.evidence.length === 0 ? NO_EVIDENCE : inspection.evidence.slice()
    for (const label of planned.labels) inspection.addLater(label)
    inspection.settleLabels()
    return this.#act(rule, rule.action, evidence, outcome)
  }

  #act(
    rule: CompiledRule,
    action: PlannedAction,
    evidence: readonly Evidence[],
    outcome: GroupOutcome | undefined,
  ): Decided | undefined {
    const { planned } = rule
    const wantsToken = action.kind === 'captcha' || action.kind === 'challenge'
    const token = wantsToken ? this.#checkToken(action, this.#inspection) : undefined
    const hit: RuleHit = {
      rule: planned.name,
      action: action.kind,
      overridden: rule.overridden,
      evidence,
      token,
      metricName: planned.visibility.metricName,
      isSampled: planned.visibility.isSampled,
      hasMetrics: planned.visibility.hasMetrics,
    }
    this.#noteTrace(planned, outcome, action.kind, evidence)
    if (action.kind === 'count' || token?.kind === 'valid') {
      this.#insert(action)
      const list =
        outcome === undefined ? (this.#counted ??= []) : rule.isExcluded ? outcome.excluded : outcome.counted
      list.push(hit)
      return undefined
    }
    return { hit, action }
  }

  #runGroup(reference: CompiledRule, group: CompiledGroup): Decided | undefined {
    const { planned } = reference
    if (group.scopeDown !== undefined) {
      const isInScope = group.scopeDown(this.#inspection)
      this.#inspection.evidence.length = 0
      this.#inspection.settleLabels()
      if (!isInScope) {
        this.#noteTrace(planned, undefined, 'no match', NO_EVIDENCE)
        return undefined
      }
    }
    const outcome: GroupOutcome = {
      group: group.node.group,
      reference: planned.name,
      terminating: undefined,
      counted: [],
      excluded: [],
    }
    ;(this.#groups ??= []).push(outcome)
    const decided = this.#runInner(reference, group, outcome)
    if (decided === undefined) return undefined
    if (!planned.countsOnly) {
      outcome.terminating = decided.hit
      return decided
    }
    // OverrideAction Count: the group ends here, what it decided is counted, and the web ACL goes on.
    const counted: RuleHit = {
      ...decided.hit,
      action: 'count',
      overridden: decided.hit.overridden ?? decided.action.kind,
    }
    outcome.terminating = counted
    const { metricName, hasMetrics } = planned.visibility
    ;(this.#counted ??= []).push({ ...counted, rule: planned.name, metricName, hasMetrics })
    return undefined
  }

  #runInner(reference: CompiledRule, group: CompiledGroup, outcome: GroupOutcome): Decided | undefined {
    for (const rule of group.rules) {
      const decided = this.#runRule(rule, outcome)
      if (decided !== undefined) return decided
    }
    const { external } = group.node
    return external === undefined ? undefined : this.#runExternal(reference, group, external, outcome)
  }

  #runExternal(
    reference: CompiledRule,
    { node }: CompiledGroup,
    external: ExternalGroup,
    outcome: GroupOutcome,
  ): Decided | undefined {
    const run = external.open(this.#inspection)
    if (run.responseBodyBytes !== undefined)
      (this.#responseRuns ??= []).push({ reference: reference.planned, group: node, run })
    for (const found of run.inspectRequest()) {
      const hit = applyExternal(found, node)
      for (const label of found.labels) this.#inspection.addLabel(label)
      this.#trace?.push({
        rule: found.rule,
        group: outcome.group.name,
        outcome: hit.action.kind,
        evidence: found.evidence,
        labels: found.labels,
      })
      if (hit.action.kind !== 'count') return hit
      if (node.excluded.has(found.rule)) outcome.excluded.push(hit.hit)
      else outcome.counted.push(hit.hit)
    }
    return undefined
  }

  #insert(action: PlannedAction): void {
    for (const header of action.insertHeaders) {
      this.#inserted ??= new Map()
      // The last matching rule wins, whatever the case of the name.
      this.#inserted.set(header.name.toLowerCase(), header)
    }
  }

  #finish(terminating: PlannedRule | undefined, hit: RuleHit | undefined, action: PlannedAction): Evaluation {
    if (action.kind === 'allow') this.#insert(action)
    const inspection = this.#inspection
    return {
      // Count never ends an evaluation.
      action: action.kind === 'count' ? 'allow' : action.kind,
      terminating,
      hit,
      planned: action,
      counted: this.#counted ?? NONE,
      groups: this.#groups ?? NONE,
      rates: this.#rates ?? NONE,
      labels: inspection.labels,
      inserted: this.#inserted === undefined ? NONE : [...this.#inserted.values()],
      oversize: inspection.oversize,
      bodyBytes: inspection.isBodyRead ? inspection.body.length : undefined,
      inspectedBytes: inspection.body.text.length,
      clientAsn: inspection.clientAsn,
      forwardedAsn: inspection.forwardedAsn,
      trace: this.#trace,
      responseRuns: this.#responseRuns ?? NONE,
    }
  }

  #noteTrace(
    rule: PlannedRule,
    outcome: GroupOutcome | undefined,
    result: 'no match' | ActionKind,
    evidence: readonly Evidence[],
  ): void {
    this.#trace?.push({
      rule: rule.name,
      group: outcome?.group.name,
      outcome: result,
      evidence,
      labels: result === 'no match' ? [] : rule.labels,
    })
  }
}

export interface Decided {
  readonly hit: RuleHit
  readonly action: PlannedAction
}

/** What a hit of an external group comes to under the overrides of its reference. */
export function applyExternal(found: ExternalHit, node: GroupNode): Decided {
  const override = node.excluded.has(found.rule) ? COUNT : node.overrides.get(found.rule)
  const action = override ?? found.action
  return {
    action,
    hit: {
      rule: found.rule,
      action: action.kind,
      overridden: override === undefined ? undefined : found.action.kind,
      evidence: found.evidence,
      token: undefined,
      metricName: found.rule,
      isSampled: true,
      hasMetrics: true,
    },
  }
}

const COUNT: PlannedAction = {
  kind: 'count',
  insertHeaders: [],
  response: undefined,
  immunitySeconds: undefined,
}
