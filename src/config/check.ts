import { resolve } from 'node:path'
import { systemClock } from '../base/clock.ts'
import { checkAdmin } from './check-environment.ts'
import { checkKeys } from './check-keys.ts'
import { checkObjects } from './check-objects.ts'
import { checkSecrets } from './check-secrets.ts'
import { checkDistributions } from './check-distributions.ts'
import { checkFiles } from './check-files.ts'
import { checkFunctions } from './check-functions.ts'
import { checkOrigins } from './check-origins.ts'
import { checkPolicies } from './check-policies.ts'
import { checkWebAcls } from './check-web-acls.ts'
import type { FunctionFile } from '../functions/config.ts'
import { visitModulePlaces } from './module-places.ts'
import { modules } from '../modules/index.ts'
import type { PlannedWebAcl } from '../waf/plan.ts'
import { collectInto, type Problem } from '../base/problem.ts'
import { type EdgeConfig, edgeSchema, type ParsedEdgeConfig } from './schema.ts'
import { salvage } from './salvage.ts'
import { withoutPrototypeKeys } from './prototype-keys.ts'
import { tellSchemaProblems } from './schema-problems.ts'

export type { Problem } from '../base/problem.ts'

/** A configuration that compiles: every default is filled, every reference is known to resolve, files were read. */
export interface CheckedConfig {
  readonly config: ParsedEdgeConfig
  /** Texts of PEM files by the reference that names them. */
  readonly pemTexts: ReadonlyMap<string, string>
  readonly environment: Readonly<Record<string, string | undefined>>
  /** What the files of functions hold, by absolute path. */
  readonly functions: ReadonlyMap<string, FunctionFile>
  /** Absolute names of the files that the configuration names, besides itself. */
  readonly files: readonly string[]
  /** Web ACLs by the name of their distribution. */
  readonly webAcls: ReadonlyMap<string, PlannedWebAcl>
}

export interface CheckOptions {
  /** Where `{ env: … }` is looked up; the environment of the process if left out. */
  readonly environment?: Readonly<Record<string, string | undefined>>
  /** Milliseconds since the epoch, for the dates of certificates. */
  readonly now?: number
}

/** What a check found; `checked` is there when no problem is an error. */
export interface CheckResult {
  readonly problems: readonly Problem[]
  readonly checked: CheckedConfig | undefined
}

/**
 * Checks a configuration as it was loaded and tells all problems at once: what the schema refuses, and what only the
 * whole shows (names that lead nowhere, patterns that are never reached, files that are not there). Files are
 * relative to `baseFolder`. Never throws on any input.
 */
export async function checkConfig(
  raw: unknown,
  baseFolder: string,
  options: CheckOptions = {},
): Promise<CheckResult> {
  const environment = options.environment ?? process.env
  const problems: Problem[] = []
  const findings = collectInto(problems)
  const safe = withoutPrototypeKeys(raw, findings)
  const result = edgeSchema.safeParse(safe)
  const refused = result.success ? [] : tellSchemaProblems(result.error.issues, safe, edgeSchema, findings)
  const view = salvage<EdgeConfig>(safe, refused)
  if (view === undefined) return { problems, checked: undefined }
  checkPolicies(view, findings)
  checkOrigins(view, environment, findings)
  checkAdmin(view, environment, findings)
  checkSecrets(view, environment, findings)
  checkKeys(view, findings)
  await checkObjects(view, baseFolder, environment, findings)
  checkDistributions(view, findings)
  const { pemTexts, files } = await checkFiles(view, baseFolder, options.now ?? systemClock.now(), findings)
  const functions = await checkFunctions(view, baseFolder, findings)
  const waf = await checkWebAcls(view, baseFolder, findings)
  const resources = {
    baseFolder,
    dataFolder: resolve(baseFolder, view.dataFolder ?? '.edgeward'),
    environment,
  }
  const moduleFiles: string[] = []
  await visitModulePlaces(view, modules, async (module, place) => {
    moduleFiles.push(...((await module.check?.(place, findings, resources)) ?? []))
  })
  if (!result.success || problems.some((problem) => problem.level === 'error'))
    return { problems, checked: undefined }
  return {
    problems,
    checked: {
      config: result.data,
      pemTexts,
      environment,
      functions: functions.functions,
      files: [...files, ...functions.files, ...waf.files, ...moduleFiles],
      webAcls: waf.webAcls,
    },
  }
}
