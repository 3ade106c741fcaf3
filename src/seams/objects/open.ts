import type { Clock } from '../../base/clock.ts'
import type { PlannedObjectStore } from '../../plan.ts'
import { openEmbeddedObjects } from './embedded.ts'
import type { Objects } from './objects.ts'

/** Opens a store of objects that a plan names. The AWS SDK is loaded only when it is in a bucket. */
export async function openObjects(name: string, planned: PlannedObjectStore, clock: Clock): Promise<Objects> {
  if (planned.store === 'embedded') return await openEmbeddedObjects({ folder: planned.folder, clock })
  const { openS3Objects } = await import('./s3.ts')
  return openS3Objects({ ...planned, setting: `objects.${name}`, clock })
}
