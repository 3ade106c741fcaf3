import type { AdminRoute } from '../../admin-route.ts'
import type { PlannedBehavior } from '../../plan.ts'
import { defineModule, type ModuleContext, type RunningModule } from '../module.ts'
import { checkCognitoProxy } from './check.ts'
import { addCognitoProxyCommands } from './commands.ts'
import type { CognitoProxyConfig } from './config.ts'
import { createProxyHooks } from './proxy.ts'
import { createQuotas, type Quotas } from './quotas.ts'

export { cognitoProxySchema } from './config.ts'

/** Public pages use confidential app clients of a user pool: the edge supplies the secret. */
export const cognitoProxy = defineModule({
  name: 'cognito-proxy',
  key: 'cognitoProxy',
  check: checkCognitoProxy,
  open: openCognitoProxy,
  commands: addCognitoProxyCommands,
})

async function openCognitoProxy(context: ModuleContext): Promise<RunningModule> {
  const secrets = await context.seams.secrets()
  /** By the pool's endpoint: behaviors before one pool share its quotas. Counters survive a reload. */
  const quotas = new Map<string, { readonly limits: string; readonly quotas: Quotas }>()

  function quotasOf(endpoint: string, limits: CognitoProxyConfig['quotas']): Quotas {
    const written = JSON.stringify(limits)
    const known = quotas.get(endpoint)
    if (known?.limits === written) return known.quotas
    const made = createQuotas({
      clock: context.clock,
      limits,
      share: 1 / context.plan.current.processes,
      warn: (category, level, count, limit) =>
        context.report.warn(
          `cognito-proxy: ${endpoint}: ${count} ${category} calls in a second are over ${level} % of the quota of ${limit}`,
        ),
    })
    quotas.set(endpoint, { limits: written, quotas: made })
    return made
  }

  const route: AdminRoute = {
    method: 'GET',
    path: '/cognito-proxy',
    handle: () => ({
      body: [...quotas].map(([endpoint, each]) => ({ endpoint, quotas: each.quotas.states() })),
    }),
  }

  return {
    bind({ behavior }) {
      const config = configOf(behavior)
      if (config === undefined) return undefined
      return createProxyHooks({
        config,
        clock: context.clock,
        quotas: quotasOf(behavior.origins[0]!.domainName, config.quotas),
        valueOf: (secret) => secrets.handle(secret).current?.value,
        warn: (message) => context.report.warn(message),
      })
    },
    adminRoutes: [route],
    metrics() {
      const states = [...quotas].flatMap(([endpoint, each]) =>
        each.quotas.states().map((state) => ({ endpoint, ...state })),
      )
      return [
        '# HELP edgeward_cognito_quota_ratio Calls of the busiest second of the last minute, as a share of the quota.',
        '# TYPE edgeward_cognito_quota_ratio gauge',
        ...states.map(
          ({ endpoint, category, percent }) =>
            `edgeward_cognito_quota_ratio{endpoint=${JSON.stringify(endpoint)},category="${category}"} ${percent / 100}`,
        ),
      ].join('\n')
    },
  }
}

function configOf(behavior: PlannedBehavior): CognitoProxyConfig | undefined {
  // The schema of this key made it.
  return behavior.modules['cognitoProxy'] as CognitoProxyConfig | undefined
}
