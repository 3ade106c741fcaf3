import { resolve } from 'node:path'
import { checkConfig, type CheckedConfig, type Problem } from '../config/check.ts'
import { ConfigLoadError, loadConfig } from '../config/load.ts'
import type { Output } from '../base/exit.ts'

/** A configuration that can run, and where it came from. */
export interface ReadConfig {
  readonly checked: CheckedConfig
  readonly baseFolder: string
  /** Files whose change makes a reload worth while. */
  readonly files: readonly string[]
  readonly warnings: readonly Problem[]
  /** Where the edge keeps what it needs between starts. */
  readonly dataFolder: string
  /** How messages call it. */
  readonly name: string
  /** The text, where it came on standard input and cannot be read again. */
  readonly text: string | undefined
}

/** Reads and checks a configuration; tells every problem at once and returns undefined when it cannot run. */
export async function readConfig(
  source: string | undefined,
  output: Output,
  text?: string,
): Promise<ReadConfig | undefined> {
  try {
    const loaded = await loadConfig(source, text === undefined ? {} : { text })
    const result = await checkConfig(loaded.config, loaded.baseFolder)
    const errors = result.problems.filter((problem) => problem.level === 'error')
    const warnings = result.problems.filter((problem) => problem.level === 'warning')
    if (errors.length > 0 || result.checked === undefined) {
      output.error(report(loaded.name, errors, warnings))
      return undefined
    }
    return {
      checked: result.checked,
      baseFolder: loaded.baseFolder,
      files: [...loaded.files, ...result.checked.files],
      warnings,
      dataFolder: resolve(loaded.baseFolder, result.checked.config.dataFolder),
      name: loaded.name,
      text: loaded.text,
    }
  } catch (error) {
    if (!(error instanceof ConfigLoadError)) throw error
    output.error(error.message)
    return undefined
  }
}

/** All problems as a person reads them: path, what is wrong, what was expected, what to do. */
export function report(name: string, errors: readonly Problem[], warnings: readonly Problem[]): string {
  const lines: string[] = []
  if (errors.length > 0)
    lines.push(`${name} has ${count(errors.length, 'problem')}:`, ...errors.flatMap(describe))
  if (warnings.length > 0) {
    if (lines.length > 0) lines.push('')
    lines.push(`${name}: ${count(warnings.length, 'warning')}:`, ...warnings.flatMap(describe))
  }
  return lines.join('\n')
}

function describe(problem: Problem): string[] {
  const lines = [
    '',
    `  ${problem.path === '' ? '(the whole configuration)' : problem.path}`,
    `    ${problem.message}`,
  ]
  if (problem.expected !== undefined) lines.push(`    expected: ${problem.expected}`)
  if (problem.hint !== undefined) lines.push(`    ${problem.hint}`)
  return lines
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`
}
