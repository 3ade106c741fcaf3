import { lowercase } from './lowercase.ts'

/** Deletes `\ " ' ^`, spaces before `/` and `(`, turns `,` and `;` and white space into one space, lower case. */
export function cmdLine(text: string): string {
  return squeeze(text, '\\"\'^')
}

/** For Unix shells, where the backslash escapes and the caret is an ordinary character. */
export function cmdLineUnix(text: string): string {
  return squeeze(text, '\\"\'')
}

/** For Windows, where the caret escapes and the backslash separates folders. */
export function cmdLineWin(text: string): string {
  return squeeze(text, '"\'^')
}

function squeeze(text: string, deleted: string): string {
  let out = ''
  let isSpacePending = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]!
    if (deleted.includes(char)) continue
    if (isSeparator(char)) {
      isSpacePending = true
      continue
    }
    if (isSpacePending && char !== '/' && char !== '(') out += ' '
    isSpacePending = false
    out += char
  }
  return lowercase(isSpacePending ? `${out} ` : out)
}

function isSeparator(char: string): boolean {
  return char === ' ' || char === ',' || char === ';' || char === '\t' || char === '\r' || char === '\n'
}
