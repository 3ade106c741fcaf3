/** A set of bytes: one entry per byte, 1 where the byte is in it. */
export type ByteSet = Uint8Array

export function emptySet(): ByteSet {
  return new Uint8Array(256)
}

/** From ranges of bytes given as pairs: first, last, first, last, … */
export function rangesSet(...bounds: readonly number[]): ByteSet {
  const set = emptySet()
  for (let i = 0; i < bounds.length; i += 2) set.fill(1, bounds[i]!, bounds[i + 1]! + 1)
  return set
}

export function singleSet(byte: number): ByteSet {
  return rangesSet(byte, byte)
}

export function negate(set: ByteSet): ByteSet {
  return set.map((bit) => 1 - bit)
}

/** Adds all of `other` to `set`. */
export function addAll(set: ByteSet, other: ByteSet): void {
  for (let i = 0; i < 256; i++) if (other[i] === 1) set[i] = 1
}

/** The set with the other case of each ASCII letter in it. */
export function foldCase(set: ByteSet): ByteSet {
  const folded = set.slice()
  for (let upper = 0x41; upper <= 0x5a; upper++) {
    if (set[upper] === 1 || set[upper + 0x20] === 1) folded[upper] = folded[upper + 0x20] = 1
  }
  return folded
}

export function countBytes(set: ByteSet): number {
  let count = 0
  for (const bit of set) count += bit
  return count
}

export const WORD = rangesSet(0x30, 0x39, 0x41, 0x5a, 0x5f, 0x5f, 0x61, 0x7a)
export const DIGIT = rangesSet(0x30, 0x39)
/** PCRE's \s since 8.34: vertical tab included, 0xA0 not. */
export const SPACE = rangesSet(0x09, 0x0d, 0x20, 0x20)
export const HORIZONTAL_SPACE = rangesSet(0x09, 0x09, 0x20, 0x20, 0xa0, 0xa0)
export const VERTICAL_SPACE = rangesSet(0x0a, 0x0d, 0x85, 0x85)
export const ANY = rangesSet(0, 255)
export const NOT_NEWLINE = negate(singleSet(0x0a))

/** POSIX classes as they stand inside brackets: `[:alpha:]`. */
export const POSIX: ReadonlyMap<string, ByteSet> = new Map([
  ['alnum', rangesSet(0x30, 0x39, 0x41, 0x5a, 0x61, 0x7a)],
  ['alpha', rangesSet(0x41, 0x5a, 0x61, 0x7a)],
  ['ascii', rangesSet(0, 0x7f)],
  ['blank', rangesSet(0x09, 0x09, 0x20, 0x20)],
  ['cntrl', rangesSet(0, 0x1f, 0x7f, 0x7f)],
  ['digit', DIGIT],
  ['graph', rangesSet(0x21, 0x7e)],
  ['lower', rangesSet(0x61, 0x7a)],
  ['print', rangesSet(0x20, 0x7e)],
  ['punct', rangesSet(0x21, 0x2f, 0x3a, 0x40, 0x5b, 0x60, 0x7b, 0x7e)],
  ['space', SPACE],
  ['upper', rangesSet(0x41, 0x5a)],
  ['word', WORD],
  ['xdigit', rangesSet(0x30, 0x39, 0x41, 0x46, 0x61, 0x66)],
])
