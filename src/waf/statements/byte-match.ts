import { WORD } from '../regex/byte-set.ts'
import type { MatchPosition } from '../plan.ts'
import type { Finder } from './matcher.ts'

/** Compares bytes, case and all (WAFV2 ByteMatchStatement). */
export function byteMatch(search: string, position: MatchPosition): Finder {
  const { length } = search
  switch (position) {
    case 'EXACTLY':
      return (value) => (value === search ? { start: 0, end: length } : undefined)
    case 'STARTS_WITH':
      return (value) => (value.startsWith(search) ? { start: 0, end: length } : undefined)
    case 'ENDS_WITH':
      return (value) =>
        value.endsWith(search) ? { start: value.length - length, end: value.length } : undefined
    case 'CONTAINS':
      return (value) => {
        const start = value.indexOf(search)
        return start === -1 ? undefined : { start, end: start + length }
      }
    case 'CONTAINS_WORD':
      return (value) => {
        const start = findWord(value, search)
        return start === -1 ? undefined : { start, end: start + length }
      }
  }
}

/** The first place where the word stands alone: between edges of the text and bytes that are no letter, digit or _. */
export function findWord(value: string, word: string): number {
  for (let start = value.indexOf(word); start !== -1; start = value.indexOf(word, start + 1)) {
    const end = start + word.length
    const isFree = start === 0 || WORD[value.charCodeAt(start - 1)] !== 1
    if (isFree && (end === value.length || WORD[value.charCodeAt(end)] !== 1)) return start
  }
  return -1
}
