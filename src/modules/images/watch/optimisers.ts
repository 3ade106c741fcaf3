import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { type AdminRoute, refused } from '../../../admin-route.ts'
import type { Fetch } from '../../../http/fetch-text.ts'
import type { PlannedDistribution } from '../../../plan.ts'
import { asError } from '../../../seams/seam-error.ts'
import type { ModuleContext, PublicRoute } from '../../module.ts'
import type { OptimiseConfig } from './config.ts'
import { type FollowedOptimiser, followOptimiser } from './follow-optimiser.ts'
import { metricsText } from './metrics.ts'
import { reportOf } from './report.ts'

/** All optimisers of a running edge. */
export interface Optimisers {
  /** Ends those whose configuration is another, and begins the new ones. Resolves when these have opened what they keep. */
  follow(config: OptimiseConfig | undefined): Promise<void>
  routes(distribution: PlannedDistribution): readonly PublicRoute[]
  readonly adminRoutes: readonly AdminRoute[]
  metrics(): string
  close(): Promise<void>
}

const orderSchema = z.strictObject({ key: z.string().min(1).optional() }).optional()

export function createOptimisers(context: ModuleContext, maxMemoryBytes: number, fetch: Fetch): Optimisers {
  const followed = new Map<string, FollowedOptimiser>()
  const closing = new Map<string, Promise<void>>()

  function end(each: FollowedOptimiser): void {
    followed.delete(each.name)
    const ending = each
      .close()
      .catch((error: unknown) => context.report.error(`images: ${each.name}: ${asError(error).message}`))
      .finally(() => {
        if (closing.get(each.name) === ending) closing.delete(each.name)
      })
    closing.set(each.name, ending)
  }

  return {
    async follow(config = {}) {
      for (const each of followed.values()) if (!isDeepStrictEqual(each.config, config[each.name])) end(each)
      const opened = Object.entries(config).flatMap(([name, each]) => {
        if (followed.has(name)) return []
        const next = followOptimiser(context, name, each, maxMemoryBytes, fetch)
        followed.set(name, next)
        return [next.ready]
      })
      await Promise.all(opened)
    },
    routes: (distribution) => [...followed.values()].flatMap((each) => each.route(distribution) ?? []),
    adminRoutes: [
      {
        method: 'GET',
        path: '/images/optimise',
        handle: () => ({ body: [...followed.values()].map(reportOf) }),
      },
      {
        method: 'POST',
        path: '/images/optimise/:name/retry',
        async handle({ parameters, body }) {
          const order = orderSchema.safeParse(body)
          if (!order.success) return refused(400, 'send nothing, or {"key": "…"}')
          const found = followed.get(parameters['name'] ?? '')
          if (found === undefined) return refused(404, `there is no optimiser ${parameters['name']}`)
          return { body: { retried: await found.retry(order.data?.key) } }
        },
      },
    ],
    metrics: () => metricsText([...followed.values()]),
    async close() {
      for (const each of followed.values()) end(each)
      await Promise.all(closing.values())
    },
  }
}
