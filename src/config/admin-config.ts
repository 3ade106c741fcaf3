import { z } from 'zod'
import { Secret } from '../base/secret.ts'
import type { PlannedAdmin } from '../plan.ts'

const DEFAULT_PORT = 9180

/** The key `admin` of a configuration. */
export const adminSchema = z
  .union([
    z.literal(false),
    z.strictObject({
      host: z
        .string()
        .min(1)
        .default('127.0.0.1')
        .describe('Address of the admin port; keep it on loopback or a private network.'),
      port: z
        .number()
        .int()
        .min(0)
        .max(65_535)
        .default(DEFAULT_PORT)
        .describe('Port of the admin API; 0 takes a free one.'),
      token: z
        .union([
          z.string().min(16),
          z.strictObject({
            env: z.string().min(1).describe('Name of the environment variable that holds it.'),
          }),
        ])
        .optional()
        .describe(
          'Bearer token that the admin API asks for. Left out: made at start and kept in the data folder, readable by its owner only.',
        ),
    }),
  ])
  .describe('The control API, on a port of its own; `false` switches it off.')

/** Compiles the key `admin`; left out, it is on with its defaults, and a port that is taken is no error then. */
export function compileAdmin(
  config: z.output<typeof adminSchema> | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): PlannedAdmin | undefined {
  if (config === false) return undefined
  if (config === undefined)
    return { host: '127.0.0.1', port: DEFAULT_PORT, token: undefined, isRequired: false }
  const { token } = config
  const value = token === undefined || typeof token === 'string' ? token : environment[token.env]
  return {
    host: config.host,
    port: config.port,
    token: value === undefined ? undefined : new Secret(value),
    isRequired: true,
  }
}
