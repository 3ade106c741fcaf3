import { SeamError } from '../seam-error.ts'
import type { ObjectRange } from './objects.ts'

/** The bytes a range means in an object of `size` bytes (RFC 9110 section 14.1.2). */
export function resolveRange(key: string, range: ObjectRange, size: number): { start: number; end: number } {
  if ('suffix' in range) {
    if (!Number.isSafeInteger(range.suffix) || range.suffix < 0) throw badRange(key)
    if (range.suffix === 0 || size === 0) throw outside(key, size)
    return { start: Math.max(0, size - range.suffix), end: size - 1 }
  }
  const { start, end = size - 1 } = range
  if (!Number.isSafeInteger(start) || !Number.isSafeInteger(end) || start < 0) throw badRange(key)
  if (start >= size) throw outside(key, size)
  if (end < start) throw badRange(key)
  return { start, end: Math.min(end, size - 1) }
}

function badRange(key: string): SeamError {
  return new SeamError(
    'invalid',
    `the range asked of "${key}" is none: expected whole numbers, and the end not before the start`,
  )
}

function outside(key: string, size: number): SeamError {
  return new SeamError('range', `the range asked of "${key}" lies outside its ${size} bytes`)
}
