import { isSeamError } from '../seams/seam-error.ts'
import { STORE_KEYS } from '../seams/secrets/config.ts'
import { KEY_VARIABLE, parseSealingKey } from '../seams/secrets/sealing-key.ts'
import type { Environment } from './check-environment.ts'
import type { Findings } from '../base/problem.ts'
import type { EdgeConfig } from './schema.ts'
import type { Salvaged } from './salvage.ts'

/** The key `secrets`: settings of the other store, and a key in the environment that is none. */
export function checkSecrets(view: Salvaged<EdgeConfig>, environment: Environment, findings: Findings): void {
  const secrets = view.secrets
  const store = secrets?.store ?? 'embedded'
  for (const [other, keys] of Object.entries(STORE_KEYS)) {
    if (other === store) continue
    for (const key of keys) {
      if (secrets?.[key] === undefined) continue
      findings.error(
        ['secrets', key],
        `${key} belongs to the store "${other}", and the store here is "${store}"`,
        {
          hint: `remove it, or set secrets.store to "${other}"`,
        },
      )
    }
  }
  if (store !== 'embedded') return
  const key = secrets?.key
  if (key !== undefined && 'file' in key) return
  const isNamed = key !== undefined && 'env' in key && key.env !== undefined
  const name = isNamed ? key.env! : KEY_VARIABLE
  const place = isNamed ? ['secrets', 'key', 'env'] : ['secrets']
  const value = environment[name] ?? ''
  if (value === '') {
    if (isNamed)
      findings.error(place, `the environment variable ${name} is not set`, {
        hint: `set ${name} where edgeward is started; "openssl rand -hex 32" makes a key`,
      })
    return
  }
  try {
    parseSealingKey(value, `the environment variable ${name}`)
  } catch (error) {
    if (!isSeamError(error)) throw error
    findings.error(place, error.message)
  }
}
