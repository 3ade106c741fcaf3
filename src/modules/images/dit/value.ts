/** A value of a query or a policy, typed as version 8 types it. */
export type Value = string | number | boolean | null | readonly Value[] | { readonly [key: string]: Value }

export function inRange(value: Value | undefined, least: number, most: number): value is number {
  return typeof value === 'number' && value >= least && value <= most
}

export function isWholeIn(value: Value | undefined, least: number, most: number): value is number {
  return inRange(value, least, most) && Number.isInteger(value)
}

export function isParts(value: Value | undefined): value is { readonly [key: string]: Value } {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function wholeNumbers(value: Value | undefined, count: number): readonly number[] | undefined {
  if (!Array.isArray(value)) return undefined
  const numbers = value.filter((each): each is number => Number.isInteger(each))
  return numbers.length === count && value.length === count ? numbers : undefined
}
