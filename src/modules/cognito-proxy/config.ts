import { z } from 'zod'
import { categories } from './operations.ts'

const secretName = z
  .string()
  .regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, 'a name of a secret is made of letters, digits and /_+=.@-')

/** The key `cognitoProxy` of a behavior. */
export const cognitoProxySchema = z
  .strictObject({
    clients: z
      .record(
        z.string().regex(/^[A-Za-z0-9_+]{1,128}$/, 'a client id is made of letters, digits, _ and +'),
        z
          .strictObject({ secret: secretName.describe('Name of the secret that holds the client secret.') })
          .describe('An app client that may be used.'),
      )
      .describe('App clients that may be used, by id. Calls that name another are refused.'),
    otherOperations: z
      .enum(['refuse', 'pass'])
      .default('refuse')
      .describe(
        'What becomes of operations that are neither for app clients nor for access tokens: those for administrators, and unknown ones. `pass` sends them as they are.',
      ),
    maxBodyBytes: z
      .number()
      .int()
      .min(1_024)
      .max(1_048_576)
      .default(65_536)
      .describe('Longest body of a call; more is answered 413.'),
    cors: z
      .union([
        z.literal(false).describe('No CORS: pages call the edge they came from.'),
        z
          .strictObject({
            allowOrigins: z
              .array(
                z
                  .string()
                  .regex(
                    /^(?:\*|https?:\/\/[^/\s]+)$/,
                    'an origin looks like https://app.example.com, or is *',
                  ),
              )
              .min(1)
              .default(['*'])
              .describe('Origins whose pages may call, or `*`.'),
            maxAgeSeconds: z
              .number()
              .int()
              .min(0)
              .max(86_400)
              .default(7_200)
              .describe('How long browsers remember the answer to a preflight.'),
          })
          .describe('The headers that browsers ask for.'),
      ])
      .prefault({})
      .describe('Cross-origin calls. The headers of the pool are replaced.'),
    viewerAddress: z
      .boolean()
      .default(false)
      .describe(
        "Whether the viewer's address is told in UserContextData, for a client that accepts additional user context data. An address that the caller states is removed in any case.",
      ),
    quotas: z
      .partialRecord(z.enum(categories), z.number().min(0.1).max(1_000_000))
      .default({})
      .describe(
        'Calls per second that the account is allowed, by category; what AWS allows everybody unless given. Told of at 50, 70 and 90 percent.',
      ),
    advancedSecurity: z
      .strictObject({
        userPoolId: z
          .string()
          .regex(/^[\w-]{1,55}_[0-9A-Za-z]{1,55}$/, 'a pool id looks like eu-central-1_AbCdEfGhI')
          .describe('Id of the user pool.'),
        region: z
          .string()
          .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
          .describe('Region of the user pool.'),
        accessKeyId: z
          .string()
          .regex(/^[A-Z0-9]{4,128}$/, 'an access key id is made of capital letters and digits')
          .describe(
            'Whose key signs; may call AdminInitiateAuth and AdminRespondToAuthChallenge of that pool.',
          ),
        secretAccessKey: secretName.describe('Name of the secret that holds the key.'),
        sessionToken: secretName
          .optional()
          .describe('Name of the secret that holds a session token, for temporary credentials.'),
      })
      .optional()
      .describe(
        'Sign-ins go as Admin calls that are signed and carry the address and the device data of the viewer, which threat protection judges by.',
      ),
  })
  .describe(
    'Lets pages without a secret use confidential app clients of a user pool: the edge adds the proof that each operation wants.',
  )

export type CognitoProxyConfig = z.output<typeof cognitoProxySchema>
