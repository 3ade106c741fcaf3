import { createHash } from 'node:crypto'
import { SeamError } from '../seam-error.ts'

/** S3's bound of a key, in bytes of UTF-8. */
export const MAX_KEY_BYTES = 1_024
/** Longest file or folder name made here; file systems take 255 bytes, some with encryption 143. */
const MAX_NAME = 140
const HASHED_PREFIX = 60
/** Ends the name of a folder, so that the object `a` and the folder of `a/b` have different names. */
export const FOLDER_MARK = '+'
/** Stands for the empty segment of `a//b`, `/a` and `a/`. */
const EMPTY = '='
/** Separates a cut name from the digest of the whole. */
const HASH_MARK = '~'

/** Where an object stands under the root: the names of its folders and of its file. */
export interface KeyPath {
  readonly folders: readonly { readonly name: string; readonly segment: string }[]
  readonly file: string
}

/**
 * The path of a key. Every segment becomes one name of `a-z 0-9 . _ -`, with `^` before a letter that was upper case
 * (not every disk tells `A` from `a`) and `%xx` for every other byte; no name is `.` or `..`, hidden, or too long.
 * Names longer than the disk takes are cut and end in a digest. Two keys never have the same path.
 */
export function pathOfKey(key: string): KeyPath {
  checkKey(key)
  const segments = key.split('/')
  const last = segments.pop() ?? ''
  return {
    folders: segments.map((segment) => ({ name: nameOfSegment(segment) + FOLDER_MARK, segment })),
    file: nameOfSegment(last),
  }
}

/** Throws `invalid` unless the key is 1 to 1,024 bytes of well-formed Unicode. */
export function checkKey(key: string): void {
  // A lone surrogate has no UTF-8 form: two keys would become one.
  if (!key.isWellFormed()) throw new SeamError('invalid', 'an object key is not well-formed Unicode')
  const bytes = Buffer.byteLength(key)
  if (bytes >= 1 && bytes <= MAX_KEY_BYTES) return
  throw new SeamError('invalid', `an object key has ${bytes} bytes; expected 1 to ${MAX_KEY_BYTES}`)
}

/** The name of one segment of a key, without the mark of a folder. */
export function nameOfSegment(segment: string): string {
  if (segment === '') return EMPTY
  const bytes = Buffer.from(segment)
  let name = ''
  for (let i = 0; i < bytes.length; i++) name += nameOfByte(bytes[i]!, i === 0 || i === bytes.length - 1)
  if (name.length <= MAX_NAME) return name
  const digest = createHash('sha256').update(segment).digest('hex')
  return name.slice(0, HASHED_PREFIX) + HASH_MARK + digest
}

/** True for a name that was cut, whose segment is written down elsewhere. */
export function isHashedName(name: string): boolean {
  return name.includes(HASH_MARK)
}

/** The segment of a name that was not cut, or undefined for a name that this file does not make. */
export function segmentOfName(name: string): string | undefined {
  if (name === EMPTY) return ''
  const bytes: number[] = []
  for (let i = 0; i < name.length; i++) {
    const char = name[i]!
    if (char === '^') bytes.push(name.charCodeAt(++i) - 32)
    else if (char === '%') {
      bytes.push(Number.parseInt(name.slice(i + 1, i + 3), 16))
      i += 2
    } else bytes.push(name.charCodeAt(i))
  }
  const segment = Buffer.from(bytes).toString('utf8')
  // Made again and compared, so that a foreign file is never taken for an object.
  return name !== '' && nameOfSegment(segment) === name ? segment : undefined
}

/** Compares two keys by their UTF-8 bytes, as S3 orders a listing, without making them. */
export function compareKeys(a: string, b: string): number {
  const shared = Math.min(a.length, b.length)
  for (let i = 0; i < shared; i++) {
    const x = a.charCodeAt(i)
    const y = b.charCodeAt(i)
    // In UTF-16 the surrogates of U+10000 and above stand below U+E000 to U+FFFF; in UTF-8 they stand above.
    if (x !== y) return rank(x) - rank(y)
  }
  return a.length - b.length
}

function rank(unit: number): number {
  if (unit < 0xd800) return unit
  return unit >= 0xe000 ? unit - 0x2000 : unit + 0x2000
}

function nameOfByte(byte: number, isAtAnEnd: boolean): string {
  const isLower = byte >= 0x61 && byte <= 0x7a
  const isDigit = byte >= 0x30 && byte <= 0x39
  if (isLower || isDigit || byte === 0x2d || byte === 0x5f) return String.fromCharCode(byte)
  // A point at the beginning hides a file, and at the end is dropped by some systems.
  if (byte === 0x2e && !isAtAnEnd) return '.'
  if (byte >= 0x41 && byte <= 0x5a) return '^' + String.fromCharCode(byte + 32)
  return '%' + byte.toString(16).padStart(2, '0')
}
