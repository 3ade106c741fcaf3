import { z } from 'zod'
import { type SearchStringForm, toApiForm } from './acl/forms.ts'
import { bodyLimits, limits } from './acl/limits.ts'
import { type AclProblem, Findings, isRecord } from './acl/problems.ts'
import { readAction, readBodies } from './acl/read-action.ts'
import {
  immunitySchema,
  type ManagedGroups,
  nameSchema,
  planVisibility,
  readRuleGroup,
  readRules,
  type RuleContext,
  visibilitySchema,
} from './acl/read-rules.ts'
import { type AclRegistry, EMPTY_REGISTRY } from './acl/registry.ts'
import { type ExternalGroup, externalKey } from './external-group.ts'
import { asksForPlaces } from './acl/asks-for-places.ts'
import type { PlannedAction, PlannedRule, PlannedWafLog, PlannedWebAcl } from './plan.ts'

/** Where a web ACL finds what it refers to, and options that AWS' document has no place for. */
export interface WebAclOptions {
  readonly registry?: AclRegistry
  readonly managed?: ManagedGroups
  /** Twelve digits; part of label namespaces and ARNs. Zeros unless given. */
  readonly accountId?: string
  /** Inspects more of a body than AWS can; `check` says so. */
  readonly bodyLimitBytes?: number
  /** Counts IPv6 clients of rate-based rules by their /64 network. */
  readonly ipv6Networks?: boolean
  readonly log?: PlannedWafLog
  /** Groups that are not made of AWS rules, by `externalKey(vendor, name)`. */
  readonly external?: ReadonlyMap<string, ExternalGroup>
  /** How search strings are written; found out by itself unless given. */
  readonly searchStrings?: SearchStringForm
  /** The name where the document has none. */
  readonly defaultName?: string
}

export interface WebAclReading {
  /** Undefined when there are problems. */
  readonly acl: PlannedWebAcl | undefined
  readonly problems: readonly AclProblem[]
  /** What works here but deserves a word, for example because AWS would not take it. */
  readonly notes: readonly AclProblem[]
}

const NO_GROUPS: ManagedGroups = { find: () => undefined }

const sizeLimit = z.strictObject({
  DefaultSizeInspectionLimit: z.enum(['KB_8', 'KB_16', 'KB_32', 'KB_48', 'KB_64']),
})

const webAclSchema = z.strictObject({
  Name: nameSchema.optional(),
  Id: z.string().optional(),
  ARN: z.string().optional(),
  Scope: z.enum(['CLOUDFRONT', 'REGIONAL']).optional(),
  DefaultAction: z.unknown().optional(),
  Description: z.string().max(256).optional(),
  Rules: z.unknown().optional(),
  VisibilityConfig: visibilitySchema.optional(),
  Capacity: z.number().optional(),
  LabelNamespace: z.string().optional(),
  CustomResponseBodies: z.unknown().optional(),
  CaptchaConfig: immunitySchema(60).optional(),
  ChallengeConfig: immunitySchema(300).optional(),
  TokenDomains: z
    .array(
      z
        .string()
        .min(1)
        .max(253)
        .regex(/^[\w.-]+$/, 'must be a domain name'),
    )
    .max(limits.tokenDomains)
    .optional(),
  AssociationConfig: z
    .strictObject({
      RequestBody: z
        .partialRecord(
          z.enum([
            'CLOUDFRONT',
            'API_GATEWAY',
            'COGNITO_USER_POOL',
            'APP_RUNNER_SERVICE',
            'VERIFIED_ACCESS_INSTANCE',
            'AGENTCORE_GATEWAY',
          ]),
          sizeLimit,
        )
        .optional(),
    })
    .optional(),
  DataProtectionConfig: z
    .strictObject({
      DataProtections: z.array(
        z.strictObject({
          Field: z.strictObject({
            FieldType: z.enum([
              'SINGLE_HEADER',
              'SINGLE_COOKIE',
              'SINGLE_QUERY_ARGUMENT',
              'QUERY_STRING',
              'BODY',
            ]),
            FieldKeys: z.array(z.string().min(1).max(64)).max(100).optional(),
          }),
          Action: z.enum(['SUBSTITUTION', 'HASH']),
          ExcludeRuleMatchDetails: z.boolean().optional(),
          ExcludeRateBasedDetails: z.boolean().optional(),
        }),
      ),
    })
    .optional(),
  PreProcessFirewallManagerRuleGroups: z.unknown().optional(),
  PostProcessFirewallManagerRuleGroups: z.unknown().optional(),
  ManagedByFirewallManager: z.boolean().optional(),
  RetrofittedByFirewallManager: z.boolean().optional(),
  OnSourceDDoSProtectionConfig: z.unknown().optional(),
  ApplicationConfig: z.unknown().optional(),
  MonetizationConfig: z.unknown().optional(),
  Tags: z.unknown().optional(),
})

/**
 * Reads a web ACL as the API, CloudFormation or the console's JSON editor writes it. Every problem is told at once,
 * with its path in the document; never throws for what the document says.
 */
export function readWebAcl(document: unknown, options: WebAclOptions = {}): WebAclReading {
  const findings = new Findings()
  const form = toApiForm(document, 'WebACL', findings, [], options.searchStrings)
  const acl =
    form === undefined ? undefined : readAcl(form.value, form.path, form.resources, options, findings)
  const isGood = findings.problems.length === 0
  return { acl: isGood ? acl : undefined, problems: findings.problems, notes: findings.notes }
}

/** Reads a rule group on its own, to tell what is wrong with it whether a web ACL refers to it or not. */
export function readRuleGroupAlone(name: string, document: unknown, options: WebAclOptions): Findings {
  const findings = new Findings()
  const context = contextOf(options, findings, new Map(), '', new Map())
  readRuleGroup(name, undefined, document, [], context)
  return findings
}

function contextOf(
  options: WebAclOptions,
  findings: Findings,
  resources: RuleContext['resources'],
  labelNamespace: string,
  bodies: RuleContext['bodies'],
): RuleContext {
  return {
    findings,
    registry: options.registry ?? EMPTY_REGISTRY,
    resources,
    labelNamespace,
    references: new Set(),
    managed: groupsOf(options),
    bodies,
    isGroup: false,
    accountId: options.accountId ?? NO_ACCOUNT,
    fidelity: undefined,
  }
}

const NO_ACCOUNT = '000000000000'

function readAcl(
  value: unknown,
  path: readonly (string | number)[],
  resources: RuleContext['resources'],
  options: WebAclOptions,
  findings: Findings,
): PlannedWebAcl | undefined {
  if (!isRecord(value)) {
    findings.problem(path, 'a web ACL must be a JSON object')
    return undefined
  }
  const head = findings.parse(webAclSchema, value, path)
  const name = typeof value['Name'] === 'string' ? value['Name'] : (options.defaultName ?? 'web-acl')
  if (value['Name'] === undefined) findings.note(path, `has no Name; it is called ${name}`)
  const accountId = options.accountId ?? NO_ACCOUNT
  const labelNamespace = `awswaf:${accountId}:webacl:${name}:`
  const bodies = readBodies(value['CustomResponseBodies'], [...path, 'CustomResponseBodies'], findings)
  const context = contextOf(options, findings, resources, labelNamespace, bodies)
  const rules = [
    ...readFirewallManager(
      value['PreProcessFirewallManagerRuleGroups'],
      [...path, 'PreProcessFirewallManagerRuleGroups'],
      context,
    ),
    ...readRules(value['Rules'], [...path, 'Rules'], context),
    ...readFirewallManager(
      value['PostProcessFirewallManagerRuleGroups'],
      [...path, 'PostProcessFirewallManagerRuleGroups'],
      context,
    ),
  ]
  const defaultAction = readAction(
    value['DefaultAction'],
    ['allow', 'block'],
    bodies,
    [...path, 'DefaultAction'],
    findings,
  )
  const capacity = rules.reduce((sum, rule) => sum + rule.capacity, 0)
  checkQuotas(rules, defaultAction, capacity, context, path)
  if (head === undefined || defaultAction === undefined) return undefined
  if (head.VisibilityConfig === undefined) findings.note(path, 'has no VisibilityConfig, which AWS asks for')
  if (head.Scope === 'REGIONAL')
    findings.note([...path, 'Scope'], 'a web ACL for CloudFront has the Scope CLOUDFRONT')
  return {
    name,
    arn: head.ARN ?? `arn:aws:wafv2:us-east-1:${accountId}:global/webacl/${name}/${head.Id ?? name}`,
    labelNamespace,
    rules,
    defaultAction,
    capacity,
    visibility: planVisibility(head.VisibilityConfig, name),
    bodyLimitBytes: bodyLimit(
      head.AssociationConfig?.RequestBody?.CLOUDFRONT?.DefaultSizeInspectionLimit,
      options,
      path,
      findings,
    ),
    tokenDomains: (head.TokenDomains ?? []).map((domain) => domain.toLowerCase()),
    captchaImmunitySeconds: head.CaptchaConfig?.ImmunityTimeProperty?.ImmunityTime ?? 300,
    challengeImmunitySeconds: head.ChallengeConfig?.ImmunityTimeProperty?.ImmunityTime ?? 300,
    dataProtection: (head.DataProtectionConfig?.DataProtections ?? []).map(({ Field, Action }) => ({
      field: Field.FieldType,
      keys: (Field.FieldKeys ?? []).map((key) =>
        Field.FieldType === 'SINGLE_COOKIE' ? key : key.toLowerCase(),
      ),
      action: Action,
    })),
    ipv6Networks: options.ipv6Networks ?? false,
    log: options.log,
    usesTokens: rules.some(asksForToken),
    needsPlaces: options.log !== undefined || rules.some(({ statement }) => asksForPlaces(statement)),
  }
}

function asksForToken({ action, statement }: PlannedRule): boolean {
  if (statement.kind !== 'group') return wantsToken(action)
  return statement.group.rules.some(asksForToken) || [...statement.overrides.values()].some(wantsToken)
}

function wantsToken({ kind }: PlannedAction): boolean {
  return kind === 'captcha' || kind === 'challenge'
}

function groupsOf({ external, managed = NO_GROUPS }: WebAclOptions): ManagedGroups {
  if (external === undefined) return managed
  return {
    find: (vendor, name, configs) =>
      external.get(externalKey(vendor, name)) ?? managed.find(vendor, name, configs),
  }
}

/** Groups that Firewall Manager puts around the rules: `{ Name, Priority, FirewallManagerStatement, OverrideAction }`. */
function readFirewallManager(
  value: unknown,
  path: readonly (string | number)[],
  context: RuleContext,
): PlannedRule[] {
  if (!Array.isArray(value)) return []
  const asRules = value.map((entry: unknown) => {
    if (!isRecord(entry)) return entry
    const { FirewallManagerStatement: statement, ...rest } = entry
    return { ...rest, Statement: statement }
  })
  return readRules(asRules, path, context)
}

function bodyLimit(
  size: keyof typeof bodyLimits | undefined,
  options: WebAclOptions,
  path: readonly (string | number)[],
  findings: Findings,
): number {
  const documented = bodyLimits[size ?? 'KB_16']
  const wanted = options.bodyLimitBytes
  if (wanted === undefined) return documented
  if (wanted > bodyLimits.KB_64) {
    findings.note(
      [...path, 'AssociationConfig'],
      `${wanted} bytes of a body are inspected here; AWS WAF inspects at most ${bodyLimits.KB_64}`,
    )
  }
  return wanted
}

function checkQuotas(
  rules: readonly PlannedRule[],
  defaultAction: PlannedAction | undefined,
  capacity: number,
  context: RuleContext,
  path: readonly (string | number)[],
): void {
  const { findings } = context
  if (capacity > limits.webAclCapacity) {
    const largest = rules.toSorted((a, b) => b.capacity - a.capacity).slice(0, 3)
    const who = largest.map((rule) => `${rule.name} ${rule.capacity}`).join(', ')
    findings.problem(
      [...path, 'Rules'],
      `the rules need ${capacity} capacity units and at most ${limits.webAclCapacity} fit; the largest are ${who}`,
    )
  } else if (capacity > limits.webAclCapacityIncluded) {
    findings.note(
      [...path, 'Rules'],
      `the rules need ${capacity} capacity units; beyond ${limits.webAclCapacityIncluded} AWS asks an extra price`,
    )
  }
  if (context.references.size > limits.references) {
    findings.problem(
      [...path, 'Rules'],
      `refers to ${context.references.size} sets and groups; at most ${limits.references} fit`,
    )
  }
  const actions = [
    ...rules.map(({ action }) => action),
    ...(defaultAction === undefined ? [] : [defaultAction]),
  ]
  const inserted = actions.reduce((sum, action) => sum + action.insertHeaders.length, 0)
  if (inserted > limits.customHeadersPerAcl)
    findings.problem(
      [...path, 'Rules'],
      `inserts ${inserted} request headers; at most ${limits.customHeadersPerAcl} fit`,
    )
}
