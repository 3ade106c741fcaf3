import { botControlRules } from './bot-control.ts'
import { BOT_CONTROL, managedRuleGroups } from './managed-groups.ts'

interface WrittenRule {
  readonly Name: string
  readonly Action: object
  readonly RuleLabels: readonly { readonly Name: string }[]
}

/** The page that lists every managed rule with its label and how near it is to what AWS runs. */
export function managedGroupsPage(): string {
  const sections = Object.entries(managedRuleGroups).map(([name, group]) => {
    const rows = group.rules.map((rule) => {
      // The groups are written by `group()`, which gives every rule these members.
      const { Name, Action, RuleLabels } = rule as WrittenRule
      const label = `awswaf:managed:aws:${group.labelSet}:${RuleLabels[0]?.Name ?? ''}`
      return [`\`${Name}\``, Object.keys(Action)[0] ?? '', group.fidelity[Name] ?? '', `\`${label}\``]
    })
    return `## ${name}\n\n${group.capacity} capacity units.\n\n${table(['rule', 'action', 'fidelity', 'label'], rows)}`
  })
  const bots = botControlRules.map(({ name, fidelity }) => [`\`${name}\``, 'Block', fidelity])
  return `# Managed rule groups

Written by \`tools/write-managed-groups-page.ts\`; change the groups, not this page.

\`exact\`: AWS documents all of the rule. \`documented\`: built from AWS' description of it, with patterns of our own.
\`approximated\`: our idea of what it does.

${sections.join('\n\n')}

## ${BOT_CONTROL}

50 capacity units. The common level; the targeted rules have no equivalent. Labels are
\`awswaf:managed:aws:bot-control:bot:category:…\`, \`bot:name:…\`, \`bot:organization:…\`, \`bot:verified\`,
\`bot:unverified\` and \`signal:…\`. Verified bots, which are those of the IP set \`VerifiedBotList\`, are only labelled.

${table(['rule', 'action', 'fidelity'], bots)}
`
}

/** A table as the formatter leaves it: columns of one width. */
function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, i) => Math.max(title.length, ...rows.map((row) => (row[i] ?? '').length)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}
