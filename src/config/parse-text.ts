import type { LineCounter } from 'yaml'
import { ConfigLoadError } from './config-load-error.ts'
import { findRepeatedKey } from './repeated-key.ts'

/** A document may refer to its own parts this often; more is an attempt to fill the memory. */
const MAX_ALIASES = 100

/** Parses JSON; a `ConfigLoadError` names line and column. A key that stands twice is an error too. */
export function parseJson(text: string, name: string): unknown {
  const bare = withoutMark(text)
  if (bare.trim() === '') throw new ConfigLoadError(`${name} is empty; expected a configuration in JSON`)
  let value: unknown
  try {
    value = JSON.parse(bare)
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const plain = message
      .replace(/ \(line \d+ column \d+\)$/, '')
      .replace(/ at position \d+$/, '')
      .replace(/ in JSON$/, '')
    throw new ConfigLoadError(`${name}:${placeIn(bare, message)}: this is no JSON: ${plain}`, {
      cause: error,
    })
  }
  // JSON.parse keeps the last of two equal keys, which would drop half of what somebody wrote without a word.
  const repeated = findRepeatedKey(bare)
  if (repeated !== undefined) {
    throw new ConfigLoadError(
      `${name}:${placeAt(bare, repeated.position)}: the key "${repeated.key}" stands twice in one object`,
    )
  }
  return value
}

/** Parses YAML 1.2; a `ConfigLoadError` names every error with line and column. The parser is loaded when it is needed. */
export async function parseYaml(text: string, name: string): Promise<unknown> {
  const { LineCounter, parseDocument } = await import('yaml')
  const lines = new LineCounter()
  const document = parseDocument(withoutMark(text), { lineCounter: lines, prettyErrors: false })
  const problems = [...document.errors, ...document.warnings]
  if (problems.length > 0) {
    const told = problems.map(
      ({ pos, message }) => `${name}:${placeOf(lines, pos[0])}: this is no YAML: ${message}`,
    )
    throw new ConfigLoadError(told.join('\n'))
  }
  try {
    const value: unknown = document.toJS({ maxAliasCount: MAX_ALIASES })
    if (value === null || value === undefined)
      throw new ConfigLoadError(`${name} is empty; expected a configuration in YAML`)
    return value
  } catch (error) {
    if (error instanceof ConfigLoadError) throw error
    throw new ConfigLoadError(
      `${name}: this YAML cannot be used: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    )
  }
}

function withoutMark(text: string): string {
  return text.startsWith('\uFEFF') ? text.slice(1) : text
}

/** Line and column of what JSON.parse complains about; it names no place when the text ends too early. */
function placeIn(text: string, message: string): string {
  const position = /at position (\d+)/.exec(message)?.[1]
  return placeAt(text, position === undefined ? text.trimEnd().length : Number(position))
}

function placeAt(text: string, position: number): string {
  const lines = text.slice(0, position).split('\n')
  return `${lines.length}:${lines.at(-1)!.length + 1}`
}

function placeOf(lines: LineCounter, offset: number): string {
  const { line, col } = lines.linePos(offset)
  return `${line}:${col}`
}
