import { faults, type FaultRow } from '../faults.ts'

/** The reference page of all faults, in Markdown, read off the table in `src/faults.ts`. */
export function renderFaultReference(): string {
  const rows: readonly (readonly [code: string, row: FaultRow])[] = Object.entries(faults)
  const lines = rows.map(([code, row]) => {
    const status = row.status === 0 ? 'none' : String(row.status)
    const flags = `${yesOrNo(row.customPage)} | ${yesOrNo(row.closes)}`
    return `| \`${code}\` | ${status} | ${row.source} | \`${row.xCache}\` | \`${row.detail}\` | ${flags} | ${cell(row.sentence)} |`
  })
  return `# Faults

Every way a request can fail. This page is written by \`node tools/write-fault-page.ts\` from \`src/faults.ts\`; change the
table there and run the tool.

- **Status**: what the viewer receives; \`none\` where nobody is left to receive it.
- **Source**: who caused it.
- **X-Cache**: the result part of the header, and \`x-edge-result-type\` in logs.
- **Detail**: \`x-edge-detailed-result-type\` in logs.
- **Custom page**: whether a custom error response of the distribution may take its place.
- **Closes**: whether the connection is closed after it.
- **Sentence**: what the generated error page says; what exactly was found is told to operators only, in the logs.

| Code | Status | Source | X-Cache | Detail | Custom page | Closes | Sentence |
|---|---|---|---|---|---|---|---|
${lines.join('\n')}
`
}

function yesOrNo(flag: boolean): string {
  return flag ? 'yes' : 'no'
}

/** A bar would end the cell. */
function cell(text: string): string {
  return text.replaceAll('|', '\\|')
}
