/**
 * Freezes plain objects and lists all the way down and gives the value back. Maps, sets and class instances stay as
 * they are: freezing does not reach what they hold, and their types are read-only.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value
  const prototype: unknown = Object.getPrototypeOf(value)
  if (value instanceof Map) for (const each of value.values()) deepFreeze(each)
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) return value
  Object.freeze(value)
  for (const key of Object.keys(value)) deepFreeze((value as Record<string, unknown>)[key])
  return value
}
