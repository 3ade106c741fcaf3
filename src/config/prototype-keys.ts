import type { Findings, Segments } from '../base/problem.ts'

/**
 * A copy without keys called `__proto__`, each of which is told: JSON can hold them, but the schema library passes
 * over them, and what is passed over is neither checked nor obeyed.
 */
export function withoutPrototypeKeys(value: unknown, findings: Findings, segments: Segments = []): unknown {
  if (Array.isArray(value)) {
    return value.map((each, index) => withoutPrototypeKeys(each, findings, [...segments, index]))
  }
  if (typeof value !== 'object' || value === null) return value
  const copy: Record<string, unknown> = {}
  for (const [key, each] of Object.entries(value)) {
    if (key === '__proto__') findings.error([...segments, key], '__proto__ cannot be a name or a key')
    else copy[key] = withoutPrototypeKeys(each, findings, [...segments, key])
  }
  return copy
}
