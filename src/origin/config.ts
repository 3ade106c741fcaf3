import { z } from 'zod'
import { parseBucketAddress } from '../http/bucket-address.ts'
import { parseEndpoint, parseOriginUrl } from './address.ts'

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/
const VALUE = /^[\t\x20-\x7e]*$/
const DAY_MS = 86_400_000

/** What an origin's custom headers may not be (DG:add-origin-custom-headers, fact sheet 6.2); a star stands for any rest. */
const FORBIDDEN_HEADERS = [
  ...['cache-control', 'connection', 'content-length', 'cookie', 'host', 'if-match', 'if-modified-since'],
  ...['if-none-match', 'if-range', 'if-unmodified-since', 'max-forwards', 'pragma', 'proxy-authenticate'],
  ...[
    'proxy-authorization',
    'proxy-connection',
    'range',
    'request-range',
    'te',
    'trailer',
    'transfer-encoding',
  ],
  ...['upgrade', 'via', 'x-amz-*', 'x-edge-*', 'x-real-ip'],
]

/** The statuses that can make an origin group ask its second origin (DG:high_availability_origin_failover). */
export const FAILOVER_STATUSES = [400, 403, 404, 416, 429, 500, 502, 503, 504] as const

/** A value from an environment variable of the edge: it never shows in logs, functions or explain. */
export const secretSchema = z
  .strictObject({ env: z.string().min(1).describe('Name of the environment variable.') })
  .describe('A value read from the environment of the edge when it starts or reloads.')

function checked(parse: (text: string) => unknown) {
  return z.string().superRefine((text, context) => {
    const parsed = parse(text)
    if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
  })
}

const headerName = z
  .string()
  .min(1)
  .max(256)
  .regex(TOKEN, 'a header name is made of letters, digits and hyphens')
  .superRefine((name, context) => {
    const lower = name.toLowerCase()
    const isForbidden = FORBIDDEN_HEADERS.some((entry) =>
      entry.endsWith('*') ? lower.startsWith(entry.slice(0, -1)) : lower === entry,
    )
    if (isForbidden)
      context.addIssue({
        code: 'custom',
        message: `${name} cannot be a custom header of an origin; the edge or the request sets it`,
      })
  })

const headerValue = z.string().max(8192).regex(VALUE, 'a header value is one line of ASCII text')

const pem = z.string().min(1)

const tlsSchema = z
  .strictObject({
    minVersion: z
      .enum(['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'])
      .default('TLSv1.2')
      .describe('Lowest TLS version spoken to the origin.'),
    ca: pem
      .optional()
      .describe('PEM file, or PEM text, of the authorities to trust instead of the well-known ones.'),
    cert: pem
      .optional()
      .describe('PEM file, or PEM text, of the certificate that the edge shows to the origin; needs `key`.'),
    key: pem.optional().describe('PEM file of the key of that certificate.'),
    verify: z
      .boolean()
      .default(true)
      .describe('Whether the certificate of the origin is checked. Turn it off for experiments only.'),
  })
  .describe('How TLS is spoken to the origin.')

const credentialsSchema = z.union([
  z.literal('env'),
  z.strictObject({
    accessKeyId: z.string().min(1).describe('Access key id.'),
    secretAccessKey: z
      .union([z.string().min(1), secretSchema])
      .describe('Secret access key; better from the environment.'),
    sessionToken: z
      .union([z.string().min(1), secretSchema])
      .optional()
      .describe('Session token of temporary credentials.'),
  }),
])

const milliseconds = z.number().int().min(1).max(DAY_MS)

/** One origin as users write it: exactly one of `url`, `folder` and `bucket`, and what goes with it. */
export const originSchema = z
  .strictObject({
    url: checked(parseOriginUrl)
      .optional()
      .describe(
        'A server: `http://127.0.0.1:9001`, `https://api.example.org`. A path in it is an originPath.',
      ),
    folder: z.string().min(1).optional().describe('A folder of files, relative to the configuration file.'),
    bucket: checked(parseBucketAddress)
      .optional()
      .describe('A bucket of S3 or a storage that speaks its protocol: `s3://name` or `s3://name/prefix`.'),
    originPath: z
      .string()
      .max(255)
      .regex(
        /^(\/[^?#\s]*[^?#\s/])?$/,
        'an origin path begins with / and does not end with it, for example /v2',
      )
      .optional()
      .describe('Put before the path of every request.'),
    customHeaders: z
      .record(headerName, z.union([headerValue, secretSchema]))
      .default({})
      .describe('Headers added to every request for this origin; they replace those of the viewer.'),
    connectionAttempts: z
      .number()
      .int()
      .min(1)
      .max(10)
      .default(3)
      .describe('How often the edge tries to connect.'),
    connectTimeoutMs: milliseconds.default(10_000).describe('How long one attempt to connect may take.'),
    readTimeoutMs: milliseconds
      .default(30_000)
      .describe('Longest wait for the first byte, and between two pieces.'),
    responseCompletionTimeoutMs: milliseconds
      .optional()
      .describe('Longest time for the whole response, tries included. Left out: no bound.'),
    keepaliveTimeoutMs: milliseconds
      .default(5000)
      .describe('How long an idle connection to the origin is kept.'),
    protocolPolicy: z
      .enum(['http-only', 'https-only', 'match-viewer'])
      .optional()
      .describe(
        'url only. Left out: as the url says. `match-viewer` speaks to the origin as the viewer spoke to the edge.',
      ),
    httpPort: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('url only: port for HTTP, 80 or as the url says.'),
    httpsPort: z
      .number()
      .int()
      .min(1)
      .max(65_535)
      .optional()
      .describe('url only: port for HTTPS, 443 or as the url says.'),
    tls: tlsSchema.prefault({}).describe('url and bucket: how TLS is spoken to the origin.'),
    indexFiles: z
      .array(
        z
          .string()
          .min(1)
          .regex(/^[^/\\]+$/, 'an index file is a plain file name'),
      )
      .optional()
      .describe('folder only: tried in order for a path that ends in `/`. Left out: index.html.'),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
      .optional()
      .describe('bucket only: region of the bucket, us-east-1 if left out.'),
    endpoint: checked(parseEndpoint)
      .optional()
      .describe(
        'bucket only: address of a storage that is not S3 itself, for example `http://127.0.0.1:9000`.',
      ),
    pathStyle: z
      .boolean()
      .optional()
      .describe(
        'bucket only: whether the bucket is named in the path. Left out: true with an endpoint, false without.',
      ),
    credentials: credentialsSchema
      .optional()
      .describe(
        'bucket only: keys to sign with; `env` takes AWS_ACCESS_KEY_ID and its like. Left out: requests are not signed.',
      ),
    originAccessControl: z
      .enum(['always', 'never', 'no-override'])
      .optional()
      .describe(
        'bucket only: whether requests are signed; `no-override` leaves those with Authorization alone. Left out: always, if there are credentials.',
      ),
  })
  .describe('Where content comes from: a server, a folder or a bucket.')

/** Two origins of which the second is asked when the first fails, as users write them. */
export const originGroupSchema = z
  .strictObject({
    primary: z.string().min(1).describe('Name of the origin that is asked first.'),
    fallback: z.string().min(1).describe('Name of the origin that is asked when the first fails.'),
    failoverStatuses: z
      .array(z.union(FAILOVER_STATUSES.map((status) => z.literal(status))))
      .min(1)
      .default([500, 502, 503, 504])
      .describe('Statuses that count as failure; 503 covers refused connections, 504 timeouts.'),
  })
  .describe('A pair of origins; GET, HEAD and cached OPTIONS fail over.')

/** What the schemas give back: defaults are filled. */
export type OriginConfig = z.output<typeof originSchema>
export type OriginGroupConfig = z.output<typeof originGroupSchema>

/** The keys that belong to one kind of origin only. */
export const KIND_KEYS = {
  url: ['protocolPolicy', 'httpPort', 'httpsPort', 'tls'],
  folder: ['indexFiles'],
  bucket: ['region', 'endpoint', 'pathStyle', 'credentials', 'originAccessControl', 'tls'],
} as const satisfies Record<string, readonly (keyof OriginConfig)[]>
