import { resolve } from 'node:path'
import { z } from 'zod'
import { Secret } from '../../base/secret.ts'
import { parseBucketAddress } from '../../http/bucket-address.ts'
import type { PlannedObjectStore } from '../../plan.ts'

/** `s3://name`, `s3://name/prefix`, or the bare name of a bucket. */
function parseBucket(text: string): ReturnType<typeof parseBucketAddress> {
  return parseBucketAddress(text.includes('/') ? text : `s3://${text}`)
}

const environmentSchema = z.strictObject({
  env: z.string().min(1).describe('Environment variable of the edge that holds the value.'),
})

/** One store of objects: exactly one of `folder` and `bucket`, and what goes with it. */
export const objectStoreSchema = z.strictObject({
  folder: z
    .string()
    .min(1)
    .optional()
    .describe('A folder of its own, relative to the configuration file; made when it is missing.'),
  bucket: z
    .string()
    .superRefine((text, context) => {
      const parsed = parseBucket(text)
      if (typeof parsed === 'string') context.addIssue({ code: 'custom', message: parsed })
    })
    .optional()
    .describe(
      'A bucket of S3 or a storage that speaks its protocol: `s3://name` or `s3://name/prefix`, under which all keys are kept.',
    ),
  region: z
    .string()
    .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
    .optional()
    .describe(
      'bucket only: region of the bucket. Left out: the one of the environment; us-east-1 with an endpoint.',
    ),
  endpoint: z
    .url({ protocol: /^https?$/ })
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
  credentials: z
    .strictObject({
      accessKeyId: z.union([z.string().min(1), environmentSchema]).describe('Access key id.'),
      secretAccessKey: z
        .union([z.string().min(1), environmentSchema])
        .describe('Secret access key; better from the environment.'),
      sessionToken: z
        .union([z.string().min(1), environmentSchema])
        .optional()
        .describe('Session token of temporary credentials.'),
    })
    .optional()
    .describe(
      'bucket only: keys to sign with. Left out: those that the AWS SDK finds (environment, profile, role of the machine).',
    ),
})

/** The key `objects` of a configuration. */
export const objectsSchema = z
  .record(z.string().min(1).max(128), objectStoreSchema)
  .default({})
  .describe(
    'Stores of objects (pictures, sites, logs), by the name that modules use. A name that is not here is a folder of the data folder.',
  )

export type ObjectStoreConfig = z.output<typeof objectStoreSchema>

/** Which keys belong to one kind of store only. */
export const BUCKET_KEYS = ['region', 'endpoint', 'pathStyle', 'credentials'] as const

/** Compiles one entry of `objects`. The configuration and the environment were checked before. */
export function compileObjectStore(
  config: ObjectStoreConfig,
  baseFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
): PlannedObjectStore {
  if (config.bucket === undefined)
    return { store: 'embedded', folder: resolve(baseFolder, config.folder ?? '') }
  const parsed = parseBucket(config.bucket)
  if (typeof parsed === 'string') throw new Error(parsed)
  const { accessKeyId, secretAccessKey, sessionToken } = config.credentials ?? {}
  const valueOf = (reference: string | { readonly env: string }): string =>
    typeof reference === 'string' ? reference : (environment[reference.env] ?? '')
  return {
    store: 's3',
    bucket: parsed.bucket,
    prefix: parsed.path === '' ? '' : `${parsed.path.slice(1)}/`,
    region: config.region,
    endpoint: config.endpoint,
    pathStyle: config.pathStyle ?? config.endpoint !== undefined,
    credentials:
      accessKeyId === undefined || secretAccessKey === undefined
        ? undefined
        : {
            accessKeyId: valueOf(accessKeyId),
            secretAccessKey: new Secret(valueOf(secretAccessKey)),
            sessionToken: sessionToken === undefined ? undefined : new Secret(valueOf(sessionToken)),
          },
  }
}
