import { WORD } from './byte-set.ts'
import type { Assertion } from './syntax.ts'

/** Whether an assertion holds at a position of the text. */
export function holds(what: Assertion, text: string, position: number): boolean {
  const { length } = text
  switch (what) {
    case 'start':
      return position === 0
    case 'end':
      return position === length
    case 'end-or-newline':
      return position === length || (position === length - 1 && text.charCodeAt(position) === 0x0a)
    case 'line-start':
      return position === 0 || text.charCodeAt(position - 1) === 0x0a
    case 'line-end':
      return position === length || text.charCodeAt(position) === 0x0a
    case 'word-boundary':
      return isWordAt(text, position - 1) !== isWordAt(text, position)
    case 'not-word-boundary':
      return isWordAt(text, position - 1) === isWordAt(text, position)
  }
}

function isWordAt(text: string, position: number): boolean {
  return position >= 0 && position < text.length && WORD[text.charCodeAt(position)] === 1
}
