import { formatPath, type Segments } from '../base/problem.ts'

const MAX_PROBLEMS = 20
const MAX_DEPTH = 100

/**
 * Names every place of a value that is not plain data (objects, lists, text, numbers, true, false, null) and would be
 * lost or changed on its way through JSON; at most the first twenty.
 */
export function findNonPlainData(root: unknown): string[] {
  const problems: string[] = []
  const above = new Set<object>()

  function visit(value: unknown, segments: Segments): void {
    if (problems.length >= MAX_PROBLEMS) return
    const problem = problemOf(value, above, segments.length)
    if (problem !== undefined) {
      const path = formatPath(segments)
      problems.push(`${path === '' ? 'the default export' : path} ${problem}; a configuration is plain data`)
      return
    }
    if (typeof value !== 'object' || value === null) return
    above.add(value)
    if (Array.isArray(value)) {
      for (const [index, each] of value.entries()) {
        if (each === undefined)
          problems.push(`${formatPath([...segments, index])} is undefined; leave the entry out`)
        else visit(each, [...segments, index])
      }
    } else {
      for (const [key, each] of Object.entries(value)) if (each !== undefined) visit(each, [...segments, key])
    }
    above.delete(value)
  }

  visit(root, [])
  return problems
}

function problemOf(value: unknown, above: ReadonlySet<object>, depth: number): string | undefined {
  switch (typeof value) {
    case 'function':
      return depth === 0 ? 'is a function, and nobody calls it; export what it would return' : 'is a function'
    case 'symbol':
    case 'bigint':
      return `is a ${typeof value}`
    case 'undefined':
      return 'is undefined'
    case 'number':
      return Number.isFinite(value) ? undefined : `is ${value}`
    case 'object':
      return value === null ? undefined : problemOfObject(value, above, depth)
    default:
      return undefined
  }
}

function problemOfObject(value: object, above: ReadonlySet<object>, depth: number): string | undefined {
  if (above.has(value)) return 'refers back to an object that holds it'
  if (depth > MAX_DEPTH) return `is more than ${MAX_DEPTH} levels deep`
  if (value instanceof Promise) return 'is a promise; await it'
  const prototype: unknown = Object.getPrototypeOf(value)
  if (Array.isArray(value) || prototype === null || prototype === Object.prototype) {
    return 'toJSON' in value && typeof value.toJSON === 'function' ? 'has a toJSON function' : undefined
  }
  const name = value.constructor?.name
  return `is an instance of ${typeof name === 'string' && name !== '' ? name : 'a class'}`
}
