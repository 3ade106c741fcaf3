import { ConfigLoadError } from './config-load-error.ts'
import { findJsonMistake } from './json-mistake.ts'
import { findNonPlainData } from './plain-data.ts'

/** A document may refer to its own parts this often; more is an attempt to fill the memory. */
const MAX_ALIASES = 100

/** Parses JSON; a `ConfigLoadError` names line and column. A key that stands twice is an error too. */
export function parseJson(text: string, name: string): unknown {
  const bare = withoutMark(text)
  if (bare.trim() === '') throw new ConfigLoadError(`${name} is empty; expected a configuration in JSON`)
  const mistake = findJsonMistake(bare)
  if (mistake !== undefined) {
    const lines = bare.slice(0, mistake.position).split('\n')
    throw new ConfigLoadError(
      `${name}:${lines.length}:${lines.at(-1)!.length + 1}: this is no JSON: ${mistake.problem}`,
    )
  }
  return plain(JSON.parse(bare), name)
}

/** Parses YAML 1.2; a `ConfigLoadError` names every error with line and column. The parser is loaded when it is needed. */
export async function parseYaml(text: string, name: string): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml')
  const counter = new LineCounter()
  try {
    const document = parseDocument(withoutMark(text), { lineCounter: counter, prettyErrors: false })
    const problems = [...document.errors, ...document.warnings]
    if (problems.length > 0) {
      const told = problems.map(({ pos, message }) => {
        const { line, col } = counter.linePos(pos[0])
        return `${name}:${line}:${col}: this is no YAML: ${message}`
      })
      throw new ConfigLoadError(told.join('\n'))
    }
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    if (value === null || value === undefined) {
      throw new ConfigLoadError(`${name} is empty; expected a configuration in YAML`)
    }
    return plain(value, name)
  } catch (error) {
    if (error instanceof ConfigLoadError) throw error
    const why = error instanceof Error ? error.message : String(error)
    throw new ConfigLoadError(`${name}: this YAML cannot be used: ${why}`, { cause: error })
  }
}

/** YAML knows numbers that JSON does not, and both can nest deeper than anything that walks them later. */
function plain(value: unknown, name: string): unknown {
  const problems = findNonPlainData(value)
  if (problems.length > 0) throw new ConfigLoadError(`${name}: ${problems.join(`\n${name}: `)}`)
  return value
}

function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}
