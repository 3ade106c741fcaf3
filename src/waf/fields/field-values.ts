/** What a component holds: one value or several, any of which may match. */
export interface FieldValues {
  /** Latin1 text: one character is one byte. */
  readonly values: readonly string[]
  /** The name of each value (header, cookie, argument, JSON pointer), where it has one. */
  readonly names: readonly string[] | undefined
  /** The outcome where it is decided without looking: oversize handling and fallbacks. */
  readonly decided: boolean | undefined
}

/** A component that is missing: nothing to look at, so nothing matches. */
export const NO_VALUES: FieldValues = { values: [], names: undefined, decided: undefined }
export const MATCHES: FieldValues = { values: [], names: undefined, decided: true }
export const MATCHES_NOT: FieldValues = { values: [], names: undefined, decided: false }

export function oneValue(value: string): FieldValues {
  return { values: [value], names: undefined, decided: undefined }
}

export function namedValues(values: readonly string[], names: readonly string[]): FieldValues {
  return values.length === 0 ? NO_VALUES : { values, names, decided: undefined }
}

export function outcome(matches: boolean): FieldValues {
  return matches ? MATCHES : MATCHES_NOT
}

/** The same values, transformed; the same object when nothing changed. */
export function transformValues(before: FieldValues, transform: (text: string) => string): FieldValues {
  const { values } = before
  let changed: string[] | undefined
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    const after = transform(value)
    if (changed !== undefined) changed.push(after)
    else if (after !== value) {
      changed = values.slice(0, i)
      changed.push(after)
    }
  }
  return changed === undefined ? before : { values: changed, names: before.names, decided: undefined }
}
