import { compileCidrs } from '../../../http/address.ts'
import type { PlannedBehavior } from '../../../plan.ts'
import type { BoundPlace } from '../../module.ts'
import type { ImagesConfig } from '../config.ts'
import type { ImageSource } from './sources.ts'

/** Where the pictures of a behavior may come from, by the names of requests; the first is the default. */
export function sourcesOf(
  config: ImagesConfig,
  origins: BoundPlace['distribution']['origins'],
  behavior: PlannedBehavior,
): ReadonlyMap<string, ImageSource> {
  if (config.sources === undefined) {
    const origin = behavior.origins[0]!
    const name = origin.kind === 'bucket' ? origin.bucket : origin.name
    return new Map([[name, { kind: 'origin', name, origin, prefix: '' }]])
  }
  return new Map(
    Object.entries(config.sources).map(([name, source]): [string, ImageSource] => [
      name,
      'url' in source
        ? { kind: 'url', name, base: new URL(source.url), isAllowed: compileCidrs(source.allowAddresses) }
        : // `check` has found the origin.
          { kind: 'origin', name, origin: origins.get(source.origin)!, prefix: source.prefix },
    ]),
  )
}

/**
 * How long an original counts whose source says nothing of it: a moment, which is enough for the pictures of one page; and
 * not at all where answers that say nothing are not kept either.
 */
export function unsaidSecondsOf({ cachePolicy }: PlannedBehavior): number {
  return cachePolicy.minTtlSeconds > 0 || cachePolicy.defaultTtlSeconds > 0 ? 1 : 0
}
