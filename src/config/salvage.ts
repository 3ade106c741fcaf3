import type { Segments } from '../base/problem.ts'

/** A value of which any part may be missing; a key that is there without a value was refused by the schema. */
export type Salvaged<T> = T extends (infer Item)[]
  ? (Salvaged<Item> | undefined)[]
  : T extends object
    ? { [Key in keyof T]?: Salvaged<T[Key]> | undefined }
    : T

/**
 * A copy of a configuration without the places that the schema refused, so that the rest can be checked as well and
 * all problems come at once. What is left in place passed its part of the schema.
 */
export function salvage<T>(raw: unknown, refused: readonly Segments[]): Salvaged<T> | undefined {
  if (refused.some((segments) => segments.length === 0)) return undefined
  const copy = copyOf(raw)
  for (const segments of refused) remove(copy, segments)
  // Every remaining value was accepted by the schema of T; only presence is not certain, which is what the type says.
  return copy as Salvaged<T>
}

function remove(root: unknown, segments: Segments): void {
  let value: unknown = root
  for (const segment of segments.slice(0, -1)) {
    if (typeof value !== 'object' || value === null) return
    value = (value as Record<PropertyKey, unknown>)[segment]
  }
  if (typeof value !== 'object' || value === null) return
  // The key stays: it was given, if wrongly, so nothing else is to be said about its absence.
  const holder = value as Record<PropertyKey, unknown>
  const last = segments.at(-1)!
  if (Object.hasOwn(holder, last)) holder[last] = undefined
}

function copyOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(copyOf)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, copyOf(each)]))
}
