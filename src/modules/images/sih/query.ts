import { ImageError } from '../image-error.ts'
import type { Edit } from '../task.ts'

/** Parameters that survive the edge of the original, `greyscale` with them, which it forgets. */
const KNOWN = new Set([
  ...['signature', 'expires', 'format', 'fit', 'width', 'height', 'rotate', 'flip', 'flop', 'grayscale'],
  'greyscale',
])

export interface QueryPair {
  readonly name: string
  /** As received. */
  readonly value: string
}

/** The pairs of a query in their order, undecoded. */
export function splitQuery(query: string | undefined): readonly QueryPair[] {
  if (query === undefined || query === '') return []
  return query
    .split('&')
    .filter((pair) => pair !== '')
    .map((pair) => {
      const equals = pair.indexOf('=')
      return equals === -1
        ? { name: pair, value: '' }
        : { name: pair.slice(0, equals), value: pair.slice(equals + 1) }
    })
}

/** The parameters that count, the last value of each, sorted by name. */
export function knownParameters(query: string | undefined): ReadonlyMap<string, string> {
  const last = new Map<string, string>()
  for (const { name, value } of splitQuery(query)) if (KNOWN.has(name)) last.set(name, value)
  return new Map([...last].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Edits in the query. Any of width, height and fit replaces the whole resize of the path. */
export function queryEdits(parameters: ReadonlyMap<string, string>): readonly Edit[] {
  const edits: Edit[] = []
  const text = (name: string): string | undefined => {
    const raw = parameters.get(name)
    if (raw === undefined) return undefined
    try {
      return decodeURIComponent(raw.replaceAll('+', ' '))
    } catch (error) {
      throw new ImageError(
        400,
        'QueryParameterParsingError',
        'A query parameter has broken percent-encoding.',
        { cause: error },
      )
    }
  }
  const format = text('format')
  if (format !== undefined && format !== '')
    edits.push({
      name: 'toFormat',
      value: format.toLowerCase() === 'jpg' ? 'jpeg' : format,
      from: 'query format',
    })
  const sizing = ['width', 'height', 'fit'].filter((name) => parameters.has(name))
  if (sizing.length > 0) {
    const value: Record<string, unknown> = {}
    for (const name of sizing) value[name] = name === 'fit' ? text(name) : wholeNumber(name, text(name)!)
    edits.push({ name: 'resize', value, from: `query ${sizing.join(', ')}` })
  }
  const rotate = text('rotate')
  if (rotate !== undefined)
    edits.push({
      name: 'rotate',
      value: rotate === '' ? null : wholeNumber('rotate', rotate),
      from: 'query rotate',
    })
  for (const name of ['flip', 'flop', 'grayscale', 'greyscale']) {
    const said = text(name)
    if (said === undefined) continue
    const isOn = said !== '' && said !== '0' && said.toLowerCase() !== 'false'
    edits.push({ name: name === 'grayscale' ? 'greyscale' : name, value: isOn, from: `query ${name}` })
  }
  return edits
}

/** As parseInt reads it; an empty or zero size is automatic. */
function wholeNumber(name: string, text: string): number | null {
  const number = Number.parseInt(text, 10)
  if (name !== 'rotate' && (text === '' || number === 0)) return null
  if (Number.isNaN(number))
    throw new ImageError(400, 'QueryParameterParsingError', `The query parameter ${name} must be a number.`)
  return number
}
