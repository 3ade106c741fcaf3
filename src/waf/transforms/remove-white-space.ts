import { isWhiteSpaceOrNbsp } from './white-space.ts'

/** Without any white space, the no-break space 0xA0 included. */
export function removeWhiteSpace(text: string): string {
  let out = ''
  let start = 0
  for (let i = 0; i < text.length; i++) {
    if (!isWhiteSpaceOrNbsp(text.charCodeAt(i))) continue
    out += text.slice(start, i)
    start = i + 1
  }
  return start === 0 ? text : out + text.slice(start)
}
