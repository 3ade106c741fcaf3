import { KeyObject } from 'node:crypto'
import { Secret } from '../base/secret.ts'
import type { Plan } from '../plan.ts'

/**
 * A plan as JSON shows it, for comparison with a golden file: sets as lists, maps as objects, undefined as `null`,
 * functions and keys by their kind.
 */
export function plainPlan(plan: Plan): Record<string, unknown> {
  return plainOf(plan) as Record<string, unknown> // A plan is an object.
}

function plainOf(value: unknown): unknown {
  if (value === undefined) return null
  if (typeof value === 'function') return '[function]'
  if (typeof value !== 'object' || value === null) return value
  if (value instanceof Secret || value instanceof RegExp) return String(value)
  if (value instanceof KeyObject) return `[${value.type} key]`
  if (value instanceof Set) return [...value]
  const entries = value instanceof Map ? [...value] : Object.entries(value)
  if (Array.isArray(value)) return value.map(plainOf)
  return Object.fromEntries(entries.map(([key, each]) => [String(key), plainOf(each)]))
}
