import { resolve } from 'node:path'
import { z } from 'zod'
import type { PlannedSecrets } from '../../plan.ts'
import { KEY_VARIABLE } from './sealing-key.ts'

/** The key `secrets` of a configuration. */
export const secretsSchema = z
  .strictObject({
    store: z
      .enum(['embedded', 'aws-secrets-manager'])
      .default('embedded')
      .describe(
        '`embedded`: an encrypted file of the data folder. `aws-secrets-manager`: AWS Secrets Manager, with the credentials of the environment.',
      ),
    key: z
      .union([
        z.strictObject({
          env: z.string().min(1).describe('Name of the environment variable that holds it.'),
        }),
        z.strictObject({
          file: z.string().min(1).describe('File that only its owner can read; made when it is missing.'),
        }),
      ])
      .optional()
      .describe(
        `embedded only: the key that encrypts the file, 32 bytes in hexadecimal or base64. Left out: the environment variable ${KEY_VARIABLE}, else the file \`secrets.key\` of the data folder.`,
      ),
    region: z
      .string()
      .regex(/^[a-z0-9-]+$/, 'a region is written like eu-central-1')
      .optional()
      .describe('aws-secrets-manager only: region of the secrets. Left out: the one of the environment.'),
    endpoint: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('aws-secrets-manager only: address of the service, where it is not the one of the region.'),
    refreshSeconds: z
      .number()
      .min(1)
      .max(3600)
      .optional()
      .describe(
        'aws-secrets-manager only: how often each process asks for new versions, 30 if left out. A rotation waits twice as long before a value dies.',
      ),
  })
  .describe('Where secrets are kept that the edge itself makes and rotates.')

export type SecretsConfig = z.output<typeof secretsSchema>

/** Which keys belong to one store only. */
export const STORE_KEYS = {
  embedded: ['key'],
  'aws-secrets-manager': ['region', 'endpoint', 'refreshSeconds'],
} as const satisfies Record<SecretsConfig['store'], readonly (keyof SecretsConfig)[]>

/** Compiles the key `secrets`. The environment was checked before. */
export function compileSecrets(
  config: SecretsConfig,
  baseFolder: string,
  dataFolder: string,
  environment: Readonly<Record<string, string | undefined>>,
): PlannedSecrets {
  if (config.store === 'aws-secrets-manager') {
    return {
      store: 'aws-secrets-manager',
      region: config.region,
      endpoint: config.endpoint,
      refreshMs: (config.refreshSeconds ?? 30) * 1_000,
    }
  }
  const { key } = config
  const isVariableSet = (environment[KEY_VARIABLE] ?? '') !== ''
  return {
    store: 'embedded',
    file: resolve(dataFolder, 'secrets.json'),
    key:
      key === undefined
        ? isVariableSet
          ? { variable: KEY_VARIABLE }
          : { file: resolve(dataFolder, 'secrets.key') }
        : 'env' in key
          ? { variable: key.env }
          : { file: resolve(baseFolder, key.file) },
  }
}
