import { z } from 'zod'
import { transforms, type TransformName } from '../transforms/transforms.ts'
import { limits } from './limits.ts'

const transformNames = Object.keys(transforms) as [TransformName, ...TransformName[]] // Keys of the table.
const priority = z.number().int().min(0).describe('Transformations run in ascending order of this number.')

export const transformationsSchema = z
  .array(z.strictObject({ Priority: priority, Type: z.enum(transformNames) }))
  .min(1)
  .max(limits.transformations)
  .describe('Applied one after the other before the value is looked at.')

export const preParseSchema = z
  .array(
    z.strictObject({
      Priority: priority,
      Type: z.enum([
        'NONE',
        'URL_DECODE',
        'URL_DECODE_UNI',
        'COMBINE_DUPLICATE_QUERY_ARGS_BY_COMMA',
        'REPLACE_SEMICOLONS_WITH_AMPERSANDS',
      ]),
    }),
  )
  .max(limits.transformations)
  .optional()

export const headerNameSchema = z
  .string()
  .min(1)
  .max(255)
  .regex(/^[a-zA-Z0-9-]+$/, 'a header name is made of letters, digits and hyphens')
const fallback = z.enum(['MATCH', 'NO_MATCH'])

export const forwardedIpSchema = z.strictObject({ HeaderName: headerNameSchema, FallbackBehavior: fallback })
export const ipSetForwardedSchema = z.strictObject({
  HeaderName: headerNameSchema,
  FallbackBehavior: fallback,
  Position: z.enum(['FIRST', 'LAST', 'ANY']),
})

const subject = {
  FieldToMatch: z.unknown().optional(),
  TextTransformations: transformationsSchema,
  PreParseTextTransformations: preParseSchema,
}

/** References are ARNs, names of the registry, or intrinsic functions of CloudFormation; resolved elsewhere. */
const reference = z.unknown().optional()

/** The members of the statements that hold no others (WAFV2 Statement). */
export const leafSchemas = {
  ByteMatchStatement: z.strictObject({
    SearchString: z
      .string()
      .min(1, 'must not be empty')
      .max(limits.searchStringBytes, `must be at most ${limits.searchStringBytes} bytes`),
    PositionalConstraint: z.enum(['EXACTLY', 'STARTS_WITH', 'ENDS_WITH', 'CONTAINS', 'CONTAINS_WORD']),
    ...subject,
  }),
  RegexMatchStatement: z.strictObject({
    RegexString: z.string().min(1).max(limits.regexCharacters),
    ...subject,
  }),
  RegexPatternSetReferenceStatement: z.strictObject({ ARN: reference, ...subject }),
  SizeConstraintStatement: z.strictObject({
    ComparisonOperator: z.enum(['EQ', 'NE', 'LE', 'LT', 'GE', 'GT']),
    Size: z.number().int().min(0).max(21_474_836_480),
    ...subject,
  }),
  SqliMatchStatement: z.strictObject({
    SensitivityLevel: z.enum(['LOW', 'HIGH']).default('LOW'),
    ...subject,
  }),
  XssMatchStatement: z.strictObject({ ...subject }),
  GeoMatchStatement: z.strictObject({
    CountryCodes: z
      .array(z.string().regex(/^[A-Z]{2}$/, 'must be a country code of two capitals (ISO 3166, and XK)'))
      .min(1)
      .max(limits.countryCodes),
    ForwardedIPConfig: forwardedIpSchema.optional(),
  }),
  AsnMatchStatement: z.strictObject({
    AsnList: z.array(z.number().int().min(0).max(4_294_967_295)).min(1).max(limits.asNumbers),
    ForwardedIPConfig: forwardedIpSchema.optional(),
  }),
  IPSetReferenceStatement: z.strictObject({
    ARN: reference,
    IPSetForwardedIPConfig: ipSetForwardedSchema.optional(),
  }),
  LabelMatchStatement: z.strictObject({
    Scope: z.enum(['LABEL', 'NAMESPACE']),
    Key: z
      .string()
      .min(1)
      .max(1024)
      .regex(/^[0-9A-Za-z_\-:]+$/, 'a label is made of letters, digits, _, - and :'),
  }),
} as const

export type LeafName = keyof typeof leafSchemas

const transformed = z.strictObject({ TextTransformations: transformationsSchema })
const named = z.strictObject({ Name: z.string().min(1).max(64), TextTransformations: transformationsSchema })
const nothing = z.strictObject({})

export const rateKeySchema = z.union([
  z.strictObject({ Header: named }),
  z.strictObject({ Cookie: named }),
  z.strictObject({ QueryArgument: named }),
  z.strictObject({ QueryString: transformed }),
  z.strictObject({ UriPath: transformed }),
  z.strictObject({ HTTPMethod: nothing }),
  z.strictObject({ IP: nothing }),
  z.strictObject({ ForwardedIP: nothing }),
  z.strictObject({
    LabelNamespace: z.strictObject({
      Namespace: z
        .string()
        .min(1)
        .max(1024)
        .regex(/^[0-9A-Za-z_\-:]+:$/, 'a label namespace ends in a colon'),
    }),
  }),
  z.strictObject({ JA3Fingerprint: z.strictObject({ FallbackBehavior: fallback }) }),
  z.strictObject({ JA4Fingerprint: z.strictObject({ FallbackBehavior: fallback }) }),
  z.strictObject({ ASN: nothing }),
])

export const rateSchema = z.strictObject({
  Limit: z.number().int().min(10).max(2_000_000_000),
  EvaluationWindowSec: z.union([z.literal(60), z.literal(120), z.literal(300), z.literal(600)]).default(300),
  AggregateKeyType: z.enum(['IP', 'FORWARDED_IP', 'CUSTOM_KEYS', 'CONSTANT']),
  ScopeDownStatement: z.unknown().optional(),
  ForwardedIPConfig: forwardedIpSchema.optional(),
  CustomKeys: z.array(rateKeySchema).min(1).max(limits.customKeys).optional(),
})

const overrides = z
  .array(z.strictObject({ Name: z.string().min(1).max(128), ActionToUse: z.unknown().optional() }))
  .max(limits.actionOverrides)
  .optional()
const excluded = z
  .array(z.strictObject({ Name: z.string().min(1).max(128) }))
  .max(limits.actionOverrides)
  .optional()

export const ruleGroupReferenceSchema = z.strictObject({
  ARN: reference,
  RuleActionOverrides: overrides,
  ExcludedRules: excluded,
})

export const managedRuleGroupSchema = z.strictObject({
  VendorName: z.string().min(1).max(128),
  Name: z.string().min(1).max(128),
  Version: z.string().min(1).max(64).optional(),
  ScopeDownStatement: z.unknown().optional(),
  RuleActionOverrides: overrides,
  ExcludedRules: excluded,
  ManagedRuleGroupConfigs: z.array(z.record(z.string(), z.unknown())).optional(),
})
