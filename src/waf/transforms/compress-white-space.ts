import { isWhiteSpaceOrNbsp } from './white-space.ts'

/** Each run of white space (0xA0 included) becomes one space. */
export function compressWhiteSpace(text: string): string {
  let out = ''
  let start = 0
  let i = 0
  while (i < text.length) {
    if (!isWhiteSpaceOrNbsp(text.charCodeAt(i))) {
      i++
      continue
    }
    const from = i
    while (i < text.length && isWhiteSpaceOrNbsp(text.charCodeAt(i))) i++
    if (i - from === 1 && text.charCodeAt(from) === 0x20) continue
    out += `${text.slice(start, from)} `
    start = i
  }
  return start === 0 ? text : out + text.slice(start)
}
