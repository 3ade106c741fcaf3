import type { Place, SecLangProblem } from './seclang-problem.ts'

/** One directive: its name and its arguments without their quotes. */
export interface Directive extends Place {
  readonly name: string
  readonly args: readonly string[]
}

/**
 * Splits a rule file into directives. A backslash at the end of a line joins it to the next one, `#` begins a comment
 * line, arguments are separated by white space unless they are quoted. Inside quotes `\"` is a quote and `\\` a
 * backslash, as where ModSecurity 2 reads its rules: the Core Rule Set 3 counts on it, and 4 avoids the question.
 */
export function readDirectives(text: string, file: string, problems: SecLangProblem[]): Directive[] {
  const directives: Directive[] = []
  const lines = text.split('\n')
  for (let i = 0; i < lines.length; i++) {
    const line = i + 1
    let logical = withoutReturn(lines[i]!)
    if (logical.trimStart().startsWith('#')) continue
    while (logical.endsWith('\\') && i + 1 < lines.length)
      logical = logical.slice(0, -1) + withoutReturn(lines[++i]!)
    if (logical.trim() === '') continue
    const words = splitWords(logical)
    if (words === undefined) {
      problems.push({ file, line, message: 'a quoted argument has no closing quote' })
      continue
    }
    const [name = '', ...args] = words
    directives.push({ name, args, file, line })
  }
  return directives
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line
}

function splitWords(line: string): string[] | undefined {
  const words: string[] = []
  let at = 0
  while (at < line.length) {
    const code = line.charCodeAt(at)
    if (code === 0x20 || code === 0x09) {
      at++
      continue
    }
    if (code !== 0x22) {
      const start = at
      while (at < line.length && line.charCodeAt(at) !== 0x20 && line.charCodeAt(at) !== 0x09) at++
      words.push(line.slice(start, at))
      continue
    }
    const end = closingQuote(line, at + 1)
    if (end === -1) return undefined
    words.push(unescape(line.slice(at + 1, end)))
    at = end + 1
  }
  return words
}

/** The quote that ends an argument: the next one without an odd number of backslashes before it. */
function closingQuote(line: string, from: number): number {
  for (let at = line.indexOf('"', from); at !== -1; at = line.indexOf('"', at + 1)) {
    let backslashes = 0
    while (line.charCodeAt(at - 1 - backslashes) === 0x5c) backslashes++
    if (backslashes % 2 === 0) return at
  }
  return -1
}

function unescape(text: string): string {
  return text.includes('\\') ? text.replaceAll(/\\(["\\])/g, '$1') : text
}
