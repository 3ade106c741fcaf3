/**
 * What can go wrong behind a seam, the same for every driver:
 * `invalid` the argument breaks a documented rule · `limit` a documented bound is reached · `not-found` ·
 * `exists` it is there already and must not be · `conflict` a version, lock token or ETag is not the current one ·
 * `range` the asked range lies outside the object · `permission` a file is open to others, or not open to us ·
 * `corrupt` what was stored cannot be read back · `unavailable` the engine does not answer · `closed` used after close.
 */
export type SeamErrorCode =
  | 'invalid'
  | 'limit'
  | 'not-found'
  | 'exists'
  | 'conflict'
  | 'range'
  | 'permission'
  | 'corrupt'
  | 'unavailable'
  | 'closed'

/** An error of a seam: `code` is for programs, `message` names the place, what was expected and what to do. */
export class SeamError extends Error {
  readonly code: SeamErrorCode

  constructor(code: SeamErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options)
    this.name = 'SeamError'
    this.code = code
  }
}

/** True when `error` is a seam error, and of one of `codes` where any are given. */
export function isSeamError(error: unknown, ...codes: SeamErrorCode[]): error is SeamError {
  return error instanceof SeamError && (codes.length === 0 || codes.includes(error.code))
}

/** The `code` of a failed system call (`ENOENT`, `EEXIST`, …), or undefined for any other error. */
export function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}

/** Receives failures nobody awaits: of a background refresh, of a subscriber. Must not throw. */
export type Report = (error: Error) => void

/** Shows a background failure as a process warning, which is what embedded stores do unless told otherwise. */
export const reportAsWarning: Report = (error) => process.emitWarning(error)

/** Any thrown value as an Error. */
export function asError(thrown: unknown): Error {
  return thrown instanceof Error ? thrown : new Error(String(thrown), { cause: thrown })
}
