import { resolve } from 'node:path'
import { z } from 'zod'
import type { PlannedKeys } from '../../plan.ts'

/** The key `keys` of a configuration. */
export const keysSchema = z
  .strictObject({
    store: z
      .enum(['embedded', 'aws-kms'])
      .default('embedded')
      .describe(
        '`embedded`: PEM files in the data folder. `aws-kms`: AWS KMS, with the credentials of the environment; private keys never leave it.',
      ),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
      .optional()
      .describe('aws-kms only: region of the keys. Left out: the one of the environment.'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('aws-kms only: address of the service, where it is not the one of the region.'),
    aliasPrefix: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'letters, digits, `_` and `-`')
      .optional()
      .describe('aws-kms only: the key NAME has the alias `alias/PREFIX/NAME`. Left out: `edgeward`.'),
  })
  .describe('Where the RSA keys of field encryption are kept.')

export type KeysConfig = z.output<typeof keysSchema>

/** Compiles the key `keys`. */
export function compileKeys(config: KeysConfig, dataFolder: string): PlannedKeys {
  return config.store === 'aws-kms'
    ? {
        store: 'aws-kms',
        region: config.region,
        endpoint: config.endpoint,
        aliasPrefix: config.aliasPrefix ?? 'edgeward',
      }
    : { store: 'embedded', folder: resolve(dataFolder, 'keys') }
}
