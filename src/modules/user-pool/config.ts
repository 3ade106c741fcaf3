import { z } from 'zod'

/** Pool ids look like those of AWS, because client libraries split them: `local_edgeward`. */
export const POOL_ID = /^[A-Za-z0-9-]{1,55}_[A-Za-z0-9]{1,55}$/
export const CLIENT_ID = /^[A-Za-z0-9_+]{1,128}$/

const secretName = z
  .string()
  .regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, 'a name of a secret is made of letters, digits and /_+=.@-')

export const authFlows = ['USER_SRP_AUTH', 'USER_PASSWORD_AUTH', 'REFRESH_TOKEN_AUTH'] as const

const minutes = (least: number, most: number, usual: number) =>
  z.number().int().min(least).max(most).default(usual)

const clientSchema = z
  .strictObject({
    secret: secretName
      .optional()
      .describe(
        'Name of the secret that holds the client secret; made when missing. Left out: a public client.',
      ),
    flows: z
      .array(z.enum(authFlows))
      .min(1)
      .default([...authFlows])
      .describe('Ways to sign in that this client may use.'),
    accessTokenMinutes: minutes(5, 1_440, 60).describe('Life of an access token.'),
    idTokenMinutes: minutes(5, 1_440, 60).describe('Life of an ID token.'),
    refreshTokenMinutes: minutes(60, 5_256_000, 43_200).describe('Life of a refresh token.'),
    rotateRefreshTokens: z
      .boolean()
      .default(false)
      .describe('Each refresh gives a new refresh token; the old one works for another 60 seconds.'),
  })
  .describe('An app client.')

const passwordPolicySchema = z
  .strictObject({
    minimumLength: z.number().int().min(6).max(99).default(8).describe('Characters at least.'),
    requireLowercase: z.boolean().default(true).describe('At least one of a to z.'),
    requireUppercase: z.boolean().default(true).describe('At least one of A to Z.'),
    requireNumbers: z.boolean().default(true).describe('At least one digit.'),
    requireSymbols: z.boolean().default(true).describe('At least one character of punctuation.'),
  })
  .prefault({})
  .describe('What passwords must have.')

const poolSchema = z
  .strictObject({
    usernames: z
      .enum(['plain', 'email'])
      .default('plain')
      .describe('`email`: people sign up and in with an address, and their user name is made for them.'),
    allowSignUp: z
      .boolean()
      .default(true)
      .describe('Whether anybody may sign up; otherwise only administrators add users.'),
    autoConfirm: z.boolean().default(false).describe('Whether new users need no code.'),
    passwordPolicy: passwordPolicySchema,
    clients: z
      .record(z.string().regex(CLIENT_ID, 'a client id is made of letters, digits, _ and +'), clientSchema)
      .describe('App clients by id.'),
  })
  .describe('A user pool.')

const codesSchema = z
  .union([
    z.literal('log').describe('Codes are told in the log of the edge.'),
    z
      .strictObject({
        smtp: z
          .url({ protocol: /^smtps?$/ })
          .describe('Server that takes mail: `smtp://mail.example.com:587`.'),
        from: z.string().min(3).describe('Sender of the mails.'),
        user: z.string().min(1).optional().describe('User name at the mail server.'),
        passwordSecret: secretName.optional().describe('Name of the secret that holds the password there.'),
      })
      .describe('Codes are sent by mail to the attribute `email`.'),
  ])
  .default('log')
  .describe('How people get their codes.')

/** The key `userPool` of the configuration. */
export const userPoolSchema = z
  .strictObject({
    port: z.number().int().min(0).max(65_535).default(9_230).describe('Port of the API.'),
    host: z.string().min(1).default('127.0.0.1').describe('Address it listens on.'),
    publicUrl: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe(
        'Start of the issuer in tokens, where the pool is reached by another name than host and port.',
      ),
    file: z
      .string()
      .min(1)
      .optional()
      .describe('SQLite file of users and keys; `user-pool.sqlite` in the data folder unless given.'),
    codes: codesSchema,
    administrators: z
      .record(
        z.string().regex(/^[A-Z0-9]{4,128}$/, 'an access key id is made of capital letters and digits'),
        secretName,
      )
      .default({})
      .describe(
        'Access key ids that may call Admin operations, and the names of the secrets that hold their keys (made when missing). Requests are signed with Signature Version 4.',
      ),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
      .default('us-east-1')
      .describe('Region for which Admin operations are signed.'),
    requestsPerSecond: z
      .number()
      .int()
      .min(1)
      .max(100_000)
      .default(120)
      .describe(
        'Calls of one category (as AWS groups operations) in a second; more are TooManyRequestsException.',
      ),
    pools: z
      .record(
        z.string().regex(POOL_ID, 'a pool id looks like local_users: two words joined by _'),
        poolSchema,
      )
      .describe('User pools by id.'),
  })
  .describe(
    'User pools of our own, with the API of Amazon Cognito, for development and small private installations.',
  )

export type UserPoolConfig = z.output<typeof userPoolSchema>
export type PoolConfig = UserPoolConfig['pools'][string]
export type ClientConfig = PoolConfig['clients'][string]
export type PasswordPolicy = PoolConfig['passwordPolicy']

/** What the plan holds: with an absolute file. */
export type PlannedUserPool = Omit<UserPoolConfig, 'file'> & { readonly file: string }
