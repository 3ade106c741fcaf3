import { z } from 'zod'
import { type AdminRoute, refused } from '../../admin-route.ts'
import { asError } from '../../seams/seam-error.ts'
import { defineModule, type Module, type ModuleContext, type RunningModule } from '../module.ts'
import { checkIpRanges, compileIpRanges } from './check.ts'
import { addIpRangesCommands } from './commands.ts'
import type { IpRangesConfig } from './config.ts'
import type { Fetch } from '../../http/fetch-text.ts'
import { type Followed, followFeed, followTrusted } from './follow.ts'
import { metricsText } from './metrics.ts'

export { ipRangesSchema } from './config.ts'

/** The module; `fetch` gets lists and certificates, and tells webhooks. */
export function createIpRanges(fetch: Fetch): Module {
  return defineModule({
    name: 'ip-ranges',
    key: 'ipRanges',
    check: checkIpRanges,
    compile: compileIpRanges,
    open: (context) => openIpRanges(context, fetch),
    commands: (cli) => addIpRangesCommands(cli, fetch),
  })
}

/** Firewalls kept equal to published address ranges. */
export const ipRanges = createIpRanges((...given) => globalThis.fetch(...given))

async function openIpRanges(context: ModuleContext, fetch: Fetch): Promise<RunningModule> {
  let followed: readonly Followed[] = []
  let config: IpRangesConfig | undefined
  const closing = new Set<Promise<void>>()

  function follow(next: IpRangesConfig | undefined): void {
    // The lock of a feed keeps the old and the new from writing at once.
    if (next === config || JSON.stringify(next) === JSON.stringify(config)) return
    for (const each of followed) {
      const ending = each
        .close()
        .catch((error: unknown) => context.report.error(`ip-ranges: ${each.name}: ${asError(error).message}`))
        .finally(() => closing.delete(ending))
      closing.add(ending)
    }
    config = next
    followed = Object.entries(next?.feeds ?? {}).map(([name, feed]) =>
      followFeed(context, name, feed, next!, fetch),
    )
  }

  follow(configOf(context.plan.current.modules))
  const trusted = await followTrusted(context, () => followed)
  return {
    // Behaviors of a new plan are bound before its routes are asked for, so this is where a plan is first seen.
    bind({ plan }) {
      follow(configOf(plan.modules))
      return undefined
    },
    routes: (distribution) => followed.flatMap((each) => each.route(distribution) ?? []),
    adminRoutes: adminRoutes(() => followed),
    metrics: () => metricsText(followed),
    adopted(plan) {
      trusted.adopted(plan)
    },
    async close() {
      trusted.close()
      await Promise.all([...closing, ...followed.map((each) => each.close())])
    },
  }
}

function configOf(modules: Readonly<Record<string, unknown>>): IpRangesConfig | undefined {
  // What `compile` of this module put there.
  return modules['ipRanges'] as IpRangesConfig | undefined
}

const orderSchema = z.strictObject({ acceptShrink: z.boolean().optional() }).optional()

function adminRoutes(followed: () => readonly Followed[]): readonly AdminRoute[] {
  return [
    {
      method: 'GET',
      path: '/ip-ranges',
      handle: async () => ({
        body: await Promise.all(
          followed().map(async ({ name, feed }) => {
            const { ranges, selection: _, ...state } = await feed.state()
            return { feed: name, ranges: ranges?.length ?? 0, ...state }
          }),
        ),
      }),
    },
    {
      // Begins a run; what becomes of it is in the log, the metrics and the state.
      method: 'POST',
      path: '/ip-ranges/:feed/apply',
      async handle({ parameters, body }) {
        const order = orderSchema.safeParse(body)
        if (!order.success) return refused(400, 'send nothing, or {"acceptShrink": true}')
        const found = followed().find(({ name }) => name === parameters['feed'])
        if (found === undefined) return refused(404, `there is no feed ${parameters['feed']}`)
        const { isOk, look } = await found.run({
          by: 'admin',
          acceptShrink: order.data?.acceptShrink ?? false,
        })
        return { status: isOk ? 200 : 409, body: { isOk, ...(look.kind === 'refused' && look) } }
      },
    },
  ]
}
