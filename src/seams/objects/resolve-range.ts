import { SeamError } from '../seam-error.ts'
import type { ObjectRange } from './objects.ts'

/** The bytes a range means in an object of `size` bytes (RFC 9110 section 14.1.2). */
export function resolveRange(key: string, range: ObjectRange, size: number): { start: number; end: number } {
  checkRange(key, range)
  if ('suffix' in range) {
    if (range.suffix === 0 || size === 0) throw outside(key, size)
    return { start: Math.max(0, size - range.suffix), end: size - 1 }
  }
  const { start, end = size - 1 } = range
  if (start >= size) throw outside(key, size)
  return { start, end: Math.min(end, size - 1) }
}

/** Throws `invalid` for a range that means nothing in any object. */
export function checkRange(key: string, range: ObjectRange): void {
  const isOne =
    'suffix' in range
      ? isCount(range.suffix)
      : isCount(range.start) && (range.end === undefined || (isCount(range.end) && range.end >= range.start))
  if (!isOne)
    throw new SeamError(
      'invalid',
      `the range asked of "${key}" is none: expected whole numbers, and the end not before the start`,
    )
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

export function outside(key: string, size: number): SeamError {
  return new SeamError('range', `the range asked of "${key}" lies outside its ${size} bytes`)
}
