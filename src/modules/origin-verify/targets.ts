import type { Plan, PlannedDistribution, PlannedOrigin } from '../../plan.ts'
import type { PlannedOriginVerify } from './config.ts'

/** An origin that checks the secret header. */
export interface Target {
  readonly distribution: PlannedDistribution
  readonly origin: PlannedOrigin
  readonly config: PlannedOriginVerify
}

/** How people call it: `travel/hotels`. */
export function nameOf({ distribution, origin }: Target): string {
  return `${distribution.name}/${origin.name}`
}

/** What the plan says of an origin, or undefined where it checks nothing. */
export function configOf(origin: PlannedOrigin): PlannedOriginVerify | undefined {
  // What `compile` of this module put there.
  return origin.modules['originVerify'] as PlannedOriginVerify | undefined
}

/** Every origin of a plan that checks a secret header. */
export function targetsOf(plan: Plan): readonly Target[] {
  return plan.distributions.flatMap((distribution) =>
    [...distribution.origins.values()].flatMap((origin) => {
      const config = configOf(origin)
      return config === undefined ? [] : [{ distribution, origin, config }]
    }),
  )
}

/** The targets by the name of their secret. */
export function targetsBySecret(plan: Plan): ReadonlyMap<string, readonly Target[]> {
  return Map.groupBy(targetsOf(plan), ({ config }) => config.secret)
}
