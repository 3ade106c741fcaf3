import { resolve } from 'node:path'
import type { PlannedModules } from '../../plan.ts'
import { defineModule, type ModuleContext, type RunningModule } from '../module.ts'
import { checkUserPool } from './check.ts'
import { addUserPoolCommand } from './command.ts'
import type { PlannedUserPool, UserPoolConfig } from './config.ts'

export { userPoolSchema } from './config.ts'

/** User pools of our own behind the API of Amazon Cognito, for development and small private installations. */
export const userPool = defineModule({
  name: 'user-pool',
  key: 'userPool',
  check: checkUserPool,
  compile({ config }, { baseFolder, dataFolder }): PlannedUserPool {
    const { file, ...rest } = config as UserPoolConfig // The schema of this key made it.
    return {
      ...rest,
      file: file === undefined ? resolve(dataFolder, 'user-pool.sqlite') : resolve(baseFolder, file),
    }
  },
  open: openUserPool,
  commands: addUserPoolCommand,
})

async function openUserPool(context: ModuleContext): Promise<RunningModule> {
  // Users live in one file and challenges in one process: the first of several listens for all.
  if (!context.isFirstProcess) return {}
  const config = configOf(context.plan.current.modules)
  if (config === undefined) return {}
  // SQLite and the library for tokens are loaded only where there is a pool.
  const [secrets, { runUserPool }] = await Promise.all([context.seams.secrets(), import('./run.ts')])
  const running = await runUserPool(config, {
    clock: context.clock,
    secrets,
    report: {
      info: (message) => context.report.info(message),
      error: (message) => context.report.error(message),
    },
  })
  return {
    listeners: [{ name: 'user-pool', url: running.url }],
    adopted(plan) {
      const next = configOf(plan.modules)
      if (JSON.stringify(next) !== JSON.stringify(config))
        context.report.warn('user-pool: a change of userPool needs a restart')
    },
    metrics: () =>
      [
        '# HELP edgeward_user_pool_calls_total Calls of the user pool API, by operation and answer.',
        '# TYPE edgeward_user_pool_calls_total counter',
        ...[...running.counts].map(([key, count]) => {
          const [operation, outcome] = key.split(' ')
          return `edgeward_user_pool_calls_total{operation="${operation}",outcome="${outcome}"} ${count}`
        }),
      ].join('\n'),
    close: () => running.close(),
  }
}

function configOf(modules: PlannedModules): PlannedUserPool | undefined {
  // `compile` above made it.
  return modules['userPool'] as PlannedUserPool | undefined
}
