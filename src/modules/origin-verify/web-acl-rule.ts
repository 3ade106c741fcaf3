/** Name of the rule unless configured otherwise. */
export const DEFAULT_RULE_NAME = 'edgeward-origin-verify'

/** What of a rule of a web ACL matters here; everything else is kept as it is. */
export interface AclRule {
  readonly Name?: string | undefined
  readonly Priority?: number | undefined
  readonly Statement?: unknown
}

/** How the values stand in a rule: text in a file of ours, bytes in the AWS SDK. */
export type SearchString<T> = (value: string) => T

/**
 * The statement that is true of a request without an accepted header: the header equals none of the values, exactly.
 * An OrStatement needs two statements (WAF API Reference, OrStatement).
 */
export function unverifiedStatement<T>(
  header: string,
  values: readonly string[],
  searchString: SearchString<T>,
): object {
  if (values.length === 0) throw new Error('a rule needs at least one accepted value')
  const matches = values.map((value) => ({
    ByteMatchStatement: {
      SearchString: searchString(value),
      // Names of headers are written in lower case there.
      FieldToMatch: { SingleHeader: { Name: header.toLowerCase() } },
      TextTransformations: [{ Priority: 0, Type: 'NONE' }],
      PositionalConstraint: 'EXACTLY',
    },
  }))
  const [only] = matches
  return {
    NotStatement: { Statement: matches.length === 1 ? only : { OrStatement: { Statements: matches } } },
  }
}

/**
 * The rules with ours among them: its statement replaced where it is there, added in front where it is not.
 * Nothing else changes, neither in the other rules nor in what somebody set on ours. Throws when there is no room in
 * front: behind a rule that allows, it would not be asked.
 */
export function withOriginVerifyRule<Rule extends AclRule>(
  rules: readonly Rule[],
  name: string,
  statement: object,
  create: (priority: number, statement: object) => Rule,
): Rule[] {
  if (rules.some((rule) => rule.Name === name)) {
    return rules.map((rule) => (rule.Name === name ? { ...rule, Statement: statement } : rule))
  }
  const lowest = Math.min(...rules.map((rule) => rule.Priority ?? 0), 1)
  if (lowest < 1) {
    throw new Error(
      `the web ACL has a rule of priority 0, and ${name} must stand before all others: give the rules higher numbers, or add a rule ${name} where it is to stand`,
    )
  }
  return [create(lowest - 1, statement), ...rules]
}

/** Our rule as a file of a web ACL holds it: blocks what does not carry the header. */
export function originVerifyRule(name: string, priority: number, statement: object) {
  return {
    Name: name,
    Priority: priority,
    Statement: statement,
    Action: { Block: {} },
    VisibilityConfig: {
      // The header would show in samples.
      SampledRequestsEnabled: false,
      CloudWatchMetricsEnabled: true,
      MetricName: name,
    },
  }
}
