import type { Clock } from '../../base/clock.ts'
import type { PlannedKeys } from '../../plan.ts'
import { openEmbeddedKeys } from './embedded.ts'
import type { Keys } from './keys.ts'

/** Opens the store of keys that a plan names. The AWS SDK is loaded only when it is that one. */
export async function openKeys(planned: PlannedKeys, clock: Clock): Promise<Keys> {
  if (planned.store === 'embedded') return await openEmbeddedKeys({ folder: planned.folder, clock })
  const { openKmsKeys } = await import('./kms.ts')
  return openKmsKeys(planned)
}
