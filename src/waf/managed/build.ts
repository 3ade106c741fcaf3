import type { ManagedGroup } from '../acl/read-rules.ts'
import type { Fidelity } from '../plan.ts'

/** Helpers to write managed rule groups in the form of the API. */

/** The end of a rule's name: which part of the request it looks at. */
export type Part = 'QUERYARGUMENTS' | 'QUERYSTRING' | 'URIPATH' | 'BODY' | 'COOKIE' | 'HEADER'

const FIELDS: Readonly<Record<Part, object>> = {
  QUERYARGUMENTS: { AllQueryArguments: {} },
  QUERYSTRING: { QueryString: {} },
  URIPATH: { UriPath: {} },
  BODY: { Body: { OversizeHandling: 'CONTINUE' } },
  COOKIE: { Cookies: { MatchPattern: { All: {} }, MatchScope: 'VALUE', OversizeHandling: 'CONTINUE' } },
  HEADER: { Headers: { MatchPattern: { All: {} }, MatchScope: 'VALUE', OversizeHandling: 'CONTINUE' } },
}

/** How labels spell the parts (DG:aws-managed-rule-groups-list). */
const LABEL_PARTS: Readonly<Record<Part, string>> = {
  QUERYARGUMENTS: 'QueryArguments',
  QUERYSTRING: 'QueryString',
  URIPATH: 'URIPath',
  BODY: 'Body',
  COOKIE: 'Cookie',
  HEADER: 'Header',
}

export interface RuleParts {
  readonly name: string
  readonly label: string
  readonly statement: object
  readonly fidelity: Fidelity
  /** Block unless given. */
  readonly action?: 'Block' | 'Count' | 'Challenge'
}

export const WORDS = ['URL_DECODE_UNI', 'HTML_ENTITY_DECODE', 'LOWERCASE'] as const
export const DECODED = ['URL_DECODE_UNI'] as const

/** The same check of several parts of the request, one rule each. */
export function perPart(
  name: string,
  parts: readonly Part[],
  fidelity: Fidelity,
  statement: (field: object, part: Part) => object,
): RuleParts[] {
  return parts.map((part) => ({
    name: `${name}_${part}`,
    label: `${name}_${LABEL_PARTS[part]}`,
    statement: statement(FIELDS[part], part),
    fidelity,
  }))
}

export function header(name: string): object {
  return { SingleHeader: { Name: name } }
}

export function matches(field: object, pattern: string, steps: readonly string[] = WORDS): object {
  return {
    RegexMatchStatement: {
      RegexString: pattern,
      FieldToMatch: field,
      TextTransformations: transformations(steps),
    },
  }
}

export function contains(
  field: object,
  text: string,
  position = 'CONTAINS',
  steps: readonly string[] = ['NONE'],
): object {
  return {
    ByteMatchStatement: {
      SearchString: text,
      FieldToMatch: field,
      PositionalConstraint: position,
      TextTransformations: transformations(steps),
    },
  }
}

export function largerThan(field: object, size: number): object {
  return {
    SizeConstraintStatement: {
      ComparisonOperator: 'GT',
      Size: size,
      FieldToMatch: field,
      TextTransformations: transformations(['NONE']),
    },
  }
}

export function sqli(field: object, sensitivity: 'LOW' | 'HIGH'): object {
  return {
    SqliMatchStatement: {
      SensitivityLevel: sensitivity,
      FieldToMatch: field,
      TextTransformations: transformations(['URL_DECODE_UNI']),
    },
  }
}

export function xss(field: object): object {
  return {
    XssMatchStatement: {
      FieldToMatch: field,
      TextTransformations: transformations(['URL_DECODE_UNI', 'HTML_ENTITY_DECODE']),
    },
  }
}

export function anyOf(...statements: readonly object[]): object {
  return { OrStatement: { Statements: statements } }
}

export function not(statement: object): object {
  return { NotStatement: { Statement: statement } }
}

export function ipSet(name: string): object {
  return { IPSetReferenceStatement: { ARN: name } }
}

export function group(labelSet: string, capacity: number, rules: readonly RuleParts[]): ManagedGroup {
  return {
    labelSet,
    capacity,
    rules: rules.map(({ name, label, statement, action = 'Block' }, priority) => ({
      Name: name,
      Priority: priority,
      Statement: statement,
      Action: { [action]: {} },
      RuleLabels: [{ Name: label }],
      VisibilityConfig: { SampledRequestsEnabled: true, CloudWatchMetricsEnabled: true, MetricName: name },
    })),
    fidelity: Object.fromEntries(rules.map(({ name, fidelity }) => [name, fidelity])),
  }
}

function transformations(steps: readonly string[]): object[] {
  return steps.map((Type, Priority) => ({ Priority, Type }))
}
