import type { ExternalRun } from './external-group.ts'
import type { Evidence, RateHit } from './inspection.ts'
import type { ActionKind, GroupNode, PlannedAction, PlannedRule, PlannedRuleGroup } from './plan.ts'

/** Whether a request brings a valid token for Captcha or Challenge, or why not (names as in AWS WAF logs). */
export type TokenState =
  | { readonly kind: 'valid'; readonly solvedAtMs: number }
  | { readonly kind: 'TOKEN_MISSING' | 'TOKEN_EXPIRED' | 'TOKEN_INVALID' | 'TOKEN_DOMAIN_MISMATCH' }

/** One rule that matched. */
export interface RuleHit {
  readonly rule: string
  /** The action that took effect, after overrides. */
  readonly action: ActionKind
  /** The rule's own action where an override replaced it. */
  readonly overridden: ActionKind | undefined
  readonly evidence: readonly Evidence[]
  readonly token: TokenState | undefined
  readonly metricName: string
  readonly isSampled: boolean
  /** False where its visibility configuration asks for no metrics. */
  readonly hasMetrics: boolean
}

/** What came of one rule group. */
export interface GroupOutcome {
  readonly group: PlannedRuleGroup
  /** The rule of the web ACL that refers to it. */
  readonly reference: string
  terminating: RuleHit | undefined
  readonly counted: RuleHit[]
  readonly excluded: RuleHit[]
}

/** One line of the trace that explain shows. */
export interface TraceEntry {
  readonly rule: string
  readonly group: string | undefined
  readonly outcome: 'no match' | ActionKind
  readonly evidence: readonly Evidence[]
  readonly labels: readonly string[]
}

/** What a web ACL decided about one request. */
export interface Evaluation {
  readonly action: Exclude<ActionKind, 'count'>
  /** The rule of the web ACL that decided; undefined for the default action. */
  readonly terminating: PlannedRule | undefined
  /** The rule that decided: the same one, or one inside its group. */
  readonly hit: RuleHit | undefined
  /** The action that decided, with its response and headers. */
  readonly planned: PlannedAction
  /** Rules of the web ACL itself that matched and let the request go on. */
  readonly counted: readonly RuleHit[]
  readonly groups: readonly GroupOutcome[]
  readonly rates: readonly { readonly rule: PlannedRule; readonly hit: RateHit }[]
  readonly labels: readonly string[]
  /** Request headers to insert, the last of each name only. */
  readonly inserted: readonly { readonly name: string; readonly value: string }[]
  readonly oversize: readonly string[]
  readonly bodyBytes: number | undefined
  readonly inspectedBytes: number
  readonly clientAsn: number | undefined
  readonly forwardedAsn: number | undefined
  readonly trace: readonly TraceEntry[] | undefined
  /** External groups that were asked about the request and want to see the response too. */
  readonly responseRuns: readonly ResponseRun[]
}

/** An external group that waits for the response, and the rule of the web ACL that refers to it. */
export interface ResponseRun {
  readonly reference: PlannedRule
  readonly group: GroupNode
  readonly run: ExternalRun
}
