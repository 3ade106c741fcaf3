import { type CollectionName, isCollection } from './collections.ts'

/** `%{collection.key}` inside a text. */
export interface MacroReference {
  readonly collection: CollectionName
  readonly key: string | undefined
}

/** A text in which macros are replaced when it is needed; without macros it is one string. */
export type Macro = string | readonly (string | MacroReference)[]

/** Parses a text with macros; what is no known variable expands to nothing. Throws Error for an unknown one. */
export function parseMacro(text: string): Macro {
  if (!text.includes('%{')) return text
  const parts: (string | MacroReference)[] = []
  let start = 0
  for (let open = text.indexOf('%{'); open !== -1; open = text.indexOf('%{', start)) {
    const close = text.indexOf('}', open)
    if (close === -1) break
    if (open > start) parts.push(text.slice(start, open))
    parts.push(parseReference(text.slice(open + 2, close)))
    start = close + 1
  }
  if (start < text.length) parts.push(text.slice(start))
  return parts.every((part) => typeof part === 'string') ? parts.join('') : parts
}

export function parseReference(text: string): MacroReference {
  const found = /^([A-Za-z_]+)(?:[.:](.*))?$/s.exec(text)
  const name = found?.[1]?.toUpperCase() ?? ''
  if (!isCollection(name)) throw new Error(`%{${text}} names no known variable`)
  return { collection: name, key: found?.[2]?.toLowerCase() }
}

/** The macro with what is known put in; `know` gives undefined for what is not. */
export function resolveMacro(macro: Macro, know: (reference: MacroReference) => string | undefined): Macro {
  if (typeof macro === 'string') return macro
  const parts: (string | MacroReference)[] = []
  for (const part of macro) {
    const value = typeof part === 'string' ? part : know(part)
    const last = parts.at(-1)
    if (value === undefined) parts.push(part)
    else if (typeof last === 'string') parts[parts.length - 1] = last + value
    else parts.push(value)
  }
  if (parts.length === 0) return ''
  return parts.length === 1 && typeof parts[0] === 'string' ? parts[0] : parts
}
