import { z } from 'zod'
import { DETECTORS } from './detectors.ts'
import { FORMATS } from './formats/format.ts'
import { parsePathPattern } from './path-pattern.ts'

const keyName = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,119}$/, 'a key is named with letters, digits, `_`, `-` and `.`')

/** Both ends must be told from what is between them. */
const wrapEnd = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[\x21-\x7e]+$/, 'visible ASCII only')
  .regex(/[^A-Za-z0-9+/=!]/, 'needs a character that base64 has not, besides `!`')
  .regex(
    /^[^"\\<>&%+]*$/,
    'without `"`, `\\`, `<`, `>`, `&`, `%` and `+`, which formats would have to escape',
  )

const fieldSchema = z
  .strictObject({
    name: z
      .string()
      .min(1)
      .max(256)
      .optional()
      .describe(
        'Fields of this name at any depth: JSON members, form fields, XML elements; `*` stands for any part, `@` begins an attribute.',
      ),
    path: z
      .string()
      .min(1)
      .max(1024)
      .superRefine((text, context) => {
        const parsed = parsePathPattern(text)
        if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
      })
      .optional()
      .describe('A path instead of a name: `card.number`, `people[*].ssn`, `**.iban`.'),
    key: keyName.optional().describe('Name of the key. Left out: the `key` beside `fields`.'),
    in: z
      .array(z.enum(FORMATS))
      .min(1)
      .optional()
      .describe('Only in these formats. Left out: in all of them.'),
  })
  .refine(({ name, path }) => (name === undefined) !== (path === undefined), 'takes either a name or a path')
  .describe('Which fields are encrypted, and with which key.')

const detectorSchema = z.union([
  z.enum(DETECTORS),
  z.strictObject({
    detector: z.enum(DETECTORS).describe('What is looked for.'),
    key: keyName.optional().describe('Name of the key. Left out: the `key` beside `detect`.'),
  }),
  z.strictObject({
    pattern: z
      .string()
      .min(1)
      .max(512)
      .superRefine((source, context) => {
        try {
          new RegExp(source, 'gu')
        } catch (error) {
          context.addIssue({ code: 'custom', message: `is no regular expression: ${String(error)}` })
        }
      })
      .describe('A regular expression of your own; what it matches is encrypted.'),
    name: z.string().min(1).max(64).describe('What to call it in explain and metrics.'),
    key: keyName.optional().describe('Name of the key. Left out: the `key` beside `detect`.'),
  }),
])

const callersSchema = z
  .strictObject({
    issuer: z.string().min(1).describe('`iss` of the tokens.'),
    jwks: z
      .string()
      .min(1)
      .describe(
        'Where the public keys of the issuer are: an https URL (http on this machine only), or a file.',
      ),
    audience: z
      .string()
      .min(1)
      .describe('`aud` of the tokens, or `client_id` where they have none (Cognito access tokens).'),
    claim: z
      .string()
      .min(1)
      .default('scope')
      .describe('Claim that holds scopes: a list, or words between spaces. `cognito:groups` gives groups.'),
    scopes: z
      .record(z.string().min(1), z.array(keyName).min(1))
      .refine((scopes) => Object.keys(scopes).length > 0, 'names no scope')
      .describe('Which keys open for whom: names of keys by scope.'),
    maxFields: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(200)
      .describe('Values opened in one response; the rest stays encrypted.'),
  })
  .describe(
    'Who receives responses with their fields opened: callers with a verified JWT (Authorization: Bearer) whose scopes are listed. Such responses are `private, no-store`.',
  )

// The shapes of CloudFront's API (FieldLevelEncryptionConfig and its like): names are AWS's.
const quantity = z
  .number()
  .int()
  .min(0)
  .optional()
  .describe('Number of items, as the API gives it. Not used.')
const callerReference = z.string().optional().describe('As the API gives it. Not used.')
const comment = z.string().optional().describe('What it is for.')
const time = z.string().optional().describe('As the API gives it. Not used.')
const id = z.string().min(1).max(256)
const fieldPattern = z
  .string()
  .regex(
    /^[A-Za-z0-9._\-[\]]{1,127}\*?$/,
    'a field pattern is up to 128 letters, digits and `._-[]`, with a star at its end',
  )

const nativeKey = z.strictObject({
  Id: id.describe('Id of the key.'),
  CreatedTime: time,
  PublicKeyConfig: z
    .strictObject({
      Name: id.describe('Name of the key, which stands in what is encrypted.'),
      EncodedKey: z.string().min(1).describe('PEM text of an RSA public key of 2,048 bits.'),
      CallerReference: callerReference,
      Comment: comment,
    })
    .describe('A PublicKeyConfig.'),
})

const nativeEntity = z.strictObject({
  PublicKeyId: id.describe('Id of a key of publicKeys.'),
  ProviderId: id.describe('Name of the provider, which stands in what is encrypted.'),
  FieldPatterns: z
    .strictObject({
      Quantity: quantity,
      Items: z.array(fieldPattern).min(1).describe('Names of fields.'),
    })
    .describe('Which fields are encrypted with the key.'),
})

const nativeProfile = z.strictObject({
  Id: id.describe('Id of the profile.'),
  LastModifiedTime: time,
  FieldLevelEncryptionProfileConfig: z
    .strictObject({
      Name: id.optional().describe('Name of the profile.'),
      CallerReference: callerReference,
      Comment: comment,
      EncryptionEntities: z
        .strictObject({
          Quantity: quantity,
          Items: z.array(nativeEntity).min(1).describe('Keys and the fields they are for.'),
        })
        .describe('Keys and the fields they are for.'),
    })
    .describe('A FieldLevelEncryptionProfileConfig.'),
})

const nativeConfig = z.strictObject({
  CallerReference: callerReference,
  Comment: comment,
  ContentTypeProfileConfig: z
    .strictObject({
      ForwardWhenContentTypeIsUnknown: z
        .boolean()
        .describe('Whether bodies of other content types are forwarded; otherwise they are answered 400.'),
      ContentTypeProfiles: z
        .strictObject({
          Quantity: quantity,
          Items: z
            .array(
              z.strictObject({
                ContentType: z.string().min(1).describe('application/x-www-form-urlencoded.'),
                Format: z.literal('URLEncoded').describe('The only format there is.'),
                ProfileId: id.optional().describe('Id of a profile; without one such bodies are forwarded.'),
              }),
            )
            .default([])
            .describe('Profiles by content type.'),
        })
        .optional()
        .describe('Profiles by content type.'),
    })
    .optional()
    .describe('Which profile counts by content type.'),
  QueryArgProfileConfig: z
    .strictObject({
      ForwardWhenQueryArgProfileIsUnknown: z
        .boolean()
        .describe(
          'Whether requests that name an unknown profile are forwarded; otherwise they are answered 400.',
        ),
      QueryArgProfiles: z
        .strictObject({
          Quantity: quantity,
          Items: z
            .array(
              z.strictObject({
                QueryArg: id.describe('Value of the query parameter fle-profile.'),
                ProfileId: id.describe('Id of a profile.'),
              }),
            )
            .default([])
            .describe('Profiles by the query parameter fle-profile.'),
        })
        .optional()
        .describe('Profiles by the query parameter fle-profile.'),
    })
    .optional()
    .describe('Which profile counts by query parameter, before the content type.'),
})

const nativeSchema = z
  .strictObject({
    config: nativeConfig.describe('A FieldLevelEncryptionConfig.'),
    profiles: z.array(nativeProfile).min(1).describe('The FieldLevelEncryptionProfiles it names.'),
    publicKeys: z.array(nativeKey).min(1).describe('The PublicKeys these name.'),
  })
  .describe(
    "CloudFront's own field-level encryption, as its API gives it: urlencoded forms only, in the format of the AWS Encryption SDK. It stands alone.",
  )

/** `fieldEncryption` of a behavior. */
export const fieldEncryptionSchema = z
  .strictObject({
    key: keyName.optional().describe('Name of the key for all that name none: `edgeward keys create NAME`.'),
    fields: z
      .array(fieldSchema)
      .max(1000)
      .default([])
      .describe('What is encrypted, by name or path; the first that fits counts.'),
    detect: z
      .array(detectorSchema)
      .max(50)
      .default([])
      .describe(
        'What is encrypted wherever it stands, by how it looks: values without a rule, and plain text.',
      ),
    prefix: wrapEnd.default('~enc(').describe('Stands before an encrypted value.'),
    suffix: wrapEnd.default(')~').describe('Stands behind an encrypted value.'),
    malformed: z
      .enum(['reject', 'forward'])
      .default('reject')
      .describe('A body that is not what its content type says: answered 400, or forwarded as it is.'),
    otherContentTypes: z
      .enum(['reject', 'forward'])
      .default('reject')
      .describe('Bodies that have no fields: answered 400, or forwarded as they are.'),
    forwardContentTypes: z
      .array(z.string().regex(/^[a-z*]+\/[a-z0-9.*+-]+$/, 'a content type, such as image/*'))
      .default([])
      .describe('Content types that are forwarded all the same, such as `image/*`.'),
    maxFields: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(1000)
      .describe('Fields encrypted in one request; more are answered 400.'),
    maxFieldBytes: z
      .number()
      .int()
      .min(1)
      .max(1 << 26)
      .default(65_536)
      .describe('Longest value; a longer one is answered 400.'),
    maxBytes: z
      .number()
      .int()
      .min(1)
      .max(1 << 30)
      .default(32 << 20)
      .describe('Largest body that is looked into; a larger one is answered 413.'),
    memoryBytes: z
      .number()
      .int()
      .min(0)
      .max(1 << 30)
      .default(1 << 20)
      .describe('Bodies up to this size wait in memory, larger ones in a file.'),
    streaming: z
      .boolean()
      .default(false)
      .describe(
        'Send what is ready while the rest arrives. A body that turns out to be malformed has then been sent in part: the connection to the origin is cut.',
      ),
    callers: z
      .array(callersSchema)
      .max(10)
      .default([])
      .describe('Who receives responses with their fields opened.'),
    native: nativeSchema.optional(),
  })
  .describe('Encrypts fields of requests before any origin sees them.')

export type FieldEncryptionConfig = z.output<typeof fieldEncryptionSchema>
export type NativeConfig = NonNullable<FieldEncryptionConfig['native']>
export type CallersConfig = FieldEncryptionConfig['callers'][number]
