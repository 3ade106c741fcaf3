import { isWhiteSpace } from './white-space.ts'

/** Without white space at both ends. */
export function trim(text: string): string {
  return trimLeft(trimRight(text))
}

/** Without white space at the beginning. */
export function trimLeft(text: string): string {
  let start = 0
  while (start < text.length && isWhiteSpace(text.charCodeAt(start))) start++
  return start === 0 ? text : text.slice(start)
}

/** Without white space at the end. */
export function trimRight(text: string): string {
  let end = text.length
  while (end > 0 && isWhiteSpace(text.charCodeAt(end - 1))) end--
  return end === text.length ? text : text.slice(0, end)
}
