export type Cell = string | number

/** Prints rows under their column names: text to the left, numbers to the right, grouped in thousands. */
export function printTable(columns: readonly string[], rows: readonly (readonly Cell[])[]): void {
  const shown = rows.map((row) => row.map(formatCell))
  const widths = columns.map((name, column) =>
    Math.max(name.length, ...shown.map((row) => row[column]?.length ?? 0)),
  )
  const isNumber = columns.map((_, column) => rows.every((row) => typeof row[column] === 'number'))
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join('  ')
      .trimEnd()
  console.log(line(columns))
  console.log(widths.map((width) => '-'.repeat(width)).join('  '))
  for (const row of shown) console.log(line(row))
}

function formatCell(cell: Cell): string {
  if (typeof cell === 'string') return cell
  if (!Number.isFinite(cell)) return '-'
  if (Math.abs(cell) >= 100)
    return Math.round(cell)
      .toString()
      .replace(/\B(?=(\d{3})+$)/g, ' ')
  return Number.isInteger(cell) ? String(cell) : cell.toFixed(2)
}

export type ResultValues = Readonly<Record<string, string | number | undefined>>

/**
 * The line for machines: `RESULT name=NAME key=value …`. Ratios keep three digits; undefined values are left out, and
 * blanks in text become `-`, because a blank ends a value.
 */
export function resultLine(name: string, values: ResultValues): string {
  const pairs = Object.entries(values).flatMap(([key, value]) => {
    if (value === undefined) return []
    return [
      `${key}=${typeof value === 'number' ? roundNumber(value) : value.trim().replace(/\s+/g, '-') || 'none'}`,
    ]
  })
  return ['RESULT', `name=${name}`, ...pairs].join(' ')
}

function roundNumber(value: number): string {
  if (Number.isInteger(value)) return String(value)
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)))
}
