import { checkConfig } from '../config/check.ts'
import { ConfigLoadError, loadConfig } from '../config/load.ts'
import { exitCodes, type ExitCode, type Output } from '../base/exit.ts'
import { report } from './problems.ts'

/** `edgeward check`: every problem at once. Exit code 2 when there is an error, 0 with warnings only. */
export async function check(
  options: { config: string | undefined; json: boolean },
  output: Output,
): Promise<ExitCode> {
  try {
    const loaded = await loadConfig(options.config)
    const { problems } = await checkConfig(loaded.config, loaded.baseFolder)
    const errors = problems.filter((problem) => problem.level === 'error')
    const warnings = problems.filter((problem) => problem.level === 'warning')
    if (options.json) output.out(JSON.stringify({ config: loaded.name, problems }, undefined, 2))
    else if (problems.length === 0) output.out(`${loaded.name} is fine`)
    else output.out(report(loaded.name, errors, warnings))
    return errors.length === 0 ? exitCodes.ok : exitCodes.badConfig
  } catch (error) {
    if (!(error instanceof ConfigLoadError)) throw error
    output.error(error.message)
    return exitCodes.badConfig
  }
}
