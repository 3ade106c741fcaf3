import { type FieldValues, transformValues } from './fields/field-values.ts'
import { preParse } from './fields/query-arguments.ts'
import { readField } from './fields/read-field.ts'
import type { Inspection } from './inspection.ts'
import type { Subject } from './plan.ts'
import { type Transform, transforms } from './transforms/transforms.ts'

/** How one value of a request comes about: read from it, or from another value by a transformation. */
type Source =
  | { readonly read: (inspection: Inspection) => FieldValues }
  | { readonly parent: number; readonly transform: Transform }

/**
 * The values that the rules of a web ACL look at, each under a number: rules that look at the same component through
 * the same transformations share it, and chains share their beginnings. Filled while a web ACL is compiled.
 */
export class ValueTable {
  readonly #sources: Source[] = []
  readonly #numbers = new Map<string, number>()

  /** A place per value, none of them computed; copy it. */
  readonly empty: (FieldValues | undefined)[] = []

  /** The number of what a statement looks at. */
  number(subject: Subject): number {
    const { field, transforms: names } = subject
    const steps = subject.preParse
    let key = JSON.stringify([field, steps], (_key, value: unknown) =>
      value instanceof Set ? [...value] : value,
    )
    let number = this.#intern(key, () => ({
      read: (inspection) => {
        const { query } = inspection.request
        return readField(
          field,
          inspection,
          query === undefined || steps.length === 0 ? query : preParse(query, steps),
        )
      },
    }))
    for (const name of names) {
      const parent = number
      key += `|${name}`
      number = this.#intern(key, () => ({ parent, transform: transforms[name] }))
    }
    return number
  }

  /** Computes a value; `valuesOf` gives those it builds on. */
  compute(number: number, inspection: Inspection): FieldValues {
    const source = this.#sources[number]!
    return 'read' in source
      ? source.read(inspection)
      : transformValues(inspection.valuesOf(source.parent), source.transform)
  }

  #intern(key: string, make: () => Source): number {
    const known = this.#numbers.get(key)
    if (known !== undefined) return known
    const number = this.#sources.push(make()) - 1
    this.empty.push(undefined)
    this.#numbers.set(key, number)
    return number
  }
}
