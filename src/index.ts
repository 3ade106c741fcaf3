import type { EdgeConfig } from './config/schema.ts'

export type { BehaviorConfig, DistributionConfig, EdgeConfig } from './config/schema.ts'

/**
 * Gives a configuration back as it is; its use is that editors complete and check what is written in it.
 * A configuration must be plain data: it is evaluated in a process of its own and travels as JSON.
 *
 * @example
 * ```ts
 * import { defineEdge } from 'edgeward'
 *
 * export default defineEdge({
 *   listeners: [{ port: 8080 }],
 *   distributions: {
 *     main: {
 *       origins: { site: { folder: './site' } },
 *       defaultBehavior: { origin: 'site' },
 *     },
 *   },
 * })
 * ```
 */
export function defineEdge(config: EdgeConfig): EdgeConfig {
  return config
}
