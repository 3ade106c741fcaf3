import type { Comparison } from '../plan.ts'
import type { Finder } from './matcher.ts'

/** Compares the number of bytes after the transformations (WAFV2 SizeConstraintStatement). */
export function sizeConstraint(comparison: Comparison, size: number): Finder {
  return (value) => (compares(value.length, comparison, size) ? { start: 0, end: value.length } : undefined)
}

function compares(length: number, comparison: Comparison, size: number): boolean {
  switch (comparison) {
    case 'EQ':
      return length === size
    case 'NE':
      return length !== size
    case 'LE':
      return length <= size
    case 'LT':
      return length < size
    case 'GE':
      return length >= size
    case 'GT':
      return length > size
  }
}
