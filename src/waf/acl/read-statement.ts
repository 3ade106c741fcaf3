import type { z } from 'zod'
import type { ForwardedIp, PreParse, RateKey, RateNode, StatementNode, Subject } from '../plan.ts'
import type { TransformName } from '../transforms/transforms.ts'
import { readField } from './field-schema.ts'
import { limits } from './limits.ts'
import { type Findings, isRecord, type JsonPath } from './problems.ts'
import { readIpSet, readPattern, readRegexSet } from './read-sets.ts'
import { type AclRegistry, type ReferenceKind, resolveReference, type Resolved } from './registry.ts'
import type { rateKeySchema } from './statement-schema.ts'
import {
  type LeafName,
  leafSchemas,
  type preParseSchema,
  rateSchema,
  type transformationsSchema,
} from './statement-schema.ts'

/** What a statement is read in: the web ACL or group around it, and what it may refer to. */
export interface StatementContext {
  readonly findings: Findings
  readonly registry: AclRegistry
  readonly resources: ReadonlyMap<string, { readonly type: string; readonly properties: unknown }>
  /** Of the web ACL or group the rule stands in, with the colon at its end. */
  readonly labelNamespace: string
  /** Counts references to sets and groups. */
  readonly references: Set<string>
}

/** Statements that stand only directly in a rule. */
const TOP_ONLY = new Set(['RateBasedStatement', 'RuleGroupReferenceStatement', 'ManagedRuleGroupStatement'])
const LOGICAL = ['AndStatement', 'OrStatement', 'NotStatement'] as const
const STATEMENT_NAMES = [...LOGICAL, ...Object.keys(leafSchemas), ...TOP_ONLY]

/** The one statement in a Statement object: its name and what is under it; undefined when it is not exactly one. */
export function oneStatement(
  value: unknown,
  path: JsonPath,
  findings: Findings,
): readonly [string, unknown] | undefined {
  const keys = isRecord(value) ? Object.keys(value) : []
  const [key] = keys
  if (!isRecord(value) || key === undefined || keys.length > 1) {
    const found = keys.length > 1 ? `; found ${keys.join(', ')}` : ''
    findings.problem(path, `exactly one statement is expected${found}`)
    return undefined
  }
  if (!STATEMENT_NAMES.includes(key)) {
    findings.problem(
      [...path, key],
      `AWS WAF knows no such statement; it is one of ${STATEMENT_NAMES.join(', ')}`,
    )
    return undefined
  }
  return [key, value[key]]
}

/** Reads a statement that may stand anywhere; undefined when anything in it is not valid, all of which is noted. */
export function readStatement(
  value: unknown,
  path: JsonPath,
  context: StatementContext,
  depth = 0,
): StatementNode | undefined {
  const { findings } = context
  if (depth > limits.nesting) {
    findings.problem(path, `statements are nested more than ${limits.nesting} deep`)
    return undefined
  }
  const one = oneStatement(value, path, findings)
  if (one === undefined) return undefined
  const [name, raw] = one
  const at = [...path, name]
  if (TOP_ONLY.has(name)) {
    findings.problem(at, `${name} cannot stand inside another statement; give it a rule of its own`)
    return undefined
  }
  if (name === 'NotStatement') {
    const inner = readMember(raw, 'Statement', at, findings)
    const statement =
      inner === undefined ? undefined : readStatement(inner, [...at, 'Statement'], context, depth + 1)
    return statement && { kind: 'not', statement }
  }
  if (name === 'AndStatement' || name === 'OrStatement') {
    const inner = readMember(raw, 'Statements', at, findings)
    if (!Array.isArray(inner) || inner.length === 0) {
      if (inner !== undefined)
        findings.problem([...at, 'Statements'], 'must be a list of at least one statement')
      return undefined
    }
    const statements = inner.map((each: unknown, i) =>
      readStatement(each, [...at, 'Statements', i], context, depth + 1),
    )
    if (inner.length === 1)
      findings.note([...at, 'Statements'], `the console of AWS wants at least two statements in ${name}`)
    if (!statements.every((each) => each !== undefined)) return undefined
    return { kind: name === 'AndStatement' ? 'and' : 'or', statements }
  }
  // What is left are the leaves: any other name was refused above.
  return readLeaf(name as LeafName, raw, at, context)
}

/** The only member of And, Or and Not. */
function readMember(raw: unknown, member: string, path: JsonPath, findings: Findings): unknown {
  if (!isRecord(raw) || raw[member] === undefined) {
    findings.problem([...path, member], 'is missing')
    return undefined
  }
  for (const key of Object.keys(raw))
    if (key !== member) findings.problem([...path, key], 'AWS WAF knows no such member; check its spelling')
  return raw[member]
}

function readLeaf(
  name: LeafName,
  raw: unknown,
  path: JsonPath,
  context: StatementContext,
): StatementNode | undefined {
  const { findings } = context
  switch (name) {
    case 'ByteMatchStatement': {
      const leaf = findings.parse(leafSchemas.ByteMatchStatement, raw, path)
      const subject = readSubject(raw, leaf, path, findings)
      if (leaf?.PositionalConstraint === 'CONTAINS_WORD' && !/^\w+$/.test(leaf.SearchString)) {
        findings.problem([...path, 'SearchString'], 'CONTAINS_WORD needs a word of letters, digits and _')
        return undefined
      }
      if (
        subject !== undefined &&
        isFingerprint(subject) &&
        leaf !== undefined &&
        leaf.PositionalConstraint !== 'EXACTLY'
      ) {
        findings.problem([...path, 'PositionalConstraint'], 'a fingerprint can only be matched EXACTLY')
        return undefined
      }
      return (
        leaf &&
        subject && {
          kind: 'byte-match',
          subject,
          search: leaf.SearchString,
          position: leaf.PositionalConstraint,
        }
      )
    }
    case 'RegexMatchStatement': {
      const leaf = findings.parse(leafSchemas.RegexMatchStatement, raw, path)
      const subject = readSubject(raw, leaf, path, findings, true)
      const pattern = leaf && readPattern(leaf.RegexString, [...path, 'RegexString'], findings)
      return pattern && subject && { kind: 'regex', subject, patterns: [pattern], setName: undefined }
    }
    case 'RegexPatternSetReferenceStatement': {
      const leaf = findings.parse(leafSchemas.RegexPatternSetReferenceStatement, raw, path)
      const subject = readSubject(raw, leaf, path, findings, true)
      const found = leaf && resolve('regexpatternset', leaf.ARN, path, context)
      const patterns = found && readRegexSet(found.name, found.document, [...path, 'ARN'], findings)
      return patterns && subject && { kind: 'regex', subject, patterns, setName: found.name }
    }
    case 'SizeConstraintStatement': {
      const leaf = findings.parse(leafSchemas.SizeConstraintStatement, raw, path)
      const subject = readSubject(raw, leaf, path, findings, true)
      return (
        leaf && subject && { kind: 'size', subject, comparison: leaf.ComparisonOperator, size: leaf.Size }
      )
    }
    case 'SqliMatchStatement': {
      const leaf = findings.parse(leafSchemas.SqliMatchStatement, raw, path)
      const subject = readSubject(raw, leaf, path, findings, true)
      return leaf && subject && { kind: 'sqli', subject, sensitivity: leaf.SensitivityLevel }
    }
    case 'XssMatchStatement': {
      const leaf = findings.parse(leafSchemas.XssMatchStatement, raw, path)
      const subject = readSubject(raw, leaf, path, findings, true)
      return leaf && subject && { kind: 'xss', subject }
    }
    case 'GeoMatchStatement': {
      const leaf = findings.parse(leafSchemas.GeoMatchStatement, raw, path)
      return (
        leaf && {
          kind: 'geo',
          countries: new Set(leaf.CountryCodes),
          forwarded: readForwarded(leaf.ForwardedIPConfig),
        }
      )
    }
    case 'AsnMatchStatement': {
      const leaf = findings.parse(leafSchemas.AsnMatchStatement, raw, path)
      return (
        leaf && {
          kind: 'asn',
          numbers: new Set(leaf.AsnList),
          forwarded: readForwarded(leaf.ForwardedIPConfig),
        }
      )
    }
    case 'IPSetReferenceStatement': {
      const leaf = findings.parse(leafSchemas.IPSetReferenceStatement, raw, path)
      const found = leaf && resolve('ipset', leaf.ARN, path, context)
      const set = found && readIpSet(found.name, found.document, [...path, 'ARN'], findings)
      if (leaf === undefined || set === undefined) return undefined
      const config = leaf.IPSetForwardedIPConfig
      const forwarded = readForwarded(config)
      return {
        kind: 'ip-set',
        set,
        forwarded: forwarded && config && { ...forwarded, position: config.Position },
      }
    }
    case 'LabelMatchStatement': {
      const leaf = findings.parse(leafSchemas.LabelMatchStatement, raw, path)
      if (leaf?.Scope === 'NAMESPACE' && !leaf.Key.endsWith(':')) {
        findings.problem([...path, 'Key'], `a namespace ends in a colon; write ${leaf.Key}:`)
        return undefined
      }
      const container = leaf?.Key.startsWith('awswaf:') === true ? undefined : context.labelNamespace
      return leaf && { kind: 'label', scope: leaf.Scope, key: leaf.Key, container }
    }
  }
}

function resolve(
  kind: ReferenceKind,
  reference: unknown,
  path: JsonPath,
  context: StatementContext,
): Resolved | undefined {
  const found = resolveReference(
    kind,
    reference,
    context.registry,
    context.resources,
    [...path, 'ARN'],
    context.findings,
  )
  if (found !== undefined) context.references.add(`${kind}/${found.name}`)
  return found
}

interface RawSubject {
  readonly TextTransformations: z.infer<typeof transformationsSchema>
  readonly PreParseTextTransformations?: z.infer<typeof preParseSchema>
}

/** The field is read even where the rest of the statement is not valid, so that all problems are told at once. */
function readSubject(
  raw: unknown,
  leaf: RawSubject | undefined,
  path: JsonPath,
  findings: Findings,
  noFingerprint = false,
): Subject | undefined {
  const field = readField(
    isRecord(raw) ? raw['FieldToMatch'] : undefined,
    [...path, 'FieldToMatch'],
    findings,
  )
  if (leaf === undefined || field === undefined) return undefined
  const transforms = inOrder(leaf.TextTransformations, [...path, 'TextTransformations'], findings)
  const before = leaf.PreParseTextTransformations ?? []
  const preParse = inOrder(before, [...path, 'PreParseTextTransformations'], findings)
  if (preParse.length > 0 && field.kind !== 'single-query-argument' && field.kind !== 'all-query-arguments') {
    findings.problem(
      [...path, 'PreParseTextTransformations'],
      'stands only beside SingleQueryArgument and AllQueryArguments',
    )
    return undefined
  }
  const subject = { field, transforms, preParse }
  if (noFingerprint && isFingerprint(subject)) {
    findings.problem(
      [...path, 'FieldToMatch'],
      'a fingerprint can only be asked for in a ByteMatchStatement with EXACTLY',
    )
    return undefined
  }
  return subject
}

function isFingerprint(subject: Subject): boolean {
  return subject.field.kind === 'ja3' || subject.field.kind === 'ja4'
}

/** Transformations by priority, without NONE. */
export function inOrder<Name extends TransformName | PreParse>(
  list: readonly { readonly Priority: number; readonly Type: Name | 'NONE' }[],
  path: JsonPath,
  findings: Findings,
): Exclude<Name, 'NONE'>[] {
  const seen = new Set<number>()
  list.forEach(({ Priority }, i) => {
    if (seen.has(Priority))
      findings.problem([...path, i, 'Priority'], `the priority ${Priority} is given twice`)
    seen.add(Priority)
  })
  return list
    .toSorted((a, b) => a.Priority - b.Priority)
    .map(({ Type }) => Type)
    .filter((name): name is Exclude<Name, 'NONE'> => name !== 'NONE')
}

function readForwarded(
  config: { readonly HeaderName: string; readonly FallbackBehavior: 'MATCH' | 'NO_MATCH' } | undefined,
): ForwardedIp | undefined {
  return (
    config && { header: config.HeaderName.toLowerCase(), onMalformed: config.FallbackBehavior === 'MATCH' }
  )
}

/** Reads a RateBasedStatement. */
export function readRate(raw: unknown, path: JsonPath, context: StatementContext): RateNode | undefined {
  const { findings } = context
  const scope = isRecord(raw) ? raw['ScopeDownStatement'] : undefined
  const scopeDown =
    scope === undefined ? undefined : readStatement(scope, [...path, 'ScopeDownStatement'], context)
  const rate = findings.parse(rateSchema, raw, path)
  if (rate === undefined || (scope !== undefined && scopeDown === undefined)) return undefined
  const keys = (rate.CustomKeys ?? []).map((key, i) => readRateKey(key, [...path, 'CustomKeys', i], findings))
  const aggregate = rate.AggregateKeyType
  const forwarded = readForwarded(rate.ForwardedIPConfig)
  const before = findings.problems.length
  if (aggregate === 'CUSTOM_KEYS' && keys.length === 0)
    findings.problem([...path, 'CustomKeys'], 'is missing; CUSTOM_KEYS needs 1 to 5 of them')
  if (aggregate !== 'CUSTOM_KEYS' && keys.length > 0)
    findings.problem([...path, 'CustomKeys'], 'stands only beside the AggregateKeyType CUSTOM_KEYS')
  if (aggregate === 'CONSTANT' && scopeDown === undefined)
    findings.problem(
      [...path, 'ScopeDownStatement'],
      'is missing; CONSTANT counts everything, so it needs one',
    )
  const needsForwarded = aggregate === 'FORWARDED_IP' || keys.some(({ kind }) => kind === 'forwarded-ip')
  if (needsForwarded && forwarded === undefined)
    findings.problem(
      [...path, 'ForwardedIPConfig'],
      'is missing; it names the header with the forwarded address',
    )
  if (keys.length === 1 && (keys[0]!.kind === 'ip' || keys[0]!.kind === 'forwarded-ip')) {
    findings.problem(
      [...path, 'CustomKeys'],
      'an address alone is the AggregateKeyType IP or FORWARDED_IP; as a custom key it needs another beside it',
    )
  }
  if (findings.problems.length > before) return undefined
  return {
    kind: 'rate',
    limit: rate.Limit,
    windowSeconds: rate.EvaluationWindowSec,
    aggregate,
    keys,
    scopeDown,
    forwarded,
  }
}

function readRateKey(key: z.infer<typeof rateKeySchema>, path: JsonPath, findings: Findings): RateKey {
  const steps = (list: z.infer<typeof transformationsSchema>) => inOrder(list, path, findings)
  if ('Header' in key)
    return {
      kind: 'header',
      name: key.Header.Name.toLowerCase(),
      transforms: steps(key.Header.TextTransformations),
    }
  if ('Cookie' in key)
    return { kind: 'cookie', name: key.Cookie.Name, transforms: steps(key.Cookie.TextTransformations) }
  if ('QueryArgument' in key) {
    return {
      kind: 'query-argument',
      name: key.QueryArgument.Name.toLowerCase(),
      transforms: steps(key.QueryArgument.TextTransformations),
    }
  }
  if ('QueryString' in key)
    return { kind: 'query-string', transforms: steps(key.QueryString.TextTransformations) }
  if ('UriPath' in key) return { kind: 'uri-path', transforms: steps(key.UriPath.TextTransformations) }
  if ('HTTPMethod' in key) return { kind: 'http-method' }
  if ('IP' in key) return { kind: 'ip' }
  if ('ForwardedIP' in key) return { kind: 'forwarded-ip' }
  if ('LabelNamespace' in key) return { kind: 'label-namespace', namespace: key.LabelNamespace.Namespace }
  if ('JA3Fingerprint' in key)
    return { kind: 'ja3', onMissing: key.JA3Fingerprint.FallbackBehavior === 'MATCH' }
  if ('JA4Fingerprint' in key)
    return { kind: 'ja4', onMissing: key.JA4Fingerprint.FallbackBehavior === 'MATCH' }
  return { kind: 'asn' }
}
