/** What is not to be looked at, or not by some rules. */
export type CrsExclusion =
  | string
  | {
      /** Ids, ranges (`942100-942199`) or tags (`attack-sqli`). */
      readonly rules: readonly (number | string)[]
      /** Variables such as `ARGS:comment`; left out, the rules do not run at all. */
      readonly targets?: readonly string[] | undefined
      /** Paths (`/api/*`) it is for; left out, all. */
      readonly path?: string | undefined
    }

/**
 * Exclusions as rules. Those for a path run before the Core Rule Set and take rules out of one request; all others
 * change the rules themselves, after they were loaded. A string is the name of a file with SecLang of one's own.
 */
export function exclusionRules(exclusions: readonly CrsExclusion[]): {
  readonly text: string
  readonly removals: string
} {
  const before: string[] = []
  const after: string[] = []
  exclusions.forEach((exclusion, index) => {
    if (typeof exclusion === 'string') before.push(`Include "${exclusion}"`)
    else if (exclusion.path === undefined) after.push(...removals(exclusion))
    else before.push(forPath(exclusion, exclusion.path, 99_000 + index))
  })
  return { text: before.join('\n'), removals: after.join('\n') }
}

type RuleExclusion = Exclude<CrsExclusion, string>

function removals({ rules, targets }: RuleExclusion): string[] {
  return rules.flatMap((rule) => {
    const by = isId(rule) ? 'ById' : 'ByTag'
    if (targets === undefined) return [`SecRuleRemove${by} "${rule}"`]
    return targets.map((target) => `SecRuleUpdateTarget${by} "${rule}" "!${target}"`)
  })
}

function forPath({ rules, targets }: RuleExclusion, path: string, id: number): string {
  const actions = rules.flatMap((rule) => {
    const by = isId(rule) ? 'ById' : 'ByTag'
    if (targets === undefined) return [`ctl:ruleRemove${by}=${rule}`]
    return targets.map((target) => `ctl:ruleRemoveTarget${by}=${rule};${target}`)
  })
  return `SecRule REQUEST_FILENAME "@rx ${toPattern(path)}" "id:${id},phase:1,pass,nolog,t:none,${actions.join(',')}"`
}

function isId(rule: number | string): boolean {
  return /^\d+(?:-\d+)?$/.test(String(rule))
}

/** A path with `*` and `?` as a pattern over the whole of it. */
function toPattern(path: string): string {
  const escaped = path.replaceAll(/[.+^${}()|[\]\\"%]/g, (char) => `\\x${char.charCodeAt(0).toString(16)}`)
  return `^${escaped.replaceAll('*', '.*').replaceAll('?', '.')}$`
}
