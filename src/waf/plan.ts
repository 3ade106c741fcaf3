import type { PlannedWebAclSummary } from '../plan.ts'
import type { ExternalGroup } from './external-group.ts'
import type { Pattern } from './regex/pattern.ts'
import type { TransformName } from './transforms/transforms.ts'

/** A web ACL as the WAF room runs it: checked, defaults filled, references resolved to what they name. */
export interface PlannedWebAcl extends PlannedWebAclSummary {
  /** `awswaf:<account>:webacl:<name>:` */
  readonly labelNamespace: string
  /** In the order in which they are evaluated. */
  readonly rules: readonly PlannedRule[]
  readonly defaultAction: PlannedAction
  readonly visibility: PlannedVisibility
  /** Bytes of a body that are inspected. */
  readonly bodyLimitBytes: number
  /** Domains beside the Host under which a token is good. */
  readonly tokenDomains: readonly string[]
  readonly captchaImmunitySeconds: number
  readonly challengeImmunitySeconds: number
  /** Whether any rule may ask for a Captcha or Challenge. */
  readonly usesTokens: boolean
  readonly dataProtection: readonly PlannedProtection[]
  /** Counts IPv6 clients by their /64 network, which AWS WAF does not. */
  readonly ipv6Networks: boolean
  /** Where and how decisions are written down; undefined for nowhere. */
  readonly log: PlannedWafLog | undefined
}

/** The logging configuration of a web ACL. */
export interface PlannedWafLog {
  readonly folder: string
  readonly gzip: boolean
  readonly redaction: Redaction
  readonly filter: LoggingFilter
}

/** What of a request is never written (RedactedFields of a logging configuration). Header names in lower case. */
export interface Redaction {
  readonly method: boolean
  readonly uriPath: boolean
  readonly queryString: boolean
  readonly headers: ReadonlySet<string>
}

/** Which decisions are written down (WAFV2 LoggingFilter): the first filter that applies decides, else the default. */
export interface LoggingFilter {
  readonly keepsByDefault: boolean
  readonly filters: readonly {
    readonly keeps: boolean
    readonly needsAll: boolean
    readonly conditions: readonly ({ readonly action: string } | { readonly label: string })[]
  }[]
}

export interface PlannedVisibility {
  readonly metricName: string
  readonly isSampled: boolean
  readonly hasMetrics: boolean
}

/** A field whose values are hidden in logs and samples. */
export interface PlannedProtection {
  readonly field: 'SINGLE_HEADER' | 'SINGLE_COOKIE' | 'SINGLE_QUERY_ARGUMENT' | 'QUERY_STRING' | 'BODY'
  /** Lower case for headers; empty for whole fields. */
  readonly keys: readonly string[]
  readonly action: 'SUBSTITUTION' | 'HASH'
}

export type ActionKind = 'allow' | 'block' | 'count' | 'captcha' | 'challenge' | 'monetize'

export interface PlannedAction {
  readonly kind: ActionKind
  /** Names carry their `x-amzn-waf-` prefix. */
  readonly insertHeaders: readonly { readonly name: string; readonly value: string }[]
  readonly response: PlannedCustomResponse | undefined
  /** How long a token is good for this rule, or undefined for the web ACL's value. */
  readonly immunitySeconds: number | undefined
}

export interface PlannedCustomResponse {
  readonly status: number
  readonly headers: readonly { readonly name: string; readonly value: string }[]
  readonly contentType: string | undefined
  readonly body: Buffer | undefined
}

export interface PlannedRule {
  readonly name: string
  readonly priority: number
  /** Fully qualified. */
  readonly labels: readonly string[]
  readonly statement: StatementNode | RateNode | GroupNode
  /** For a group: what its own rules decide, unless `countsOnly`. */
  readonly action: PlannedAction
  /** OverrideAction Count of a group: what the group decides is only counted. */
  readonly countsOnly: boolean
  readonly visibility: PlannedVisibility
  readonly capacity: number
  /** How near a rule of a managed group is to what AWS runs; undefined for rules of users. */
  readonly fidelity: Fidelity | undefined
}

/** `exact`: AWS documents all of it; `documented`: built from its description; `approximated`: our own idea of it. */
export type Fidelity = 'exact' | 'documented' | 'approximated'

export interface PlannedRuleGroup {
  /** ARN, or `AWS#AWSManagedRulesCommonRuleSet`. */
  readonly id: string
  readonly name: string
  readonly vendor: string | undefined
  readonly labelNamespace: string
  readonly capacity: number
  readonly rules: readonly PlannedRule[]
}

/** A group of rules in the place where it is referenced. */
export interface GroupNode {
  readonly kind: 'group'
  readonly group: PlannedRuleGroup
  readonly isManaged: boolean
  readonly scopeDown: StatementNode | undefined
  /** By name of the inner rule. */
  readonly overrides: ReadonlyMap<string, PlannedAction>
  /** Names that the legacy ExcludedRules list turned to Count. */
  readonly excluded: ReadonlySet<string>
  /** A group that is not made of AWS rules. */
  readonly external: ExternalGroup | undefined
}

export interface ForwardedIp {
  /** Lower case. */
  readonly header: string
  readonly onMalformed: boolean
}

export type RateKey =
  | { readonly kind: 'ip' }
  | { readonly kind: 'forwarded-ip' }
  | { readonly kind: 'header'; readonly name: string; readonly transforms: readonly TransformName[] }
  | { readonly kind: 'cookie'; readonly name: string; readonly transforms: readonly TransformName[] }
  | { readonly kind: 'query-argument'; readonly name: string; readonly transforms: readonly TransformName[] }
  | { readonly kind: 'query-string'; readonly transforms: readonly TransformName[] }
  | { readonly kind: 'uri-path'; readonly transforms: readonly TransformName[] }
  | { readonly kind: 'http-method' }
  | { readonly kind: 'label-namespace'; readonly namespace: string }
  | { readonly kind: 'asn' }
  | { readonly kind: 'ja3' | 'ja4'; readonly onMissing: boolean }

export interface RateNode {
  readonly kind: 'rate'
  readonly limit: number
  readonly windowSeconds: number
  readonly aggregate: 'IP' | 'FORWARDED_IP' | 'CUSTOM_KEYS' | 'CONSTANT'
  readonly keys: readonly RateKey[]
  readonly scopeDown: StatementNode | undefined
  readonly forwarded: ForwardedIp | undefined
}

export type PreParse =
  | 'URL_DECODE'
  | 'URL_DECODE_UNI'
  | 'COMBINE_DUPLICATE_QUERY_ARGS_BY_COMMA'
  | 'REPLACE_SEMICOLONS_WITH_AMPERSANDS'

/** What a match statement looks at, and how it is transformed before. */
export interface Subject {
  readonly field: FieldNode
  readonly transforms: readonly TransformName[]
  readonly preParse: readonly PreParse[]
}

export type MatchPosition = 'EXACTLY' | 'STARTS_WITH' | 'ENDS_WITH' | 'CONTAINS' | 'CONTAINS_WORD'
export type Comparison = 'EQ' | 'NE' | 'LE' | 'LT' | 'GE' | 'GT'
export type Sensitivity = 'LOW' | 'HIGH'

/** A statement that can stand inside And, Or and Not. */
export type StatementNode =
  | { readonly kind: 'and' | 'or'; readonly statements: readonly StatementNode[] }
  | { readonly kind: 'not'; readonly statement: StatementNode }
  | {
      readonly kind: 'byte-match'
      readonly subject: Subject
      readonly search: string
      readonly position: MatchPosition
    }
  | {
      readonly kind: 'regex'
      readonly subject: Subject
      readonly patterns: readonly Pattern[]
      /** Name of the regex pattern set, or undefined for a pattern of the statement itself. */
      readonly setName: string | undefined
    }
  | {
      readonly kind: 'size'
      readonly subject: Subject
      readonly comparison: Comparison
      readonly size: number
    }
  | { readonly kind: 'sqli'; readonly subject: Subject; readonly sensitivity: Sensitivity }
  | { readonly kind: 'xss'; readonly subject: Subject }
  | {
      readonly kind: 'geo'
      readonly countries: ReadonlySet<string>
      readonly forwarded: ForwardedIp | undefined
    }
  | {
      readonly kind: 'asn'
      readonly numbers: ReadonlySet<number>
      readonly forwarded: ForwardedIp | undefined
    }
  | {
      readonly kind: 'ip-set'
      readonly set: PlannedIpSet
      readonly forwarded: (ForwardedIp & { readonly position: 'FIRST' | 'LAST' | 'ANY' }) | undefined
    }
  | {
      readonly kind: 'label'
      readonly scope: 'LABEL' | 'NAMESPACE'
      readonly key: string
      /** The namespace a key without `awswaf:` is looked for in; undefined for a full key. */
      readonly container: string | undefined
    }

/** An IP set by name. The addresses are those of the configuration; a handle of the state seam takes their place. */
export interface PlannedIpSet {
  readonly name: string
  readonly family: 'IPV4' | 'IPV6' | 'ANY'
  readonly addresses: readonly string[]
}

export type MatchScope = 'ALL' | 'KEY' | 'VALUE'
/** `true` matches and `false` does not, without looking; undefined inspects what fits. */
export type Oversize = boolean | undefined

export type NamePattern =
  | { readonly mode: 'all' }
  | { readonly mode: 'included' | 'excluded'; readonly names: ReadonlySet<string> }

export type FieldNode =
  | { readonly kind: 'method' | 'uri-path' | 'query-string' | 'all-query-arguments' }
  /** Lower case. */
  | { readonly kind: 'single-header' | 'single-query-argument'; readonly name: string }
  | {
      readonly kind: 'headers' | 'cookies'
      readonly pattern: NamePattern
      readonly scope: MatchScope
      readonly oversize: Oversize
    }
  | { readonly kind: 'header-order' | 'body'; readonly oversize: Oversize }
  | {
      readonly kind: 'json-body'
      /** JSON Pointers split into their parts; undefined for the whole body. */
      readonly paths: readonly (readonly string[])[] | undefined
      readonly scope: MatchScope
      readonly onInvalid: 'MATCH' | 'NO_MATCH' | 'EVALUATE_AS_STRING' | 'PARSED_SO_FAR'
      readonly oversize: Oversize
    }
  | { readonly kind: 'ja3' | 'ja4' | 'uri-fragment'; readonly onMissing: boolean }
