import type { Transform } from '../transforms/transforms.ts'
import type { Macro } from './macro.ts'
import type { Operator } from './operators.ts'
import type { Target } from './parse-targets.ts'
import type { Effect, OperatorSyntax, Rule } from './rule.ts'

/** One link of a chain, ready to run. */
export interface CompiledLink {
  readonly targets: readonly Target[]
  /** What is left out, apart from `targets`. */
  readonly excluded: readonly Target[]
  readonly syntax: OperatorSyntax | undefined
  /** Undefined for SecAction, for operators the engine answers itself, and while the argument has open macros. */
  readonly operator: Operator | undefined
  readonly isNegated: boolean
  readonly transforms: readonly Transform[]
  readonly isMultiMatch: boolean
  readonly isCapturing: boolean
  readonly effects: readonly Effect[]
  /** Makes the operator from what its macros expand to, and keeps the latest ones. */
  readonly operatorFor: ((argument: string) => Operator) | undefined
}

/** A rule at its place in the order of its phase. */
export interface CompiledRule {
  readonly rule: Rule
  readonly links: readonly CompiledLink[]
  /** Its number in `CompiledRules.steps`. */
  readonly step: number
  /** Where its skip or skipAfter goes on; undefined without one. */
  skipTo: number | undefined
  readonly status: number
  readonly message: Macro
  readonly logdata: Macro
}
