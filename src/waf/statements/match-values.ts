import { locationOf } from '../fields/read-field.ts'
import type { FieldNode, Sensitivity } from '../plan.ts'
import type { Finder, Matcher } from './matcher.ts'

/** Tries every value of a component until one matches, and notes which bytes did. */
export function matchValues(
  statement: string,
  field: FieldNode,
  number: number,
  find: Finder,
  sensitivity?: Sensitivity,
): Matcher {
  const location = locationOf(field)
  const ownName = field.kind === 'single-header' ? field.name : undefined
  return (inspection) => {
    const found = inspection.valuesOf(number)
    if (found.decided !== undefined) return found.decided
    const { values } = found
    for (let i = 0; i < values.length; i++) {
      const match = find(values[i]!)
      if (match === undefined) continue
      inspection.evidence.push({
        statement,
        location,
        name: found.names?.[i] ?? ownName,
        value: values[i]!,
        start: match.start,
        end: match.end,
        matchedData: match.matchedData,
        sensitivity,
      })
      return true
    }
    return false
  }
}
