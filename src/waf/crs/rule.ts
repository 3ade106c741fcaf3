import type { Macro } from './macro.ts'
import type { Target } from './parse-targets.ts'
import type { Place } from './seclang-problem.ts'
import type { CollectionName } from './collections.ts'

export type Phase = 1 | 2 | 3 | 4 | 5

/** `@name argument` of a rule. */
export interface OperatorSyntax {
  /** Lower case, without `@`. */
  readonly name: string
  readonly isNegated: boolean
  readonly argument: Macro
}

/** What a match changes. */
export type Effect =
  | {
      readonly kind: 'setvar'
      readonly collection: CollectionName
      readonly key: Macro
      readonly how: 'set' | 'add' | 'subtract' | 'remove'
      readonly value: Macro
    }
  | { readonly kind: 'initcol'; readonly collection: CollectionName; readonly name: Macro }
  | {
      readonly kind: 'expirevar'
      readonly collection: CollectionName
      readonly key: Macro
      readonly seconds: Macro
    }
  | { readonly kind: 'engine'; readonly mode: EngineMode }
  | {
      readonly kind: 'remove-ids'
      readonly first: number
      readonly last: number
      readonly target: Target | undefined
    }
  | { readonly kind: 'remove-tag'; readonly tag: string; readonly target: Target | undefined }
  | { readonly kind: 'remove-message'; readonly message: string; readonly target: Target | undefined }
  | { readonly kind: 'body-processor'; readonly name: string }
  | { readonly kind: 'force-body' }
  | { readonly kind: 'request-body-access'; readonly isOn: boolean }
  | { readonly kind: 'response-body-access'; readonly isOn: boolean }

export type EngineMode = 'on' | 'off' | 'detection-only'

/** What a match decides. */
export type Decision =
  | { readonly kind: 'pass' }
  | { readonly kind: 'block' }
  | { readonly kind: 'deny' }
  | { readonly kind: 'drop' }
  | { readonly kind: 'allow'; readonly scope: 'all' | 'phase' | 'request' }
  | { readonly kind: 'redirect'; readonly to: Macro }

/** One SecRule of a chain, or a SecAction, which has no targets. */
export interface Link extends Place {
  readonly targets: readonly Target[]
  /** Undefined for SecAction: it always matches. */
  readonly operator: OperatorSyntax | undefined
  /** Lower case, without `none`. */
  readonly transforms: readonly string[]
  readonly isMultiMatch: boolean
  readonly isCapturing: boolean
  readonly effects: readonly Effect[]
}

/** A rule: its links all have to match. */
export interface Rule extends Place {
  readonly kind: 'rule'
  /** 0 where it has none. */
  readonly id: number
  readonly phase: Phase
  readonly links: readonly Link[]
  readonly decision: Decision
  /** Of a deny or redirect. */
  readonly status: number | undefined
  readonly skipAfter: string | undefined
  readonly skip: number
  readonly message: Macro
  readonly logdata: Macro
  readonly tags: readonly string[]
  readonly severity: number | undefined
  readonly version: string | undefined
  readonly isLogged: boolean
}

export interface Marker extends Place {
  readonly kind: 'marker'
  readonly name: string
}

export type RuleItem = Rule | Marker
