import { z } from 'zod'
import { DEFAULT_HEADER } from './accepted.ts'
import { DEFAULT_RULE_NAME } from './web-acl-rule.ts'

const DAY_SECONDS = 86_400
const HEADER_NAME = /^[A-Za-z0-9-]{1,128}$/
const RULE_NAME = /^[A-Za-z0-9_-]{1,128}$/

const reload = z
  .array(z.string().min(1))
  .min(1)
  .optional()
  .describe('Command that makes the server read the file, word by word: `["nginx", "-s", "reload"]`.')

const ruleName = z
  .string()
  .regex(RULE_NAME, 'a rule name is made of letters, digits, - and _')
  .default(DEFAULT_RULE_NAME)
  .describe('Name of the rule in the web ACL; made when it is not there, in front of the others.')

const path = z.string().min(1)
const endpoint = z
  .url({ protocol: /^https?$/ })
  .optional()
  .describe('Address of the service, where it is not the one of AWS.')

/** Who is told of the values to accept, and how. */
const tellSchema = z.union([
  z
    .strictObject({ file: path.describe('File that the middleware watches; holds digests only.') })
    .describe('Middleware of `edgeward/origin-verify` that reads a file.'),
  z
    .strictObject({ nginx: path.describe('Snippet to include inside `http { }`.'), reload })
    .describe('nginx.'),
  z
    .strictObject({ apache: path.describe('Snippet to include inside a VirtualHost.'), reload })
    .describe('Apache 2.4.'),
  z
    .strictObject({
      webAclFile: path.describe('JSON file of a web ACL in the format of AWS WAF.'),
      rule: ruleName,
    })
    .describe('A web ACL of an edge in front of the origin.'),
  z
    .strictObject({
      awsWebAcl: z
        .strictObject({
          name: z.string().min(1).describe('Name of the web ACL.'),
          id: z.string().min(1).describe('Id of the web ACL.'),
          scope: z.enum(['REGIONAL', 'CLOUDFRONT']).default('REGIONAL').describe('What it stands before.'),
          region: z
            .string()
            .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
            .optional()
            .describe('Region; us-east-1 for the scope CLOUDFRONT.'),
          endpoint,
        })
        .describe('The web ACL of a load balancer, in AWS WAF.'),
      rule: ruleName,
    })
    .describe('AWS WAF.'),
  z
    .strictObject({
      cloudFront: z
        .strictObject({
          distributionId: z.string().min(1).describe('Id of the distribution.'),
          originId: z.string().min(1).describe('Id of the origin in it.'),
          endpoint,
        })
        .describe('A CloudFront distribution that asks the same origin: it is told what to send.'),
    })
    .describe('CloudFront, as a second edge before the origin.'),
])

/** The key `originVerify` of an origin. */
export const originVerifySchema = z
  .strictObject({
    secret: z
      .string()
      .regex(/^[A-Za-z0-9/_+=.@-]{1,512}$/, 'a name of a secret is made of letters, digits and /_+=.@-')
      .default('origin-verify')
      .describe('Name of the secret. Origins of one name share the value; it is made when it is missing.'),
    header: z
      .string()
      .regex(HEADER_NAME, 'a header name is made of letters, digits and hyphens')
      .default(DEFAULT_HEADER)
      .describe('Header that carries the value.'),
    rotateEverySeconds: z
      .union([
        z
          .number()
          .min(1)
          .max(365 * DAY_SECONDS),
        z.literal(false),
      ])
      .default(DAY_SECONDS)
      .describe(
        'How old a value becomes before the next is made; it is accepted for as long again. `false`: only by `edgeward secrets rotate`.',
      ),
    tell: z
      .array(tellSchema)
      .default([])
      .describe(
        'Who hears of the values. Left empty where the origin asks the admin port itself (`/origin-verify/DISTRIBUTION/ORIGIN`).',
      ),
    test: z
      .strictObject({
        path: z
          .string()
          .regex(/^\/[^#\s]*$/, 'a path begins with /')
          .default('/')
          .describe('Path of the origin that is asked; must answer below 400.'),
        through: z
          .url({ protocol: /^https?$/ })
          .optional()
          .describe(
            'URL that is asked through the edge as a viewer would. Left out: the edge asks the origin as it does for viewers.',
          ),
        stableMs: z
          .number()
          .int()
          .min(0)
          .max(60_000)
          .default(1_000)
          .describe(
            'How long every answer must be as expected, so that a server that still reloads is noticed.',
          ),
        everyMs: z.number().int().min(10).max(60_000).default(200).describe('How often it is asked.'),
        timeoutSeconds: z
          .number()
          .min(1)
          .max(3_600)
          .default(60)
          .describe('When the test has failed and the rotation is taken back.'),
      })
      .prefault({})
      .describe('How a new value is tried out before it is used.'),
  })
  .describe(
    'A secret header on requests to this origin, by which it tells what came through the edge. Rotates by itself.',
  )

export type OriginVerifyConfig = z.output<typeof originVerifySchema>
export type TellConfig = OriginVerifyConfig['tell'][number]

/** What the plan holds for an origin: the same, with absolute files. */
export type PlannedOriginVerify = OriginVerifyConfig
