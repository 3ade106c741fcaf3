import type { HeaderList } from '../http/header-list.ts'
import type { Evidence, Inspection } from './inspection.ts'
import type { ActionKind, Fidelity, PlannedAction } from './plan.ts'

/**
 * The extension point for rule groups that are not made of AWS rules, such as the Core Rule Set (`src/waf/crs/`).
 *
 * A web ACL refers to one as a `ManagedRuleGroupStatement` (vendor `OWASP`, name `CRS`), so the document stays valid
 * AWS JSON. The way it takes:
 *
 * 1. `src/config/check-web-acls.ts` loads the group of a distribution while the configuration is checked (it knows the
 *    distribution's own settings for it and tells what is wrong with its files) and gives it to `readWebAcl` in
 *    `WebAclOptions.external`, under `externalKey(vendor, name)`. Loading is done once per check; nothing is parsed later.
 * 2. `readWebAcl` puts the group into the plan (`GroupNode.external`), with its capacity, and notes that AWS would not
 *    take the web ACL. RuleActionOverrides and ExcludedRules may name its rules (`hasRule`).
 * 3. Per request the evaluator reads as much of the body as the group wants (`requestBodyBytes`), calls `open` once and
 *    `inspectRequest` when the turn of the referring rule comes. Scope-down, OverrideAction, overrides, labels, logs,
 *    samples, metrics and explain are the evaluator's business: the group only says what matched.
 * 4. Where the request goes on and `run.responseBodyBytes` is there, the same run sees the response at
 *    `inspect-response`.
 */
export interface ExternalGroup {
  /** Web ACL capacity units that the group counts for; AWS has no figure for it. */
  readonly capacity: number
  /** With a colon at its end; labels of hits begin with it. */
  readonly labelNamespace: string
  /** Its rules for people, where there are few enough to show them. */
  readonly rules?: readonly {
    readonly name: string
    readonly action: ActionKind
    readonly fidelity: Fidelity
  }[]
  /** Bytes of the request body it looks at; 0 for none. May be more than AWS inspects (`Inspection.peeked`). */
  readonly requestBodyBytes: number
  /** Whether it has a rule of this name, for overrides. */
  hasRule(name: string): boolean
  /** Begins with one request. Nothing may be counted or kept beyond it while `inspection.isPeek`. */
  open(inspection: Inspection): ExternalRun
}

/** A group at work on one request and its response. Lives as long as the request. */
export interface ExternalRun {
  /** What matched, in order. A hit whose action ends the evaluation is the last one that counts. */
  inspectRequest(): readonly ExternalHit[]
  /** How many bytes of a response's body it wants to see; 0 for none. Left out by a group without response rules. */
  responseBodyBytes?(status: number, headers: HeaderList): number
  /** What matched in the response; called at most once, after `inspectRequest`. */
  inspectResponse?(response: InspectedResponse): readonly ExternalHit[]
}

/** A response as a group may look at it. */
export interface InspectedResponse {
  readonly status: number
  readonly headers: HeaderList
  /** The beginning of the body, at most as much as was asked for; decompressed by nobody. */
  readonly body: Buffer
  readonly isCut: boolean
}

/** One rule of an external group that matched. */
export interface ExternalHit {
  /** Its name or id, as overrides and logs call it. */
  readonly rule: string
  /** Fully qualified. */
  readonly labels: readonly string[]
  /** `count` for a rule that goes on. `plainAction(kind)` makes one without headers and response. */
  readonly action: PlannedAction
  readonly evidence: readonly Evidence[]
}

/** Under what `WebAclOptions.external` holds a group. */
export function externalKey(vendor: string, name: string): string {
  return `${vendor}/${name}`
}
