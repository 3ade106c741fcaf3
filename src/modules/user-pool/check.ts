import type { Findings } from '../../base/problem.ts'
import type { ConfigPlace } from '../module.ts'

/** What only the whole shows of `userPool`: client ids that two pools have, names that a loop-back address hides. */
export function checkUserPool(place: ConfigPlace, findings: Findings): void {
  const config = objectOf(place.config)
  const owners = new Map<string, string>()
  for (const [poolId, pool] of Object.entries(objectOf(config['pools']))) {
    for (const clientId of Object.keys(objectOf(objectOf(pool)['clients']))) {
      const owner = owners.get(clientId)
      if (owner !== undefined)
        findings.error(
          [...place.segments, 'pools', poolId, 'clients', clientId],
          `the pool ${owner} has a client of this id too`,
          { hint: 'client ids are unique, because calls name no pool' },
        )
      owners.set(clientId, poolId)
    }
  }
  const codes = objectOf(config['codes'])
  if (codes['user'] !== undefined && codes['passwordSecret'] === undefined)
    findings.error(
      [...place.segments, 'codes', 'passwordSecret'],
      'a user at the mail server needs a password',
      {
        hint: 'name the secret that holds it, and set it with "edgeward secrets set NAME"',
      },
    )
  const host = config['host']
  const isLocal = host === undefined || host === '127.0.0.1' || host === '::1' || host === 'localhost'
  if (!isLocal && config['publicUrl'] === undefined)
    findings.warning(
      [...place.segments, 'publicUrl'],
      'tokens will name the address it listens on as their issuer',
      {
        hint: 'set publicUrl to how the pool is reached',
      },
    )
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  // An object has string keys.
  return typeof value === 'object' && value !== null ? (value as Readonly<Record<string, unknown>>) : {}
}
