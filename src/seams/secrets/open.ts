import type { Clock } from '../../base/clock.ts'
import type { PlannedSecrets } from '../../plan.ts'
import type { Report } from '../seam-error.ts'
import { SeamError } from '../seam-error.ts'
import { createAesSealing } from './aes-sealing.ts'
import { openEmbeddedSecrets } from './embedded.ts'
import { type SealingKey, keepSealingKey, parseSealingKey } from './sealing-key.ts'
import { sealingOf } from './secrets-file.ts'
import type { Secrets } from './secrets.ts'

export interface OpenSecretsOptions {
  readonly clock: Clock
  readonly report: Report
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/** Opens the store of secrets that a plan names. The AWS SDK is loaded only when it is that one. */
export async function openSecrets(planned: PlannedSecrets, options: OpenSecretsOptions): Promise<Secrets> {
  const { clock, report } = options
  if (planned.store === 'aws-secrets-manager') {
    const { openAwsSecrets } = await import('./aws.ts')
    return await openAwsSecrets({ ...planned, clock, report })
  }
  const key = await keyOf(planned, options.environment ?? process.env)
  return await openEmbeddedSecrets({ file: planned.file, clock, report, sealing: createAesSealing(key) })
}

async function keyOf(
  { file, key }: Extract<PlannedSecrets, { store: 'embedded' }>,
  environment: Readonly<Record<string, string | undefined>>,
): Promise<SealingKey> {
  if ('variable' in key) {
    const text = environment[key.variable] ?? ''
    if (text === '') {
      throw new SeamError(
        'invalid',
        `the environment variable ${key.variable} is not set; it holds the key of ${file}`,
      )
    }
    return parseSealingKey(text, `the environment variable ${key.variable}`)
  }
  // A new key would not open what another one sealed.
  const sealing = await sealingOf(file)
  return await keepSealingKey(key.file, sealing === undefined || sealing === 'none')
}
