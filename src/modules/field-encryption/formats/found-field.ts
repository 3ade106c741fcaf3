import type { PathSegment } from '../path-pattern.ts'
import type { Mark, ValueType } from '../wire.ts'

/** A value in a document, and how another is written in its place. Offsets are bytes of the scanned window. */
export interface FoundField {
  /** Where the value stands, quotes and all. */
  readonly start: number
  readonly end: number
  /** The place in the list of patterns that its path fits, or -1. */
  readonly pattern: number
  /** Its path, for people. Made when it is asked for, while it is being told. */
  readonly path: () => readonly PathSegment[]
  readonly type: Exclude<ValueType, 'l'>
  /** The value as text, decoded; for `j` the text as it stands. */
  readonly text: string
  readonly syntax: Syntax
  /** The first writer of the format gives just what stands there; otherwise that is to be found out. */
  readonly isCanonical?: boolean
}

/** How a format writes text. */
export interface Syntax {
  /** Its number in marks of literals: 0 JSON, 1 form, 2 multipart, 3 XML text, 4 XML attribute. */
  readonly id: number
  /** The text of a literal; undefined where it is none. */
  readonly read: (literal: string) => string | undefined
  /** The usual writers, the first for text that comes from elsewhere. Each gives the whole literal. */
  readonly writers: readonly ((text: string) => string)[]
}

/** Reads one format. It keeps its place between calls, so that a long document can come in pieces. */
export interface Scanner {
  /**
   * Reads on. `window` begins with the bytes that the last call did not use up, and calls `found` for every value in
   * order. Gives how many bytes are used up: all values in them are told. With `isLast` it uses up all.
   * Throws a `MalformedError` where the document is not well-formed.
   */
  scan(window: Buffer, isLast: boolean, found: (field: FoundField) => void): number
}

/** A document that is not what its content type says. The message names the place and never shows the content. */
export class MalformedError extends Error {
  constructor(format: string, offset: number, problem: string) {
    super(`the ${format} body is malformed at byte ${offset}: ${problem}`)
    this.name = 'MalformedError'
  }
}

/**
 * The mark and the bytes to encrypt for a field: the decoded text where a usual writer of the format would write it as it
 * stands, so that it can be put back to the byte; the literal otherwise.
 */
export function markOf(field: FoundField, window: Buffer): { readonly mark: Mark; readonly value: Buffer } {
  if (field.type !== 's') return { mark: { type: field.type, style: 0 }, value: Buffer.from(field.text) }
  if (field.isCanonical === true)
    return { mark: { type: 's', style: 0 }, value: Buffer.from(field.text, 'latin1') }
  const literal = window.subarray(field.start, field.end)
  const style = styleOf(field, literal)
  return style === -1
    ? { mark: { type: 'l', style: field.syntax.id }, value: Buffer.from(literal) }
    : { mark: { type: 's', style }, value: Buffer.from(field.text) }
}

/** Which writer of the format gives this literal for the text; -1 for none. */
export function styleOf(field: FoundField, literal: Buffer): number {
  // Lone surrogates would become replacement characters.
  if (!field.text.isWellFormed()) return -1
  return field.syntax.writers.findIndex((write) => {
    const written = write(field.text)
    return literal.length >= written.length && literal.equals(Buffer.from(written))
  })
}
