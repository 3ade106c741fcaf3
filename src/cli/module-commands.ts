import type { Command } from 'commander'
import type { ExitCode, Output } from '../base/exit.ts'
import { systemClock } from '../base/clock.ts'
import { compilePlan } from '../config/compile.ts'
import { modules } from '../modules/index.ts'
import type { CliPlan } from '../modules/module.ts'
import { createSeams } from '../seams/seams.ts'
import { askAdmin } from './ask-admin.ts'
import { readConfig } from './problems.ts'

/** Adds the commands of modules; `exit` is told the exit code of the one that ran. */
export function addModuleCommands(program: Command, output: Output, exit: (code: ExitCode) => void): void {
  for (const module of modules)
    module.commands?.({ program, output, exit, readPlan: (config) => readPlan(config, output) })
}

/** A configuration as commands work with it; undefined, and told, when it has problems. */
export async function readPlan(config: string | undefined, output: Output): Promise<CliPlan | undefined> {
  const read = await readConfig(config, output)
  if (read === undefined) return undefined
  const plan = compilePlan(read.checked, { baseFolder: read.baseFolder, version: 1 })
  const { dataFolder } = plan
  return {
    plan,
    baseFolder: read.baseFolder,
    dataFolder,
    openSeams: () =>
      createSeams({
        dataFolder,
        secrets: plan.secrets,
        keys: plan.keys,
        objects: plan.objects,
        clock: systemClock,
        processes: plan.processes,
        report: (error) => output.error(error.message),
      }),
    askAdmin: (method, path, body) => askAdmin(plan, dataFolder, method, path, body),
  }
}
