import { z } from 'zod'
import type { FieldNode, NamePattern, Oversize } from '../plan.ts'
import { type Findings, isRecord, type JsonPath } from './problems.ts'

const oversize = z
  .enum(['CONTINUE', 'MATCH', 'NO_MATCH'])
  .default('CONTINUE')
  .describe('What to do when the component is larger than what is inspected.')
const onMissing = z.enum(['MATCH', 'NO_MATCH'])
const matchScope = z.enum(['ALL', 'KEY', 'VALUE'])
const nothing = z.strictObject({})
const names = (max: number, length: number) => z.array(z.string().min(1).max(length)).min(1).max(max)

/** The members of FieldToMatch (WAFV2 FieldToMatch): exactly one of them is given. */
export const fieldSchemas = {
  SingleHeader: z.strictObject({ Name: z.string().min(1).max(64) }),
  SingleQueryArgument: z.strictObject({ Name: z.string().min(1).max(64) }),
  AllQueryArguments: nothing,
  UriPath: nothing,
  QueryString: nothing,
  Method: nothing,
  Body: z.strictObject({ OversizeHandling: oversize }),
  JsonBody: z.strictObject({
    MatchPattern: z.union([
      z.strictObject({ All: nothing }),
      z.strictObject({
        IncludedPaths: z
          .array(
            z
              .string()
              .min(1)
              .max(512)
              .regex(/^\/(?:[^~]|~[01])*$/, 'must be a JSON Pointer such as /user/name'),
          )
          .min(1),
      }),
    ]),
    MatchScope: matchScope,
    InvalidFallbackBehavior: z.enum(['MATCH', 'NO_MATCH', 'EVALUATE_AS_STRING']).optional(),
    OversizeHandling: oversize,
  }),
  Headers: z.strictObject({
    MatchPattern: z.union([
      z.strictObject({ All: nothing }),
      z.strictObject({ IncludedHeaders: names(199, 64) }),
      z.strictObject({ ExcludedHeaders: names(199, 64) }),
    ]),
    MatchScope: matchScope,
    OversizeHandling: oversize,
  }),
  Cookies: z.strictObject({
    MatchPattern: z.union([
      z.strictObject({ All: nothing }),
      z.strictObject({ IncludedCookies: names(199, 60) }),
      z.strictObject({ ExcludedCookies: names(199, 60) }),
    ]),
    MatchScope: matchScope,
    OversizeHandling: oversize,
  }),
  HeaderOrder: z.strictObject({ OversizeHandling: oversize }),
  JA3Fingerprint: z.strictObject({ FallbackBehavior: onMissing }),
  JA4Fingerprint: z.strictObject({ FallbackBehavior: onMissing }),
  UriFragment: z.strictObject({ FallbackBehavior: onMissing.optional() }),
} as const

const FIELD_NAMES = Object.keys(fieldSchemas).join(', ')

/** Reads a FieldToMatch; undefined when it is not valid, and why is noted. */
export function readField(value: unknown, path: JsonPath, findings: Findings): FieldNode | undefined {
  const keys = isRecord(value) ? Object.keys(value) : []
  const [key] = keys
  if (!isRecord(value) || key === undefined || keys.length > 1) {
    findings.problem(path, `exactly one of ${FIELD_NAMES} is expected`)
    return undefined
  }
  const at = [...path, key]
  const raw = value[key]
  switch (key) {
    case 'Method':
      return findings.parse(fieldSchemas.Method, raw, at) && { kind: 'method' }
    case 'UriPath':
      return findings.parse(fieldSchemas.UriPath, raw, at) && { kind: 'uri-path' }
    case 'QueryString':
      return findings.parse(fieldSchemas.QueryString, raw, at) && { kind: 'query-string' }
    case 'AllQueryArguments':
      return findings.parse(fieldSchemas.AllQueryArguments, raw, at) && { kind: 'all-query-arguments' }
    case 'SingleHeader': {
      const field = findings.parse(fieldSchemas.SingleHeader, raw, at)
      return field && { kind: 'single-header', name: field.Name.toLowerCase() }
    }
    case 'SingleQueryArgument': {
      const field = findings.parse(fieldSchemas.SingleQueryArgument, raw, at)
      return field && { kind: 'single-query-argument', name: field.Name.toLowerCase() }
    }
    case 'Body': {
      const field = findings.parse(fieldSchemas.Body, raw, at)
      return field && { kind: 'body', oversize: decided(field.OversizeHandling) }
    }
    case 'HeaderOrder': {
      const field = findings.parse(fieldSchemas.HeaderOrder, raw, at)
      return field && { kind: 'header-order', oversize: decided(field.OversizeHandling) }
    }
    case 'JsonBody': {
      const field = findings.parse(fieldSchemas.JsonBody, raw, at)
      if (field === undefined) return undefined
      const paths =
        'All' in field.MatchPattern ? undefined : field.MatchPattern.IncludedPaths.map(splitPointer)
      return {
        kind: 'json-body',
        paths,
        scope: field.MatchScope,
        onInvalid: field.InvalidFallbackBehavior ?? 'PARSED_SO_FAR',
        oversize: decided(field.OversizeHandling),
      }
    }
    case 'Headers': {
      const field = findings.parse(fieldSchemas.Headers, raw, at)
      if (field === undefined) return undefined
      const { MatchPattern: pattern } = field
      const included = 'IncludedHeaders' in pattern ? pattern.IncludedHeaders : undefined
      const excluded = 'ExcludedHeaders' in pattern ? pattern.ExcludedHeaders : undefined
      return {
        kind: 'headers',
        pattern: namePattern(included, excluded, true),
        scope: field.MatchScope,
        oversize: decided(field.OversizeHandling),
      }
    }
    case 'Cookies': {
      const field = findings.parse(fieldSchemas.Cookies, raw, at)
      if (field === undefined) return undefined
      const { MatchPattern: pattern } = field
      const included = 'IncludedCookies' in pattern ? pattern.IncludedCookies : undefined
      const excluded = 'ExcludedCookies' in pattern ? pattern.ExcludedCookies : undefined
      return {
        kind: 'cookies',
        pattern: namePattern(included, excluded, false),
        scope: field.MatchScope,
        oversize: decided(field.OversizeHandling),
      }
    }
    case 'JA3Fingerprint': {
      const field = findings.parse(fieldSchemas.JA3Fingerprint, raw, at)
      return field && { kind: 'ja3', onMissing: field.FallbackBehavior === 'MATCH' }
    }
    case 'JA4Fingerprint': {
      const field = findings.parse(fieldSchemas.JA4Fingerprint, raw, at)
      return field && { kind: 'ja4', onMissing: field.FallbackBehavior === 'MATCH' }
    }
    case 'UriFragment': {
      const field = findings.parse(fieldSchemas.UriFragment, raw, at)
      return field && { kind: 'uri-fragment', onMissing: field.FallbackBehavior === 'MATCH' }
    }
    default:
      findings.problem(at, `AWS WAF knows no such component; it is one of ${FIELD_NAMES}`)
      return undefined
  }
}

function decided(handling: 'CONTINUE' | 'MATCH' | 'NO_MATCH'): Oversize {
  return handling === 'CONTINUE' ? undefined : handling === 'MATCH'
}

function namePattern(
  included: string[] | undefined,
  excluded: string[] | undefined,
  foldCase: boolean,
): NamePattern {
  const listed = included ?? excluded
  if (listed === undefined) return { mode: 'all' }
  const set = new Set(foldCase ? listed.map((name) => name.toLowerCase()) : listed)
  return { mode: included === undefined ? 'excluded' : 'included', names: set }
}

/** RFC 6901 section 4. */
function splitPointer(pointer: string): string[] {
  return pointer
    .slice(1)
    .split('/')
    .map((part) => Buffer.from(part.replaceAll('~1', '/').replaceAll('~0', '~')).toString('latin1'))
}
