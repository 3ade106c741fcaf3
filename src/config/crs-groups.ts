import { resolve } from 'node:path'
import { type CompiledCrs, compileCrs } from '../waf/crs/compile-crs.ts'
import { crsGroup } from '../waf/crs/crs-group.ts'
import { diskFiles, type RuleFiles } from '../waf/crs/rule-files.ts'
import { SecLangError } from '../waf/crs/seclang-problem.ts'
import { type ExternalGroup, externalKey } from '../waf/external-group.ts'
import { wafSettingsSchema } from '../waf/settings-schema.ts'
import type { Findings } from '../base/problem.ts'
import type { Salvaged } from './salvage.ts'
import type { DistributionConfig } from './schema.ts'

const VENDOR = 'OWASP'
const NAME = 'CRS'
const NO_GROUPS: ReadonlyMap<string, ExternalGroup> = new Map()
/** Stands for a group with problems, so that the web ACL is not blamed for them as well. */
const BROKEN: ReadonlyMap<string, ExternalGroup> = new Map([
  [
    externalKey(VENDOR, NAME),
    {
      capacity: 0,
      labelNamespace: 'crs:',
      requestBodyBytes: 0,
      hasRule: () => true,
      open: () => ({ inspectRequest: () => [] }),
    },
  ],
])

/** The Core Rule Sets of a configuration: distributions with the same settings share one. */
export class CrsGroups {
  readonly #baseFolder: string
  readonly #compiled = new Map<string, CompiledCrs | SecLangError>()
  readonly #read = new Set<string>()

  constructor(baseFolder: string) {
    this.#baseFolder = baseFolder
  }

  /** Absolute names of the rule files that were read. */
  get files(): readonly string[] {
    return [...this.#read]
  }

  /** The groups that a web ACL of a distribution may refer to; tells what is wrong with their files. */
  for(
    document: unknown,
    distribution: string,
    { waf }: Salvaged<DistributionConfig>,
    findings: Findings,
  ): ReadonlyMap<string, ExternalGroup> {
    const settings = wafSettingsSchema.safeParse(waf ?? {}).data
    if (!refersToCrs(document)) {
      if (waf?.crs !== undefined) {
        const hint = `the web ACL has no ManagedRuleGroupStatement with VendorName ${VENDOR} and Name ${NAME}`
        findings.warning(['distributions', distribution, 'waf', 'crs'], 'does nothing', { hint })
      }
      return NO_GROUPS
    }
    // What is wrong with the settings themselves is told elsewhere.
    if (settings === undefined) return BROKEN
    const crs = wafSettingsSchema.shape.crs.unwrap().parse(settings.crs ?? {})
    const path = ['distributions', distribution, 'waf', 'crs'] as const
    const compiled = this.#compile(crs)
    if (compiled instanceof SecLangError) {
      for (const { file, line, message } of compiled.problems) {
        findings.error([...path], `${file}${line > 0 ? `:${line}` : ''}: ${message}`)
      }
      return BROKEN
    }
    for (const { file, line, message } of compiled.notes) {
      findings.warning([...path], `${file}:${line}: ${message}`)
    }
    return new Map([[externalKey(VENDOR, NAME), crsGroup(compiled)]])
  }

  #compile(settings: CrsSettings): CompiledCrs | SecLangError {
    const key = JSON.stringify(settings)
    let compiled = this.#compiled.get(key)
    if (compiled === undefined) {
      compiled = this.#compileNow(settings)
      this.#compiled.set(key, compiled)
    }
    return compiled
  }

  #compileNow({ path, exclusions, ...rest }: CrsSettings): CompiledCrs | SecLangError {
    const files: RuleFiles = {
      ...diskFiles,
      read: (file) => {
        this.#read.add(file)
        return diskFiles.read(file)
      },
    }
    const resolved = exclusions.map((each) =>
      typeof each === 'string' ? resolve(this.#baseFolder, each) : each,
    )
    try {
      return compileCrs({ ...rest, path: resolve(this.#baseFolder, path), exclusions: resolved }, files)
    } catch (error) {
      if (error instanceof SecLangError) return error
      throw error
    }
  }
}

type CrsSettings = NonNullable<ReturnType<typeof wafSettingsSchema.parse>['crs']>

const MAX_DEPTH = 200

/** Whether a document has a statement that refers to the group, in any of the forms a web ACL is written in. */
function refersToCrs(value: unknown, depth = 0): boolean {
  if (typeof value !== 'object' || value === null || depth > MAX_DEPTH) return false
  if ('VendorName' in value && value.VendorName === VENDOR && 'Name' in value && value.Name === NAME)
    return true
  return Object.values(value).some((each) => refersToCrs(each, depth + 1))
}
