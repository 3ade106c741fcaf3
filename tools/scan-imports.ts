/** One import as it is written in a source file. */
export interface ImportSite {
  /** The text between the quotes. */
  readonly specifier: string
  /** 1-based line of the keyword that imports. */
  readonly line: number
  /** True when the whole statement is erased with the types (`import type`, `export type`, a type query). */
  readonly typeOnly: boolean
}

/**
 * Finds every import of a TypeScript or JavaScript source text, in order: static, side effect, re-export, dynamic,
 * `require`, type query, and the `new URL('./x.ts', import.meta.url)` by which workers and children find their program.
 * Specifiers that are not one plain string literal cannot be judged and are left out.
 */
export function scanImports(source: string): ImportSite[] {
  const masked = maskSource(source)
  const found = new Map<number, ImportSite>()
  for (const { pattern, typeOnly } of IMPORT_FORMS) {
    for (const match of masked.matchAll(pattern)) {
      const quote = match.index + match[0].length - 1
      const specifier = source.slice(quote + 1, masked.indexOf(masked[quote]!, quote + 1))
      const isData = pattern === URL_OF_FILE && !/\.[cm]?[jt]s$/.test(specifier)
      if (found.has(quote) || isData) continue
      found.set(quote, { specifier, line: source.slice(0, match.index).split('\n').length, typeOnly })
    }
  }
  return [...found].sort(([a], [b]) => a - b).map(([, site]) => site)
}

const URL_OF_FILE = /(?<![\w$.])new\s+URL\s*\(\s*['"](?=\s*['"]\s*,\s*import\.meta\.url)/g

// Each ends at the opening quote; the first form that fits a quote names its kind.
const IMPORT_FORMS: readonly { readonly pattern: RegExp; readonly typeOnly: boolean }[] = [
  {
    pattern:
      /(?<![\w$.])(?:import|export)\s+type\s+(?:[\w$]+|\*(?:\s*as\s+[\w$]+)?|\{[^{}]*\})\s*from\s*['"]/g,
    typeOnly: true,
  },
  {
    pattern:
      /(?<![\w$.])(?:import|export)(?![\w$])\s*(?:[\w$]+\s*,?\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^{}]*\})?\s*from\s*['"]/g,
    typeOnly: false,
  },
  { pattern: /(?<![\w$.])import\s*['"]/g, typeOnly: false },
  // A promise has no property with a capital letter, so this can only be a type.
  { pattern: /(?<![\w$.])import\s*\(\s*['"](?=\s*['"]\s*\)\s*\.\s*[A-Z])/g, typeOnly: true },
  { pattern: /(?<=\btypeof\s+)import\s*\(\s*['"]/g, typeOnly: true },
  { pattern: /(?<![\w$.])import\s*\(\s*['"]/g, typeOnly: false },
  { pattern: /(?<![\w$.])require\s*\(\s*['"]/g, typeOnly: false },
  { pattern: URL_OF_FILE, typeOnly: false },
]

// After these a `/` begins a regular expression; after anything else it divides.
const REGEX_MAY_FOLLOW =
  /(?:^|[(,=:[!&|?{};+\-*%~^<>]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/

/**
 * The same text, position for position, with comments, templates, regular expressions and what stands in quotes
 * replaced by blanks, so that patterns over it see code only. Quotes of strings stay, and so does code inside `${}`.
 */
export function maskSource(source: string): string {
  /** Brace depths at which an open `${` returns to its template. */
  const templates: number[] = []
  let masked = ''
  let depth = 0

  const at = (): number => masked.length
  const sees = (text: string): boolean => source.startsWith(text, at())
  const keep = (): void => void (masked += source[at()])
  const blankTo = (end: number): void => void (masked += source.slice(at(), end).replace(/[^\n]/g, ' '))
  const template = (): void => {
    let end = at()
    while (end < source.length && source[end] !== '`' && !source.startsWith('${', end)) {
      end += source[end] === '\\' ? 2 : 1
    }
    blankTo(end)
    if (sees('${')) {
      templates.push(depth++)
      blankTo(at() + 2)
    } else blankTo(at() + 1)
  }

  while (at() < source.length) {
    const char = source[at()]!
    if (sees('//') || (at() === 0 && sees('#!'))) blankTo(indexOrEnd(source, '\n', at()))
    else if (sees('/*')) blankTo(indexOrEnd(source, '*/', at() + 2) + 2)
    else if (char === "'" || char === '"') {
      const end = literalEnd(source, at())
      keep()
      blankTo(end - 1)
      if (at() < end) keep()
    } else if (char === '`') {
      blankTo(at() + 1)
      template()
    } else if (char === '}' && templates.at(-1) === depth - 1) {
      depth = templates.pop()!
      blankTo(at() + 1)
      template()
    } else if (char === '/' && REGEX_MAY_FOLLOW.test(masked.slice(-80))) blankTo(literalEnd(source, at()))
    else {
      if (char === '{') depth++
      if (char === '}') depth--
      keep()
    }
  }
  return masked
}

/** Where the string or regular expression that opens at `start` ends; one that is not closed ends with its line. */
function literalEnd(source: string, start: number): number {
  const close = source[start]
  let inClass = false
  for (let at = start + 1; at < source.length; at++) {
    const char = source[at]
    if (char === '\n') return at
    if (char === '\\') at++
    else if (close === '/' && char === '[') inClass = true
    else if (close === '/' && char === ']') inClass = false
    else if (char === close && !inClass) return at + 1
  }
  return source.length
}

function indexOrEnd(source: string, text: string, from: number): number {
  const index = source.indexOf(text, from)
  return index === -1 ? source.length : index
}
