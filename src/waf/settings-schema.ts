import { z } from 'zod'

const name = z.string().min(1).max(128)
const document = z.record(z.string(), z.unknown())

/** A web ACL: the document itself, the name of a registered one, or a file. What is in it is read by `readWebAcl`. */
export const webAclReferenceSchema = z
  .union([name, document])
  .describe(
    'Web ACL of the distribution: a JSON file, the name of one in `webAcls`, or the document itself, as the AWS WAF API, CloudFormation or the console writes it.',
  )

export const webAclsSchema = z
  .record(name, z.union([z.string().min(1), document]))
  .default({})
  .describe('Web ACLs that several distributions use, by name: a JSON file or the document itself.')

export const ipSetsSchema = z
  .record(
    z.string().regex(/^[\w-]{1,128}$/, 'a name has 1 to 128 letters, digits, _ and -'),
    z.union([z.string().min(1), z.array(z.string()), document]),
  )
  .default({})
  .describe(
    'IP sets of web ACLs, by name: a list of CIDR blocks, a file (JSON, or text with one block per line), or the document of AWS WAF. They can be changed while the edge runs (`edgeward ipset`).',
  )

export const regexPatternSetsSchema = z
  .record(name, z.union([z.string().min(1), z.array(z.string()), document]))
  .default({})
  .describe(
    'Regex pattern sets of web ACLs, by name: a list of patterns, a JSON file, or the document of AWS WAF.',
  )

export const ruleGroupsSchema = z
  .record(name, z.union([z.string().min(1), document]))
  .default({})
  .describe('Rule groups of web ACLs, by name: a JSON file or the document of AWS WAF.')

const nothing = z.strictObject({})

const redactedField = z
  .union([
    z.strictObject({
      SingleHeader: z
        .strictObject({ Name: z.string().min(1).max(64).describe('Name of the header, in any case.') })
        .describe('One header.'),
    }),
    z.strictObject({ UriPath: nothing.describe('The path.') }),
    z.strictObject({ QueryString: nothing.describe('The query string.') }),
    z.strictObject({ Method: nothing.describe('The method.') }),
  ])
  .describe('A field, as in a logging configuration of AWS WAF.')

const condition = z
  .union([
    z.strictObject({
      ActionCondition: z
        .strictObject({
          Action: z
            .enum(['ALLOW', 'BLOCK', 'COUNT', 'CAPTCHA', 'CHALLENGE', 'EXCLUDED_AS_COUNT'])
            .describe('Action of the web ACL or of a rule that matched.'),
        })
        .describe('Holds for requests with this action.'),
    }),
    z.strictObject({
      LabelNameCondition: z
        .strictObject({
          LabelName: z.string().min(1).max(1024).describe('Label with its whole namespace.'),
        })
        .describe('Holds for requests with this label.'),
    }),
  ])
  .describe('What a request must have.')

const keepOrDrop = z.enum(['KEEP', 'DROP'])

const loggingFilter = z
  .strictObject({
    DefaultBehavior: keepOrDrop.describe('What becomes of requests that no filter is for.'),
    Filters: z
      .array(
        z.strictObject({
          Behavior: keepOrDrop.describe('What becomes of requests that the filter is for.'),
          Requirement: z
            .enum(['MEETS_ALL', 'MEETS_ANY'])
            .describe('Whether all conditions must hold, or one.'),
          Conditions: z.array(condition).min(1).describe('What the filter is for.'),
        }),
      )
      .min(1)
      .describe('In order; the first that is for a request decides.'),
  })
  .describe('Which decisions are written, as in a logging configuration of AWS WAF. Left out: all.')

const exclusion = z.union([
  z.string().min(1).describe('File with SecLang rules of your own, read before the Core Rule Set.'),
  z
    .strictObject({
      rules: z
        .array(z.union([z.number().int().min(1), z.string().min(1).max(200)]))
        .min(1)
        .describe('Rule ids, ranges (`942100-942199`) or tags (`attack-sqli`).'),
      targets: z
        .array(z.string().regex(/^[A-Z_]+(?::\S+)?$/, 'must be a variable such as ARGS:comment'))
        .min(1)
        .optional()
        .describe(
          'Variables the rules do not look at, such as `ARGS:comment`. Left out: the rules do not run.',
        ),
      path: z
        .string()
        .startsWith('/')
        .max(500)
        .optional()
        .describe('Path pattern with `*` and `?` it is for. Left out: every request.'),
    })
    .describe('Rules that are not to run, or not to look at some variables.'),
])

const crsSettings = z
  .strictObject({
    path: z
      .string()
      .min(1)
      .default('/usr/share/modsecurity-crs')
      .describe(
        'Folder of the Core Rule Set, the one with `rules/`; relative to the configuration file. The default is where the Debian package modsecurity-crs puts it.',
      ),
    paranoia: z
      .number()
      .int()
      .min(1)
      .max(4)
      .default(1)
      .describe('Paranoia level: 1 has hardly any false alarms, 4 looks at everything twice.'),
    threshold: z
      .number()
      .int()
      .min(1)
      .max(10_000)
      .default(5)
      .describe('Anomaly score at which a request is blocked; one critical match counts 5.'),
    exclusions: z.array(exclusion).max(1_000).default([]).describe('What is not looked at.'),
  })
  .describe(
    'The OWASP Core Rule Set, for web ACLs with a ManagedRuleGroupStatement of vendor `OWASP` and name `CRS`. Left out: all defaults.',
  )

/** The key `waf` of a distribution: what AWS' document has no place for. */
export const wafSettingsSchema = z
  .strictObject({
    bodyLimitBytes: z
      .number()
      .int()
      .min(8_192)
      .max(16_777_216)
      .optional()
      .describe(
        'Bytes of a request body that rules inspect. Left out: AssociationConfig of the web ACL, or 16,384; AWS WAF inspects at most 65,536.',
      ),
    ipv6Networks: z
      .boolean()
      .default(false)
      .describe(
        'Whether rate-based rules count IPv6 clients by their /64 network, which AWS WAF does not do.',
      ),
    accountId: z
      .string()
      .regex(/^\d{12}$/, 'an account id has twelve digits')
      .default('000000000000')
      .describe('Account in ARNs and label namespaces.'),
    searchStrings: z
      .enum(['auto', 'base64', 'text'])
      .default('auto')
      .describe(
        'How SearchString is written: base64 as in the API, or text as in the console. `auto` finds out.',
      ),
    crs: crsSettings.optional(),
    log: z
      .strictObject({
        folder: z
          .string()
          .min(1)
          .describe('Folder for the log files, relative to the configuration file; made if missing.'),
        gzip: z.boolean().default(true).describe('Compress files when they are finished.'),
        redactedFields: z.array(redactedField).max(100).default([]).describe('What is written as REDACTED.'),
        filter: loggingFilter.optional(),
      })
      .optional()
      .describe('The log of AWS WAF: one JSON object per request that the web ACL saw.'),
  })
  .describe('What the WAF does beyond the document of its web ACL.')

export type WafSettings = z.output<typeof wafSettingsSchema>
