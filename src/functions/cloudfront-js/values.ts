import { pages, type Problems } from '../problems.ts'
import { shorten, typeName } from '../target.ts'
import type { FunctionValue, FunctionValues } from './event.ts'

/** One value of a name. */
export interface PlainValue {
  readonly value: string
  readonly attributes: string | undefined
}

/** What became of a set of names: those that changed with their new values, and those that are gone. */
export interface ChangedValues {
  readonly changed: ReadonlyMap<string, readonly PlainValue[]>
  /** Names that are there in the end, in the order the function gave them. */
  readonly names: readonly string[]
  readonly deleted: readonly string[]
}

/**
 * Compares the values a function returned with those it was shown. A changed `multiValue` wins; otherwise a changed
 * `value` replaces the first and the rest stays (DG:functions-event-structure). Undefined when the shape is wrong,
 * which is noted.
 */
export function readValues(
  returned: unknown,
  shown: FunctionValues,
  field: string,
  problems: Problems,
): ChangedValues | undefined {
  if (typeof returned !== 'object' || returned === null || Array.isArray(returned)) {
    problems.invalid(field, `must be an object of names, and is ${typeName(returned)}`, pages.functionEvent)
    return undefined
  }
  const before = problems.list.length
  const changed = new Map<string, readonly PlainValue[]>()
  const names: string[] = []
  for (const [name, value] of Object.entries(returned)) {
    // A name that was set to undefined does not survive JSON; one set to null is meant the same way.
    if (value === null) continue
    names.push(name)
    const values = readValue(value, shown[name], `${field}["${shorten(name)}"]`, problems)
    if (values !== undefined) changed.set(name, values)
  }
  if (problems.list.length > before) return undefined
  const present = new Set(names)
  const deleted: string[] = []
  for (const name in shown) if (!present.has(name)) deleted.push(name)
  return { changed, names, deleted }
}

/** The values of a name if they changed; undefined if they did not, or are wrong. */
function readValue(
  returned: unknown,
  shown: FunctionValue | undefined,
  field: string,
  problems: Problems,
): readonly PlainValue[] | undefined {
  if (typeof returned !== 'object' || returned === null) {
    problems.invalid(
      field,
      `must be an object with a "value", and is ${typeName(returned)}`,
      pages.functionEvent,
    )
    return undefined
  }
  const { multiValue } = returned as { readonly multiValue?: unknown }
  const first = readPlain(returned, field, problems, Array.isArray(multiValue) && multiValue.length > 0)
  if (first === undefined) return undefined
  const list =
    multiValue === undefined || multiValue === null ? undefined : readList(multiValue, field, problems)
  if (shown === undefined) return list ?? [first]
  const shownList = plainList(shown)
  if (list !== undefined && !isSame(list, shownList)) return list
  if (list === undefined) return isSame([first], shownList) ? undefined : [first]
  return first.value === shown.value && first.attributes === shown.attributes
    ? undefined
    : [first, ...list.slice(1)]
}

function readList(multiValue: unknown, field: string, problems: Problems): PlainValue[] | undefined {
  if (!Array.isArray(multiValue)) {
    problems.invalid(
      `${field}.multiValue`,
      `must be an array, and is ${typeName(multiValue)}`,
      pages.functionEvent,
    )
    return undefined
  }
  const list: PlainValue[] = []
  for (const [index, each] of (multiValue as readonly unknown[]).entries()) {
    const plain = readPlain(each, `${field}.multiValue[${index}]`, problems, false)
    if (plain !== undefined) list.push(plain)
  }
  return list.length === 0 ? undefined : list
}

function readPlain(
  entry: unknown,
  field: string,
  problems: Problems,
  mayLackValue: boolean,
): PlainValue | undefined {
  const { value, attributes } = (typeof entry === 'object' && entry !== null ? entry : {}) as Partial<
    Record<'value' | 'attributes', unknown>
  >
  if (typeof value !== 'string') {
    if (mayLackValue && value === undefined) return { value: '', attributes: undefined }
    problems.invalid(
      field,
      `needs a "value" that is a string, and it is ${typeName(value)}`,
      pages.functionEvent,
    )
    return undefined
  }
  if (attributes !== undefined && attributes !== null && typeof attributes !== 'string') {
    problems.invalid(
      field,
      `has "attributes" that are ${typeName(attributes)} instead of a string`,
      pages.functionEvent,
    )
    return undefined
  }
  return { value, attributes: typeof attributes === 'string' && attributes !== '' ? attributes : undefined }
}

/** Everything a name stands for, in order. */
export function plainList(shown: FunctionValue): readonly PlainValue[] {
  return (shown.multiValue ?? [shown]).map(({ value, attributes }) => ({ value, attributes }))
}

function isSame(a: readonly PlainValue[], b: readonly PlainValue[]): boolean {
  if (a.length !== b.length) return false
  return a.every(
    ({ value, attributes }, index) => value === b[index]!.value && attributes === b[index]!.attributes,
  )
}
