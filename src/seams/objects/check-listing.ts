import { SeamError } from '../seam-error.ts'
import type { ListObjectsOptions } from './objects.ts'

/** Objects and prefixes of one page of a listing, at most; S3's bound. */
export const MAX_PAGE = 1_000

/** Throws `invalid` for a prefix or a limit that no store can serve. */
export function checkListing({ prefix = '', limit = MAX_PAGE }: ListObjectsOptions): void {
  if (!prefix.isWellFormed())
    throw new SeamError('invalid', 'the prefix of a listing is not well-formed Unicode')
  if (!Number.isInteger(limit) || limit < 1 || limit > MAX_PAGE) {
    throw new SeamError('invalid', `a listing was asked for ${limit} entries; expected 1 to ${MAX_PAGE}`)
  }
}

export function badContinuation(): SeamError {
  return new SeamError('invalid', 'the continuation of a listing is not one this store gave')
}
