import type { Plan, PlannedBehavior } from '../../../plan.ts'
import type { ImagesConfig } from '../config.ts'

/** A behavior with pictures: of which distribution, and how requests name its sources. */
export interface PicturePlace {
  readonly distributionId: string
  readonly config: ImagesConfig
  readonly buckets: readonly string[]
}

/** All behaviors of a plan that have pictures. */
export function picturePlaces({ distributions }: Plan): readonly PicturePlace[] {
  return distributions.flatMap(({ id: distributionId, behaviors }) =>
    behaviors.flatMap((behavior) => {
      // The schema of this key made it.
      const config = behavior.modules['images'] as ImagesConfig | undefined
      return config === undefined ? [] : { distributionId, config, buckets: bucketsOf(config, behavior) }
    }),
  )
}

/** As `sources` names them, or the one that a behavior without has. */
function bucketsOf({ sources }: ImagesConfig, { origins }: PlannedBehavior): readonly string[] {
  if (sources !== undefined) return Object.keys(sources)
  const origin = origins[0]!
  return [origin.kind === 'bucket' ? origin.bucket : origin.name]
}

/** The names of all sources. */
export function allBuckets(places: readonly PicturePlace[]): ReadonlySet<string> {
  return new Set(places.flatMap(({ buckets }) => buckets))
}
