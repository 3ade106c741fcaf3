import { resolveRange } from '../http/range.ts'
import type { Entry } from './entry.ts'

const PART = '\npart '

/** The key of a stored part (206): the base key and a line with its bytes. */
export function partKey(baseKey: string, part: NonNullable<Entry['part']>): string {
  return `${baseKey}${PART}${part.first}-${part.last}/${part.size ?? '*'}`
}

/** The part that a key is of, or undefined when it is of something else. */
export function partOf(key: string, baseKey: string): Entry['part'] {
  if (!key.startsWith(PART, baseKey.length)) return undefined
  const match = /^(\d+)-(\d+)\/(\d+|\*)$/.exec(key.slice(baseKey.length + PART.length))
  if (match === null) return undefined
  return {
    first: Number(match[1]),
    last: Number(match[2]),
    size: match[3] === '*' ? undefined : Number(match[3]),
  }
}

/** What of a stored part a Range field asks for, when all of it is there. */
export function within(
  part: NonNullable<Entry['part']>,
  range: string,
): { readonly first: number; readonly last: number } | undefined {
  // Without the size of the whole only ranges with both ends can be told.
  const answer = resolveRange(range, part.size ?? Number.MAX_SAFE_INTEGER)
  if (answer.kind !== 'range') return undefined
  const { first, last } = answer.range
  return first >= part.first && last <= part.last ? { first, last } : undefined
}
