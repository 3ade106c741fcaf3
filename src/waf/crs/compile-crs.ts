import path from 'node:path'
import { compileRules } from './compile-rules.ts'
import { CrsEngine } from './crs-engine.ts'
import { exclusionRules, type CrsExclusion } from './exclusions.ts'
import { loadRules, type RuleSource } from './load-rules.ts'
import { diskFiles, type RuleFiles } from './rule-files.ts'
import { type SecLangProblem, SecLangError } from './seclang-problem.ts'

export interface CrsOptions {
  /** The folder of the Core Rule Set: the one with `rules/`, for example Debian's `/usr/share/modsecurity-crs`. */
  readonly path: string
  /** 1 to 4; left out, what crs-setup.conf says, or 1. */
  readonly paranoia?: number
  /** Score at which a request is blocked; left out, what crs-setup.conf says, or 5. */
  readonly threshold?: number
  readonly exclusions?: readonly CrsExclusion[]
}

export interface CompiledCrs {
  readonly engine: CrsEngine
  /** Ids of all rules, switched off or not. */
  readonly ids: ReadonlySet<number>
  /** What deserves a word: patterns that only see the beginning of a value. */
  readonly notes: readonly SecLangProblem[]
}

/** Debian keeps the parts that people edit apart from the rules. */
const DEBIAN_SETUP = '/etc/modsecurity/crs'

/**
 * Loads and compiles the Core Rule Set. Throws SecLangError with every problem of every file.
 */
export function compileCrs(options: CrsOptions, files: RuleFiles = diskFiles): CompiledCrs {
  const problems: SecLangProblem[] = []
  const sources = sourcesOf(options, files, problems)
  const set = loadRules(sources, files, problems)
  const rules = compileRules(set.items, files, problems)
  if (problems.length > 0) throw new SecLangError(problems)
  const ids = new Set(set.items.flatMap((item) => (item.kind === 'rule' && item.id !== 0 ? [item.id] : [])))
  return { engine: new CrsEngine(rules, set.settings), ids, notes: notesOf(rules.steps) }
}

type Steps = CrsEngine['rules']['steps']

function notesOf(steps: Steps): SecLangProblem[] {
  const notes: SecLangProblem[] = []
  for (const { rule, links } of steps) {
    links.forEach(({ operator }, i) => {
      if (operator === undefined || operator.maxLength === Infinity) return
      const { file, line } = rule.links[i]!
      const message = `the pattern of rule ${rule.id} sees the first ${operator.maxLength} bytes of a value`
      notes.push({ file, line, message })
    })
  }
  return notes
}

/** Setup, options, exclusions and rules, in the order in which the Core Rule Set wants them. */
function sourcesOf(options: CrsOptions, files: RuleFiles, problems: SecLangProblem[]): RuleSource[] {
  const root = path.resolve(options.path)
  const rules = files.find(path.join(root, 'rules', '*.conf'), root)
  if (rules.length === 0) {
    const message = `there are no rules/*.conf in this folder; give the folder of the Core Rule Set, for example /usr/share/modsecurity-crs`
    problems.push({ file: root, line: 0, message })
    return []
  }
  const setup = ['crs-setup.conf', path.join(DEBIAN_SETUP, 'crs-setup.conf'), 'crs-setup.conf.example']
    .map((name) => path.resolve(root, name))
    .find((file) => files.find(file, root).length > 0)
  const before = extra(files, root, 'REQUEST-900-EXCLUSION-RULES-BEFORE-CRS.conf')
  const after = extra(files, root, 'RESPONSE-999-EXCLUSION-RULES-AFTER-CRS.conf')
  const { text, removals } = exclusionRules(options.exclusions ?? [])
  const rest = rules.filter((file) => !before.includes(file) && !after.includes(file))
  return [
    ...(setup === undefined ? [] : [{ kind: 'file', path: setup } as const]),
    { kind: 'text', name: 'crs options', text: optionRules(options) },
    ...before.map((file) => ({ kind: 'file', path: file }) as const),
    { kind: 'text', name: 'crs exclusions', text },
    ...rest.map((file) => ({ kind: 'file', path: file }) as const),
    ...after.map((file) => ({ kind: 'file', path: file }) as const),
    { kind: 'text', name: 'crs exclusions', text: removals },
  ]
}

function extra(files: RuleFiles, root: string, name: string): readonly string[] {
  const beside = files.find(path.join(root, 'rules', name), root)
  // A folder that is Debian's own has its editable files elsewhere.
  return beside.length > 0 || !root.startsWith('/usr/share/')
    ? beside
    : files.find(path.join(DEBIAN_SETUP, name), root)
}

/** Options as rules, under the names of CRS 3 and CRS 4. Ids are of the range CRS keeps for local rules. */
function optionRules({ paranoia, threshold }: CrsOptions): string {
  const lines: string[] = []
  const set = (id: number, names: readonly string[], value: number): void => {
    const all = names.map((name) => `setvar:tx.${name}=${value}`).join(',')
    lines.push(`SecAction "id:${id},phase:1,pass,nolog,t:none,${all}"`)
  }
  const levels = [
    'paranoia_level',
    'executing_paranoia_level',
    'blocking_paranoia_level',
    'detection_paranoia_level',
  ]
  if (paranoia !== undefined) set(99_900, levels, paranoia)
  if (threshold !== undefined) set(99_901, ['inbound_anomaly_score_threshold'], threshold)
  return lines.join('\n')
}
