import { createHash } from 'node:crypto'
import type { ViewerRequest } from '../visit.ts'
import type { Evaluation, GroupOutcome, RuleHit, TokenState } from './evaluation.ts'
import { eachCookie } from './fields/cookies.ts'
import type { ActionKind, LoggingFilter, PlannedProtection, PlannedWebAcl, Redaction } from './plan.ts'
import { statusSent } from './verdict.ts'

const MAX_LABELS = 100
const REDACTED = 'REDACTED'

export const NO_REDACTION: Redaction = {
  method: false,
  uriPath: false,
  queryString: false,
  headers: new Set(),
}

export interface LogContext {
  readonly acl: PlannedWebAcl
  readonly atMs: number
  /** The distribution's id. */
  readonly sourceId: string
  readonly country: string | undefined
  readonly redaction: Redaction
}

type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json | undefined }
/** One record of a web ACL's log, as AWS WAF writes it (DG:logging-fields). */
export type WafLogRecord = Readonly<Record<string, Json | undefined>>

/** Writes down an evaluation in AWS WAF's schema. Not for the request path: call it when the log is written. */
export function toLogRecord(
  evaluation: Evaluation,
  request: ViewerRequest,
  context: LogContext,
): WafLogRecord {
  const { acl } = context
  const { hit, terminating } = evaluation
  const tokens = tokenResponses(evaluation, context.atMs)
  return {
    timestamp: context.atMs,
    formatVersion: 1,
    webaclId: acl.arn,
    terminatingRuleId: terminating?.name ?? 'Default_Action',
    terminatingRuleType: terminatingType(evaluation),
    action: evaluation.action.toUpperCase(),
    terminatingRuleMatchDetails: hit === undefined ? [] : matchDetails(hit),
    httpSourceName: 'CF',
    httpSourceId: context.sourceId,
    ruleGroupList: evaluation.groups.map(groupRecord),
    rateBasedRuleList: evaluation.rates.map(({ rule, hit: rate }) => ({
      rateBasedRuleId: `${acl.arn}/${rule.name}`,
      rateBasedRuleName: rule.name,
      limitKey: rate.aggregate,
      maxRateAllowed: rate.limit,
      evaluationWindowSec: String(rate.windowSeconds),
      ...(rate.aggregate === 'IP' || rate.aggregate === 'FORWARDED_IP'
        ? { limitValue: rate.values[0]?.value ?? 'INVALID' }
        : {}),
      ...(rate.aggregate === 'CUSTOMKEYS'
        ? {
            customValues: rate.values.map((each) => ({
              key: each.key,
              ...(each.name === undefined ? {} : { name: each.name }),
              value: each.value,
            })),
          }
        : {}),
    })),
    nonTerminatingMatchingRules: evaluation.counted.map(countedRecord),
    requestHeadersInserted:
      evaluation.inserted.length === 0
        ? null
        : evaluation.inserted.map(({ name, value }) => ({ name, value })),
    responseCodeSent: evaluation.planned.response === undefined ? null : (statusSent(evaluation) ?? null),
    httpRequest: httpRequest(request, context),
    ...(evaluation.labels.length === 0
      ? {}
      : { labels: evaluation.labels.slice(0, MAX_LABELS).map((name) => ({ name })) }),
    ...tokens,
    ...(request.connection.tls?.ja3 === undefined ? {} : { ja3Fingerprint: request.connection.tls.ja3 }),
    ...(request.connection.tls?.ja4 === undefined ? {} : { ja4Fingerprint: request.connection.tls.ja4 }),
    ...(evaluation.clientAsn === undefined ? {} : { clientAsn: evaluation.clientAsn }),
    ...(evaluation.forwardedAsn === undefined ? {} : { forwardedAsn: evaluation.forwardedAsn }),
    ...(evaluation.oversize.length === 0 ? {} : { oversizeFields: [...evaluation.oversize] }),
    ...(evaluation.bodyBytes === undefined
      ? {}
      : { requestBodySize: evaluation.bodyBytes, requestBodySizeInspectedByWAF: evaluation.inspectedBytes }),
  }
}

/** The first filter that applies decides, else the default (WAFV2 LoggingFilter). */
export function isKept(evaluation: Evaluation, filter: LoggingFilter): boolean {
  const actions = new Set<string>([evaluation.action.toUpperCase()])
  if (evaluation.counted.length > 0) actions.add('COUNT')
  for (const group of evaluation.groups) {
    if (group.counted.length > 0) actions.add('COUNT')
    if (group.excluded.length > 0) actions.add('EXCLUDED_AS_COUNT')
  }
  for (const each of filter.filters) {
    const meets = each.conditions.map((condition) =>
      'action' in condition ? actions.has(condition.action) : evaluation.labels.includes(condition.label),
    )
    if (each.needsAll ? meets.every(Boolean) : meets.some(Boolean)) return each.keeps
  }
  return filter.keepsByDefault
}

function terminatingType(evaluation: Evaluation): string {
  const statement = evaluation.terminating?.statement
  if (statement?.kind === 'rate') return 'RATE_BASED'
  if (statement?.kind === 'group') return statement.isManaged ? 'MANAGED_RULE_GROUP' : 'GROUP'
  return 'REGULAR'
}

/** Only SQL injection and scripting have match details. */
function matchDetails(hit: RuleHit): Json[] {
  return hit.evidence
    .filter(({ statement }) => statement === 'SqliMatchStatement' || statement === 'XssMatchStatement')
    .map((each) => ({
      conditionType: each.statement === 'SqliMatchStatement' ? 'SQL_INJECTION' : 'XSS',
      ...(each.sensitivity === undefined ? {} : { sensitivityLevel: each.sensitivity }),
      location: each.location,
      matchedData: [...(each.matchedData ?? [])],
      ...(each.name === undefined ? {} : { matchedFieldName: each.name }),
    }))
}

function groupRecord(outcome: GroupOutcome): Json {
  const { terminating } = outcome
  return {
    ruleGroupId: outcome.group.id,
    terminatingRule:
      terminating === undefined
        ? null
        : {
            ruleId: terminating.rule,
            action: upper(terminating.action),
            ...overridden(terminating),
            ruleMatchDetails: matchDetails(terminating),
          },
    nonTerminatingMatchingRules: outcome.counted.map(countedRecord),
    excludedRules:
      outcome.excluded.length === 0
        ? null
        : outcome.excluded.map(({ rule }) => ({ exclusionType: 'EXCLUDED_AS_COUNT', ruleId: rule })),
  }
}

function countedRecord(hit: RuleHit): Json {
  return {
    ruleId: hit.rule,
    action: upper(hit.action),
    ...overridden(hit),
    ruleMatchDetails: matchDetails(hit),
  }
}

function overridden(hit: RuleHit): { overriddenAction?: string } {
  return hit.overridden === undefined ? {} : { overriddenAction: upper(hit.overridden) }
}

function upper(action: ActionKind): string {
  return action.toUpperCase()
}

function tokenResponses(evaluation: Evaluation, atMs: number): Readonly<Record<string, Json>> {
  const all = [...evaluation.counted, ...evaluation.groups.flatMap(({ counted }) => counted)]
  if (evaluation.hit !== undefined) all.push(evaluation.hit)
  const responses: Record<string, Json> = {}
  for (const { action, token } of all) {
    if (token === undefined || (action !== 'captcha' && action !== 'challenge')) continue
    // The last application wins.
    responses[action === 'captcha' ? 'captchaResponse' : 'challengeResponse'] = tokenRecord(
      action,
      token,
      atMs,
    )
  }
  return responses
}

function tokenRecord(action: 'captcha' | 'challenge', token: TokenState, atMs: number): Json {
  if (token.kind === 'valid')
    return { responseCode: 0, solveTimestamp: Math.floor(token.solvedAtMs / 1000), failureReason: '' }
  return {
    responseCode: action === 'captcha' ? 405 : 202,
    solveTimestamp: Math.floor(atMs / 1000),
    failureReason: token.kind,
  }
}

function httpRequest(request: ViewerRequest, context: LogContext): Json {
  const { redaction, acl } = context
  const hidden = acl.dataProtection
  return {
    clientIp: request.client.address,
    country: context.country ?? '-',
    headers: headersOf(request, redaction, hidden),
    uri: redaction.uriPath ? REDACTED : request.path,
    args: redaction.queryString ? REDACTED : protectedQuery(request.query ?? '', hidden),
    httpVersion: `HTTP/${request.httpVersion}`,
    httpMethod: redaction.method ? REDACTED : request.method,
    requestId: request.id,
    fragment: '',
    scheme: request.scheme,
    host: request.host,
  }
}

function headersOf(
  request: ViewerRequest,
  redaction: Redaction,
  hidden: readonly PlannedProtection[],
): Json[] {
  return protectedHeaders(request.headers, hidden).map(([name, value]) =>
    redaction.headers.has(name.toLowerCase()) ? { name, value: REDACTED } : { name, value },
  )
}

/** Headers as logs and samples show them under the data protection of a web ACL. */
export function protectedHeaders(
  headers: Iterable<readonly [name: string, value: string]>,
  hidden: readonly PlannedProtection[],
): [name: string, value: string][] {
  return Array.from(headers, ([name, value]) => {
    const lower = name.toLowerCase()
    const rule = hidden.find(({ field, keys }) => field === 'SINGLE_HEADER' && keys.includes(lower))
    if (rule !== undefined) return [name, hide(value, rule)]
    return [name, lower === 'cookie' ? protectedCookies(value, hidden) : value]
  })
}

function protectedCookies(field: string, hidden: readonly PlannedProtection[]): string {
  const rules = hidden.filter(({ field: kind }) => kind === 'SINGLE_COOKIE')
  if (rules.length === 0) return field
  const parts: string[] = []
  eachCookie(field, (name, value) => {
    const rule = rules.find(({ keys }) => keys.includes(name))
    parts.push(`${name}=${rule === undefined ? value : hide(value, rule)}`)
  })
  return parts.join('; ')
}

/** A query string as logs and samples show it under the data protection of a web ACL. */
export function protectedQuery(query: string, hidden: readonly PlannedProtection[]): string {
  const whole = hidden.find(({ field }) => field === 'QUERY_STRING')
  if (whole !== undefined) return hide(query, whole)
  const rules = hidden.filter(({ field }) => field === 'SINGLE_QUERY_ARGUMENT')
  if (rules.length === 0 || query === '') return query
  return query
    .split('&')
    .map((part) => {
      const equals = part.indexOf('=')
      const name = equals === -1 ? part : part.slice(0, equals)
      const rule = rules.find(({ keys }) => keys.includes(name.toLowerCase()))
      return rule === undefined || equals === -1 ? part : `${name}=${hide(part.slice(equals + 1), rule)}`
    })
    .join('&')
}

function hide(value: string, rule: PlannedProtection): string {
  return rule.action === 'SUBSTITUTION'
    ? REDACTED
    : createHash('sha256').update(value, 'latin1').digest('hex')
}
