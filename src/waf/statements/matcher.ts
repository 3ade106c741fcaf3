import type { Inspection } from '../inspection.ts'

/** A compiled statement. */
export type Matcher = (inspection: Inspection) => boolean

/** Where in a value something was found, and for SQL injection and scripting what it was taken for. */
export interface Found {
  readonly start: number
  readonly end: number
  readonly matchedData?: readonly string[]
}

/** Looks through one value; undefined when it does not match. */
export type Finder = (value: string) => Found | undefined
